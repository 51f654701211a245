"""Worker: Haystack's TransformersExtractiveReader, of the package transformers-haystack.

Its reader has no limit to an answer's length, and gives the model no token types, which BERT models are trained with:
with the same weights it answers differently for both reasons. `token_types` fixes the second, so that the rest can be
compared; the row says so.
"""

import time
from typing import Any

from benchmarks.peers.protocol import count_windows, peak_memory, serve, versions


class Worker:
    """Holds the reader."""

    def load(
        self, folder: str, dtype: str = "float32", batch: int | None = None, max_length: int = 384,
        stride: int = 128, max_answer_tokens: int = 30, token_types: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """Load the model of a folder; `max_answer_tokens` has no counterpart here."""
        from haystack import Document
        from haystack.utils import ComponentDevice
        from haystack_integrations.components.readers.transformers import TransformersExtractiveReader

        self.document = Document
        self.reader = TransformersExtractiveReader(
            model=folder,
            device=ComponentDevice.from_str("cpu"),
            token=None,
            top_k=1,
            no_answer=False,
            max_seq_length=max_length,
            stride=stride,
            max_batch_size=batch,
            model_kwargs={"dtype": dtype},
        )
        self.reader.warm_up()
        if token_types:
            _add_token_types(self.reader.model, self.reader.tokenizer.sep_token_id)
        self.windowing = (max_length, stride)
        return versions("torch", "transformers", "tokenizers", "haystack-ai", "transformers-haystack")

    def ask(self, document: str, question: str) -> dict[str, Any]:
        """Answer a question, and say how long that took."""
        began = time.perf_counter()
        answers = self.reader.run(query=question, documents=[self.document(content=document)])["answers"]
        seconds = time.perf_counter() - began
        windows = count_windows(self.reader.tokenizer, question, document, *self.windowing)
        return {
            "answer": answers[0].data if answers else "",
            "score": answers[0].score if answers else 0.0,
            "seconds": seconds,
            "windows": windows,
            "memory": peak_memory(),
        }


def _add_token_types(model: Any, separator: int) -> None:
    """Have a BERT model given the type 1 for what follows the first separator."""
    forward = model.forward

    def with_types(input_ids: Any, attention_mask: Any) -> Any:
        is_separator = (input_ids == separator).long()
        second = (is_separator.cumsum(1) - is_separator > 0).long() * attention_mask
        return forward(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=second)

    model.forward = with_types


if __name__ == "__main__":
    worker = Worker()
    serve({"load": worker.load, "ask": worker.ask})
