"""Which checkpoints of a training go to the Hub, and when."""

import threading
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerControl, TrainerState

from finetune.run.checkpoints import CheckpointUpload, Strategy
from tests.support.hub_stand_in import serve_hub


def _train(
    folder: Path, monkeypatch: pytest.MonkeyPatch, strategy: Strategy, best: int = 0, pause: float = 3600.0
) -> list[str]:
    """Five checkpoints in a row; gives the names of those that were uploaded."""
    with serve_hub() as hub:
        for name, value in hub.environment(str(folder / "hf")).items():
            monkeypatch.setenv(name, value)
        upload = CheckpointUpload("me/run", folder, strategy, pause)
        upload._api.endpoint = hub.url
        sent: list[str] = []
        lock = threading.Lock()

        def uploaded(**given: Any) -> None:
            assert list(given["folder_path"].iterdir())
            with lock:
                sent.append(given["path_in_repo"])

        monkeypatch.setattr(upload._api, "upload_folder", uploaded)
        monkeypatch.setattr(upload._api, "create_repo", lambda *given, **options: None)
        state = TrainerState(is_world_process_zero=True)
        given = (None, state, TrainerControl())
        upload.on_train_begin(*given)
        for step in range(1, 6):
            (folder / f"checkpoint-{step}").mkdir()
            (folder / f"checkpoint-{step}" / "weights").write_text(str(step))
            state.global_step = step
            state.best_model_checkpoint = str(folder / f"checkpoint-{best}") if 0 < best <= step else None
            upload.on_save(*given)
        upload.on_train_end(*given)
    assert not (folder / ".uploading").exists()
    return [name.removeprefix("checkpoint-") for name in sent]


def test_checkpoints_that_come_fast_are_passed_over_but_for_the_first_and_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _train(tmp_path, monkeypatch, "checkpoint") == ["1", "5"]


def test_the_best_checkpoint_goes_with_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _train(tmp_path, monkeypatch, "checkpoint", best=3) == ["1", "3", "5"]


def test_all_of_them_go_where_that_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _train(tmp_path, monkeypatch, "all_checkpoints") == ["1", "2", "3", "4", "5"]


def test_at_the_end_goes_what_was_best_and_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _train(tmp_path, monkeypatch, "end", best=2) == ["2", "5"]
