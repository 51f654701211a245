import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.errors import UsageError
from assistant.reading.calibration import Calibration
from assistant.reading.reader import Reading
from assistant.reading.spans import Span
from assistant.types import Label
from finetune.data.files import find_data, read_json_lines
from finetune.data.pairs import Pair, read_pairs, split_by_premise, with_other_evidence
from finetune.data.squad import QAExample, read_squad, split_by_article
from finetune.data.unanswerable import make_unanswerable
from finetune.tasks.qa.calibration import calibrate


def _squad(tmp_path: Path, *questions: dict[str, Any], context: str = "Lyon is hot. Paris is hot too.") -> Path:
    path = tmp_path / "squad.json"
    qas = [{"id": str(n), "question": "Which city is hot too?", **question} for n, question in enumerate(questions)]
    path.write_text(json.dumps({"data": [{"title": "t", "paragraphs": [{"context": context, "qas": qas}]}]}))
    return path


@pytest.mark.parametrize(
    "answers, start",
    [
        ([{"text": "hot", "answer_start": 8}], 8),
        ([{"text": "hot", "answer_start": 22}], 22),
        ([{"text": "Paris", "answer_start": 0}], 13),  # the offset is wrong: the answer is looked for
        ([{"text": "Paris", "answer_start": -5}], 13),
        ([{"text": "hot", "answer_start": 8, "occurrences": 2}], 22),  # the place that bears on the question
        ([{"text": "Rome", "answer_start": 0}], None),
        ([{"text": "", "answer_start": 0}], None),
        ([], None),
    ],
)
def test_an_answer_is_found_where_it_stands(tmp_path: Path, answers: list[dict[str, Any]], start: int | None) -> None:
    [example] = read_squad(_squad(tmp_path, {"answers": answers}))
    if answers and answers[0].get("occurrences"):
        assert example.context[example.start or 0 :].startswith("hot")
        return
    assert example.start == start
    if start is not None:
        assert example.context[start : example.end] == answers[0]["text"]


def test_questions_without_an_answer_have_none(tmp_path: Path) -> None:
    [example] = read_squad(
        _squad(
            tmp_path, {"is_impossible": True, "answers": [], "plausible_answers": [{"text": "x", "answer_start": 0}]}
        )
    )
    assert (example.answers, example.start, example.end) == ((), None, None)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"data": 5}', '{"data": [{"paragraphs": [{}]}]}', "\ufeff{}"])
def test_what_is_not_squad_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(UsageError, match="not a SQuAD file"):
        read_squad(path)


WORDS = "forest river Lyon Paris 1903 5.5 million trees hot cold Marie Curie report".split()


@st.composite
def examples(draw: st.DrawFn) -> list[QAExample]:
    made = []
    for article in range(draw(st.integers(1, 5))):
        for paragraph in range(draw(st.integers(1, 4))):
            words = draw(st.lists(st.sampled_from(WORDS), min_size=3, max_size=25))
            context = f"{article}-{paragraph} " + " ".join(words) + ". And more of it."
            for number in range(draw(st.integers(1, 3))):
                answer = draw(st.sampled_from(words))
                extra = draw(st.lists(st.sampled_from(WORDS), max_size=2))
                made.append(
                    QAExample(
                        f"{article}.{paragraph}.{number}",
                        f"title {article}",
                        context,
                        f"Which {number} {words[0]}?",
                        (answer, *extra),
                        context.index(answer),
                    )
                )
    return made


@given(examples(), st.integers(0, 40), st.integers(0, 9))
@settings(deadline=None)
def test_a_moved_question_is_put_to_a_paragraph_of_its_article_without_its_answers(
    made: list[QAExample], count: int, seed: int
) -> None:
    by_id = {example.id: example for example in made}
    contexts = {(example.title, example.context) for example in made}
    moved = make_unanswerable(made, {"moved": count}, seed)
    assert len(moved) <= count
    for example in moved:
        original = by_id[example.id.removesuffix("-moved")]
        assert (example.answers, example.start) == ((), None)
        assert example.question == original.question
        assert example.context != original.context
        assert (original.title, example.context) in contexts
        assert not any(gold.lower() in example.context.lower() for gold in original.answers)
    assert moved == make_unanswerable(made, {"moved": count}, seed)


@given(examples(), st.floats(0, 0.99))
def test_no_article_is_both_trained_on_and_held_out(made: list[QAExample], share: float) -> None:
    train, held_out = split_by_article(made, share)
    assert sorted(e.id for e in train + held_out) == sorted(e.id for e in made)
    assert not {e.title for e in train} & {e.title for e in held_out}


