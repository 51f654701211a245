import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.batch.tables import flat, unflat
from assistant.records import answer_from_json, answer_to_json, json_line, verdict_to_json
from assistant.types import Answer, Claim, Document, Evidence, Label, ModelNames, Probabilities, Route, Usage, Verdict

SCHEMA = Path(__file__).parents[2] / "docs" / "answer.schema.json"
texts = st.text(min_size=1, max_size=20)
shares = st.floats(0, 1)
evidences = st.builds(
    Evidence,
    *(texts, st.integers(0, 99), st.integers(0, 99), texts),
    *(st.none() | shares, st.none() | st.integers(1, 9), st.none() | texts),
)
claims = st.builds(
    Claim, texts, st.sampled_from(Label), st.builds(Probabilities, shares, shares, shares), st.none() | evidences
)
answers = st.builds(
    Answer,
    route=st.sampled_from(Route),
    text=st.none() | texts,
    score=st.none() | shares,
    evidence=st.lists(evidences, max_size=3).map(tuple),
    closest=st.none() | evidences,
    verdict=st.none() | st.lists(claims, min_size=1, max_size=3).map(tuple).map(Verdict),
    verdict_reason=st.none() | texts,
    models=st.builds(ModelNames, st.none() | texts, st.none() | texts, st.none() | texts),
    usage=st.builds(Usage, shares, *[st.integers(0, 9)] * 4),
    stopped=st.booleans(),
)


@given(answers)
def test_an_answer_comes_back_from_its_json(answer: Answer) -> None:
    line = json_line(answer_to_json("q", answer, "1"))
    assert "\n" not in line
    assert answer_from_json(json.loads(line)) == answer


def test_an_answer_saved_before_there_were_pages_comes_back() -> None:
    answer = Answer(Route.EXTRACT, "x", 0.9, (Evidence("d", 0, 1, "x", 0.9),), closest=Evidence("d", 0, 1, "x"))
    record = json.loads(json_line(answer_to_json("q", answer, "1")))
    del record["evidence"][0]["page"], record["closest"]["page"]
    assert answer_from_json(record) == answer


def test_an_answer_has_the_contracts_keys_in_order() -> None:
    evidence = Evidence("amazon.txt", 54, 83, "x" * 29, 0.97, 3)
    claim = Claim("c", Label.ENTAILMENT, Probabilities(0.96, 0.03, 0.01), evidence)
    answer = Answer(Route.EXTRACT, "x", 0.97, (evidence,), verdict=Verdict((claim,)))
    record = answer_to_json("q?", answer, "7")
    assert list(record) == [
        "id", "question", "route", "answer", "score", "evidence", "verdict", "closest", "models", "usage",
    ]  # fmt: skip
    assert (record["id"], record["question"], record["route"], record["answer"]) == ("7", "q?", "extract", "x")
    assert record["evidence"] == [
        {"document": "amazon.txt", "start": 54, "end": 83, "text": "x" * 29, "score": 0.97, "page": 3}
    ]
    assert list(record["verdict"]) == ["label", "entailment", "neutral", "contradiction", "claims"]
    assert list(record["verdict"]["claims"][0])[:5] == ["text", "label", "entailment", "neutral", "contradiction"]
    assert record["models"] == {"generator": None, "reader": None, "verifier": None}
    assert list(record["usage"]) == ["seconds", "prompt_tokens", "completion_tokens", "windows", "windows_in_all"]


def test_the_place_stands_in_the_json_where_there_is_one_and_the_schema_knows_it() -> None:
    document = Document("prices.md", "# Fees\n\nThe fee is 12 euros.")
    closest = Document("note", "Nothing.").evidence(0, 7)
    claim = Claim("c", Label.ENTAILMENT, Probabilities(0.96, 0.03, 0.01), document.evidence(8, 28))
    verdict = Verdict((claim,))
    answer = Answer(Route.EXTRACT, "12", 0.97, (document.evidence(19, 21),), closest=closest, verdict=verdict)
    record = answer_to_json("How much?", answer, "1")
    assert record["evidence"][0]["place"] == "under “Fees”"
    assert record["verdict"]["claims"][0]["evidence"]["place"] == "under “Fees”"
    assert "place" not in record["closest"]
    jsonschema.validate(record, json.loads(SCHEMA.read_text("utf-8")))
    assert unflat(flat(record | {"input_digest": "a", "options_digest": "b"}))["evidence"] == record["evidence"]


def test_the_verdict_of_an_answer_is_that_of_its_worst_claim() -> None:
    good = Claim("a", Label.ENTAILMENT, Probabilities(0.9, 0.1, 0.0))
    unsure = Claim("b", Label.NEUTRAL, Probabilities(0.1, 0.9, 0.0))
    wrong = Claim("c", Label.CONTRADICTION, Probabilities(0.3, 0.1, 0.6))
    assert verdict_to_json(Verdict((good, wrong, unsure)))["label"] == "contradiction"
    assert verdict_to_json(Verdict((good, wrong, unsure)))["entailment"] == 0.3
    assert verdict_to_json(Verdict((good, unsure)))["label"] == "neutral"
    with pytest.raises(ValueError, match="at least one claim"):
        Verdict(())


@given(st.text(alphabet=st.characters(codec=None, categories=None), max_size=30))
def test_json_of_any_text_can_be_printed_and_written_and_means_the_same(text: str) -> None:
    line = json_line({"text": text})
    assert json.loads(line) == {"text": text}
    assert not any(char in "\x1b\x7f\x9b\x85\u202e\u2028" for char in line)
    line.encode("utf-8")


def test_json_refuses_what_is_no_number() -> None:
    with pytest.raises(ValueError, match="JSON"):
        json_line({"x": float("nan")})
