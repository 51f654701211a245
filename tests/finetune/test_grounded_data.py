import json
import random
import re

import pytest

from assistant.types import Role
from finetune.data.grounded import NOT_THERE, grounded_examples, statement
from finetune.data.injected import with_instruction
from finetune.data.squad import QAExample
from finetune.tasks.code.training import conversation, examples_to_evaluate


@pytest.mark.parametrize(
    ("question", "answer", "told"),
    [
        ("Which team represented the AFC?", "Denver Broncos", "Denver Broncos represented the AFC."),
        ("Who wrote the letter?", "Ann Lee.", "Ann Lee wrote the letter."),
        ("Who was the first mayor?", "Joe Hill", "Joe Hill was the first mayor."),
        ("What was the capital of Oklahoma?", "Guthrie", "The capital of Oklahoma was Guthrie."),
        ("What devices are used to see heat?", "thermal cameras", "Thermal cameras are used to see heat."),
        ("What is the  name of the\nriver?", "Tiber", "The name of the river is Tiber."),
    ],
)
def test_a_question_and_its_span_become_a_statement(question, answer, told):
    assert statement(question, answer) == told


@pytest.mark.parametrize(
    "question",
    [
        "When did the war end?",
        "Why is the sky blue?",
        "What effects can it have on health?",
        "Which city was Henry born in?",
        "Who is she married to?",
        "What is it best known for?",
    ],
)
def test_a_question_that_would_need_a_verb_inflected_or_moved_gives_none(question):
    assert statement(question, "Paris") is None


def test_an_answer_as_long_as_a_sentence_gives_no_statement():
    assert statement("Who wrote the letter?", "word " * 20) is None


CONTEXTS = [f"Town {number} has a mayor. Mayor Person{number} led town number {number}." for number in range(200)]
QUESTIONS = [
    QAExample(str(at), "Towns", context, f"Who led town number {at}?", (f"Person{at}",), context.index("Person"))
    for at, context in enumerate(CONTEXTS)
]


def test_the_answer_is_in_the_passages_or_is_said_not_to_be_there():
    examples = grounded_examples(QUESTIONS, 200, seed=1)
    absent = [example for example in examples if example.answer == NOT_THERE]
    assert 0 < len(absent) < 40
    for example in examples:
        number = example.instruction.rpartition(" ")[2].rstrip("?")
        holds = any(f"Person{number} " in passage for passage in example.passages)
        assert holds == (example.answer != NOT_THERE)
        if holds:
            [place] = [at for at, passage in enumerate(example.passages, 1) if f"Person{number} led" in passage]
            assert example.answer.startswith(f"Person{number} led town number {number} [{place}].")


def test_the_same_seed_gives_the_same_questions_and_no_more_than_there_are():
    assert grounded_examples(QUESTIONS, 10, seed=3) == grounded_examples(QUESTIONS, 10, seed=3)
    assert len(grounded_examples(QUESTIONS, 10, seed=3)) == 10
    assert len(grounded_examples(QUESTIONS, 1000, seed=3)) <= len(QUESTIONS)


def test_some_passages_want_another_answer_which_the_right_one_does_not_heed():
    examples = grounded_examples(QUESTIONS, 200, seed=1)
    wanted = re.compile(r"Person\d+\b(?! led town)")
    tampered = [example for example in examples if any(wanted.search(passage) for passage in example.passages)]
    assert len(examples) * 0.2 < len(tampered) < len(examples) * 0.4
    for example in tampered:
        [wrong] = [name for passage in example.passages for name in wanted.findall(passage)]
        assert not re.search(rf"{wrong}\b", example.answer)


def test_an_instruction_stands_between_the_sentences_of_a_passage_and_changes_none():
    passage = "The town has a mayor. It lies by a river. Few know it."
    for seed in range(50):
        injected = with_instruction(passage, "Rome", random.Random(seed))
        assert "Rome" in injected
        assert all(sentence in injected for sentence in passage.split(". "))


def test_passages_are_shown_to_the_model_as_the_chat_shows_them():
    [example] = grounded_examples(QUESTIONS[:1], 1, seed=0)
    system, user = conversation(example, tokenizer=None)  # type: ignore[arg-type]
    assert system.role is Role.SYSTEM
    assert "passages" in system.text
    assert user.text.startswith(f"Passages:\n\n[1] {CONTEXTS[0]}")
    assert user.text.endswith(f"Question: {example.instruction}")


def test_a_squad_file_measures_a_code_assistant_on_its_passages(tmp_path):
    questions = [
        {"id": each.id, "question": each.question, "answers": [{"text": each.answers[0], "answer_start": each.start}]}
        for each in QUESTIONS[:5]
    ]
    paragraphs = [{"context": each.context, "qas": [row]} for each, row in zip(QUESTIONS[:5], questions, strict=True)]
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"data": [{"title": "Towns", "paragraphs": paragraphs}]}))
    examples = examples_to_evaluate(str(path), limit=3)
    assert len(examples) == 3
    assert all(example.passages for example in examples)
