import pytest
import torch

from assistant.encoders.cpu.first_token import only_first_token
from assistant.encoders.cpu.use import use_cpu_attention
from tests.conftest import tiny_model

IDS = torch.arange(4, 24).reshape(2, 10)
MASK = torch.tensor([[1] * 10, [1] * 6 + [0] * 4])


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_a_classifier_gives_the_same_when_its_last_layer_sees_the_first_token_alone(kind: str) -> None:
    model = tiny_model(kind, "SequenceClassification")
    last = model.base_model.encoder.layer[-1].output
    lengths: list[int] = []
    last.register_forward_hook(lambda module, inputs, output: lengths.append(output.shape[1]))
    with torch.inference_mode():
        before = model(input_ids=IDS, attention_mask=MASK).logits
        use_cpu_attention(model)
        only_first_token(model)
        after = model(input_ids=IDS, attention_mask=MASK).logits
        unpadded = model(input_ids=IDS).logits
    assert lengths == [10, 1, 1]
    assert after == pytest.approx(before, abs=1e-5)
    assert unpadded[0] == pytest.approx(before[0], abs=1e-5)


def test_a_model_that_attends_otherwise_is_left_alone() -> None:
    model = tiny_model("bert", "SequenceClassification")
    before = model.base_model.encoder.layer[-1].attention.forward
    only_first_token(model)
    assert model.base_model.encoder.layer[-1].attention.forward == before
