"""A model in the form that is run: a folder with its graph, its weights and what its engine has to know.

It is made once, which takes seconds to a minute, and loaded by mapping. Made on one machine it serves that machine:
nothing in it depends on how fast anything was.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.errors import ModelError
from assistant.generation.engines.onnx_graph import Array, Decoder, Layer, Matrix, write_graph
from assistant.generation.engines.packing import Packed

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from assistant.models.gguf import GGUFTensor

ENGINE_FILE = "engine.json"
_EMBEDDINGS_FILE = "embeddings.bin"
_SAMPLE = 512
"""Tokens of the vocabulary whose logits are computed a second time."""
_LARGEST_DIFFERENCE = 0.4
"""Of the norm of the logits, their mean taken off. Rounding the inputs of products costs a few hundredths; up to 0.15
after a first token, some of whose numbers are a thousand times the others. A kernel that is wrong gives more than 1."""


@dataclass(frozen=True, slots=True)
class RowsInFile:
    """Where a matrix with a row for each token lies: a file, its number format, the first byte, and its shape."""

    file: str
    kind: str
    offset: int
    shape: tuple[int, int]


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What an engine has to know of its graph.

    `output` are the rows of the output matrix, where the one in the graph only tells which tokens are likely.
    """

    architecture: str
    parameters: int
    context_tokens: int
    layers: int
    shared_heads: int
    head_size: int
    hidden: int
    embeddings: RowsInFile
    output: RowsInFile | None = None


def read_facts(folder: Path) -> EngineFacts:
    """The facts of a prepared folder.

    Raises:
        ModelError: it is not whole.
    """
    try:
        content = json.loads((folder / ENGINE_FILE).read_text("utf-8"))
        embeddings, output = (content.pop(name) for name in ("embeddings", "output"))
        return EngineFacts(embeddings=_rows(embeddings), output=output and _rows(output), **content)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{folder} is not whole; remove it, and it is made again.") from error


def _rows(content: dict[str, Any]) -> RowsInFile:
    return RowsInFile(**(content | {"shape": tuple(content["shape"])}))


def prepare_gguf(path: Path, adapter: Path | None, context_tokens: int, folder: Path) -> Array:
    """Write the model of a GGUF file into a folder, with the file's own numbers.

    Args:
        path: of the GGUF file.
        adapter: a LoRA adapter, computed beside the matrices so that it loses nothing in their rounding.
        context_tokens: the longest cache, at most.
        folder: an existing one.

    Returns:
        What the logits of the first tokens of the vocabulary should be after the token 0 alone, shape (tokens,).

    Raises:
        StoreError: the file cannot be read or is of another kind.
        ModelError: the adapter is for another base.
        OSError: the folder cannot be written.
    """
    from assistant.generation.engines.gguf_model import decoder_of, layers_of, output_of
    from assistant.generation.engines.lora import read_updates
    from assistant.models.gguf import GGUFFile

    file = GGUFFile(path)
    updates = read_updates(file, adapter) if adapter is not None else {}
    context = min(context_tokens, int(file.config["max_position_embeddings"]))
    decoder = decoder_of(file, context)
    table, output = file.tensors["token_embd.weight"], output_of(file)
    check = _Reference(decoder, table.first_rows(1)[0])
    write_graph(decoder, check.seeing(layers_of(file, updates)), folder)
    facts = EngineFacts(
        architecture=file.config["architectures"][0],
        parameters=sum(int(np.prod(tensor.shape)) for tensor in file.tensors.values()),
        context_tokens=context,
        layers=decoder.layers,
        shared_heads=decoder.shared_heads,
        head_size=decoder.head_size,
        hidden=decoder.hidden,
        embeddings=_rows_of(table, path),
        output=_rows_of(output, path),
    )
    _write_facts(facts, folder)
    return check.logits(output.first_rows(_SAMPLE))


