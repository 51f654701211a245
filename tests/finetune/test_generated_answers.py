"""Answers of generators as training pairs of a verifier."""

import json
from pathlib import Path

import pytest

from assistant.errors import UsageError
from assistant.loading.generator import load_generator
from assistant.models.store import ResolvedModel
from assistant.types import Label
from finetune.data.generated_answers import generated_pairs, read_answers, write_answers
from finetune.data.squad import QAExample

CONTEXT = "The lighthouse at Sandhammar was lit in 1862. Its keeper was Olof Berg."


def _row(answer: str, given: str = "passage") -> dict[str, object]:
    question = "When was the lighthouse lit?"
    return {
        "generator": "g", "question": question, "context": CONTEXT, "start": CONTEXT.index("1862"),
        "gold": ["1862"], "given": given, "answer": answer,
    }  # fmt: skip


def test_an_answer_with_the_gold_one_is_entailed_with_its_question_and_without() -> None:
    pairs = [pair for pair in generated_pairs([_row("It was lit in 1862.")], 1) if pair.label is Label.ENTAILMENT]
    assert {pair.hypothesis for pair in pairs} == {
        "It was lit in 1862.",
        "When was the lighthouse lit? It was lit in 1862.",
    }
    assert all("1862" in pair.premise for pair in pairs)


def test_another_answer_written_without_the_passage_is_contradicted() -> None:
    [pair] = generated_pairs([_row("It was lit in 1790.", "none")], 1)
    assert pair.label is Label.CONTRADICTION
    assert pair.hypothesis == "When was the lighthouse lit? It was lit in 1790."


def test_an_answer_from_the_passage_in_other_words_has_no_label() -> None:
    assert generated_pairs([_row("In the eighteen-sixties.")], 1) == []


def test_a_refusal_is_no_statement() -> None:
    assert generated_pairs([_row("The passages do not say when it was lit.", "other")], 1) == []


def test_answers_are_kept_and_never_made_twice(tmp_path: Path, generator_folder: Path) -> None:
    questions = [
        QAExample(f"q{number}", "A", CONTEXT, f"When was light {number} lit?", ("1862",), CONTEXT.index("1862"))
        for number in range(12)
    ]
    path, told = tmp_path / "answers.jsonl", list[tuple[int, int]]()
    load = {"tiny": lambda: load_generator(ResolvedModel("tiny", generator_folder))}
    write_answers(load, {"tiny": 3}, questions, path, 1, lambda done, total: None)
    first = path.read_text("utf-8")
    write_answers(load, {"tiny": 5}, questions, path, 1, lambda done, total: told.append((done, total)))
    assert path.read_text("utf-8").startswith(first)
    rows = read_answers(path)
    assert len(rows) == 5 and len({row["question"] for row in rows}) == 5
    assert told == [(5, 5)]


def test_a_line_cut_short_by_a_kill_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps(_row("1862")) + '\n{"generator": "g", "ques', "utf-8")
    assert len(read_answers(path)) == 1


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('{"a": 1}\n', "utf-8")
    with pytest.raises(UsageError, match="not a file of generated answers"):
        read_answers(path)
