"""Matrices as ONNX Runtime's MatMulNBits takes them, from the blocks of a GGUF file without rounding a second time.

A block of Q4_K holds a scale and a minimum for 32 numbers: w = scale q - minimum. MatMulNBits gives scale (q - 8), and
the rest, 8 scale - minimum, is the same for the whole block, so that it is a product with the sum of the input over the
block: a column more. Formats of five and six bits fit into eight. What no rule here knows is dequantised and rounded to
eight bits anew. The layouts are ggml's (ggml-common.h, ggml-quants.c).
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from assistant.models.gguf import GGUFTensor, rows_in_float

Array = npt.NDArray[Any]

BLOCK = 32
LONG_BLOCK = 128
"""Of the matrix of logits, the largest of all, which is read whole for each token."""
DIGITS = {4: 2, 8: 1}
"""How many numbers of so many bits write down an offset, whose eight bits are the digits of it."""
_ZERO_4, _ZERO_8 = 8, 128
_LARGEST_OFFSET = 119
"""In steps of its scale: 7 sixteens and 7 ones are the largest number that two digits from -8 to 7 have."""
_ROWS = 16384
"""Of a matrix are unpacked at a time, to save memory."""


class Packed(NamedTuple):
    """A matrix of shape (outputs, inputs) in blocks of inputs: w = scale (number - zero) + offset.

    `numbers` has shape (outputs, blocks, bytes of a block), `scales` and `offsets` (outputs, blocks), float32. The
    zero is 8 of 4 bits and 128 of 8; `offsets` is None where there are none.
    """

    bits: int
    block: int
    numbers: Array
    scales: Array
    offsets: Array | None
    inputs: int

    def floats(self) -> Array:
        """The matrix in float32, shape (outputs, inputs)."""
        numbers = self.numbers
        if self.bits == 4:
            numbers = np.stack([numbers & 15, numbers >> 4], -1).reshape(*numbers.shape[:2], self.block)
        values = (numbers.astype(np.float32) - (_ZERO_4 if self.bits == 4 else _ZERO_8)) * self.scales[..., None]
        if self.offsets is not None:
            values += self.offsets[..., None]
        return values.reshape(len(values), -1)[:, : self.inputs]


def pack_tensor(tensor: GGUFTensor, block: int = BLOCK) -> Packed:
    """A matrix of a GGUF file.

    Args:
        tensor: of two dimensions.
        block: the shortest block of a matrix in 8 bits. Blocks of the file that are shorter are put together and
            rounded once more, which costs less than a sixteenth of what six bits have cost: a block of 16 would take
            half as much memory again.
    """
    rows = tensor.data.reshape(tensor.shape[0], -1)
    parts = [_pack_rows(tensor, rows[at : at + _ROWS], block) for at in range(0, len(rows), _ROWS)]
    if len(parts) == 1:
        return parts[0]
    offsets = None
    if parts[0].offsets is not None:
        offsets = np.concatenate([part.offsets for part in parts if part.offsets is not None])
    numbers = np.concatenate([part.numbers for part in parts])
    return parts[0]._replace(numbers=numbers, scales=np.concatenate([part.scales for part in parts]), offsets=offsets)


def _pack_rows(tensor: GGUFTensor, rows: Array, block: int) -> Packed:
    packer = _PACKERS.get(tensor.kind)
    if packer is None:
        return pack_floats(rows_in_float(tensor.kind, rows), block)
    packed = packer(rows, tensor.shape[1])
    return packed if packed.bits == 4 or packed.block >= block else pack_floats(packed.floats(), block)


def pack_floats(weight: Array, block: int = BLOCK) -> Packed:
    """Round a matrix of shape (outputs, inputs) to 8-bit integers, each block from its least to its greatest."""
    blocks = _in_blocks(weight, block)
    largest = np.abs(blocks).max(-1)
    scales = np.where(largest > 0, largest / np.float32(127), 1).astype(np.float32)
    numbers = np.rint(blocks / scales[..., None]) + _ZERO_8
    return Packed(8, block, numbers.astype(np.uint8), scales, None, weight.shape[1])


def pack_coarsely(tensor: GGUFTensor, block: int = LONG_BLOCK) -> Packed:
    """A matrix of a GGUF file rounded to 4 bits without offsets, to find out which outputs are large."""
    rows = tensor.data.reshape(tensor.shape[0], -1)
    parts = [_coarse(rows_in_float(tensor.kind, rows[at : at + _ROWS]), block) for at in range(0, len(rows), _ROWS)]
    numbers, scales = (np.concatenate([getattr(part, name) for part in parts]) for name in ("numbers", "scales"))
    return parts[0]._replace(numbers=numbers, scales=scales)


def _coarse(weight: Array, block: int) -> Packed:
    blocks = _in_blocks(weight, block)
    farthest = np.take_along_axis(blocks, np.abs(blocks).argmax(-1)[..., None], -1)[..., 0]
    scales = np.where(farthest == 0, 1, farthest / -_ZERO_4).astype(np.float32)
    numbers = np.clip(np.rint(blocks / scales[..., None]) + _ZERO_4, 0, 15).astype(np.uint8)
    return Packed(4, block, _pairs(numbers), scales, None, weight.shape[1])


def with_offsets_as_columns(packed: Packed) -> Packed:
    """The same matrix with its offsets as further columns, which meet the sums of the input over each block.

    Offsets are rounded to 8 bits, by one scale for as many of them as a block has numbers. Where numbers have 4 bits,
    an offset is two of them, the sixteens and the ones, each in a column: the sums come twice then. Columns are filled
    up to whole blocks.

    Args:
        packed: with offsets, and with inputs that are whole blocks.
    """
    if packed.offsets is None:
        return packed
    blocks = _in_blocks(packed.offsets, packed.block)
    largest = np.abs(blocks).max(-1)
    scales = np.where(largest > 0, largest / np.float32(_LARGEST_OFFSET), 1).astype(np.float32)
    steps = np.rint(blocks / scales[..., None]).astype(np.int32)
    if packed.bits == 4:
        ones = (steps + _ZERO_4) % 16 - _ZERO_4
        columns = [((steps - ones) // 16, 16 * scales), (ones, scales)]
        written = [_pairs((digit + _ZERO_4).astype(np.uint8)) for digit, _ in columns]
    else:
        columns = [(steps, scales)]
        written = [(steps + _ZERO_8).astype(np.uint8)]
    return packed._replace(
        numbers=np.concatenate([packed.numbers, *written], 1),
        scales=np.concatenate([packed.scales, *(scale for _, scale in columns)], 1, dtype=np.float32),
        offsets=None,
        inputs=packed.inputs + len(columns) * blocks.shape[1] * packed.block,
    )


def _in_blocks(weight: Array, block: int) -> Array:
    """A matrix of shape (outputs, inputs) in blocks of inputs, the last one filled up with noughts."""
    rows, columns = weight.shape
    blocks = -(-columns // block)
    return np.pad(weight, ((0, 0), (0, blocks * block - columns))).reshape(rows, blocks, block)


def _blocks(rows: Array, size: int) -> Array:
    return rows.reshape(len(rows), -1, size)


def _halves(part: Array) -> Array:
    """float16 numbers kept as bytes, shape (..., 2 bytes), in float32 without the last axis."""
    halves: Array = np.ascontiguousarray(part).view(np.float16)[..., 0].astype(np.float32)
    return halves


def _nibbles(part: Array) -> Array:
    """The low four bits of bytes and then the high four, on the last axis."""
    return np.concatenate([part & 15, part >> 4], axis=-1)


def _pairs(numbers: Array) -> Array:
    """4-bit numbers two to a byte, the first in the low half."""
    pairs: Array = numbers[..., ::2] | numbers[..., 1::2] << 4
    return pairs


def _q4_0(rows: Array, inputs: int) -> Packed:
    blocks = _blocks(rows, 18)
    return Packed(4, BLOCK, _pairs(_nibbles(blocks[..., 2:])), _halves(blocks[..., :2]), None, inputs)


def _q4_1(rows: Array, inputs: int) -> Packed:
    blocks = _blocks(rows, 20)
    scales = _halves(blocks[..., :2])
    offsets = _halves(blocks[..., 2:4]) + _ZERO_4 * scales
    return Packed(4, BLOCK, _pairs(_nibbles(blocks[..., 4:])), scales, offsets, inputs)


def _fifth_bits(part: Array) -> Array:
    """Bits of 32-bit words, shape (..., 4 bytes), one after the other: shape (..., 32)."""
    return np.unpackbits(part, axis=-1, bitorder="little")


def _q5_0(rows: Array, inputs: int) -> Packed:
    blocks = _blocks(rows, 22)
    numbers = _nibbles(blocks[..., 6:]) | _fifth_bits(blocks[..., 2:6]) << 4
    return Packed(8, BLOCK, numbers + np.uint8(_ZERO_8 - 16), _halves(blocks[..., :2]), None, inputs)


def _q5_1(rows: Array, inputs: int) -> Packed:
    blocks = _blocks(rows, 24)
    numbers = _nibbles(blocks[..., 8:]) | _fifth_bits(blocks[..., 4:8]) << 4
    scales = _halves(blocks[..., :2])
    offsets = _halves(blocks[..., 2:4]) + 16 * scales
    return Packed(8, BLOCK, numbers + np.uint8(_ZERO_8 - 16), scales, offsets, inputs)


def _q8_0(rows: Array, inputs: int) -> Packed:
    blocks = _blocks(rows, 34)
    return Packed(8, BLOCK, blocks[..., 2:] ^ np.uint8(_ZERO_8), _halves(blocks[..., :2]), None, inputs)


def _scales_and_minima(blocks: Array) -> tuple[Array, Array]:
    """Scales and minima of the eight blocks in each block of Q4_K and Q5_K, shape (outputs, inputs / 32)."""
    packed = blocks[..., 4:16]
    first, second, rest = packed[..., :4], packed[..., 4:8], packed[..., 8:]
    scales = np.concatenate([first & 63, (rest & 15) | ((first >> 2) & 48)], axis=-1)
    minima = np.concatenate([second & 63, (rest >> 4) | ((second >> 2) & 48)], axis=-1)
    of_scales, of_minima = _halves(blocks[..., :2]), _halves(blocks[..., 2:4])
    rows = len(blocks)
    return (of_scales[..., None] * scales).reshape(rows, -1), (of_minima[..., None] * minima).reshape(rows, -1)


def _q4_k(rows: Array, inputs: int) -> Packed:
    blocks = _blocks(rows, 144)
    scales, minima = _scales_and_minima(blocks)
    bytes_ = blocks[..., 16:].reshape(len(rows), -1, 4, 32)
    numbers = np.stack([bytes_ & 15, bytes_ >> 4], axis=-2).reshape(len(rows), -1, BLOCK)
    return Packed(4, BLOCK, _pairs(numbers), scales, _ZERO_4 * scales - minima, inputs)


def _q5_k(rows: Array, inputs: int) -> Packed:
    blocks = _blocks(rows, 176)
    scales, minima = _scales_and_minima(blocks)
    bytes_ = blocks[..., 48:].reshape(len(rows), -1, 4, 32)
    numbers = np.stack([bytes_ & 15, bytes_ >> 4], axis=-2).reshape(len(rows), -1, 8, 32)
    high = blocks[..., None, 16:48] >> np.arange(8, dtype=np.uint8)[:, None] & 1
    numbers = (numbers | high << 4).reshape(len(rows), -1, BLOCK)
    return Packed(8, BLOCK, numbers + np.uint8(_ZERO_8 - 16), scales, 16 * scales - minima, inputs)


def _q6_k(rows: Array, inputs: int) -> Packed:
    blocks = _blocks(rows, 210)
    low = blocks[..., :128].reshape(len(rows), -1, 2, 1, 64)
    low = np.concatenate([low & 15, low >> 4], axis=-2).reshape(len(rows), -1, 2, 4, 32)
    high = blocks[..., 128:192].reshape(len(rows), -1, 2, 1, 32)
    high = high >> np.array([0, 2, 4, 6], dtype=np.uint8)[:, None] & 3
    numbers = (low | high << 4).reshape(len(rows), -1, 16)
    inner = np.ascontiguousarray(blocks[..., 192:208]).view(np.int8).astype(np.float32)
    scales = (_halves(blocks[..., 208:])[..., None] * inner).reshape(len(rows), -1)
    return Packed(8, 16, numbers + np.uint8(_ZERO_8 - 32), scales, None, inputs)


_PACKERS = {
    "Q4_0": _q4_0, "Q4_1": _q4_1, "Q5_0": _q5_0, "Q5_1": _q5_1, "Q8_0": _q8_0,
    "Q4_K": _q4_k, "Q5_K": _q5_k, "Q6_K": _q6_k,
}  # fmt: skip
