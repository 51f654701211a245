import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.metrics import classification_report, confusion_matrix, exact_match, normalize_answer, token_f1


@pytest.mark.parametrize(
    "text, normal",
    [
        ("The  Amazon!", "amazon"),
        ("a an the", ""),
        ("An apple, a day", "apple day"),
        ("theater", "theater"),
        ("5.5 million", "55 million"),
        ("the-end", "theend"),
        ("U.S.A.", "usa"),
        ("L'été", "lété"),
        ("“quoted”", "“quoted”"),
        ("in\u00a0the\tnight", "in night"),
    ],
)
def test_answers_are_normalised_as_squad_does(text: str, normal: str) -> None:
    assert normalize_answer(text) == normal


@pytest.mark.parametrize(
    "prediction, golds, em, f1",
    [
        ("the Amazon", ["Amazon."], 1, 1),
        ("Amazon river", ["Amazon", "the river"], 0, 2 / 3),
        ("", [], 1, 1),
        ("something", [], 0, 0),
        ("", ["Amazon"], 0, 0),
        ("a b b", ["b b b"], 0, 0.8),
        ("red blue", ["green"], 0, 0),
        ("", ["the", "Amazon"], 0, 0),
    ],
)
def test_exact_match_and_f1_are_those_of_squad(prediction: str, golds: list[str], em: float, f1: float) -> None:
    assert exact_match(prediction, golds) == em
    assert token_f1(prediction, golds) == pytest.approx(f1)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60))
@settings(deadline=None, max_examples=40)
def test_classification_figures_are_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    gold, predicted = [a for a, _ in pairs], [b for _, b in pairs]
    matrix = confusion_matrix(gold, predicted, 3)
    assert matrix.tolist() == metrics.confusion_matrix(gold, predicted, labels=[0, 1, 2]).tolist()
    report = classification_report(matrix)
    assert report["accuracy"] == pytest.approx(100 * metrics.accuracy_score(gold, predicted))
    for average in ("macro", "weighted"):
        expected = metrics.f1_score(gold, predicted, average=average, zero_division=0)
        assert report[f"f1_{average}"] == pytest.approx(100 * expected)
