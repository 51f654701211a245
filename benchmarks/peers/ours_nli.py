"""Worker: our verifier."""

import time
from pathlib import Path
from typing import Any

from benchmarks.peers.protocol import peak_memory, serve, versions


class Worker:
    """Holds the verifier."""

    def load(self, model: str, dtype: str | None = None) -> dict[str, Any]:
        """Load a verifier by its name, in the number format of the product's choice if none is given."""
        import torch

        from assistant.loading.verifier import load_verifier
        from benchmarks.weights import resolve_part

        self.verifier = load_verifier(resolve_part("verifier", model))
        if dtype is not None:
            self.verifier.model.to(getattr(torch, dtype))
        dtype_used = str(self.verifier.model.dtype).removeprefix("torch.")
        return {**versions("torch", "transformers"), "dtype": dtype_used}

    def classify(self, pairs: list[tuple[str, str]]) -> dict[str, Any]:
        """The probabilities of (premise, hypothesis) pairs, and how long they took."""
        began = time.perf_counter()
        rows = self.verifier.probabilities(pairs)
        return {"seconds": time.perf_counter() - began, "rows": rows, "memory": peak_memory()}


def save(model: str, folder: str) -> dict[str, Any]:
    """Write the verifier with its adapter merged, as a peer loads it, and say how its logits are read."""
    from dataclasses import asdict

    from assistant.verification.head import Head
    from benchmarks.weights import resolve_part, save_merged

    found = resolve_part("verifier", model)
    save_merged(found, Path(folder), "verifier")
    return asdict(Head.load(found.adapter)) if found.adapter else asdict(Head())


if __name__ == "__main__":
    worker = Worker()
    serve({"load": worker.load, "classify": worker.classify, "save": save})
