"""Matrices in few bits give the products that the numbers they stand for give."""

import numpy as np
import pytest

from assistant.generation.engines.packing import (
    BLOCK,
    DIGITS,
    LONG_BLOCK,
    Packed,
    pack_coarsely,
    with_offsets_as_columns,
)
from assistant.models.gguf import GGUFTensor


def _with_offsets(bits: int, blocks: int) -> Packed:
    random = np.random.default_rng(4)
    size = BLOCK * bits // 8
    numbers = random.integers(0, 256, (6, blocks, size), dtype=np.uint8)
    scales, offsets = (random.normal(0, 0.02, (6, blocks)).astype(np.float32) for _ in range(2))
    offsets[2] = 0
    return Packed(bits, BLOCK, numbers, scales, offsets, blocks * BLOCK)


@pytest.mark.parametrize("blocks", [3, 32, 48])
@pytest.mark.parametrize("bits", [4, 8])
def test_offsets_as_columns_give_the_same_product_with_the_sums_beside_the_input(bits: int, blocks: int) -> None:
    packed = _with_offsets(bits, blocks)
    wide = with_offsets_as_columns(packed)
    assert wide.offsets is None and wide.inputs % BLOCK == 0 and wide.inputs == wide.numbers.shape[1] * BLOCK
    row = np.random.default_rng(5).normal(size=packed.inputs).astype(np.float32)
    sums = row.reshape(-1, BLOCK).sum(1)
    filled = np.pad(sums, (0, -blocks % BLOCK))
    beside = np.concatenate([row, *[filled] * DIGITS[bits]])
    step = np.abs(packed.offsets).max() / 119
    most = 0.51 * step * np.abs(sums).sum() + 1e-4
    assert np.abs(wide.floats() @ beside - packed.floats() @ row).max() <= most


def test_a_matrix_without_offsets_stays_as_it_is() -> None:
    packed = _with_offsets(4, 2)._replace(offsets=None)
    assert with_offsets_as_columns(packed) is packed


def test_coarse_numbers_are_within_a_step_of_their_block() -> None:
    weight = np.random.default_rng(6).normal(size=(5, 2 * LONG_BLOCK)).astype(np.float32)
    weight[3, :LONG_BLOCK] = 0
    packed = pack_coarsely(GGUFTensor("output", "F32", weight.shape, weight, 0))
    steps = np.abs(packed.scales).repeat(LONG_BLOCK, axis=1)
    assert (packed.bits, packed.block) == (4, LONG_BLOCK)
    assert (np.abs(packed.floats() - weight) <= 1.001 * steps).all()
