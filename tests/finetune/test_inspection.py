"""`finetune data`: what a recipe is trained on, before it is trained."""

import json
from pathlib import Path

import pytest

from assistant.cli.console import StatusLine
from finetune.plan.smoke import smoke_recipe
from finetune.recipe_files import load_recipe
from finetune.run.inspection import inspect, inspection_lines
from tests.conftest import Run


def _settings(name: str, folder: Path) -> list[str]:
    sample = smoke_recipe(load_recipe(name), folder)
    settings = [
        f"base={sample.base}",
        f'data.train=["{sample.data.train[0]}"]',
        f"data.held_out={sample.data.held_out}",
    ]
    if sample.data.test:
        settings.append(f"data.test={sample.data.test}")
    if sample.task == "nli":
        settings.append("data.columns={}")
    return [part for setting in settings for part in ("--set", setting)]


@pytest.mark.parametrize(
    "name, seen",
    [
        ("qa-distilbert", "as given 1, answer"),
        ("nli-camembert", "as given 1, label"),
        ("code-gpt2-large", "as given 1, learned"),
    ],
)
def test_the_data_of_a_recipe_is_shown_with_an_example_as_the_model_gets_it(
    run: Run, tmp_path: Path, name: str, seen: str
) -> None:
    settings = _settings(name, tmp_path / "sample")
    code, out, err = run("data", name, *settings)
    assert code == 0, err
    assert "training rows" in out and "example, " in out and "as given" not in out
    code, out, err = run("data", name, *settings, "--tokens")
    assert code == 0, err
    assert seen in out and "tokens, from" in out
    found = json.loads(run("data", name, *settings, "--json")[1])
    assert found["train"] > 10 and found["example"]


def test_an_answer_in_no_window_is_said_to_be_in_none(run: Run, tmp_path: Path) -> None:
    context = "Rome has 25 million trees. " + "Marie Curie lived there. " * 20
    answer = {"text": "25 million", "answer_start": context.index("25")}
    asked = {"id": "1", "question": "How many trees has Rome?", "answers": [answer]}
    articles = [{"title": title, "paragraphs": [{"context": context, "qas": [asked]}]} for title in "abcde"]
    (tmp_path / "long.json").write_text(json.dumps({"data": articles}), "utf-8")
    settings = [*_settings("qa-distilbert", tmp_path / "sample"), "--set", 'data.train=["long.json"]']
    settings += ["--set", "max_length=64", "--set", "stride=16"]
    code, out, err = run("data", "qa-distilbert", *settings, "--tokens", "--json")
    assert code == 0, err
    found = json.loads(out)
    answers = [window["answer"] for window in found["encoded"]]
    assert len(answers) > 1 and "not in this window" in answers


@pytest.mark.parametrize(
    ("recipe", "parts"),
    [
        ("dpo-qwen2.5-coder-0.5b", {"prompt", "chosen", "rejected"}),
        ("classifier-minilm", {"text", "label"}),
        ("answers-t5-small", {"text", "label"}),
    ],
)
def test_an_example_of_every_task_is_shown_as_the_model_gets_it(recipe: str, parts: set[str], tmp_path: Path) -> None:
    with StatusLine(quiet=True) as status:
        found = inspect(smoke_recipe(load_recipe(recipe), tmp_path), status, tokens=True)
    assert found["train"] > 10 and found["lengths"]["counts"]
    [encoded] = found["encoded"]
    assert parts <= encoded.keys() and all(encoded.values())
    assert inspection_lines(found)
