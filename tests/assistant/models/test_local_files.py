"""GGUF files where they lie: by path, and by the names that Ollama and LM Studio have for them."""

import hashlib
import json
import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.errors import AssistantError, ModelError, StoreError, UsageError
from assistant.models.catalogue import Catalogue, ModelSpec
from assistant.models.gguf_header import read_header
from assistant.models.store import ModelStore

WriteGguf = Callable[..., Path]


@pytest.fixture
def store(tmp_path: Path, catalogue_of: Callable[..., Catalogue]) -> ModelStore:
    return ModelStore(tmp_path / "cache", catalogue_of())


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("OLLAMA_MODELS", raising=False)
    return folder


@pytest.fixture
def mine(tmp_path: Path, tiny_gguf: bytes) -> Path:
    path = tmp_path / "my model.Q4_1.gguf"
    path.write_bytes(tiny_gguf)
    return path


def descriptions(store: ModelStore) -> list[Path]:
    return [path for path in (store.cache / "described").iterdir() if not path.name.startswith(".")]


# --- by path


def test_a_gguf_file_is_described_once_and_used_where_it_lies(store: ModelStore, mine: Path, tiny_gguf: bytes):
    stages: list[str] = []
    resolved = store.resolve(str(mine), lambda progress: stages.append(progress.stage))
    assert (resolved.name, resolved.gguf, resolved.adapter) == ("my model.Q4_1", mine, None)
    assert {path.name for path in resolved.base.iterdir()} == {
        "config.json", "generation_config.json", "manifest.json", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    assert stages == ["reading the header of my model.Q4_1"]
    assert store.resolve(ModelSpec(str(mine)), lambda progress: stages.append(progress.stage)) == resolved
    assert len(stages) == 1
    assert mine.read_bytes() == tiny_gguf
    assert store.is_ready(str(mine))
    assert store.path(str(mine)) == mine


def test_a_file_that_has_changed_is_described_again_and_the_former_description_goes(
    store: ModelStore, mine: Path, write_gguf: WriteGguf
):
    before = store.resolve(str(mine)).base
    write_gguf(mine, splitting="qwen2")
    after = store.resolve(str(mine)).base
    assert after != before
    assert descriptions(store) == [after]


def test_a_folder_with_one_gguf_file_stands_for_it(store: ModelStore, tmp_path: Path, tiny_gguf: bytes):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "only.gguf").write_bytes(tiny_gguf)
    assert store.resolve(str(tmp_path / "folder")).gguf == tmp_path / "folder" / "only.gguf"


def test_removing_a_gguf_file_frees_its_description_and_leaves_the_file(store: ModelStore, mine: Path):
    store.resolve(str(mine))
    assert store.remove(str(mine)) > 0
    assert descriptions(store) == []
    assert mine.is_file()


def test_an_architecture_that_is_not_known_is_named_in_one_line(
    store: ModelStore, tmp_path: Path, write_gguf: WriteGguf
):
    other = write_gguf(tmp_path / "other.gguf", architecture="mamba")
    with pytest.raises(StoreError, match="'mamba'") as caught:
        store.resolve(str(other))
    assert "\n" not in str(caught.value)
    assert descriptions(store) == []


def test_a_file_that_is_not_there_is_said_to_be_missing(store: ModelStore):
    with pytest.raises(ModelError, match=r"there is no file nowhere\.gguf"):
        store.resolve("nowhere.gguf")


# --- the header


def test_the_header_tells_the_architecture_and_the_size(mine: Path):
    header = read_header(mine)
    assert (header.architecture, header.tensors, header.parts) == ("llama", 20, 1)
    assert header.parameters == 78_464


def key_value(key: str, kind: int, value: bytes) -> bytes:
    return struct.pack("<Q", len(key)) + key.encode() + struct.pack("<I", kind) + value


def header(tensors: int = 0, keys: int = 0, rest: bytes = b"", version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys) + rest


