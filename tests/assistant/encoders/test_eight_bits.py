import copy
import json
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from assistant.encoders.cpu import eight_bits
from assistant.encoders.cpu.eight_bits import (
    layers_in_8_bits,
    load_ranges,
    measure_ranges,
    parameters_of,
    put_in_8_bits,
    save_ranges,
)
from assistant.encoders.cpu.linear import fuse_linear_layers
from assistant.encoders.precision import eight_bits_pay
from assistant.errors import ModelError
from assistant.loading.reader import load_reader
from assistant.loading.verifier import load_verifier
from assistant.models.store import ResolvedModel
from tests.conftest import NLI_LABELS, bert_tokenizer, tiny_model

pytestmark = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch was built without oneDNN")
INPUTS = {"input_ids": torch.arange(3, 27).view(2, 12), "attention_mask": torch.ones(2, 12, dtype=torch.long)}


def _reader(**config: Any) -> Any:
    # Weights of a usual size: those of other tests are so large that any rounding moves the answer.
    return tiny_model("bert", "QuestionAnswering", initializer_range=0.2, **config)


def _read(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        logits: torch.Tensor = model(**INPUTS).start_logits
    return logits.float()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_a_model_in_8_bits_says_about_what_it_said(dtype: torch.dtype, activation: str) -> None:
    model = _reader(hidden_act=activation).to(dtype)
    before = _read(model)
    fuse_linear_layers(model)
    put_in_8_bits(model, measure_ranges(model, lambda: _read(model)))
    assert layers_in_8_bits(model) == 2 * 5, "queries, keys, values, what joins the heads, and what widens"
    after = _read(model)
    assert not torch.equal(before, after)
    assert float((before - after).abs().max()) < 0.05 * float(before.abs().max())


def test_a_model_in_8_bits_has_as_many_parameters_as_before() -> None:
    model = _reader()
    before = parameters_of(model)
    assert before == sum(tensor.numel() for tensor in model.parameters())
    put_in_8_bits(model, measure_ranges(model, lambda: _read(model)))
    assert parameters_of(model) == before


def test_a_layer_without_a_bias_has_none() -> None:
    layers = torch.nn.Sequential(torch.nn.Linear(8, 16, bias=False)).requires_grad_(False)
    with torch.inference_mode():
        wanted = layers(torch.eye(8))
        put_in_8_bits(layers, {"0": (0.0, 1.0)})
        assert layers(torch.eye(8)) == pytest.approx(wanted, abs=0.01)


def test_what_lies_beyond_the_range_counts_as_its_end() -> None:
    layers = torch.nn.Sequential(torch.nn.Linear(4, 4)).requires_grad_(False)
    put_in_8_bits(layers, {"0": (-1.0, 2.0)})
    with torch.inference_mode():
        assert torch.equal(layers(torch.full((1, 4), 50.0)), layers(torch.full((1, 4), 2.0)))
        assert torch.equal(layers(torch.full((1, 4), -50.0)), layers(torch.full((1, 4), -1.0)))


def test_batches_that_run_side_by_side_keep_their_own_inputs() -> None:
    model = _reader()
    put_in_8_bits(model, measure_ranges(model, lambda: _read(model)))
    wanted = _read(model)
    found: list[torch.Tensor] = []

    def work() -> None:
        for _ in range(20):
            found.append(_read(model))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 80 and all(torch.equal(each, wanted) for each in found)


def test_heads_and_layers_that_narrow_have_no_range() -> None:
    model = _reader()
    ranges = measure_ranges(model, lambda: _read(model))
    assert {name.split(".")[3] for name in ranges} == {"0", "1"}
    assert not any(name.endswith("output.dense") and "attention" not in name for name in ranges)
    assert all(low < 0 < high for low, high in ranges.values())


def test_a_layer_whose_inputs_no_single_scale_fits_has_no_range() -> None:
    model = _reader()
    layer = "bert.encoder.layer.0.intermediate.dense"
    norm = model.bert.encoder.layer[0].attention.output.LayerNorm
    assert layer in measure_ranges(model, lambda: _read(model))
    with torch.no_grad():
        norm.weight.zero_()
        norm.bias.zero_()
    assert layer not in measure_ranges(model, lambda: _read(model)), "nothing but zeros come in"
    seen = eight_bits._Seen()
    seen.see(None, (torch.cat([torch.randn(10_000), torch.tensor([500.0])]),))
    assert not seen.fits, "one step would be larger than what most of them are"


def test_ranges_come_back_as_they_were_saved(tmp_path: Path) -> None:
    assert load_ranges(tmp_path) == {}
    save_ranges({"a.b": (-1.25, 3.0)}, tmp_path)
    assert load_ranges(tmp_path) == {"a.b": (-1.25, 3.0)}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"a": 1}',
        '{"a": [1]}',
        '{"a": [2, 1]}',
        '{"a": [NaN, 1]}',
        '{"a": [0, 1e999]}',
        '{"a": [1, 2]}',
        '{"a": [-2, -1]}',
        '{"a": [0, 1e-320]}',
        '{"a": "xy"}',
    ],
)
def test_damaged_ranges_are_one_clear_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "ranges.json").write_text(content)
    with pytest.raises(ModelError, match=r"ranges\.json"):
        load_ranges(tmp_path)


def _saved(model: Any, folder: Path) -> ResolvedModel:
    model.save_pretrained(folder)
    bert_tokenizer().save_pretrained(folder)
    return ResolvedModel("tiny", folder)


def test_a_reader_runs_in_8_bits_where_its_folder_says_how_and_it_pays(tmp_path: Path) -> None:
    model = _reader()
    resolved = _saved(model, tmp_path)
    assert layers_in_8_bits(load_reader(resolved).model) == 0
    ranges = measure_ranges(model, lambda: _read(model))
    save_ranges(ranges, tmp_path)
    reader = load_reader(resolved)
    assert layers_in_8_bits(reader.model) == (len(ranges) if eight_bits_pay()[0] else 0)
    assert layers_in_8_bits(load_reader(resolved, eight_bits=False).model) == 0


def test_a_verifier_in_8_bits_says_about_what_it_said(tmp_path: Path) -> None:
    tiny_model(
        "bert", "SequenceClassification", num_labels=3, id2label=NLI_LABELS, initializer_range=0.2
    ).save_pretrained(tmp_path)
    bert_tokenizer().save_pretrained(tmp_path)
    verifier = load_verifier(ResolvedModel("tiny", tmp_path))
    pairs = [("The forest covers 5.5 million square kilometers.", "It is large."), ("Marie Curie wrote it.", "He did.")]
    before = verifier.probabilities(pairs)
    put_in_8_bits(verifier.model, measure_ranges(verifier.model, lambda: verifier.probabilities(pairs)))
    for first, second in zip(before, verifier.probabilities(pairs), strict=True):
        assert first == pytest.approx(second, abs=0.05) and first != second


def test_ranges_of_another_model_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resolved = _saved(_reader(), tmp_path)
    (tmp_path / "ranges.json").write_text(json.dumps({"bert.encoder.layer.7.attention.self.query": [-1, 1]}))
    monkeypatch.setattr(eight_bits, "eight_bits_pay", lambda: (True, "a test wants it"))  # whatever this machine is
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_reader(resolved)


def test_ranges_of_what_is_no_linear_layer_are_refused() -> None:
    model = _reader()
    with pytest.raises(AttributeError):
        put_in_8_bits(copy.deepcopy(model), {"bert.embeddings.word_embeddings": (-1.0, 1.0)})
