import random
from collections import Counter
from pathlib import Path

import pytest

from assistant.loading.reader import load_reader
from assistant.models.store import ResolvedModel
from assistant.types import Label
from finetune.data.answer_pairs import (
    answer_checks,
    answer_type,
    around,
    is_wrong,
    make_answer_pairs,
    wrong_readings,
    wrong_spans,
)
from finetune.data.squad import QAExample

PARAGRAPHS = [
    "The Amazon rainforest covers 5.5 million square kilometers. Orellana explored the river in 1541, La Condamine in "
    "1743. Brazil holds sixty percent of the forest, and Peru holds 13 percent.",
    "Marie Curie was born in Warsaw in 1867. She won the Nobel Prize in 1903 with Pierre Curie. She died in 1934 in "
    "Passy, of an illness of the blood.",
]
QUESTIONS = [
    (0, "How large is the rainforest?", "5.5 million square kilometers"),
    (0, "When was the river explored?", "1541"),
    (0, "Who explored the river?", "Orellana"),
    (0, "How much of it does Peru hold?", "13 percent"),
    (1, "When was Marie Curie born?", "1867"),
    (1, "Where was Marie Curie born?", "Warsaw"),
    (1, "When did she win the prize?", "1903"),
    (1, "What did she die of?", "an illness of the blood"),
]
EXAMPLES = [
    QAExample(str(at), "article", PARAGRAPHS[which], question, (answer,), PARAGRAPHS[which].index(answer))
    for at, (which, question, answer) in enumerate(QUESTIONS)
]
COUNTS = {"right": 8, "wrong_span": 8, "altered_answer": 8, "altered_question": 8, "removed": 8, "moved": 8}


@pytest.mark.parametrize(
    "text, kind",
    [
        ("1541", "date"),
        ("in March 1541", "date"),
        ("the 1990s", "date"),
        ("5.5 million", "number"),
        ("three", "number"),
        ("Marie Curie", "name"),
        ("the Nobel Prize", "name"),
        ("an illness of the blood", "phrase"),
        ("", "phrase"),
    ],
)
def test_an_answer_is_a_date_a_number_a_name_or_a_phrase(text: str, kind: str) -> None:
    assert answer_type(text) == kind


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.answers[0])
def test_a_wrong_span_has_the_type_of_the_answer_and_is_another(example: QAExample) -> None:
    spans = wrong_spans(example, [other for other in EXAMPLES if other.context == example.context])
    texts = [example.context[slice(*span)] for span in spans]
    assert texts
    assert {answer_type(text) for text in texts} == {answer_type(example.answers[0])}
    assert all(is_wrong(text, example) for text in texts)


def test_training_pairs_have_the_label_that_their_premise_gives_them() -> None:
    pairs = make_answer_pairs(EXAMPLES, COUNTS, seed=1)
    golds = {example.question: example for example in EXAMPLES}
    labels = Counter(pair.label for pair in pairs)
    assert labels[Label.ENTAILMENT] == 8
    assert min(labels.values()) > 3
    for pair in pairs:
        question = next((question for question in golds if pair.hypothesis.startswith(question)), None)
        if question is None:
            assert pair.label is Label.CONTRADICTION  # the question was altered
            continue
        gold, said = golds[question].answers[0], pair.hypothesis.removeprefix(f"{question} ")
        in_place = pair.premise in golds[question].context and gold in pair.premise
        assert (pair.label is Label.ENTAILMENT) == (said == gold and in_place)
        assert (pair.label is Label.CONTRADICTION) == (said != gold and in_place)


def test_the_same_seed_gives_the_same_pairs_and_another_seed_others() -> None:
    first, again, other = (make_answer_pairs(EXAMPLES, COUNTS, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_readers_wrong_spans_are_no_right_ones(reader_folder: Path) -> None:
    found = wrong_readings(load_reader(ResolvedModel("tiny", reader_folder)), EXAMPLES)
    assert any(found.values())
    for example in EXAMPLES:
        assert all(is_wrong(example.context[slice(*span)], example) for span in found[example.id])
    pairs = make_answer_pairs(EXAMPLES, {"misread": 8}, seed=1, misread=found)
    assert pairs
    assert all(pair.label is not Label.ENTAILMENT for pair in pairs)


def test_half_of_the_checks_are_right_and_each_is_of_another_question() -> None:
    checks = answer_checks(EXAMPLES, {}, 8, seed=3)
    assert len({check.example.id for check in checks}) == len(checks) == 8
    assert sum(check.right for check in checks) == 4
    for check in checks:
        said = check.example.context[check.start : check.end]
        assert check.right == (said in check.example.answers)
        assert check.claim == f"{check.example.question} {said}"


def test_the_sentences_around_a_place_hold_it_whole() -> None:
    text = PARAGRAPHS[1]
    place = text.index("1903"), text.index("1903") + 4
    found = {around(text, *place, random.Random(seed)) for seed in range(40)}
    assert len(found) > 2
    assert all(start <= place[0] and place[1] <= end for start, end in found)


def test_question_and_answer_become_one_statement_right_and_wrong() -> None:
    pairs = make_answer_pairs(EXAMPLES, {"statement": 8, "wrong_statement": 8}, 1)
    assert any(pair.hypothesis == "Orellana explored the river." and pair.label is Label.ENTAILMENT for pair in pairs)
    assert any("explored the river." in pair.hypothesis and pair.label is not Label.ENTAILMENT for pair in pairs)
    assert not any("?" in pair.hypothesis for pair in pairs)
