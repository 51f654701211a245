import copy
from typing import Any

import pytest
import torch

from assistant.encoders.cpu.linear import fuse_linear_layers
from tests.conftest import tiny_model


def _in_bfloat16(kind: str, **config: Any) -> Any:
    return tiny_model(kind, "SequenceClassification", **config).to(torch.bfloat16)


def _same_layers(fused: Any, model: Any) -> None:
    """The parts of the first layer give the same, but for the last digit of a bfloat16."""
    ours, theirs = fused.base_model.encoder.layer[0], model.base_model.encoder.layer[0]
    torch.manual_seed(1)
    states = torch.randn(2, 10, model.config.hidden_size, dtype=torch.bfloat16)
    with torch.inference_mode():
        for part in ("attention.self.query", "attention.output.dense", "intermediate"):
            found, wanted = ours.get_submodule(part)(states), theirs.get_submodule(part)(states)
            assert found.float() == pytest.approx(wanted.float(), rel=0.01, abs=0.01)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch was built without oneDNN")
@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_fused_layers_give_what_the_layers_gave(kind: str) -> None:
    model = _in_bfloat16(kind)
    fused = copy.deepcopy(model)
    fuse_linear_layers(fused)
    layer = fused.base_model.encoder.layer[0].intermediate
    assert type(layer.dense) is not torch.nn.Linear
    assert isinstance(layer.intermediate_act_fn, torch.nn.Identity)
    _same_layers(fused, model)
    assert fused.state_dict().keys() == model.state_dict().keys()


@pytest.mark.parametrize("activation", ["relu", "gelu_new"])
def test_an_activation_that_is_no_exact_gelu_stays(activation: str) -> None:
    model = _in_bfloat16("bert", hidden_act=activation)
    fused = copy.deepcopy(model)
    fuse_linear_layers(fused)
    assert not isinstance(fused.base_model.encoder.layer[0].intermediate.intermediate_act_fn, torch.nn.Identity)
    _same_layers(fused, model)


def test_a_float32_model_is_left_alone() -> None:
    model = tiny_model("bert", "SequenceClassification")
    fuse_linear_layers(model)
    assert all(type(module) is torch.nn.Linear for module in model.modules() if isinstance(module, torch.nn.Linear))
