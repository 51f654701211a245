"""Worker: other ways of decoding in torch, for the choice of our engine: one model, one token at a time, a fixed cache.

- `static`: the layers of transformers without its `generate`, in the fastest number format, over a static cache;
- `int8`: the same with weights of 8 bits, by torch's own weight-only product;
- `compiled`: the first one through `torch.compile`, which needs a C++ compiler; its code is kept on the disk.
"""

import shutil
import time
from pathlib import Path
from typing import Any, Literal

from benchmarks.peers.protocol import peak_memory, serve, versions


class Worker:
    """Holds one model."""

    def load(self, folder: str, way: Literal["static", "int8", "compiled"], room: int) -> dict[str, Any]:
        """Load a model of a folder, with a cache of so many tokens: each step attends to all of it."""
        import torch
        from transformers import StaticCache

        from assistant.loading.generator import load_language_model
        from assistant.models.store import ResolvedModel

        if way == "compiled" and shutil.which("g++") is None:
            raise RuntimeError("torch.compile needs a C++ compiler, and there is none")
        began = time.perf_counter()
        self.model: Any = load_language_model(ResolvedModel("benchmark", Path(folder)), fastest=True)[0]
        self.model.requires_grad_(False)
        dtype = str(self.model.dtype).removeprefix("torch.")
        if way == "int8":
            _to_eight_bits(self.model)
        self.cache = StaticCache(config=self.model.config, max_cache_len=room)
        self.step: Any = self.model.forward
        if way == "compiled":
            self.step = torch.compile(self.model.forward, dynamic=False)
            self.write([1, 2, 3], 4)
        seconds = time.perf_counter() - began
        return {"versions": versions("torch", "transformers"), "engine": f"{way}, {dtype}", "load_seconds": seconds}

    def write(self, prompt: list[int], tokens: int) -> dict[str, Any]:
        """Continue a prompt by so many tokens, the likeliest each time; says when each was there."""
        import torch

        began = time.perf_counter()
        times: list[float] = []
        with torch.inference_mode():
            self.cache.reset()
            token = self._likeliest(self.model.forward, torch.tensor([prompt]), 0)
            times.append(time.perf_counter() - began)
            for at in range(len(prompt), len(prompt) + tokens - 1):
                token = self._likeliest(self.step, token, at)
                times.append(time.perf_counter() - began)
        return {"seconds": times, "memory": peak_memory()}

    def _likeliest(self, step: Any, ids: Any, at: int) -> Any:
        import torch

        place = torch.arange(at, at + ids.shape[1])
        output = step(
            input_ids=ids, position_ids=place[None], past_key_values=self.cache, use_cache=True, logits_to_keep=1
        )
        return output.logits[:, -1:].argmax(-1)


def _to_eight_bits(model: Any) -> None:
    """Put every linear layer's weights into 8 bits, a scale for each row."""
    import torch

    class EightBits(torch.nn.Module):
        def __init__(self, linear: torch.nn.Linear) -> None:
            super().__init__()
            weight = linear.weight.float()
            scales = weight.abs().amax(1) / 127
            self.weight = torch.round(weight / scales[:, None]).to(torch.int8)
            self.scales = scales.to(torch.bfloat16)

        def forward(self, values: torch.Tensor) -> torch.Tensor:
            flat = values.reshape(-1, values.shape[-1]).to(torch.bfloat16)
            found: torch.Tensor = torch._weight_int8pack_mm(flat, self.weight, self.scales)
            return found.reshape(*values.shape[:-1], -1).to(values.dtype)

    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, torch.nn.Linear):
                setattr(module, name, EightBits(child))


if __name__ == "__main__":
    worker = Worker()
    serve({"load": worker.load, "write": worker.write})
