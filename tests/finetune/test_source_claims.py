"""Sentences on a source, as a verifier is trained on them and measured by them."""

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from assistant.errors import UsageError
from assistant.loading.verifier import load_verifier
from assistant.models.store import ModelStore
from assistant.types import Document, Label
from finetune.data.exchanges import _swap, exchanged
from finetune.data.source_claims import (
    SourceClaim,
    exchanged_sentences,
    is_held_out,
    read_source_claims,
    read_source_texts,
    source_pairs,
)  # fmt: skip
from finetune.tasks.nli.claims import DocumentClaim, evaluate_source_texts, holds_source_texts, read_source_documents

SOURCE = (
    "The mill at Torsby burned down in 1931. It had ground rye for four parishes since 1847. "
    "Elna Brandt rebuilt it in 1934 with money from the bank in Sunne. The new wheel measures 6 metres. "
    "Since 1970 the mill has been a museum, and about 2,400 people visit it each summer."
)


def _file(folder: Path, *rows: object) -> Path:
    path = folder / "claims.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def _answered(text: str, *marked: tuple[str, str]) -> dict[str, object]:
    spans = [
        {"start": text.index(part), "end": text.index(part) + len(part), "text": part, "label_type": kind}
        for part, kind in marked
    ]
    return {"source_id": 1, "source": SOURCE, "responses": [{"model": "m", "response": text, "spans": spans}]}


def test_a_sentence_with_a_marked_span_is_not_supported_and_the_others_are(tmp_path: Path) -> None:
    row = _answered(
        "The mill burned in 1931. It was rebuilt by Karl Brandt. It sells bread.",
        ("Karl", "Evident Conflict"),
        ("sells bread", "Evident Baseless Info"),
    )
    claims = read_source_claims(_file(tmp_path, row))
    assert [(claim.text, claim.label) for claim in claims] == [
        ("The mill burned in 1931.", Label.ENTAILMENT),
        ("It was rebuilt by Karl Brandt.", Label.CONTRADICTION),
        ("It sells bread.", Label.NEUTRAL),
    ]


def test_of_an_edited_summary_only_what_was_edited_is_labelled(tmp_path: Path) -> None:
    row = {
        "premise": SOURCE, "label": "not_entailment", "edit_types": ["entity_modification"],
        "original": "The mill burned in 1931. It is a museum today.",
        "hypothesis": "The mill burned in 1913. It is a museum today.",
    }  # fmt: skip
    assert read_source_claims(_file(tmp_path, row)) == [
        SourceClaim(SOURCE, "The mill burned in 1913.", Label.CONTRADICTION)
    ]


def test_a_record_as_a_source_is_read_as_json(tmp_path: Path) -> None:
    row = {"source": {"name": "Café Sol"}, "responses": [{"response": "It is a café.", "spans": []}]}
    assert read_source_texts(_file(tmp_path, row))[0].source == '{\n "name": "Café Sol"\n}'


def test_a_file_of_another_kind_is_refused_by_its_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="line 1: neither answers on a source"):
        read_source_claims(_file(tmp_path, {"question": "?"}))


def test_what_is_measured_is_the_whole_answer_and_each_sentence(tmp_path: Path) -> None:
    path = _file(tmp_path, _answered("The mill burned in 1931. It sells bread.", ("bread", "Subtle Baseless Info")))
    assert holds_source_texts(path)
    texts, sentences = read_source_documents(path)
    assert [text.supported for text in texts] == [False]
    assert [sentence.supported for sentence in sentences] == [True, False]
    assert texts[0].document is sentences[0].document


def test_the_sources_of_a_measurement_are_those_that_training_leaves_out(tmp_path: Path) -> None:
    rows = [
        {"source": f"Source {number}. {SOURCE}", "responses": [{"response": "It burned in 1931.", "spans": []}]}
        for number in range(200)
    ]
    texts, _ = read_source_documents(_file(tmp_path, *rows), 0.2)
    assert 20 <= len(texts) <= 60
    assert all(is_held_out(text.document.text, 0.2) for text in texts)


def test_a_claim_stands_beside_the_sentences_that_bear_on_it() -> None:
    filler = " ".join(f"Room {number} holds farm tools of the parish and some old chairs." for number in range(60))
    claim = SourceClaim(f"{filler} {SOURCE} {filler}", "Elna Brandt rebuilt the mill in 1934.", Label.ENTAILMENT)
    pairs = source_pairs([claim] * 20, 1)
    entailed = [pair for pair in pairs if pair.label is Label.ENTAILMENT]
    assert entailed and all("Elna Brandt rebuilt it in 1934" in pair.premise for pair in entailed)
    assert all(len(pair.premise.split()) <= 210 for pair in pairs)
    assert any(pair.label is Label.CONTRADICTION and pair.hypothesis != claim.text for pair in pairs)
    far = [pair for pair in pairs if pair.label is Label.NEUTRAL]
    assert far and all("1934" not in pair.premise for pair in far)


