import json
from pathlib import Path

import pytest

from assistant.errors import ModelError
from assistant.models.validation import check_adapter, check_base


@pytest.fixture
def model(tmp_path: Path, tiny_weights: bytes) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (folder / "model.safetensors").write_bytes(tiny_weights)
    return folder


def test_a_whole_folder_passes(model: Path):
    check_base(model)


def test_a_folder_without_a_configuration_is_refused(model: Path):
    (model / "config.json").unlink()
    with pytest.raises(ModelError, match=r"has no config\.json"):
        check_base(model)


def test_pickled_weights_are_refused_with_the_way_out(model: Path):
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"only as pytorch_model\.bin.*convert it to safetensors"):
        check_base(model)


def test_a_model_with_code_of_its_own_is_refused(model: Path):
    (model / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "modeling.Evil"}}))
    with pytest.raises(ModelError, match="code of its own"):
        check_base(model)


@pytest.mark.parametrize("content", ["", "[]", "{", "\ud800"])
def test_a_configuration_that_is_no_object_is_refused(model: Path, content: str):
    (model / "config.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(ModelError, match=r"config\.json"):
        check_base(model)


def test_a_file_cut_short_is_named(model: Path, tiny_weights: bytes):
    (model / "model.safetensors").write_bytes(tiny_weights[:-1])
    with pytest.raises(ModelError, match=r"model\.safetensors is damaged or cut short"):
        check_base(model)


def test_a_missing_shard_is_named(model: Path):
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match=r"model-00002-of-00002\.safetensors"):
        check_base(model)


@pytest.mark.parametrize("name", ["../other.safetensors", "/etc/passwd", "..\\other.safetensors", 7])
def test_an_index_that_points_out_of_its_folder_is_refused(model: Path, name: object):
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(ModelError, match="outside its folder"):
        check_base(model)


def test_a_message_never_carries_an_escape_sequence(tmp_path: Path):
    with pytest.raises(ModelError) as caught:
        check_base(tmp_path / "evil\x1b[2J")
    assert "\x1b" not in str(caught.value)


def test_an_adapter_needs_its_weights_in_safetensors(tmp_path: Path):
    (tmp_path / "adapter_config.json").write_text("{}")
    (tmp_path / "adapter_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelError, match=r"only as adapter_model\.bin"):
        check_adapter(tmp_path)


def test_an_adapter_that_names_classes_of_its_own_is_refused(tmp_path: Path, tiny_weights: bytes):
    (tmp_path / "adapter_config.json").write_text(json.dumps({"auto_mapping": {"parent_library": "evil"}}))
    (tmp_path / "adapter_model.safetensors").write_bytes(tiny_weights)
    with pytest.raises(ModelError, match="never imported"):
        check_adapter(tmp_path)


@pytest.mark.parametrize("content", ['{"id2label": 5}', '{"hidden_size": -Infinity}', '{"vocab_size": -1e999}'])
def test_sizes_that_are_none_are_no_fault_in_the_program(model: Path, content: str):
    (model / "config.json").write_text(content)
    check_base(model)


@pytest.mark.parametrize("content", ['{"r": Infinity}', '{"rank_pattern": {"query": -Infinity}}'])
def test_an_adapter_of_an_infinite_rank_is_refused(tmp_path: Path, tiny_weights: bytes, content: str):
    (tmp_path / "adapter_config.json").write_text(content)
    (tmp_path / "adapter_model.safetensors").write_bytes(tiny_weights)
    with pytest.raises(ModelError, match="far larger adapter"):
        check_adapter(tmp_path)
