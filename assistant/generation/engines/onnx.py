"""Decoding on a CPU with ONNX Runtime: several times as fast as the same model in Python's layers."""

import importlib.util
import math
import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.generation.engines.likely import refine
from assistant.generation.engines.onnx_graph import GRAPH_FILE, Array
from assistant.generation.engines.prepared import RowsInFile, read_facts
from assistant.generation.engines.token_table import TokenTable

if TYPE_CHECKING:
    import torch


def is_installed() -> bool:
    """Whether ONNX Runtime, which not every platform has, is installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("onnx", "onnxruntime"))


class OnnxEngine:
    """A Llama or Qwen2 model in the graph of `onnx_graph`, with a cache that is allocated once.

    Args:
        folder: where it is prepared (see `prepared`).

    Raises:
        ModelError: the folder is not whole.
        RuntimeError: ONNX Runtime does not take the graph; it has errors of its own besides.
    """

    def __init__(self, folder: Path) -> None:
        import onnxruntime
        import torch

        facts = read_facts(folder)
        self.architecture, self.parameters = facts.architecture, facts.parameters
        self.context_tokens = facts.context_tokens
        self.device = "cpu"
        self._embeddings = _table(facts.embeddings, folder, facts.hidden)
        self._output = _table(facts.output, folder, facts.hidden) if facts.output is not None else None
        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(folder / GRAPH_FILE), options, providers=["CPUExecutionProvider"]
        )
        self._layers = facts.layers
        self._heads = facts.shared_heads, facts.head_size
        self._own = self.rows(1, self.context_tokens)

    @property
    def length(self) -> int:
        """How many tokens are in the cache."""
        return self._own.lengths[0]

    def forward(self, tokens: Sequence[int]) -> "torch.Tensor":
        """See `Engine.forward`."""
        return self._own.forward(0, tokens)

    def forward_each(self, tokens: Sequence[int]) -> None:
        """See `Engine.forward_each`: attention over several tokens rounds otherwise than over one."""

    def rewind(self, length: int) -> int:
        """See `Engine.rewind`: what lies behind `length` is written over."""
        self._own.lengths[0] = min(length, self.length)
        return self.length

    def rows(self, count: int, tokens: int) -> "OnnxRows":
        """See `Engine.rows`."""
        return OnnxRows(self._session, self._embeddings, self._output, self._layers, self._heads, count, tokens)


def _room_for(shape: tuple[int, ...]) -> Array:
    """An array of noughts of which only those pages take memory that are written to.

    What numpy allocates itself lies in pages of 2 MB, of which a cache that is nearly empty touches each.
    """
    import numpy as np

    return np.frombuffer(mmap.mmap(-1, 4 * math.prod(shape)), np.float32).reshape(shape)


def _table(rows: RowsInFile, folder: Path, hidden: int) -> TokenTable:
    return TokenTable(folder / rows.file, rows.kind, rows.offset, rows.shape, hidden)


class OnnxRows:
    """Rows of tokens in the graph, their caches allocated once; see `Rows`.

    Args:
        session: runs the graph.
        embeddings: of each token.
        output: the rows of the output matrix, where the graph's own is coarse.
        layers: of the model.
        heads: how many the cache has in each layer, and their size.
        count: of rows.
        tokens: room of each row.
    """

    def __init__(
        self,
        session: Any,
        embeddings: TokenTable,
        output: TokenTable | None,
        layers: int,
        heads: tuple[int, int],
        count: int,
        tokens: int,
    ) -> None:
        self.count = count
        self.lengths = [0] * count
        self._session, self._embeddings, self._output, self._room = session, embeddings, output, tokens
        self._caches = {
            f"{part}.{at}": _room_for((count, heads[0], tokens, heads[1]))
            for at in range(layers)
            for part in ("key", "value")
        }
        self._bindings: dict[tuple[int, int], Any] = {}

    def begin(self, row: int) -> None:
        """See `Rows.begin`."""
        self.lengths[row] = 0

    def forward(self, row: int, tokens: Sequence[int]) -> "torch.Tensor":
        """See `Rows.forward`."""
        return self._run(row, row + 1, [list(tokens)])

    def step(self, tokens: Sequence[int]) -> "torch.Tensor":
        """See `Rows.step`."""
        return self._run(0, len(tokens), [[token] for token in tokens])

    def move(self, source: int, target: int) -> None:
        """See `Rows.move`."""
        self.lengths[target] = length = self.lengths[source]
        for cache in self._caches.values():
            cache[target, :, :length] = cache[source, :, :length]

    def _run(self, first: int, stop: int, tokens: list[list[int]]) -> "torch.Tensor":
        """Let tokens, as many for each, join the rows from `first` to before `stop`; logits after the last of each."""
        import numpy as np
        import torch

        lengths = [length + len(tokens[0]) for length in self.lengths[first:stop]]
        if max(lengths) > self._room:
            raise ValueError(f"{max(lengths)} tokens do not fit into a cache of {self._room}")
        binding = self._binding(first, stop)
        binding.bind_cpu_input("hidden", self._embeddings[np.array(tokens)])
        binding.bind_cpu_input("last", np.array(lengths, np.int32) - 1)
        binding.bind_cpu_input("total", np.array([max(lengths)], np.int32))
        given = ["logits"] if self._output is None else ["logits", "state"]
        for name in given:
            binding.bind_output(name)
        self._session.run_with_iobinding(binding)
        self.lengths[first:stop] = lengths
        logits, *state = (value.numpy()[:, -1] for value in binding.get_outputs()[-len(given) :])
        if self._output is not None:
            refine(logits, state[0], self._output)
        return torch.from_numpy(logits)

    def _binding(self, first: int, stop: int) -> Any:
        """The caches of some rows as inputs and outputs of the graph, which are one place: they grow where they are."""
        import onnxruntime

        if (first, stop) not in self._bindings:
            binding = self._session.io_binding()
            for name, cache in self._caches.items():
                memory = onnxruntime.OrtValue.ortvalue_from_numpy(cache[first:stop])
                binding.bind_ortvalue_input(name, memory)
                binding.bind_ortvalue_output(f"new_{name}", memory)
            self._bindings[first, stop] = binding
        return self._bindings[first, stop]
