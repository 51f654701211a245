import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.models.attention import NAME, attend, use_cpu_attention
from tests.conftest import tiny_model


def _reference(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    return torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(1, 2)


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