def test_claims_on_other_evidence_are_neutral_and_never_on_their_own() -> None:
    pairs = [Pair(f"premise {n // 2}", f"claim {n}", Label.ENTAILMENT) for n in range(20)]
    own = {pair.hypothesis: pair.premise for pair in pairs}
    made = with_other_evidence(pairs, 10, 3)
    assert made
    assert all(pair.label is Label.NEUTRAL and pair.premise != own[pair.hypothesis] for pair in made)
    assert with_other_evidence(pairs, 0, 3) == []


@given(st.lists(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), max_size=60), st.floats(0, 1))
def test_no_premise_is_both_trained_on_and_held_out(premises: list[str], share: float) -> None:
    pairs = [Pair(premise, f"claim {number}", Label.NEUTRAL) for number, premise in enumerate(premises)]
    kept, out = split_by_premise(pairs, share)
    assert sorted(pair.hypothesis for pair in kept + out) == sorted(pair.hypothesis for pair in pairs)
    assert not {pair.premise for pair in kept} & {pair.premise for pair in out}


def test_pairs_are_read_from_tables_and_json_lines(tmp_path: Path) -> None:
    tsv = tmp_path / "x.tsv"
    tsv.write_text(
        '\ufeffpremise\thypo\tlabel\n"Lyon is\thot .\tcontradictory\nA\tB\tEntailment\nA\tB\t-\nA\t\tneutral\nA\tB\n'
        "A\tB\tneutral\tmore\tmore\r\n",
        "utf-8",
    )
    labels = [Label.CONTRADICTION, Label.ENTAILMENT, Label.NEUTRAL]
    assert [pair.label for pair in read_pairs(tsv)] == labels
    assert read_pairs(tsv)[0] == Pair('"Lyon is', "hot.", Label.CONTRADICTION)
    lines = tmp_path / "x.jsonl"
    lines.write_text('{"sentence1": "A", "sentence2": "B", "gold_label": "neutral"}\n\n')
    assert read_pairs(lines) == [Pair("A", "B", Label.NEUTRAL)]


@pytest.mark.parametrize(
    "name, content, said",
    [
        ("x.tsv", b"", "no rows"),
        ("x.tsv", b"a\tb\n1\t2\t3\n", "no column named premise"),
        ("x.tsv", b"premise\thypothesis\tlabel\n\x81\tx\tneutral\n", "UTF-8"),
        ("x.jsonl", b"{}\nbad\n", "line 2"),
        ("x.jsonl", b"[]\n", "line 1"),
        ("x.jsonl", b"\xff\n", "line 1"),
    ],
)
def test_a_file_of_pairs_that_is_none_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=said):
        read_pairs(tmp_path / name)


def test_data_is_found_here_or_below_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.json").write_text("{}")
    monkeypatch.delenv("ASSISTANT_TEST_DATA", raising=False)
    with pytest.raises(UsageError, match="not set"):
        find_data("x.json")
    monkeypatch.setenv("ASSISTANT_TEST_DATA", str(tmp_path / "data"))
    assert find_data("x.json") == tmp_path / "data" / "x.json"
    with pytest.raises(UsageError, match="no data file"):
        find_data("y.json")
    with pytest.raises(UsageError, match="folder"):
        find_data(str(tmp_path))
    assert list(read_json_lines(tmp_path / "data" / "x.json")) == [{}]


def _reading(score: float) -> Reading:
    return Reading((Span(0, 4, score),), 1, Calibration())


def test_the_threshold_parts_what_is_answered_from_what_is_not() -> None:
    generator = np.random.default_rng(0)
    held = [QAExample("a", "t", "Lyon is hot", "?", ("Lyon",), 0)] * 50 + [
        QAExample("b", "t", "Lyon", "?", (), None)
    ] * 50
    readings = [_reading(s) for s in [*generator.normal(5, 1, 50), *generator.normal(-5, 1, 50)]]
    calibration = calibrate(held, readings)
    assert -4 < calibration.threshold < 4
    assert calibration.right(8) > 0.9
    assert calibration.right(-8) < 0.1
    assert calibration.absent(8) < 0.1
    assert calibration.absent(-8) > 0.9


def test_where_every_question_has_its_answer_nothing_is_held_back() -> None:
    held = [QAExample("a", "t", "Lyon is hot", "?", ("Lyon",), 0)] * 5
    readings = [_reading(score) for score in (-3.0, -1.0, 0.0, 1.0, 2.0)]
    assert calibrate(held, readings).threshold < -3
    absent = [QAExample("b", "t", "Lyon", "?", (), None)] * 5
    assert calibrate(absent, readings).threshold > 2
