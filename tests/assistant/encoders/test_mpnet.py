import copy
import threading
from typing import Any

import pytest
import torch

from assistant.encoders.cpu.attention import NAME, attend
from assistant.encoders.cpu.eight_bits import layers_in_8_bits, measure_ranges, put_in_8_bits
from assistant.encoders.cpu.first_token import only_first_token
from assistant.encoders.cpu.linear import fuse_linear_layers
from assistant.encoders.cpu.use import use_cpu_attention
from tests.conftest import tiny_model

HEADS = ("QuestionAnswering", "SequenceClassification", "")
with_onednn = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch was built without oneDNN")


def _inputs(*lengths: int) -> dict[str, torch.Tensor]:
    """Windows of these lengths as one batch, padded to the longest."""
    torch.manual_seed(5)
    length = max(lengths)
    mask = (torch.arange(length) < torch.tensor(lengths)[:, None]).long()
    ids = torch.randint(5, 60, (len(lengths), length)) * mask + (1 - mask)  # token 1 is the padding
    return {"input_ids": ids, "attention_mask": mask}


def _read(model: Any, inputs: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """What a model says of the tokens that are no padding, in float32."""
    with torch.inference_mode():
        output = model(**inputs)
    seen = inputs["attention_mask"].bool()
    names = [name for name in ("start_logits", "end_logits", "logits", "last_hidden_state") if name in output]
    assert names
    return [output[name].float() if name == "logits" else output[name].float()[seen] for name in names]


def _assert_close(found: list[torch.Tensor], wanted: list[torch.Tensor], tolerance: float) -> None:
    for ours, theirs in zip(found, wanted, strict=True):
        assert float((ours - theirs).abs().max()) <= tolerance * float(theirs.abs().max())


def _ours(model: Any) -> Any:
    quick = copy.deepcopy(model)
    use_cpu_attention(quick)
    assert quick.config._attn_implementation == NAME
    return quick


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("lengths", [(1,), (24,), (300,), (512,), (40, 17, 1), (130, 129, 128, 20, 5)])
def test_it_says_what_the_model_of_transformers_says(head: str, lengths: tuple[int, ...]) -> None:
    model = tiny_model("mpnet", head)
    quick, inputs = _ours(model), _inputs(*lengths)
    _assert_close(_read(quick, inputs), _read(model, inputs), 1e-4)


def test_one_bias_serves_windows_of_all_lengths_in_any_order() -> None:
    model = tiny_model("mpnet", "QuestionAnswering")
    quick = _ours(model)
    for lengths in ((30,), (12, 9), (200,), (31,), (200, 3)):
        inputs = _inputs(*lengths)
        _assert_close(_read(quick, inputs), _read(model, inputs), 1e-4)
    assert quick.mpnet.encoder._longest.shape[-1] == 200


def test_the_bias_is_made_anew_where_the_number_format_changes() -> None:
    model = tiny_model("mpnet", "QuestionAnswering")
    quick, inputs = _ours(model), _inputs(30, 11)
    _read(quick.bfloat16(), inputs)
    rounded = model.bfloat16().float()
    _assert_close(_read(quick.float(), inputs), _read(rounded, inputs), 1e-4)


@pytest.mark.parametrize("heads", [1, 2, 12])
@pytest.mark.parametrize("windows, length", [(1, 384), (3, 200), (5, 31), (40, 60), (2, 512)])
def test_scores_are_taken_in_steps_that_fit_the_bias_of_each_head(heads: int, windows: int, length: int) -> None:
    torch.manual_seed(2)
    query, key, value = (torch.randn(windows, heads, length, 8) for _ in range(3))
    bias = torch.randn(1, heads, length, length)
    mask = (torch.arange(length) < torch.randint(1, length + 1, (windows,))[:, None])[:, None, None, :]
    with torch.inference_mode():
        found, _ = attend(None, query, key, value, mask, position_bias=bias)
        added = bias.masked_fill(~mask, -torch.inf)
        wanted = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=added).transpose(1, 2)
    assert float((found - wanted).abs().max()) < 1e-4


@pytest.mark.parametrize("size", [80.0, 500.0])
def test_a_bias_that_overflows_the_quick_way_is_computed_the_long_way(size: float) -> None:
    torch.manual_seed(2)
    query, key, value = (torch.randn(2, 2, 20, 8) for _ in range(3))
    bias = torch.randn(1, 2, 20, 20) * size
    mask = (torch.arange(20) < torch.tensor([20, 7])[:, None])[:, None, None, :]
    found, _ = attend(None, query, key, value, mask, position_bias=bias)
    added = bias.masked_fill(~mask, -torch.inf)
    wanted = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=added).transpose(1, 2)
    assert float((found - wanted).abs().max()) < 1e-3


