"""Decoding on a CPU with ONNX Runtime: several times as fast as the same model in Python's layers."""

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING

from assistant.generation.engine import context_of, parameters_of

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM

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
        exact: the products to compute in float32, by default those of `onnx_graph`.
    """

    def __init__(self, model: "LlamaForCausalLM", *, exact: frozenset[str] | None = None) -> None:
        import numpy as np
        import onnxruntime
        import torch

        from assistant.generation.onnx_graph import EXACT, llama_graph

        self.architecture, self.parameters = type(model).__name__, parameters_of(model)
        self.context_tokens = context_of(model)
        self.length = 0
        self.device = "cpu"
        graph = llama_graph(model, self.context_tokens, exact=EXACT if exact is None else exact)
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
        self._binding = self._session.io_binding()
        heads, size = int(model.config.num_key_value_heads or 0), int(model.config.head_dim or 0)
        cache = (1, heads, self.context_tokens, size)
        for at in range(model.config.num_hidden_layers):
            for part in ("key", "value"):
                memory = onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(cache, np.float32))
                # Input and output are one place, so that the cache grows where it stands.
                self._binding.bind_ortvalue_input(f"{part}.{at}", memory)
                self._binding.bind_ortvalue_output(f"new_{part}.{at}", memory)

    def forward(self, tokens: Sequence[int]) -> "torch.Tensor":
        """See `Engine.forward`."""
        import numpy as np
        import torch

        total = self.length + len(tokens)
        if total > self.context_tokens:
            raise ValueError(f"{total} tokens do not fit into a cache of {self.context_tokens}")
        binding = self._binding
        binding.bind_cpu_input("hidden", self._embeddings[list(tokens)][None].astype(np.float32))
        binding.bind_cpu_input("last", np.array([total - 1], np.int32))
        binding.bind_cpu_input("total", np.array([total], np.int32))
        binding.bind_output("logits")
        self._session.run_with_iobinding(binding)
        self.length = total
        return torch.from_numpy(binding.get_outputs()[-1].numpy()[:, -1])

    def rewind(self, length: int) -> int:
        """See `Engine.rewind`: what lies behind `length` is written over."""
        self.length = min(length, self.length)
        return self.length

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
