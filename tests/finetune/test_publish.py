"""Publishing against a stand-in for the Hub, with the Hub's own client in a process of its own."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from assistant.errors import UsageError
from finetune.publish import write_space
from tests.finetune.hub_stand_in import Hub


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub()
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def finetune(hub: Hub, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | hub.environment(str(folder / "hf")) | {"ASSISTANT_CACHE": str(folder / "cache")}
    return subprocess.run(
        [sys.executable, "-m", "finetune", *arguments], cwd=folder, env=environment, text=True, capture_output=True,
        timeout=800, check=False,
    )  # fmt: skip


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

    # The first machine is gone after half of the steps.
    kept.files = {name: content for name, content in kept.files.items() if name.startswith("checkpoint-5/")}
    done = finetune(hub, second, *run)
    assert done.returncode == 0, done.stderr
    assert "going on from run/checkpoint-5" in done.stderr
    assert json.loads(done.stdout)["resumed_at"] == 5

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
    assert (b"0.0.0.0") in space.files["serve.py"]
    ast.parse(space.files["serve.py"])

    hub.refuses = True
    done = finetune(hub, second, "push", "run", "--repo", "me/other")
    assert done.returncode == 1
    assert "hf auth login" in done.stderr and "a-token" not in done.stderr and "Traceback" not in done.stderr


def test_a_space_takes_one_model_of_each_part(tmp_path: Path) -> None:
    from finetune.recipe_files import load_recipe

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


def test_a_folder_without_a_finished_run_is_not_published(hub: Hub, tmp_path: Path) -> None:
    done = finetune(hub, tmp_path, "push", ".", "--repo", "me/reader")
    assert done.returncode == 2
    assert "no finished run" in done.stderr and not hub.repositories
