from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import ModelError
from assistant.verification.head import FILE_NAME, Head

LOGITS = np.array([[2.0, 1.0, -1.0], [0.0, 0.0, 0.0], [1000.0, -1000.0, 0.0]])


@given(
    temperature=st.floats(0.1, 10),
    biases=st.tuples(*[st.floats(-3, 3)] * 3),
    order=st.permutations(range(3)),
)
def test_probabilities_sum_to_one_whatever_the_logits(
    temperature: float, biases: tuple[float, float, float], order: list[int]
) -> None:
    head = Head((order[0], order[1], order[2]), temperature=temperature, biases=biases)
    assert np.allclose(head.probabilities(LOGITS).sum(axis=1), 1)


def test_a_class_is_found_by_its_name_and_not_by_its_place() -> None:
    head = Head.of_labels({0: "CONTRADICTION", 1: "ENTAILMENT", 2: "NEUTRAL"})
    entailment, neutral, contradiction = head.probabilities(np.array([[0.0, 3.0, 1.0]]))[0]
    assert entailment > neutral > contradiction


def test_two_classes_leave_contradiction_empty() -> None:
    head = Head.of_labels({0: "not_entailment", 1: "entailment"})
    assert head.classes == 2
    entailment, neutral, contradiction = head.probabilities(np.array([[0.0, 0.0]]))[0]
    assert (entailment, neutral, contradiction) == (0.5, 0.5, 0.0)


def test_a_bias_moves_the_decision_and_a_temperature_only_the_certainty() -> None:
    logits = np.array([[1.0, 0.5, 0.0]])
    assert Head(temperature=5.0).probabilities(logits)[0].argmax() == 0
    assert Head(temperature=5.0).probabilities(logits)[0, 0] < Head().probabilities(logits)[0, 0]
    assert Head(biases=(0.0, 1.0, 0.0)).probabilities(logits)[0].argmax() == 1


def test_a_head_is_kept_beside_its_adapter(tmp_path: Path) -> None:
    head = Head(hypothesis_first=True, temperature=1.5, biases=(0.25, 0.0, -0.25))
    head.save(tmp_path)
    assert Head.load(tmp_path) == head


def test_an_adapter_without_the_file_has_our_labels_in_our_order(tmp_path: Path) -> None:
    assert Head.load(tmp_path) == Head()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"labels": ["entailment", "neutral", "contradiction"], "hypothesis_first": true, "temperature": 0, '
        '"biases": [0, 0, 0]}',
        '{"labels": ["a", "b", "c"], "hypothesis_first": true, "temperature": 1, "biases": [0, 0, 0]}',
        '{"labels": ["entailment", "neutral", "contradiction"], "hypothesis_first": 1, "temperature": 1, '
        '"biases": [0, 0]}',
        '{"labels": ["entailment", "neutral", "contradiction"], "hypothesis_first": true, "temperature": 1, '
        '"biases": [NaN, 0, 0]}',
    ],
)
def test_a_damaged_file_is_a_clear_error(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(ModelError):
        Head.load(tmp_path)
