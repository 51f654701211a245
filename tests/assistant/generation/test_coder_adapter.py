"""The adapter that ships with the package."""

import json
from importlib import resources
from pathlib import Path

import torch
from safetensors.torch import load_file

FOLDER = Path(str(resources.files("assistant"))) / "adapters" / "coder"


def test_it_names_its_base_by_the_catalogues_name_and_not_by_a_path():
    config = json.loads((FOLDER / "adapter_config.json").read_text("utf-8"))
    assert config["base_model_name_or_path"] == "smollm2-135m-instruct"
    assert (config["r"], config["lora_alpha"], config["lora_dropout"]) == (16, 32, 0.2)
    assert set(config["target_modules"]) == {"q_proj", "k_proj", "v_proj", "o_proj"}


def test_its_weights_are_small_finite_and_trained():
    weights = load_file(FOLDER / "adapter_model.safetensors")
    assert len(weights) == 30 * 4 * 2
    assert (FOLDER / "adapter_model.safetensors").stat().st_size < 8_000_000
    for name, tensor in weights.items():
        assert tensor.dtype == torch.float16
        assert torch.isfinite(tensor).all()
        assert tensor.abs().sum() > 0, f"{name} was never trained"


def test_its_card_says_how_it_was_made():
    card = (FOLDER / "README.md").read_text("utf-8")
    for needed in ("finetune run code-smollm2-135m", "smollm2-135m-instruct", "CC BY-SA 4.0", "CC BY 4.0", "MIT"):
        assert needed in card
