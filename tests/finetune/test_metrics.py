import pytest

from assistant.errors import AssistantError
from assistant.metrics import exact_match, normalize_answer, token_f1
from finetune.tasks.needs import of_the_extra
from finetune.tasks.nli.metrics import classification_figures


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


def test_classification_figures_are_macro_and_weighted_precision_recall_and_f1() -> None:
    # Class 0: 3 rows, 2 right; class 1: 1 row, right, and one more taken for it; class 2 never occurs.
    figures = classification_figures([0, 0, 0, 1], [0, 0, 1, 1], 3)
    assert figures["confusion_matrix"] == [[2, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert figures["accuracy"] == pytest.approx(75)
    assert figures["precision_macro"] == pytest.approx((100 + 50) / 2)
    assert figures["recall_macro"] == pytest.approx((200 / 3 + 100) / 2)
    assert figures["f1_macro"] == pytest.approx((80 + 200 / 3) / 2)
    assert figures["precision_weighted"] == pytest.approx((3 * 100 + 50) / 4)
    assert figures["recall_weighted"] == pytest.approx(75)
    assert figures["f1_weighted"] == pytest.approx((3 * 80 + 200 / 3) / 4)


def test_what_the_extra_brings_is_named_where_it_is_missing() -> None:
    told = r"needs scikit-learn: pip install 'terminal-assistant\[finetune\]'"
    with pytest.raises(AssistantError, match=told), of_the_extra("scikit-learn"):
        raise ImportError("no module named sklearn")
