"""Publishing against a stand-in for the Hub, with the Hub's own client in a process of its own."""

import ast
import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import UsageError
from finetune.recipe_files import load_recipe
from finetune.run.publish import write_space
from tests.support.hub_stand_in import Hub, serve_hub


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serve_hub() as server:
        yield server


def finetune(hub: Hub, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | hub.environment(str(folder / "hf")) | {"ASSISTANT_CACHE": str(folder / "cache")}
    return subprocess.run(
        [sys.executable, "-m", "finetune", *arguments], cwd=folder, env=environment, text=True, capture_output=True,
        timeout=800, check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_checkpoints_travel_to_another_machine_and_the_model_is_published(hub: Hub, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    run = ("run", "qa-distilbert", "--smoke", "--push-checkpoints", "me/checkpoints", "--output", "run")
    done = finetune(hub, first, *run)
    assert done.returncode == 0, done.stderr
    kept = hub.repositories["me/checkpoints"]
    assert kept.private
    assert {"checkpoint-5/optimizer.pt", "checkpoint-5/run.json", "checkpoint-5/trainer_state.json"} <= set(kept.files)
    assert not (first / "run" / ".uploading").exists()

    # The first machine is gone after half of the steps; an earlier checkpoint was better than any after it.
    kept.files = {name: content for name, content in kept.files.items() if name.startswith("checkpoint-5/")}
    best = {name.replace("checkpoint-5/", "checkpoint-3/"): content for name, content in kept.files.items()}
    state = json.loads(kept.files["checkpoint-5/trainer_state.json"])
    state |= {"best_model_checkpoint": "/gone/run/checkpoint-3", "best_global_step": 3, "best_metric": 1000.0}
    kept.files |= best | {"checkpoint-5/trainer_state.json": json.dumps(state).encode()}
    done = finetune(hub, second, *run)
    assert done.returncode == 0, done.stderr
    assert "going on from run/checkpoint-5" in done.stderr
    assert json.loads(done.stdout)["resumed_at"] == 5
    assert (second / "run" / "model" / "model.safetensors").read_bytes() == best["checkpoint-3/model.safetensors"]

    done = finetune(hub, second, "push", "run", "--repo", "me/reader", "--space", "me/chat")
    assert done.returncode == 0, done.stderr
    assert f"{hub.url}/me/reader" in done.stdout and "ASSISTANT_READER=me/reader assistant" in done.stdout
    model, space = hub.repositories["me/reader"], hub.repositories["spaces/me/chat"]
    assert model.private and space.private
    assert {"model.safetensors", "config.json", "tokenizer.json", "README.md", "report.md", "calibration.json",
            "plots/loss.png"} <= set(model.files)  # fmt: skip
    assert not [name for name in model.files if name.endswith((".pt", ".bin", ".pth")) or "optimizer" in name]
    assert {"Dockerfile", "README.md", "serve.py"} == set(space.files)
    assert b"ENV ASSISTANT_READER=me/reader" in space.files["Dockerfile"]
    assert b'"env", "-u", "HF_TOKEN"' in space.files["Dockerfile"], "visitors can open any file"
    assert (b"0.0.0.0") in space.files["serve.py"]
    ast.parse(space.files["serve.py"])

    # The Hub's name is a profile at once, live or merged.
    done = finetune(hub, second, "push", "run", "--repo", "me/reader")
    assert done.returncode == 0, done.stderr
    said = ask(hub, second, "me/reader")
    assert said["models"]["reader"] == "me/reader"

    hub.refuses = True
    done = finetune(hub, second, "push", "run", "--repo", "me/other")
    assert done.returncode == 1
    assert "hf auth login" in done.stderr and "a-token" not in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_an_adapter_is_a_profile_by_its_name_on_the_hub_live_or_merged(hub: Hub, tmp_path: Path) -> None:
    done = finetune(hub, tmp_path, "run", "qa-minilm", "--smoke", "--output", "run")
    assert done.returncode == 0, done.stderr
    for arguments in (("--repo", "me/live"), ("--repo", "me/merged", "--merged")):
        done = finetune(hub, tmp_path, "push", "run", *arguments)
        assert done.returncode == 0, done.stderr
    live, merged = (set(hub.repositories[f"me/{name}"].files) for name in ("live", "merged"))
    assert "adapter_model.safetensors" in live and "model.safetensors" not in live
    assert {"model.safetensors", "config.json", "tokenizer.json", "calibration.json"} <= merged
    assert "adapter_config.json" not in merged
    first, second = (ask(hub, tmp_path, f"me/{name}") for name in ("live", "merged"))
    assert "me/live" in first["models"]["reader"] and second["models"]["reader"] == "me/merged"
    assert first["answer"] == second["answer"]
    # What is merged goes up in float16.
    assert first["score"] == pytest.approx(second["score"], abs=0.05)
    assert hub.repositories["me/live"].files["README.md"].count(b"![") >= 3, "the card shows the plots"


def ask(hub: Hub, folder: Path, profile: str) -> dict[str, Any]:
    """What `assistant ask` says of a document with a profile."""
    (folder / "trees.txt").write_text("Lyon has 05 million trees. Marie Curie lived there in 1900.")
    environment = os.environ | hub.environment(str(folder / "hf"))
    environment |= {"ASSISTANT_CACHE": str(folder / "cache"), "ASSISTANT_DATA": str(folder / "data")}
    done = subprocess.run(
        [sys.executable, "-m", "assistant", "ask", "How many trees has Lyon?", "--document", "trees.txt", "--json",
         "--route", "extract", "--no-verify", "--profile", profile],
        cwd=folder, env=environment, text=True, capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_a_space_takes_one_model_of_each_part(tmp_path: Path) -> None:
    runs = []
    for name in ("qa-bert", "nli-camembert"):
        run = tmp_path / name
        run.mkdir()
        (run / "recipe.json").write_text(load_recipe(name).model_dump_json())
        runs.append((run, f"me/{name}"))
    folder = write_space(tmp_path / "space", runs, "chat")
    text = (folder / "Dockerfile").read_text()
    assert "ENV ASSISTANT_READER=me/qa-bert\n" in text and "ENV ASSISTANT_VERIFIER=me/nli-camembert\n" in text
    card = (folder / "README.md").read_text()
    assert card.startswith("---\ntitle: chat\n") and "sdk: docker" in card and "app_port: 7860" in card
    with pytest.raises(UsageError, match="one of each"):
        write_space(tmp_path / "space", [runs[0], runs[0]], "chat")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_each_visitor_of_a_space_has_a_history_that_goes_with_them(tmp_path: Path) -> None:
    pytest.importorskip("textual_serve")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    (tmp_path / "recipe.json").write_text(load_recipe("qa-bert").model_dump_json())
    folder, visits = write_space(tmp_path / "space", [(tmp_path, "me/reader")], "chat"), tmp_path / "visits"
    visits.mkdir()
    models = {f"ASSISTANT_{part}": str(tmp_path / "none") for part in ("READER", "VERIFIER", "GENERATOR")}
    environment = os.environ | models | {"HOST": "127.0.0.1", "PORT": str(port), "TMPDIR": str(visits)}
    server = subprocess.Popen(
        [sys.executable, str(folder / "serve.py")],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        asyncio.run(_visit_twice(port, visits))
    finally:
        server.terminate()
        server.wait(30)


async def _visit_twice(port: int, visits: Path) -> None:
    import aiohttp

    async def until(is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + 120
        while not is_so():
            assert time.monotonic() < end
            await asyncio.sleep(0.1)

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    await until(listens)
    address = f"http://127.0.0.1:{port}/ws?width=80&height=24"
    async with aiohttp.ClientSession() as session, session.ws_connect(address), session.ws_connect(address):
        await until(lambda: len(list(visits.glob("*/history.db"))) == 2)
    await until(lambda: not list(visits.iterdir()))


@pytest.mark.parametrize(
    "arguments, said",
    [
        ((".", "--repo", "me/reader"), "no finished run"),
        (("run", "--repo", "reader"), "write OWNER/NAME"),
        (("run", "--repo", "me/reader", "--space", "chat"), "write OWNER/NAME"),
        (("run", ".", "--repo", "me/one", "--repo", "me/two"), "no finished run"),
        (("run", "run", "--repo", "me/one", "--repo", "me/two", "--space", "me/chat"), "one of each"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_published(
    hub: Hub, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    model = tmp_path / "run" / "model"
    model.mkdir(parents=True)
    (model / "config.json").write_text("{}")
    (tmp_path / "run" / "recipe.json").write_text(load_recipe("qa-bert").model_dump_json())
    done = finetune(hub, tmp_path, "push", *arguments)
    assert done.returncode == 2
    assert said in done.stderr and not hub.repositories
