"""Workers: our generator, and transformers' own `generate` on the same weights."""

import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.protocol import peak_memory, serve, versions


class Worker:
    """Holds one model, as ours or as transformers' own."""

    def load(
        self, folder: str, adapter: str | None = None, stock: str | None = None, exact: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """Load a model of a folder.

        Args:
            folder: the base.
            adapter: merged into it.
            stock: the number format for transformers' own `generate`; by default our generator answers.
            exact: the products that our engine computes in float32 instead of integers.
        """
        from assistant.generation.engines.base import context_of
        from assistant.generation.engines.onnx import OnnxEngine
        from assistant.generation.engines.prepared import prepare_network
        from assistant.loading.generator import load_generator, load_language_model
        from assistant.models.store import ResolvedModel

        gguf = next(iter(Path(folder).glob("*.gguf")), None)
        model = ResolvedModel("benchmark", Path(folder), Path(adapter) if adapter else None, gguf)
        self.stock: Any = None
        began = time.perf_counter()
        if stock is not None:
            self.stock = load_language_model(model, fastest=stock == "fastest")[0]
            engine = str(self.stock.dtype).removeprefix("torch.")
        else:
            self.generator = load_generator(model)
            if exact is not None:
                prepared = Path(tempfile.mkdtemp())
                network = load_language_model(model, fastest=False)[0]
                prepare_network(network, context_of(network), prepared, exact=frozenset(exact))
                self.generator.engine = OnnxEngine(prepared)
            engine = type(self.generator.engine).__name__
        seconds = time.perf_counter() - began
        found = versions("torch", "transformers", "onnxruntime")
        return {"versions": found, "engine": engine, "load_seconds": seconds}

    def write(self, prompt: list[int], tokens: int) -> dict[str, Any]:
        """Continue a prompt by up to so many tokens, the likeliest each time; says when each was there."""
        began = time.perf_counter()
        times = self._stock(prompt, tokens) if self.stock is not None else self._ours(prompt, tokens)
        return {"seconds": [moment - began for moment in times], "memory": peak_memory()}

    def look_ahead(self, said: list[list[str]], room: int) -> dict[str, Any]:
        """What the chat does while an answer is read; transformers' own path has nothing of the kind."""
        from assistant.generation.stream import Sampling
        from assistant.types import Message, Role

        if self.stock is None:
            messages = [Message(Role(role), text) for role, text in said]
            self.generator.look_ahead(messages, sampling=Sampling(max_new_tokens=room), cancel=threading.Event())
        return {}

    def score(self, row: list[int]) -> dict[str, Any]:
        """The likeliest token after each token of a row but the last, and the loss of the one that follows.

        Our engine takes the row as it writes: token by token.
        """
        import torch

        with torch.inference_mode():
            if self.stock is not None:
                logits = self.stock(input_ids=torch.tensor([row[:-1]])).logits[0].float()
            else:
                self.generator.engine.rewind(0)
                logits = torch.cat([self.generator.engine.forward([token]) for token in row[:-1]])
            losses = torch.nn.functional.cross_entropy(logits, torch.tensor(row[1:]), reduction="none")
        return {"likeliest": logits.argmax(-1).tolist(), "losses": losses.tolist()}

    def _ours(self, prompt: list[int], tokens: int) -> list[float]:
        from assistant.generation.prompts import Prompt
        from assistant.generation.stream import Sampling

        times: list[float] = []
        stream = self.generator.continued(Prompt(prompt, 0), Sampling(max_new_tokens=tokens))
        for _ in stream:
            times += [time.perf_counter()] * (stream.completion_tokens - len(times))  # a piece may be several tokens
        return times

    def _stock(self, prompt: list[int], tokens: int) -> list[float]:
        import torch

        clock = _Clock()
        ids = torch.tensor([prompt])
        with torch.inference_mode():
            self.stock.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=False,
                max_new_tokens=tokens,
                streamer=clock,
                pad_token_id=0,
            )
        return clock.times


class _Clock:
    """What `generate` calls with the prompt and then with each token."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._began = False

    def put(self, value: Any) -> None:
        if self._began:
            self.times.append(time.perf_counter())
        self._began = True

    def end(self) -> None:
        """Nothing is left to do."""


if __name__ == "__main__":
    worker = Worker()
    serve({"load": worker.load, "write": worker.write, "look_ahead": worker.look_ahead, "score": worker.score})
