"""Logits of likely tokens are exact, whatever the graph has rounded."""

from pathlib import Path

import numpy as np
import pytest

from assistant.errors import ModelError
from assistant.generation.engines.likely import MOST, NEAR, refine
from assistant.generation.engines.token_table import TokenTable

TOKENS, HIDDEN = 500, 32


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(TOKENS, HIDDEN)).astype(np.float32)


@pytest.fixture
def table(rows: np.ndarray, tmp_path: Path) -> TokenTable:
    path = tmp_path / "rows.bin"
    path.write_bytes(b"before" + rows.tobytes())
    return TokenTable(path, "F32", len(b"before"), rows.shape, HIDDEN)


def test_the_likeliest_token_is_found_though_the_coarse_logits_have_another(
    rows: np.ndarray, table: TokenTable
) -> None:
    states = np.random.default_rng(2).normal(size=(30, HIDDEN)).astype(np.float32)
    exact = states @ rows.T
    coarse = exact + np.random.default_rng(3).normal(0, 0.8, exact.shape).astype(np.float32)
    assert (coarse.argmax(1) != exact.argmax(1)).any(), "nothing is tested"
    near = coarse > coarse.max(1, keepdims=True) - NEAR
    assert near.sum(1).max() < MOST
    refined = coarse.copy()
    refine(refined, states, table)
    assert (refined.argmax(1) == exact.argmax(1)).all()
    assert np.allclose(refined[near], exact[near], atol=1e-4)
    assert np.array_equal(refined[~near], coarse[~near])


def test_a_row_has_the_same_logits_alone_and_beside_others(table: TokenTable) -> None:
    states = np.random.default_rng(2).normal(size=(4, HIDDEN)).astype(np.float32)
    together = np.random.default_rng(3).normal(size=(4, TOKENS)).astype(np.float32)
    alone = together[2:3].copy()
    refine(together, states, table)
    refine(alone, states[2:3], table)
    assert np.array_equal(alone[0], together[2])


def test_of_many_that_are_near_the_likeliest_are_looked_at(rows: np.ndarray, table: TokenTable) -> None:
    states = np.zeros((1, HIDDEN), np.float32)
    scores = np.linspace(1, 2, TOKENS, dtype=np.float32)[None]
    refine(scores, states, table)
    assert (scores[0, -MOST:] == 0).all() and (scores[0, :-MOST] > 0).all()


def test_rows_are_those_of_the_file_in_any_shape(rows: np.ndarray, table: TokenTable) -> None:
    tokens = np.array([[3, 499], [0, 3]])
    assert np.array_equal(table[tokens], rows[tokens])


def test_a_file_cut_short_or_gone_is_told(rows: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "rows.bin"
    with pytest.raises(ModelError, match="not there any more"):
        TokenTable(path, "F32", 0, rows.shape, HIDDEN)
    path.write_bytes(rows.tobytes()[:-1])
    with pytest.raises(ModelError, match="cut short"):
        TokenTable(path, "F32", 0, rows.shape, HIDDEN)
    path.write_bytes(rows.tobytes())
    table = TokenTable(path, "F32", 0, rows.shape, HIDDEN)
    path.write_bytes(rows.tobytes()[:100])
    with pytest.raises(ModelError, match="cut short"):
        table[np.array([TOKENS - 1])]
