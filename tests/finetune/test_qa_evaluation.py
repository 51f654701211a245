import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import UsageError
from assistant.reading.calibration import Calibration
from assistant.reading.reader import Reading
from assistant.reading.spans import Span
from finetune.data.squad import QAExample
from finetune.tasks.qa.errors import ErrorKind, find_errors, kind_of, shares, write_errors
from finetune.tasks.qa.reliability import expected_calibration_error, plot_reliability, reliability

CONTEXT = "The Norman duke Rollo came in 911 with 300 ships. His men burned 12 towns near Paris."


def _example(*answers: str) -> QAExample:
    return QAExample("1", "t", CONTEXT, "?", answers, CONTEXT.index(answers[0]) if answers else None)


@pytest.mark.parametrize(
    "answers, given, kind",
    [
        (("911",), "911", None),
        (("Rollo",), "the Rollo.", None),
        ((), "", None),
        ((), "911", ErrorKind.INVENTED),
        (("911",), "", ErrorKind.MISSED),
        (("Rollo",), "duke Rollo", ErrorKind.LONGER),
        (("duke Rollo",), "Rollo", ErrorKind.SHORTER),
        (("300 ships",), "12 ships", ErrorKind.OVERLAP),
        (("911", "300"), "12", ErrorKind.AMBIGUOUS),
        (("911",), "Paris", ErrorKind.TYPE),
        (("911",), "300", ErrorKind.SENTENCE),
        (("911",), "12", ErrorKind.ELSEWHERE),
    ],
)
def test_each_wrong_answer_is_of_one_kind(answers: tuple[str, ...], given: str, kind: ErrorKind | None) -> None:
    start = CONTEXT.index(given) if given and given in CONTEXT else 0
    assert kind_of(_example(*answers), given, start) is kind


def test_wrong_answers_are_counted_and_written_with_their_question(tmp_path: Path) -> None:
    examples = [_example("911"), _example("Rollo"), _example()]
    readings = [Reading((Span(0, 3, 1.0),), 1, Calibration())] * 3
    found = find_errors(examples, readings, ["300", "Rollo", "300"])
    assert shares(found, 4) == {str(ErrorKind.SENTENCE): 25.0, str(ErrorKind.INVENTED): 25.0}
    write_errors(found, tmp_path / "errors.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "errors.jsonl").read_text("utf-8").splitlines()]
    assert [row["answer"] for row in rows] == ["300", "300"]
    assert [row["gold"] for row in rows] == [["911"], []]
    with pytest.raises(UsageError, match="cannot be written"):
        write_errors(found, tmp_path)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=50), st.integers(1, 15))
def test_every_answer_is_in_one_bin(answers: list[tuple[float, bool]], bins: int) -> None:
    found = reliability([score for score, _ in answers], [right for _, right in answers], bins)
    assert sum(each.count for each in found) == len(answers)
    assert all(0 <= each.right <= 1 and 0 <= each.score <= 1 for each in found)
    assert 0 <= expected_calibration_error(found) <= 1


def test_the_calibration_error_is_the_distance_between_score_and_truth() -> None:
    honest = reliability([0.75] * 4 + [0.25] * 4, [True, True, True, False, False, False, False, True])
    assert expected_calibration_error(honest) == pytest.approx(0)
    boasting = reliability([0.95] * 4, [True, False, False, False])
    assert expected_calibration_error(boasting) == pytest.approx(0.7)


def test_the_reliability_plot_is_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the plot needs the finetune extra")
    bins = reliability([0.1, 0.6, 0.9], [False, True, True])
    plot_reliability(bins, "a title with $ and _", tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UsageError, match="cannot be written"):
        plot_reliability(bins, "t", tmp_path / "none" / "plot.png")
