"""A Llama or Qwen2 model as an ONNX graph for decoding on a CPU.

The operations are ONNX Runtime's own (docs/ContribOperators.md there): rotary positions, the cache and attention are
one of them, the residual sum and its norm another. Products that share their input are one product where their weights
have the same form.

Decoding reads every weight once a token, so its speed is that of the memory: the large matrices are kept in 4 or 8
bits (see `packing`). Products of integers round their input to 8 bits too, block by block, and with it the sums over
each block, which meet the blocks' offsets. `benchmarks.generator` measures what is lost.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from assistant.generation.engines.packing import DIGITS, Packed, with_offsets_as_columns

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto, ValueInfoProto

GRAPH_FILE, WEIGHTS_FILE = "model.onnx", "weights.bin"
_CONTRIB = "com.microsoft"
_ACCURACY_INT8 = 4  # MatMulNBits: the input is rounded to 8 bits for each block, and integers are multiplied
_PIECE = 1 << 15  # rows of the output matrix
_SMALL = 64  # numbers; what is smaller stays in the graph itself
_PAGE = 1 << 16  # where a weight may begin in a file that is mapped, on every system

Array = npt.NDArray[Any]
Matrix = Packed | Array
"""A matrix of shape (outputs, inputs): in few bits, or float32 and computed so."""


class LowRank(NamedTuple):
    """A LoRA update beside a matrix: `up` of shape (outputs, rank), scaled, times `down` of shape (rank, inputs)."""

    down: Array
    up: Array


class Layer(NamedTuple):
    """The weights of a layer. Products of one input are several matrices where these are of several forms."""

    attention_norm: Array
    qkv: Sequence[Matrix]
    qkv_bias: Array | None
    output: Matrix
    mlp_norm: Array
    gate_up: Sequence[Matrix]
    down: Matrix
    qkv_update: LowRank | None = None
    output_update: LowRank | None = None
    gate_up_update: LowRank | None = None
    down_update: LowRank | None = None


@dataclass(frozen=True, slots=True)
class Decoder:
    """A model's sizes and what surrounds its layers.

    Args:
        layers: how many.
        hidden: numbers of a token's state.
        heads: of the queries.
        shared_heads: of keys and values.
        head_size: numbers of a head.
        vocabulary: how many tokens there are.
        epsilon: of the norms.
        cos: of the rotary positions, shape (context, half a head).
        sin: as `cos`.
        rotates_neighbours: whether positions turn neighbouring numbers of a head rather than its two halves.
        norm: the last one.
        logits: the output matrix.
        coarse: whether `logits` only tells which tokens are likely, and the state they come from is asked for too.
    """

    layers: int
    hidden: int
    heads: int
    shared_heads: int
    head_size: int
    vocabulary: int
    epsilon: float
    cos: Array
    sin: Array
    rotates_neighbours: bool
    norm: Array
    logits: Matrix
    coarse: bool = False


def write_graph(decoder: Decoder, layers: Iterable[Layer], folder: Path, *, all_logits: bool = False) -> None:
    """Write a model as `model.onnx` and `weights.bin`.

    Inputs: `hidden`, the embeddings of the tokens, float32 of shape (rows, tokens, hidden size); `last`, the index of
    each row's last token in the cache; `total`, how many tokens are in the longest row of it then; for each layer N
    `key.N` and `value.N`, the cache, of shape (rows, heads, context, head size). Several rows take one token at a time.
    Outputs: `logits`; `state`, what the output matrix is multiplied with, where it is coarse; and the caches as
    `new_key.N` and `new_value.N`, which may be the same memory.

    Args:
        decoder: sizes, and what surrounds the layers.
        layers: one after the other, so that they need not be in memory together.
        folder: an existing one.
        all_logits: give those after every token instead of after the last.

    Raises:
        OSError: the folder cannot be written.
    """
    import onnx
    from onnx import helper

    with (folder / WEIGHTS_FILE).open("wb") as file:
        builder = _Builder(decoder, file)
        builder.build(layers, all_logits=all_logits)
    inputs, outputs = _signature(decoder)
    graph = helper.make_graph(builder.nodes, "decoder", inputs, outputs, initializer=builder.weights)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(_CONTRIB, 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), str(folder / GRAPH_FILE))


class _Builder:
    """Collects nodes, and writes weights into a file as they come."""

    def __init__(self, decoder: Decoder, file: BinaryIO) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []
        self._decoder = decoder
        self._file = file
        self._sums: dict[tuple[str, int, int], str] = {}

    def build(self, layers: Iterable[Layer], *, all_logits: bool) -> None:
        decoder = self._decoder
        self._weight("cos", decoder.cos)
        self._weight("sin", decoder.sin)
        added, residual = "hidden", ""
        for at, layer in enumerate(layers):
            normed, residual = self._norm(f"attention.{at}", added, residual, layer.attention_norm)
            attended = self._attention(at, layer, normed)
            normed, residual = self._norm(f"mlp.{at}", attended, residual, layer.mlp_norm)
            added = self._mlp(at, layer, normed)
        normed, _ = self._norm("last", added, residual, decoder.norm)
        if not all_logits:
            ends = [self._weight(name, np.array([value], np.int64)) for name, value in _LAST_POSITION.items()]
            normed = self._node("Slice", [normed, *ends], ["last_normed"], domain="")
        if decoder.coarse:
            self._node("Identity", [normed], ["state"], domain="")
        self._products("logits", normed, _in_pieces(decoder.logits))

    def _attention(self, at: int, layer: Layer, normed: str) -> str:
        decoder = self._decoder
        qkv = self._products(f"qkv.{at}", normed, layer.qkv, layer.qkv_bias, layer.qkv_update)
        attended = self._node(
            "GroupQueryAttention",
            [qkv, "", "", f"key.{at}", f"value.{at}", "last", "total", "cos", "sin"],
            [f"attended.{at}", f"new_key.{at}", f"new_value.{at}"],
            num_heads=decoder.heads,
            kv_num_heads=decoder.shared_heads,
            do_rotary=1,
            rotary_interleaved=int(decoder.rotates_neighbours),
        )
        return self._products(f"output.{at}", attended, [layer.output], None, layer.output_update)

    def _mlp(self, at: int, layer: Layer, normed: str) -> str:
        both = self._products(f"gate_up.{at}", normed, layer.gate_up, None, layer.gate_up_update)
        self._node("Split", [both], [f"gate.{at}", f"up.{at}"], domain="", axis=-1, num_outputs=2)
        self._node("QuickGelu", [f"gate.{at}"], [f"silu.{at}"], alpha=1.0)  # x times sigmoid(x), which is SiLU
        inner = self._node("Mul", [f"silu.{at}", f"up.{at}"], [f"inner.{at}"], domain="")
        return self._products(f"down.{at}", inner, [layer.down], None, layer.down_update)

    def _norm(self, name: str, added: str, residual: str, weight: Array) -> tuple[str, str]:
        """The norm of a sum, and the sum; the names of both."""
        norm = self._weight(f"{name}.norm", weight.astype(np.float32))
        normed, total = f"{name}.normed", f"{name}.sum"
        epsilon = self._decoder.epsilon
        if not residual:
            self._node("SimplifiedLayerNormalization", [added, norm], [normed], domain="", axis=-1, epsilon=epsilon)
            return normed, added
        kind = "SkipSimplifiedLayerNormalization"
        self._node(kind, [added, residual, norm], [normed, "", "", total], epsilon=epsilon)
        return normed, total

    def _products(
        self,
        name: str,
        left: str,
        matrices: Sequence[Matrix],
        bias: Array | None = None,
        update: LowRank | None = None,
    ) -> str:
        """`left` times each matrix, side by side, with what is added to that."""
        extra = [] if bias is None else [self._weight(f"{name}.bias", bias.astype(np.float32))]
        if update is not None:
            down = self._node("MatMul", [left, self._weight(f"{name}.down", update.down.T)], [f"{name}.low"], domain="")
            extra.append(
                self._node("MatMul", [down, self._weight(f"{name}.up", update.up.T)], [f"{name}.update"], domain="")
            )
        one = len(matrices) == 1 and not extra
        parts = [
            self._product(name if one else f"{name}.{number}", left, matrix) for number, matrix in enumerate(matrices)
        ]
        result = parts[0]
        if len(parts) > 1:
            result = self._node("Concat", parts, [f"{name}.all" if extra else name], domain="", axis=-1)
        for number, added in enumerate(extra):
            total = name if number + 1 == len(extra) else f"{name}.with.{number}"
            result = self._node("Add", [result, added], [total], domain="")
        return result

    def _product(self, name: str, left: str, matrix: Matrix) -> str:
        if not isinstance(matrix, Packed):
            return self._node("MatMul", [left, self._weight(f"{name}.weight", matrix.T)], [name], domain="")
        if matrix.offsets is not None:
            left, matrix = self._beside_sums(left, matrix), with_offsets_as_columns(matrix)
        numbers = self._weight(f"{name}.numbers", matrix.numbers)
        scales = self._weight(f"{name}.scales", matrix.scales)
        return self._node(
            "MatMulNBits",
            [left, numbers, scales],
            [name],
            K=matrix.inputs,
            N=len(matrix.scales),
            bits=matrix.bits,
            block_size=matrix.block,
            accuracy_level=_ACCURACY_INT8,
        )

    def _beside_sums(self, left: str, matrix: Packed) -> str:
        """An input with its sums over each block beside it, as often as an offset of the matrix has digits."""
        block, count = matrix.block, matrix.numbers.shape[1]
        key = left, matrix.bits, block
        if key not in self._sums:
            name = f"{left}.{matrix.bits}.{block}"
            shape = self._weight(f"{name}.shape", np.array([0, 0, -1, block], np.int64))
            blocks = self._node("Reshape", [left, shape], [f"{name}.blocks"], domain="")
            axis = self._weight(f"{name}.axis", np.array([-1], np.int64))
            sums = self._node("ReduceSum", [blocks, axis], [f"{name}.sums"], domain="", keepdims=0)
            if missing := -count % block:
                pads = self._weight(f"{name}.pads", np.array([0, 0, 0, 0, 0, missing], np.int64))
                sums = self._node("Pad", [sums, pads], [f"{name}.padded"], domain="")
            all_of_it = [left, *[sums] * DIGITS[matrix.bits]]
            self._sums[key] = self._node("Concat", all_of_it, [f"{name}.beside"], domain="", axis=-1)
        return self._sums[key]

    def _weight(self, name: str, array: Array) -> str:
        """Keep a weight: a small one in the graph, a large one in the file."""
        from onnx import TensorProto, helper, numpy_helper

        array = np.ascontiguousarray(array)
        if array.size < _SMALL:
            self.weights.append(numpy_helper.from_array(array, name))
            return name
        begin = -(-self._file.tell() // _PAGE) * _PAGE
        self._file.seek(begin)
        self._file.write(array.data)
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        tensor = TensorProto(name=name, dims=array.shape, data_type=kind, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", WEIGHTS_FILE), ("offset", begin), ("length", array.nbytes)):
            tensor.external_data.add(key=key, value=str(value))
        self.weights.append(tensor)
        return name

    def _node(self, kind: str, inputs: list[str], outputs: list[str], domain: str = _CONTRIB, **settings: Any) -> str:
        from onnx import helper

        self.nodes.append(
            helper.make_node(kind, inputs, outputs, name=f"{kind}:{outputs[0]}", domain=domain, **settings)
        )
        return outputs[0]


def _in_pieces(matrix: Matrix) -> Sequence[Matrix]:
    """A large matrix in pieces: while it is loaded, one piece at a time is in memory twice."""
    if not isinstance(matrix, Packed) or len(matrix.scales) <= _PIECE:
        return [matrix]
    return [
        matrix._replace(numbers=matrix.numbers[at : at + _PIECE], scales=matrix.scales[at : at + _PIECE])
        for at in range(0, len(matrix.scales), _PIECE)
    ]


_LAST_POSITION = {"from": -1, "to": int(np.iinfo(np.int64).max), "axis": 1}


def _signature(decoder: Decoder) -> tuple[list["ValueInfoProto"], list["ValueInfoProto"]]:
    from onnx import TensorProto, helper

    state: list[int | str | None] = ["rows", "positions", decoder.hidden]
    cache: list[int | str | None] = ["rows", decoder.shared_heads, "context", decoder.head_size]
    names = [f"{part}.{at}" for at in range(decoder.layers) for part in ("key", "value")]
    inputs = [
        helper.make_tensor_value_info("hidden", TensorProto.FLOAT, ["rows", "tokens", decoder.hidden]),
        helper.make_tensor_value_info("last", TensorProto.INT32, ["rows"]),
        helper.make_tensor_value_info("total", TensorProto.INT32, [1]),
        *(helper.make_tensor_value_info(name, TensorProto.FLOAT, cache) for name in names),
    ]
    outputs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", "positions", decoder.vocabulary]),
        *([helper.make_tensor_value_info("state", TensorProto.FLOAT, state)] if decoder.coarse else []),
        *(helper.make_tensor_value_info(f"new_{name}", TensorProto.FLOAT, cache) for name in names),
    ]
    return inputs, outputs
