"""Worker: our reader; and, as it runs under the same conditions, what the machine's matrix products reach."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers.protocol import peak_memory, serve, versions

if TYPE_CHECKING:
    from assistant.reading.reader import Question, Reader, Reading

PEAK_SIZE = 2048
PEAK_REPEATS = 8


def read_everything(reader: "Reader", questions: "list[Question]") -> "list[Reading]":
    """Read every window of every document, as the peers do."""
    return reader.read(questions, windows=None)


class Worker:
    """Holds the reader."""

    def load(
        self, folder: str, dtype: str | None = None, batch: int | None = None, max_length: int = 384,
        stride: int = 128, max_answer_tokens: int = 30,
    ) -> dict[str, Any]:  # fmt: skip
        """Load the model of a folder, in the number format of the product's choice if none is given.

        Raises:
            ValueError: a window or an answer of another length is wanted than the product reads.
        """
        from transformers import AutoModelForQuestionAnswering

        from assistant.encoders.cpu.eight_bits import layers_in_8_bits
        from assistant.loading.reader import load_reader
        from assistant.models.store import ResolvedModel
        from assistant.reading.spans import MAX_ANSWER_TOKENS

        self.reader = load_reader(ResolvedModel("reader", Path(folder)))
        if dtype is not None:
            # From the file again: what was rounded to bfloat16 does not come back.
            model: Any = AutoModelForQuestionAnswering.from_pretrained(folder, dtype=dtype, use_safetensors=True)
            self.reader.model = model.eval()
        if batch is not None:
            self.reader.tokens_per_batch = batch * max_length
        if (self.reader.max_length, self.reader.stride, MAX_ANSWER_TOKENS) != (max_length, stride, max_answer_tokens):
            raise ValueError("our reader reads windows or answers of another length than was asked for")
        dtype_used = str(self.reader.model.dtype).removeprefix("torch.")
        found = {**versions("torch", "transformers", "tokenizers"), "dtype": dtype_used}
        if layers := layers_in_8_bits(self.reader.model):
            found["linear layers in 8 bits"] = str(layers)
        return found

    def ask(self, document: str, question: str) -> dict[str, Any]:
        """Answer a question, and say how long that took."""
        from assistant.reading.reader import Question
        from assistant.types import Document

        began = time.perf_counter()
        reading = read_everything(self.reader, [Question(question, Document("document", document))])[0]
        seconds = time.perf_counter() - began
        best = reading.best
        return {
            "answer": document[best.start : best.end] if best else "",
            "score": reading.score,
            "seconds": seconds,
            "windows": reading.windows,
            "memory": peak_memory(),
        }

    def work(self, document: str, question: str) -> dict[str, Any]:
        """The floating-point operations of the encoder's matrix products over all windows, without padding."""
        from assistant.reading.windows import plan_windows

        encoder, config = self.reader.encoder, self.reader.model.config
        text, asked = (len(tokens) for tokens in encoder.tokenize([document, question]))
        around = encoder.overhead + asked
        windows = plan_windows(text, self.reader.max_length - around, self.reader.stride)
        return {"flop": sum(encoder_flop(config, around + int(last - first)) for first, last in windows)}


def encoder_flop(config: Any, length: int) -> float:
    """Floating-point operations (two for each multiplication) of one input's matrix products in a BERT-like encoder."""
    hidden, inner = config.hidden_size, config.intermediate_size
    projections = 4 * hidden * hidden + 2 * hidden * inner
    return float(config.num_hidden_layers * 2 * length * (projections + 2 * length * hidden))


def save(reference: str, folder: str) -> dict[str, Any]:
    """Write a reader, its adapter merged, where all systems load it from."""
    from benchmarks.weights import resolve_part, save_merged

    save_merged(resolve_part("reader", reference), Path(folder))
    return {}


def peaks() -> dict[str, Any]:
    """The best of a few products of two matrices of 2048 x 2048, in GFLOP/s, by number format."""
    import torch

    figures = {}
    for name in ("float32", "bfloat16"):
        left, right = (torch.randn(PEAK_SIZE, PEAK_SIZE).to(getattr(torch, name)) for _ in range(2))
        best = float("inf")
        for _ in range(PEAK_REPEATS):
            began = time.perf_counter()
            torch.mm(left, right)
            best = min(best, time.perf_counter() - began)
        figures[name] = 2 * PEAK_SIZE**3 / best / 1e9
    return {"threads": torch.get_num_threads(), "cpu": torch.backends.cpu.get_cpu_capability(), "gflops": figures}


if __name__ == "__main__":
    worker = Worker()
    serve({"load": worker.load, "ask": worker.ask, "work": worker.work, "save": save, "peaks": peaks})