def prepare_network(
    model: "PreTrainedModel",
    context_tokens: int,
    folder: Path,
    *,
    exact: frozenset[str] = frozenset(),
    scales: Mapping[str, Array] | None = None,
) -> None:
    """Write a model of transformers into a folder, its weights rounded to 8 bits.

    Args:
        model: float32, on the CPU, its adapter merged.
        context_tokens: the longest cache.
        folder: an existing one.
        exact: the products to compute in float32 instead of integers: see `network_model`.
        scales: for the inputs of products; by default those of `smoothing_scales`.

    Raises:
        OSError: the folder cannot be written.
    """
    from assistant.generation.engines.base import parameters_of
    from assistant.generation.engines.network_model import decoder_of_network, embeddings_of, layers_of_network
    from assistant.generation.engines.smoothing import smoothing_scales

    scales = smoothing_scales(model) if scales is None else scales
    decoder = decoder_of_network(model, context_tokens, scales, exact=exact)
    write_graph(decoder, layers_of_network(model, scales, exact=exact), folder)
    table = embeddings_of(model)
    table.tofile(folder / _EMBEDDINGS_FILE)
    kind = "F16" if table.dtype == np.float16 else "F32"
    facts = EngineFacts(
        architecture=type(model).__name__,
        parameters=parameters_of(model),
        context_tokens=context_tokens,
        layers=decoder.layers,
        shared_heads=decoder.shared_heads,
        head_size=decoder.head_size,
        hidden=decoder.hidden,
        embeddings=RowsInFile(_EMBEDDINGS_FILE, kind, 0, (int(table.shape[0]), int(table.shape[1]))),
    )
    _write_facts(facts, folder)


def difference(expected: Array, found: Array) -> float:
    """How far logits are from those expected, as a share of their norm, means taken off."""
    expected, found = expected - expected.mean(), found - found.mean()
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def check_logits(expected: Array, found: Array) -> None:
    """Hold logits against those expected.

    Raises:
        ArithmeticError: they are others, so that a kernel does not work here.
    """
    far = difference(expected, found)
    if not far < _LARGEST_DIFFERENCE:
        raise ArithmeticError(f"logits differ by {far:.0%} from those of the model")


def _rows_of(tensor: "GGUFTensor", path: Path) -> RowsInFile:
    rows = tensor.data.shape if tensor.data.ndim == 2 else tensor.shape
    return RowsInFile(str(path.resolve()), tensor.kind, tensor.offset, (int(rows[0]), int(rows[1])))


def _write_facts(facts: EngineFacts, folder: Path) -> None:
    (folder / ENGINE_FILE).write_text(json.dumps(asdict(facts), indent=2) + "\n", "utf-8")


class _Reference:
    """One token through the model in numpy, layer by layer while they are written: it attends to itself alone."""

    def __init__(self, decoder: Decoder, embedding: Array) -> None:
        self._decoder = decoder
        self._state = embedding.astype(np.float32)

    def seeing(self, layers: Iterable[Layer]) -> Iterator[Layer]:
        """The layers, each of them taken into account."""
        for layer in layers:
            yield layer
            self._take(layer)

    def _take(self, layer: Layer) -> None:
        decoder = self._decoder
        normed = self._norm(self._state, layer.attention_norm)
        qkv = np.concatenate([_times(matrix, normed) for matrix in layer.qkv])
        qkv += 0 if layer.qkv_bias is None else layer.qkv_bias
        qkv += _update(layer.qkv_update, normed)
        values = qkv[-decoder.shared_heads * decoder.head_size :].reshape(decoder.shared_heads, 1, -1)
        attended = values.repeat(decoder.heads // decoder.shared_heads, axis=1).reshape(-1)
        self._state = self._state + _times(layer.output, attended) + _update(layer.output_update, attended)
        normed = self._norm(self._state, layer.mlp_norm)
        both = np.concatenate([_times(matrix, normed) for matrix in layer.gate_up])
        gate, up = np.split(both + _update(layer.gate_up_update, normed), 2)
        inner = gate / (1 + np.exp(-gate)) * up
        self._state = self._state + _times(layer.down, inner) + _update(layer.down_update, inner)

    def logits(self, output: Array) -> Array:
        """After the layers, those of the tokens whose rows of the output matrix these are."""
        return _times(output, self._norm(self._state, self._decoder.norm))

    def _norm(self, state: Array, weight: Array) -> Array:
        normed: Array = state / np.sqrt(np.mean(state * state) + self._decoder.epsilon) * weight
        return normed


def _times(matrix: Matrix, vector: Array) -> Array:
    product: Array = (matrix.floats() if isinstance(matrix, Packed) else matrix) @ vector
    return product


def _update(update: Any, vector: Array) -> Array | float:
    return 0.0 if update is None else update.up @ (update.down @ vector)
