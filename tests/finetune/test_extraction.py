"""Weights that are trained themselves, and what is kept of them: an adapter on the base."""

from typing import Any

import pytest
import torch

from assistant.errors import UsageError
from finetune.recipe import Lora
from finetune.recipe_files import load_recipe
from finetune.trainer.lora_from_weights import as_adapter, with_weights_to_train
from tests.conftest import tiny_model

_TARGETS = r".*layer\.\d+\..*(query|key|value|dense)"
_LARGEST = 64  # no weight of the tiny model has a higher rank


def _lora(rank: int, **changes: Any) -> Lora:
    return Lora(r=rank, alpha=3 * rank, targets=_TARGETS, modules_to_save=["qa_outputs"], **changes)


def _model() -> Any:
    return tiny_model("bert", "QuestionAnswering")


def _changed(lora: Lora) -> Any:
    """A model whose trained weights have moved away from the base's."""
    model = with_weights_to_train(_model(), lora, "QUESTION_ANS")
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.add_(0.1 * torch.randn_like(weight))
    return model


def _answers(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        found = model(input_ids=torch.arange(5, 25)[None])
    return torch.cat([found.start_logits, found.end_logits])


def _distance(model: Any, other: Any) -> float:
    weights = dict(other.named_parameters())
    return (
        sum(float((weight - weights[name]).detach().square().sum()) for name, weight in model.named_parameters()) ** 0.5
    )


def test_only_the_weights_that_an_adapter_would_change_are_trained() -> None:
    model = with_weights_to_train(_model(), _lora(2), "QUESTION_ANS")
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert {"qa_outputs.weight", "qa_outputs.bias", "bert.encoder.layer.0.attention.self.query.weight"} <= trained
    assert all("layer." in name and name.endswith(".weight") for name in trained if not name.startswith("qa_outputs"))
    assert not any("embeddings" in name or "LayerNorm" in name for name in trained)


def test_an_adapter_of_full_rank_is_the_trained_model() -> None:
    trained = _changed(_lora(_LARGEST))
    kept = as_adapter(trained, _model(), _lora(_LARGEST), "QUESTION_ANS")
    assert not torch.allclose(_answers(_model()), _answers(trained), atol=1e-2)
    torch.testing.assert_close(_answers(kept), _answers(trained), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(_answers(kept.merge_and_unload()), _answers(trained), atol=1e-4, rtol=1e-4)


def test_the_higher_the_rank_the_closer_is_the_adapter(caplog: pytest.LogCaptureFixture) -> None:
    trained = _changed(_lora(1))
    caplog.set_level("INFO")
    merged = [as_adapter(trained, _model(), _lora(rank), "QUESTION_ANS").merge_and_unload() for rank in (1, 4, 16)]
    distances = [_distance(trained, model) for model in merged]
    assert distances[0] > distances[1] > distances[2] > 0
    assert distances[0] < _distance(trained, _model())
    assert "an adapter of rank 16 holds" in caplog.text


def test_the_adapter_to_start_from_may_have_another_rank(tmp_path: Any) -> None:
    first = _changed(_lora(4))
    as_adapter(first, _model(), _lora(_LARGEST), "QUESTION_ANS").save_pretrained(str(tmp_path))
    gone_on = with_weights_to_train(_model(), _lora(2, start_from=str(tmp_path)), "QUESTION_ANS")
    torch.testing.assert_close(_answers(gone_on), _answers(first), atol=1e-4, rtol=1e-4)


def test_what_is_not_there_is_one_plain_error() -> None:
    with pytest.raises(UsageError, match=r"lora.start_from: nowhere cannot be gone on from"):
        with_weights_to_train(_model(), _lora(2, start_from="nowhere"), "QUESTION_ANS")
    with pytest.raises(UsageError, match=r"lora.targets: .* is nowhere in BertForQuestionAnswering"):
        with_weights_to_train(_model(), Lora(r=1, alpha=1, targets=["c_attn"]), "QUESTION_ANS")
    with pytest.raises(UsageError, match="method extracted is for qa and nli"):
        load_recipe("code-gpt2-large", ["method=extracted"])