ARCHITECTURE = key_value("general.architecture", 8, struct.pack("<Q", 5) + b"llama")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "cut short"),
        (b"PK\3\4 something else", "does not begin as one"),
        (header(version=1), "its version is 1"),
        (header(tensors=1 << 60), "tensors"),
        (header(keys=1 << 60), "keys"),
        (header(keys=1, rest=struct.pack("<Q", 1 << 50)), "a text of"),
        (header(keys=1, rest=key_value("a", 8, struct.pack("<Q", 1 << 50))), "a text of"),
        (header(keys=1, rest=key_value("a", 9, struct.pack("<IQ", 4, 1 << 50))), "elements of an array"),
        (header(keys=1, rest=key_value("a", 9, struct.pack("<IQ", 4, 3_000_000))), "cut short"),
        (header(keys=1, rest=key_value("a", 9, struct.pack("<IQ", 9, 1))), "unknown type, 9"),
        (header(keys=1, rest=key_value("a", 99, b"")), "unknown type, 99"),
        (header(), "does not name an architecture"),
        (
            header(1, 1, ARCHITECTURE + struct.pack("<Q1sIQQIQ", 1, b"x", 2, 1 << 31, 1 << 31, 0, 0)),
            "no room for",
        ),
        (header(1, 1, ARCHITECTURE + struct.pack("<Q1sI", 1, b"x", 200)), "200 dimensions"),
    ],
)
def test_a_header_that_cannot_be_is_refused_at_once(store: ModelStore, tmp_path: Path, content: bytes, why: str):
    (tmp_path / "bad.gguf").write_bytes(content)
    with pytest.raises(ModelError, match=rf"bad\.gguf is no GGUF file that can be used .*{why}") as caught:
        store.resolve(str(tmp_path / "bad.gguf"))
    assert "\n" not in str(caught.value)


def test_one_of_several_parts_of_a_model_is_refused(store: ModelStore, tmp_path: Path):
    split = key_value("split.count", 2, struct.pack("<H", 3))
    (tmp_path / "part.gguf").write_bytes(header(0, 2, ARCHITECTURE + split))
    with pytest.raises(ModelError, match="one of 3 parts"):
        store.resolve(str(tmp_path / "part.gguf"))


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_file_is_one_error_or_a_model(store: ModelStore, mine: Path, tiny_gguf: bytes, seed: int):
    chance = random.Random(seed)
    content = bytearray(tiny_gguf)
    for _ in range(8):
        content[chance.randrange(12_000)] = chance.randrange(256)
    mine.write_bytes(content[: chance.choice([len(content), 8_000, 2_000])])
    try:
        store.resolve(str(mine))
    except AssistantError as error:
        assert "\n" not in str(error)


# --- Ollama


def pull_in_ollama(folder: Path, name: tuple[str, ...], content: bytes) -> Path:
    """What `ollama pull` leaves of a model."""
    digest = hashlib.sha256(content).hexdigest()
    blob = folder / "blobs" / f"sha256-{digest}"
    blob.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(content)
    manifest = folder.joinpath("manifests", *name)
    manifest.parent.mkdir(parents=True, exist_ok=True)
    layers = [
        {"mediaType": "application/vnd.ollama.image.license", "digest": f"sha256:{'0' * 64}", "size": 1},
        {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}", "size": len(content)},
    ]
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": layers}))
    return blob


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("ollama:tiny", ("registry.ollama.ai", "library", "tiny", "latest")),
        ("ollama:tiny:1b", ("registry.ollama.ai", "library", "tiny", "1b")),
        ("ollama:me/tiny:1b", ("registry.ollama.ai", "me", "tiny", "1b")),
        ("ollama:hf.co/me/tiny:Q4_K_M", ("hf.co", "me", "tiny", "Q4_K_M")),
    ],
)
def test_a_model_of_ollama_is_used_from_its_folder(
    store: ModelStore, home: Path, tiny_gguf: bytes, name: str, place: tuple[str, ...]
):
    blob = pull_in_ollama(home / ".ollama" / "models", place, tiny_gguf)
    resolved = store.resolve(name)
    assert (resolved.name, resolved.gguf) == (name, blob)
    assert (resolved.base / "config.json").is_file()


