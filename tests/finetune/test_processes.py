"""Runs of several processes: launched with the shipped configurations, and what is refused or arranged before."""

import json
import logging
import os
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import torch

from assistant.errors import UsageError
from finetune.plan.bases import base_facts, meta_model
from finetune.recipe_files import load_recipe, recipe_names
from finetune.trainer.peft_methods import with_method
from finetune.trainer.processes import agreed, check_sharding, is_sharded, use_one_gpu_without_launcher, whole_model
from finetune.trainer.saving import trained_folder

LAUNCH = resources.files("finetune") / "launch"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("wanted", ["nli-camembert", "qa-bert loop=accelerate", "code-llama-3.2-1b"])
def test_two_processes_train_one_model_and_the_first_writes(wanted: str, tmp_path: Path) -> None:
    name, *settings = wanted.split()
    environment = os.environ | {"ASSISTANT_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    sets = [part for setting in settings for part in ("--set", setting)]
    launched = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2",
         "-m", "finetune", "run", name, *sets, "--smoke", "--output", str(tmp_path / "run")],
        env=environment, capture_output=True, text=True, timeout=800, check=False,
    )  # fmt: skip
    assert launched.returncode == 0, launched.stderr[-3000:]
    # Gloo in torch 2.8 says on standard output, before the result, who is connected.
    figures = json.loads(launched.stdout[launched.stdout.index("{") :])
    assert figures["steps"] == 6, "18 to 20 rows, two processes of 4 a step, two epochs"
    assert json.loads((tmp_path / "run" / "run.json").read_text())["processes"] == 2
    assert trained_folder(tmp_path / "run") is not None


@pytest.mark.parametrize("name", ["ddp.yaml", "fsdp.yaml"])
def test_a_launch_configuration_is_one_that_accelerate_takes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from accelerate.commands.config.config_args import load_config_from_file
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.utils.launch import prepare_multi_gpu_env

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with resources.as_file(LAUNCH / name) as path:
        config = load_config_from_file(str(path))
        arguments = launch_command_parser().parse_args(["--config_file", str(path), "-m", "finetune", "run", "qa-bert"])
        arguments, *_ = _validate_launch_command(arguments)
    assert (config.num_processes, config.mixed_precision) == (2, "fp16")
    assert (arguments.num_processes, arguments.mixed_precision, arguments.module) == (2, "fp16", True)
    sharded = name == "fsdp.yaml"
    assert (arguments.use_fsdp, arguments.multi_gpu) == (sharded, not sharded)
    given = prepare_multi_gpu_env(arguments)
    assert given.get("ACCELERATE_USE_FSDP", "false") == str(sharded).lower()
    if sharded:
        assert (given["FSDP_STATE_DICT_TYPE"], given["FSDP_USE_ORIG_PARAMS"]) == ("FULL_STATE_DICT", "true")


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `accelerate launch` with FSDP starts a process."""
    for name, value in {"WORLD_SIZE": "2", "RANK": "0", "ACCELERATE_USE_FSDP": "true"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    "wanted, takes",
    [
        ("code-llama-3.2-1b method=full", True),
        ("code-qwen2.5-coder-1.5b method=lora", True),
        ("qa-bert", True),
        ("qa-bert loop=accelerate", False),
        ("code-llama-3.2-1b", False),
        ("code-gpt2-large method=prompt", False),
        ("nli-camemberta", False),
    ],
)
def test_what_cannot_be_trained_in_pieces_is_refused_before_it_hangs(shared: None, wanted: str, takes: bool) -> None:
    name, *settings = wanted.split()
    recipe = load_recipe(name, settings)
    assert is_sharded()
    if takes:
        check_sharding(recipe)
        return
    with pytest.raises(UsageError, match="FSDP"):
        check_sharding(recipe)


@pytest.mark.parametrize("name", [name for name in recipe_names() if not name.endswith("-v2")])
def test_the_layers_of_every_base_are_found_by_the_sharing_configuration(name: str) -> None:
    from accelerate.utils import FullyShardedDataParallelPlugin

    model = meta_model(base_facts(load_recipe(name).base), load_recipe(name).task)
    plugin = FullyShardedDataParallelPlugin(auto_wrap_policy="transformer_based_wrap", sync_module_states=False)
    plugin.set_auto_wrap_policy(model)
    assert plugin.auto_wrap_policy is not None


def test_the_pieces_of_a_model_come_together_in_the_first_process(shared: None) -> None:
    """The gathering itself is accelerate's; what is made of its result is the model that was trained."""
    recipe = load_recipe("qa-bert")

    class Accelerator:
        def get_state_dict(self, model: torch.nn.Module) -> dict[str, Any]:
            return model.state_dict()

    class Trainer:
        accelerator = Accelerator()
        model = torch.nn.Linear(2, 2)

    fresh = torch.nn.Linear(2, 2)
    assert not torch.equal(fresh.weight, Trainer.model.weight)
    whole = whole_model(Trainer(), None, lambda: with_method(fresh, recipe, "QUESTION_ANS"))
    assert whole is fresh and torch.equal(whole.weight, Trainer.model.weight)


def test_one_process_holds_its_model_whole_and_agrees_with_itself() -> None:
    model = torch.nn.Linear(2, 2)
    assert whole_model(None, model, lambda: None) is model
    assert agreed({"f1": 1.0}) == {"f1": 1.0}


@pytest.mark.parametrize("visible, kept", [(None, "0"), ("2,3", "2")])
def test_of_several_gpus_without_a_launcher_one_is_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, visible: str | None, kept: str
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible or "")
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    with caplog.at_level(logging.INFO):
        use_one_gpu_without_launcher()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == kept
    assert "accelerate launch" in caplog.text
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    use_one_gpu_without_launcher()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "2,3", "a launched process has its own"