@with_onednn
def test_in_bfloat16_it_is_as_near_to_float32_as_that_of_transformers() -> None:
    model = tiny_model("mpnet", "QuestionAnswering", initializer_range=0.2)
    inputs = _inputs(90, 60, 33)
    wanted, theirs = _read(model, inputs), copy.deepcopy(model).bfloat16()
    quick = _ours(theirs)
    fuse_linear_layers(quick)
    layer = quick.mpnet.encoder.layer[0]
    for part in (layer.attention.attn.q, layer.attention.attn.o, layer.intermediate.dense, layer.output.dense):
        assert type(part) is not torch.nn.Linear
    assert isinstance(layer.intermediate.intermediate_act_fn, torch.nn.Identity)
    for ours, peer, exact in zip(_read(quick, inputs), _read(theirs, inputs), wanted, strict=True):
        assert float((ours - exact).square().mean()) < 2 * float((peer - exact).square().mean())


@with_onednn
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_in_8_bits_it_says_about_what_it_said(dtype: torch.dtype) -> None:
    model = tiny_model("mpnet", "QuestionAnswering", initializer_range=0.2).to(dtype)
    inputs = _inputs(40, 25)
    quick = _ours(model)
    fuse_linear_layers(quick)
    ranges = measure_ranges(quick, lambda: _read(quick, inputs))
    assert "mpnet.encoder.layer.0.attention.attn.q" in ranges
    put_in_8_bits(quick, ranges)
    assert layers_in_8_bits(quick) == 2 * 5, "queries, keys, values, what joins the heads, and what widens"
    found = _read(quick, inputs)
    _assert_close(found, _read(model, inputs), 0.06)
    assert not torch.equal(found[0], _read(model, inputs)[0])


def test_a_classifier_computes_its_last_layer_for_the_first_token_alone() -> None:
    model = tiny_model("mpnet", "SequenceClassification", num_labels=3)
    quick = _ours(model)
    only_first_token(quick)
    lengths: list[int] = []
    for layer in quick.mpnet.encoder.layer:
        layer.output.register_forward_hook(lambda module, inputs, output: lengths.append(output.shape[1]))
    for rows in ((12, 7), (30,)):
        inputs = _inputs(*rows)
        _assert_close(_read(quick, inputs), _read(model, inputs), 1e-4)
    assert lengths == [12, 1, 30, 1]


def test_a_classifier_that_attends_as_transformers_does_is_left_alone() -> None:
    model = tiny_model("mpnet", "SequenceClassification")
    before = model.mpnet.encoder.layer[-1].attention
    only_first_token(model)
    assert model.mpnet.encoder.layer[-1].attention is before


def test_weights_keep_their_names_and_their_memory() -> None:
    model = tiny_model("mpnet", "QuestionAnswering").bfloat16()
    before = dict(model.named_parameters())
    use_cpu_attention(model)
    fuse_linear_layers(model)
    after = dict(model.named_parameters())
    assert before.keys() == after.keys()
    assert all(after[name].data_ptr() == tensor.data_ptr() for name, tensor in before.items())


def test_hidden_states_are_given_where_they_are_asked_for() -> None:
    model, inputs = tiny_model("mpnet", ""), _inputs(20, 9)
    seen = inputs["attention_mask"].bool()
    quick = _ours(model)
    with torch.inference_mode():
        found, wanted = (each(**inputs, output_hidden_states=True).hidden_states for each in (quick, model))
    _assert_close([each[seen] for each in found], [each[seen] for each in wanted], 1e-4)


def test_threads_that_begin_with_windows_of_different_lengths_say_the_same_as_one() -> None:
    model = _ours(tiny_model("mpnet", "QuestionAnswering"))
    batches = [_inputs(length, 5) for length in (80, 30, 120, 64)]
    wanted = [_read(copy.deepcopy(model), batch)[0] for batch in batches]
    found: dict[int, torch.Tensor] = {}
    threads = [
        threading.Thread(target=lambda at=at: found.update({at: _read(model, batches[at])[0]}))
        for at in range(len(batches))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(found[at], wanted[at]) for at in range(len(batches)))
