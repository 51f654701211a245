"""A tuned prompt becomes words of the vocabulary, and the model stays what it was."""

from pathlib import Path
from typing import Any

import pytest
import torch

from assistant.generation.prompts import render
from assistant.types import Message, Role
from finetune.plan.smoke import smoke_recipe
from finetune.recipe_files import load_recipe
from finetune.trainer.peft_methods import with_method
from finetune.trainer.saving import save_trained


@pytest.mark.parametrize("name", ["code-gpt2-large", "code-llama-3.2-1b", "code-qwen2.5-coder-1.5b"])
def test_a_model_with_its_prompt_as_words_says_what_the_tuned_model_says(name: str, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    recipe = smoke_recipe(load_recipe(name, ["method=prompt"]), tmp_path / "sample")
    tokenizer = AutoTokenizer.from_pretrained(recipe.base)
    base = AutoModelForCausalLM.from_pretrained(recipe.base)
    torch.manual_seed(1)
    tuned: Any = with_method(base, recipe, "CAUSAL_LM", tokenizer)
    tuned.prompt_encoder["default"].embedding.weight.data.normal_()
    prompt = render([Message(Role.USER, "How do I add items?")], tokenizer)
    with torch.inference_mode():
        wanted = tuned.eval()(input_ids=torch.tensor([prompt])).logits[:, -1]
    folder = save_trained(tuned, recipe, tmp_path, tokenizer)

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    ids = render([Message(Role.USER, "How do I add items?")], tokenizer)
    assert len(ids) == len(prompt) + recipe.prompt.tokens
    with torch.inference_mode():
        given = model(input_ids=torch.tensor([ids])).logits[:, -1]
    torch.testing.assert_close(given[:, : wanted.shape[1]], wanted, atol=1e-4, rtol=1e-4)
    words = set(tokenizer.convert_tokens_to_ids([f"<|prompt_{n}|>" for n in range(recipe.prompt.tokens)]))
    assert words <= set(model.generation_config.eos_token_id)
    said = render([Message(Role.USER, "What is <|prompt_0|>?")], tokenizer)
    assert sum(id_ in words for id_ in said) == recipe.prompt.tokens, "what a user writes is never one of the words"