def test_ollamas_folder_may_be_elsewhere(
    store: ModelStore, home: Path, tmp_path: Path, tiny_gguf: bytes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "elsewhere"))
    blob = pull_in_ollama(tmp_path / "elsewhere", ("registry.ollama.ai", "library", "tiny", "latest"), tiny_gguf)
    assert store.resolve("ollama:tiny").gguf == blob


def test_a_wrong_name_of_ollama_is_answered_with_the_nearest_right_one(store: ModelStore, home: Path, tiny_gguf: bytes):
    with pytest.raises(ModelError, match=r"no model of Ollama on this machine.*OLLAMA_MODELS"):
        store.resolve("ollama:tiny")
    blob = pull_in_ollama(home / ".ollama" / "models", ("registry.ollama.ai", "library", "tiny", "1b"), tiny_gguf)
    with pytest.raises(ModelError, match="did you mean tiny:1b"):
        store.resolve("ollama:tiny:2b")
    blob.unlink()
    with pytest.raises(ModelError, match="ollama pull tiny:1b"):
        store.resolve("ollama:tiny:1b")


@pytest.mark.parametrize("name", ["ollama:", "ollama:../../x", "ollama:a b", "ollama:a/../b:c", "ollama:a:../b"])
def test_a_name_that_leads_out_of_ollamas_folder_is_refused(store: ModelStore, home: Path, name: str):
    with pytest.raises(UsageError, match="names no model of Ollama"):
        store.resolve(name)


@pytest.mark.parametrize(
    "content", ["", "[]", '{"layers": 3}', '{"layers": [{"digest": "sha256:../../x"}]}', "[" * 9_000]
)
def test_a_broken_manifest_of_ollama_is_one_error(store: ModelStore, home: Path, content: str):
    manifest = home / ".ollama/models/manifests/registry.ollama.ai/library/tiny/latest"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(content)
    with pytest.raises(ModelError, match="tiny") as caught:
        store.resolve("ollama:tiny")
    assert "\n" not in str(caught.value)


# --- LM Studio


@pytest.fixture(params=[".lmstudio/models", ".cache/lm-studio/models", "moved/models"])
def lm_studio(request: pytest.FixtureRequest, home: Path) -> Path:
    """LM Studio's folder, in each of the places where it has been."""
    folder = home / str(request.param)
    folder.mkdir(parents=True)
    if folder.parent.name == "moved":
        (home / ".lmstudio-home-pointer").write_text(f"{folder.parent}\n")
    return folder


def test_a_model_of_lm_studio_is_found_by_its_name_or_a_part_of_it(
    store: ModelStore, lm_studio: Path, tiny_gguf: bytes
):
    for name in ("me/tiny-GGUF/tiny-Q4_K_M.gguf", "me/tiny-GGUF/tiny-Q8_0.gguf", "me/tiny-GGUF/mmproj-tiny.gguf"):
        (lm_studio / name).parent.mkdir(parents=True, exist_ok=True)
        (lm_studio / name).write_bytes(tiny_gguf)
    resolved = store.resolve("lmstudio:me/tiny-GGUF/tiny-Q8_0.gguf")
    assert (resolved.name, resolved.gguf) == ("tiny-Q8_0", lm_studio / "me/tiny-GGUF/tiny-Q8_0.gguf")
    assert store.resolve("lmstudio:q4_k_m").gguf == lm_studio / "me/tiny-GGUF/tiny-Q4_K_M.gguf"
    with pytest.raises(UsageError, match=r"2 files of LM Studio; choose one of .*Q4_K_M.gguf, .*Q8_0.gguf"):
        store.resolve("lmstudio:tiny")
    with pytest.raises(ModelError, match="LM Studio has no model 'large'"):
        store.resolve("lmstudio:large")


def test_without_lm_studio_its_names_are_one_error(store: ModelStore, home: Path):
    with pytest.raises(ModelError, match="no model of LM Studio on this machine"):
        store.resolve("lmstudio:tiny")


def test_a_description_that_cannot_be_written_is_one_error(store: ModelStore, mine: Path):
    store.cache.mkdir()
    (store.cache / "described").write_text("a file where the folder would be")
    with pytest.raises(StoreError, match="ASSISTANT_CACHE"):
        store.resolve(str(mine))
    assert mine.stat().st_size > 0
