"""Decoding on a CPU with ONNX Runtime: several times as fast as the same model in Python's layers."""

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from assistant.generation.engines.base import context_of, parameters_of

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM

    from assistant.generation.engines.onnx_graph import Array

_CHECK_TOKENS = 8
_LARGEST_DIFFERENCE = 0.15
"""Of the norm of the logits, their mean taken off. Rounding costs two to four hundredths on text that makes sense."""


def is_installed() -> bool:
    """Whether ONNX Runtime, which not every platform has, is installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("onnx", "onnxruntime"))


class OnnxEngine:
    """A Llama model in the graph of `onnx_graph`, with a cache that is allocated once.

    Args:
        model: float32, on the CPU, its adapter merged; not needed any more afterwards.
        exact: the products to compute in float32 instead of integers, as `llama_graph` names them.
    """

    def __init__(self, model: "LlamaForCausalLM", *, exact: frozenset[str] = frozenset()) -> None:
        import onnxruntime
        import torch

        from assistant.generation.engines.onnx_graph import llama_graph
        from assistant.generation.engines.smoothing import smoothing_scales

        self.architecture, self.parameters = type(model).__name__, parameters_of(model)
        self.context_tokens = context_of(model)
        self.device = "cpu"
        graph = llama_graph(model, self.context_tokens, smoothing_scales(model), exact=exact)
        self._embeddings = graph.embeddings
        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        values = {name: onnxruntime.OrtValue.ortvalue_from_numpy(array) for name, array in graph.weights.items()}
        options.add_external_initializers(list(values), list(values.values()))
        self._session = onnxruntime.InferenceSession(
            graph.model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._layers = int(model.config.num_hidden_layers)
        self._heads = int(model.config.num_key_value_heads or 0), int(model.config.head_dim or 0)
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
        return OnnxRows(self._session, self._embeddings, self._layers, self._heads, count, tokens)

    def check_against(self, model: "LlamaForCausalLM") -> None:
        """Put a few tokens that the model itself goes on with through both, and leave the cache empty.

        Raises:
            ArithmeticError: the logits are not those of the model it was made from.
        """
        import torch

        tokens = [int(model.config.bos_token_id or 0)]
        while True:
            with torch.inference_mode():
                expected = model(input_ids=torch.tensor([tokens]), logits_to_keep=1).logits[:, -1].float()
            if len(tokens) == _CHECK_TOKENS:
                break
            tokens.append(int(expected.argmax()))
        self.rewind(0)
        self.forward(tokens[:-1])
        found = self.forward(tokens[-1:])
        self.rewind(0)
        expected, found = expected - expected.mean(), found - found.mean()
        difference = float((found - expected).norm() / expected.norm())
        if not difference < _LARGEST_DIFFERENCE:
            raise ArithmeticError(f"logits differ by {difference:.0%} from those of the model")


class OnnxRows:
    """Rows of tokens in the graph, their caches allocated once; see `Rows`.

    Args:
        session: runs the graph.
        embeddings: of each token.
        layers: of the model.
        heads: how many the cache has in each layer, and their size.
        count: of rows.
        tokens: room of each row.
    """

    def __init__(
        self, session: Any, embeddings: "Array", layers: int, heads: tuple[int, int], count: int, tokens: int
    ) -> None:
        import numpy as np

        self.count = count
        self.lengths = [0] * count
        self._session, self._embeddings, self._room = session, embeddings, tokens
        self._caches = {
            f"{part}.{at}": np.zeros((count, heads[0], tokens, heads[1]), np.float32)
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
        binding.bind_cpu_input("hidden", self._embeddings[np.array(tokens)].astype(np.float32))
        binding.bind_cpu_input("last", np.array(lengths, np.int32) - 1)
        binding.bind_cpu_input("total", np.array([max(lengths)], np.int32))
        binding.bind_output("logits")
        self._session.run_with_iobinding(binding)
        self.lengths[first:stop] = lengths
        return torch.from_numpy(binding.get_outputs()[-1].numpy()[:, -1])

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
