import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.encoders.cpu.attention import NAME, attend
from assistant.encoders.cpu.use import use_cpu_attention
from tests.conftest import tiny_model


def _reference(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    return torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(1, 2)


def _window(length: int, width: int) -> torch.Tensor:
    places = torch.arange(length)
    return (places[:, None] - places).abs() <= width


@given(
    st.integers(1, 3), st.integers(1, 4), st.integers(1, 20), st.sampled_from([1, 8, 32]),
    st.sampled_from([0.1, 1.0, 30.0]), st.booleans(), st.integers(0, 1000),
)  # fmt: skip
@settings(deadline=None, max_examples=60)
def test_it_attends_as_torch_does_whatever_the_size_of_the_scores(
    batch: int, heads: int, length: int, size: int, scale: float, masked: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    query, key, value = (torch.randn(batch, heads, length, size) * scale for _ in range(3))
    mask = None
    if masked:
        real = torch.randint(1, length + 1, (batch,))
        mask = (torch.arange(length) < real[:, None])[:, None, None, :].expand(batch, 1, length, length)
    with torch.inference_mode():
        found, _ = attend(None, query, key, value, mask)
    assert found == pytest.approx(_reference(query, key, value, mask), rel=1e-3, abs=3e-4 * scale)


@given(st.integers(1, 20), st.integers(0, 5), st.booleans(), st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_a_mask_may_differ_by_query_or_be_one_for_all(length: int, width: int, one: bool, seed: int) -> None:
    torch.manual_seed(seed)
    query, key, value = (torch.randn(2, 3, length, 8) for _ in range(3))
    mask = _window(length, width)[None, None].expand(2, 1, length, length)
    mask = mask[:, :, :1] if one else mask
    found, _ = attend(None, query, key, value, mask)
    assert found == pytest.approx(_reference(query, key, value, mask), rel=1e-3, abs=3e-4)


@pytest.mark.parametrize("size", [3.0, 12.0, 100.0])
@pytest.mark.parametrize("sign", [-1, 1])
def test_scores_far_from_nought_overflow_nothing(size: float, sign: int) -> None:
    torch.manual_seed(3)
    query = torch.rand(1, 2, 6, 16) * size
    key, value = sign * torch.rand(1, 2, 6, 16) * size, torch.randn(1, 2, 6, 16)
    found, _ = attend(None, query, key, value, None)
    assert found == pytest.approx(_reference(query, key, value, None), rel=1e-3, abs=1e-3)


def test_values_that_would_overflow_beside_large_scores_do_not() -> None:
    query = key = torch.full((1, 1, 5, 16), 4.5)  # each score is 81: the sum of their exponentials is a float32
    value = torch.randn(1, 1, 5, 16) * 1e6
    found, _ = attend(None, query, key, value, None)
    assert found == pytest.approx(_reference(query, key, value, None), rel=1e-3, abs=1)


@pytest.mark.parametrize("scale", [1.0, 50.0])
def test_a_row_that_sees_nothing_gives_numbers(scale: float) -> None:
    query, key, value = (torch.randn(1, 1, 4, 8) * scale for _ in range(3))
    found, _ = attend(None, query, key, value, torch.zeros(1, 1, 4, 4, dtype=torch.bool))
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_a_model_gives_the_same_with_it(kind: str) -> None:
    model = tiny_model(kind, "QuestionAnswering")
    ids = torch.arange(4, 24).reshape(2, 10)
    mask = torch.ones(2, 10, dtype=torch.long)
    mask[1, 6:] = 0
    with torch.inference_mode():
        before = model(input_ids=ids, attention_mask=mask).start_logits
        use_cpu_attention(model)
        after = model(input_ids=ids, attention_mask=mask).start_logits
    assert model.config._attn_implementation == NAME
    assert after[mask.bool()] == pytest.approx(before[mask.bool()], abs=1e-4)
