"""Worker: the obvious script, two pipelines of transformers 4.57, line by line, as its documentation shows them."""

import time
from typing import Any

from benchmarks.peers.protocol import peak_memory, serve, versions


class Worker:
    """Holds the two pipelines."""

    def load(self, reader: str, verifier: str, hypothesis_first: bool, labels: dict[str, str]) -> dict[str, Any]:
        """Load both models; the verifier takes pairs in the order it was trained with, its labels have these names."""
        import transformers

        make: Any = transformers.pipeline
        self.reader = make("question-answering", model=reader, tokenizer=reader, device="cpu")
        self.verifier = make("text-classification", model=verifier, tokenizer=verifier, device="cpu", top_k=None)
        self.hypothesis_first, self.labels = hypothesis_first, labels
        return versions("torch", "transformers", "tokenizers")

    def answer(self, rows: list[dict[str, str]]) -> dict[str, Any]:
        """Read and check every row, and say how long it took in all."""
        began = time.perf_counter()
        answers, labels = [], []
        for row in rows:
            found = self.reader(
                question=row["question"], context=row["document"], max_seq_len=384, doc_stride=128, max_answer_len=30
            )
            best = found[0] if isinstance(found, list) else found
            premise, hypothesis = row["document"], f"{row['question']} {best['answer']}"
            if self.hypothesis_first:
                pair, cut = {"text": hypothesis, "text_pair": premise}, "only_second"
            else:
                pair, cut = {"text": premise, "text_pair": hypothesis}, "only_first"
            checked = self.verifier(pair, truncation=cut, max_length=256)
            answers.append(best["answer"])
            labels.append(self.labels.get(checked[0]["label"], checked[0]["label"]))
        seconds = time.perf_counter() - began
        return {"answers": answers, "labels": labels, "seconds": seconds, "memory": peak_memory()}


if __name__ == "__main__":
    worker = Worker()
    serve({"load": worker.load, "answer": worker.answer})