def test_the_same_seed_gives_the_same_pairs() -> None:
    claims = [SourceClaim(SOURCE, "The wheel measures 6 metres.", Label.ENTAILMENT)] * 5
    assert source_pairs(claims, 7) == source_pairs(claims, 7)
    assert exchanged_sentences([SOURCE], 4, 7) == exchanged_sentences([SOURCE], 4, 7)


@pytest.mark.parametrize(
    "statement",
    [
        "The mill burned down in 1931.",
        "The wheel measures six metres.",
        "Elna Brandt rebuilt it with money from the bank in Sunne.",
        "It was closed before the war.",
        "The mill is a museum.",
    ],
)
def test_one_thing_is_exchanged_and_the_rest_stays(statement: str) -> None:
    draw = random.Random(3)
    told = {exchanged(statement, SOURCE, draw) for _ in range(30)} - {None}
    assert told and statement not in told
    for other in told:
        assert other is not None
        kept = set(statement.rstrip(".").split()) & set(other.rstrip(".").split())
        assert len(kept) >= len(set(statement.split())) - 3


def test_what_holds_nothing_to_exchange_is_left_alone() -> None:
    assert exchanged("Fine weather today.", "Fine weather today.", random.Random(1)) is None


def test_sentences_come_in_twos_with_the_same_premise() -> None:
    one, other = exchanged_sentences([SOURCE], 2, 5)
    assert (one.label, other.label) == (Label.ENTAILMENT, Label.CONTRADICTION)
    assert one.premise == other.premise and one.hypothesis in SOURCE and other.hypothesis not in SOURCE


@pytest.mark.parametrize(
    "statement",
    [
        "In spring the painter Anna Holm met Karl Brandt.",
        "In spring the painter Anna Holm married Karl Brandt.",
        "In spring the town of Torsby and the town of Sunne were flooded.",
        "In spring the towns Torsby, Sunne, and Arvika were flooded.",
        "The valley of Torsby borders Sunne.",
        "The distance from Torsby to Sunne is long.",
        "In 1931, 1934 and 1970 the mill burned.",
        "The team of Torsby played against Sunne.",
        "Au printemps la peintre Anna Holm a rencontré Karl Brandt.",
    ],
)
def test_what_is_true_both_ways_round_is_not_swapped(statement: str) -> None:
    assert {_swap(statement, statement, random.Random(seed)) for seed in range(20)} == {None}


@pytest.mark.parametrize(
    ("statement", "swapped"),
    [
        (
            "The painter Anna Holm followed Karl Brandt.",
            "The painter Karl Brandt followed Anna Holm.",
        ),
        ("It burned in 1931 and was rebuilt in 1934.", "It burned in 1934 and was rebuilt in 1931."),
        ("It was sold by Torsby to Sunne.", "It was sold by Sunne to Torsby."),
    ],
)
def test_what_is_false_the_other_way_round_is_swapped(statement: str, swapped: str) -> None:
    assert _swap(statement, statement, random.Random(1)) == swapped


def test_a_claim_on_a_blank_source_is_left_out_and_counted() -> None:
    left_out: Counter[str] = Counter()
    claims = [SourceClaim(source, "The wheel measures 6 metres.", Label.NEUTRAL) for source in (" \n", SOURCE)]
    assert {pair.premise.strip() for pair in source_pairs(claims, 1, left_out)} <= {SOURCE} | {
        pair.premise for pair in source_pairs(claims[1:], 1)
    }
    assert left_out == {"on a source without a word": 1}


def test_a_blank_source_of_a_file_is_counted_and_the_others_are_measured(tmp_path: Path) -> None:
    row = {"source": " \n", "responses": [{"response": "It burned in 1931.", "spans": []}]}
    left_out: Counter[str] = Counter()
    texts, sentences = read_source_documents(_file(tmp_path, row, row | {"source": SOURCE}), 1.0, left_out)
    assert (len(texts), len(sentences)) == (1, 1)
    assert left_out == {"on a source without a word": 2}, "the text and its sentence"


def test_one_text_that_cannot_be_read_does_not_end_a_measurement(verifier_folder: Path) -> None:
    verifier = load_verifier(ModelStore().resolve(str(verifier_folder)))
    said = (("The mill burned in 1931.", True), ("It sells bread.", False), ("word " * 2000, False), (" ", True))
    claims = [DocumentClaim(Document("mill", SOURCE), text, supported) for text, supported in said]
    good, bad = claims[:2], claims[2:]
    report = evaluate_source_texts(verifier, [*bad, *good], [*good, *bad])
    for part in (report, report["sentences"]):
        assert part["total"] == 2
        assert part["left_out"] == {"a claim or source that cannot be read whole": 1, "an empty claim": 1}
    with pytest.raises(UsageError, match="None of 2"):
        evaluate_source_texts(verifier, bad, good)
