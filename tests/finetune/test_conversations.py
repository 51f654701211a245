"""Conversations as training data, and the template that they are put into."""

import json
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from assistant.errors import UsageError
from assistant.generation.prompts import fit
from assistant.loading.generator import load_language_model
from assistant.models.store import ModelStore
from assistant.types import Message, Role
from finetune.data.chat_templates import chat_template
from finetune.data.code import read_code, split_by_question, unique
from finetune.recipe import CodeRecipe
from finetune.tasks.code.training import training_row
from finetune.tasks.registry import TASKS

TURNS = [("user", "Add 1 to x"), ("assistant", "x += 1"), ("user", "And to y?"), ("assistant", "y += 1")]


def _file(folder: Path, *rows: object) -> Path:
    path = folder / "said.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": role, "content": text} for role, text in TURNS]},
        {
            "conversations": [
                {"from": {"user": "human", "assistant": "gpt"}[role], "value": text} for role, text in TURNS
            ]
        },
    ],
)
def test_each_answer_of_a_conversation_is_an_example_after_what_was_said_before(tmp_path: Path, row: object) -> None:
    first, second = read_code(_file(tmp_path, row))[0]
    assert (first.instruction, first.answer, first.before) == ("Add 1 to x", "x += 1", ())
    assert (second.instruction, second.answer) == ("And to y?", "y += 1")
    assert second.before == (Message(Role.USER, "Add 1 to x"), Message(Role.ASSISTANT, "x += 1"))
    assert not all(split_by_question([first, second], 0.5)), "one conversation is on one side"


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([{"role": "user", "content": "?"}], "without an answer"),
        ([{"role": "assistant", "content": "!"}], "do not take turns"),
        ([{"role": "user", "content": "?"}, {"role": "tool", "content": "!"}], "others than"),
        ([{"role": "user", "content": [{"type": "image"}]}], "no text"),
    ],
)
def test_a_conversation_that_cannot_be_used_is_counted(tmp_path: Path, messages: object, reason: str) -> None:
    examples, left_out = read_code(_file(tmp_path, {"messages": messages}))
    assert not examples
    assert [reason in why for why in left_out] == [True]


def test_the_same_question_in_another_conversation_is_another_question(tmp_path: Path) -> None:
    rows = [
        {"messages": [{"role": "user", "content": begin}, {"role": "assistant", "content": f"{begin}!"},
                      {"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}]}
        for begin in ("Add 1 to x", "Sort the list")
    ]  # fmt: skip
    assert len(unique(read_code(_file(tmp_path, *rows, rows[0]))[0])) == 4


def test_what_is_learned_is_the_last_answer_of_the_prompt_that_the_chat_gives(
    tmp_path: Path, generator_folder: Path
) -> None:
    system = {"role": "system", "content": "Be brief."}
    row = {"messages": [system, *({"role": role, "content": text} for role, text in TURNS)]}
    example = read_code(_file(tmp_path, row))[0][1]
    tokenizer = AutoTokenizer.from_pretrained(generator_folder)
    given = training_row(example, tokenizer)
    prompt = [id_ for id_, learned in zip(given["input_ids"], given["completion_mask"], strict=True) if not learned]
    asked = [Message(Role.SYSTEM, "Be brief."), *(Message(Role(role), text) for role, text in TURNS[:-1])]
    assert prompt == fit(asked, tokenizer, 2000).ids
    assert tokenizer.decode(given["input_ids"][len(prompt) :]) == "y += 1<|im_end|>"


def test_a_template_that_was_chosen_goes_with_the_adapter(tmp_path: Path, generator_folder: Path) -> None:
    row = {"messages": [{"role": role, "content": text} for role, text in TURNS]}
    path = _file(
        tmp_path,
        *({"messages": [{"role": role, "content": f"{n} {text}"} for role, text in TURNS]} for n in range(8)),
        row,
    )
    recipe = CodeRecipe.model_validate(
        {
            "task": "code", "name": "tiny", "description": "a tiny run", "base": str(generator_folder),
            "licence": "none", "data": {"train": [str(path)], "held_out": 0.0, "chat_template": "alpaca"},
            "lora": {"r": 4, "alpha": 8, "targets": ["q_proj"]},
            "training": {"epochs": 1, "batch_size": 8, "learning_rate": 1e-3},
        }
    )  # fmt: skip
    TASKS["code"].train(recipe, generator_folder, tmp_path)
    _, tokenizer = load_language_model(ModelStore().resolve(str(tmp_path / "adapter")))
    said = tokenizer.decode(fit([Message(Role.USER, "Hi")], tokenizer, 500).ids)
    assert said.endswith("### Instruction:\nHi\n\n### Response:\n") and "<|im_start|>" not in said


def test_a_template_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    assert "im_start" in chat_template("chatml")
    with pytest.raises(UsageError, match="did you mean chatml"):
        chat_template("chatlm")
    broken = tmp_path / "own.jinja"
    broken.write_text("{% for")
    with pytest.raises(UsageError, match="cannot be used"):
        chat_template(str(broken))
