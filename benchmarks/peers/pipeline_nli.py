"""Worker: the text classification pipeline of transformers, given pairs as its documentation says."""

import time
from typing import Any

from benchmarks.peers.protocol import peak_memory, serve, versions


class Worker:
    """Holds the pipeline."""

    def load(
        self, folder: str, dtype: str = "float32", batch: int | None = None, hypothesis_first: bool = False
    ) -> dict[str, Any]:
        """Load the model of a folder."""
        import transformers

        make: Any = transformers.pipeline
        self.pipeline = make("text-classification", model=folder, tokenizer=folder, dtype=dtype, device="cpu")
        self.batch = {"batch_size": batch} if batch else {}
        self.order = ("text_pair", "text") if hypothesis_first else ("text", "text_pair")
        return {**versions("torch", "transformers"), "dtype": dtype}

    def classify(self, pairs: list[tuple[str, str]]) -> dict[str, Any]:
        """The probabilities of (premise, hypothesis) pairs in the order of the model's classes, and the time taken."""
        inputs = [dict(zip(self.order, pair, strict=True)) for pair in pairs]
        began = time.perf_counter()
        found = self.pipeline(inputs, top_k=None, **self.batch)
        seconds = time.perf_counter() - began
        classes = self.pipeline.model.config.label2id
        rows = [[each["score"] for each in sorted(row, key=lambda each: classes[each["label"]])] for row in found]
        return {"seconds": seconds, "rows": rows, "memory": peak_memory()}


if __name__ == "__main__":
    worker = Worker()
    serve({"load": worker.load, "classify": worker.classify})
