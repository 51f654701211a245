"""Worker: the question answering pipeline that transformers had until version 5, as its users called it."""

import time
from typing import Any

from benchmarks.peers.protocol import count_windows, peak_memory, serve, versions


class Worker:
    """Holds the pipeline."""

    def load(
        self, folder: str, dtype: str = "float32", batch: int | None = None, max_length: int = 384,
        stride: int = 128, max_answer_tokens: int = 30,
    ) -> dict[str, Any]:  # fmt: skip
        """Load the model of a folder."""
        import transformers

        make: Any = transformers.pipeline
        self.pipeline = make("question-answering", model=folder, tokenizer=folder, dtype=dtype, device="cpu")
        self.windowing = {"max_seq_len": max_length, "doc_stride": stride, "max_answer_len": max_answer_tokens}
        self.batch = {"batch_size": batch} if batch else {}
        return versions("torch", "transformers", "tokenizers")

    def ask(self, document: str, question: str) -> dict[str, Any]:
        """Answer a question, and say how long that took."""
        began = time.perf_counter()
        found = self.pipeline(question=question, context=document, **self.windowing, **self.batch)
        seconds = time.perf_counter() - began
        best = found[0] if isinstance(found, list) else found
        length, stride = self.windowing["max_seq_len"], self.windowing["doc_stride"]
        windows = count_windows(self.pipeline.tokenizer, question, document, length, stride)
        return {
            "answer": best["answer"],
            "score": best["score"],
            "seconds": seconds,
            "windows": windows,
            "memory": peak_memory(),
        }


if __name__ == "__main__":
    worker = Worker()
    serve({"load": worker.load, "ask": worker.ask})
