import itertools
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.documents.sentences import split_sentences
from assistant.encoders.pairs import EncodedPair, PairEncoder
from assistant.errors import ModelError, UsageError
from assistant.types import Document, Evidence, Label
from assistant.verification.candidates import MIN_PREMISE_TOKENS, Check
from assistant.verification.head import Head, label_columns
from assistant.verification.premises import SentenceIndex, decide
from assistant.verification.verifier import Verifier
from tests.conftest import NLI_LABELS, bert_tokenizer, roberta_tokenizer, tiny_model


def _verifier(kind: str = "bert", **options: Any) -> Verifier:
    labels = options.pop("labels", NLI_LABELS)
    model = tiny_model(kind, "SequenceClassification", num_labels=len(labels))
    tokenizer = bert_tokenizer() if kind == "bert" else roberta_tokenizer()
    return Verifier(model, PairEncoder(tokenizer), name="tiny", head=Head.of_labels(labels), **options)


VERIFIERS = [_verifier("bert", max_length=96), _verifier("roberta", max_length=96)]
ARTICLE = (
    "The Amazon rainforest covers 5.5 million square kilometers. It holds 390 billion trees.\r\n\r\n"
    "J'habite à Lyon 😀. Marie Curie wrote the report in 1903! " * 12 + "word" * 400 + " and more " * 60
)


class _Lengths:
    """Notes the lengths of the pairs that reach the model."""

    def __init__(self, verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[int] = []
        collate = verifier.encoder.collate

        def noted(pairs: list[EncodedPair]) -> Any:
            self.seen += [len(pair) for pair in pairs]
            return collate(pairs)

        monkeypatch.setattr(verifier.encoder, "collate", noted)


@pytest.mark.parametrize("verifier", VERIFIERS, ids=["bert", "roberta"])
def test_no_pair_is_longer_than_allowed(verifier: Verifier) -> None:
    @given(
        text=st.one_of(
            st.text(min_size=1, max_size=400),
            st.builds(
                "".join, st.lists(st.sampled_from(["forest ", "x" * 300, ". ", "\n\n", "é", "😀", "5.5 "]), max_size=60)
            ),
        ).filter(lambda text: any(c.isprintable() and not c.isspace() for c in text)),
        claim=st.text(alphabet="abc é.5", min_size=1, max_size=30),
        place=st.integers(0, 400),
    )
    @settings(max_examples=25, deadline=None)
    def check(text: str, claim: str, place: int) -> None:
        document = Document("d", text)
        place = min(place, len(text) - 1)
        near = [Evidence("d", place, place + 1, text[place])]
        with pytest.MonkeyPatch.context() as patch:
            lengths = _Lengths(verifier, patch)
            try:
                verdicts = verifier.verify([Check(document, [claim]), Check(document, [claim], near)])
            except UsageError:
                return
        assert max(lengths.seen, default=0) <= verifier.max_length
        for verdict in verdicts:
            assert verdict is not None
            for told in verdict.claims:
                row = told.probabilities
                assert row.entailment + row.neutral + row.contradiction == pytest.approx(1)
                assert told.evidence is not None
                assert text[told.evidence.start : told.evidence.end] == told.evidence.text != ""

    check()


def test_a_sentence_without_spaces_of_any_length_is_checked_whole() -> None:
    for verifier in VERIFIERS:
        with pytest.MonkeyPatch.context() as patch:
            lengths = _Lengths(verifier, patch)
            verdict = verifier.verify([Check(Document("d", "ab,c" * 5000), ["The forest is large."])])[0]
        assert verdict is not None
        assert max(lengths.seen, default=0) <= 96


@pytest.mark.parametrize("text", ["!!! ... ???", "\n—\n\n—\n", "😀😀", "·"])
def test_a_document_without_letters_gets_a_verdict(text: str) -> None:
    for verifier in VERIFIERS:
        assert verifier.verify([Check(Document("d", text), ["It is large."])])[0] is not None


def test_a_claim_too_long_to_check_whole_is_refused() -> None:
    for verifier in VERIFIERS:
        with pytest.raises(UsageError, match="too long to be checked whole"):
            verifier.verify([Check(Document("d", ARTICLE), ["the forest is large " * 40])])


def test_the_longest_claim_that_is_taken_leaves_room_for_a_premise() -> None:
    verifier = VERIFIERS[0]
    room = verifier.max_length - verifier.encoder.overhead - MIN_PREMISE_TOKENS
    word = "x"
    assert verifier.verify([Check(Document("d", ARTICLE), [" ".join([word] * room)])])[0] is not None
    with pytest.raises(UsageError):
        verifier.verify([Check(Document("d", ARTICLE), [" ".join([word] * (room + 1))])])


@pytest.mark.parametrize("claim", ["", "  ", "\u200b"])
def test_an_empty_claim_is_refused(claim: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        VERIFIERS[0].verify([Check(Document("d", ARTICLE), [claim])])


def test_the_verdict_is_that_of_the_worst_claim() -> None:
    claims = ["It holds 390 billion trees.", "Marie Curie wrote it.", "The Nile crosses the forest.", "Lyon is large."]
    verdict = VERIFIERS[0].verify([Check(Document("d", ARTICLE), claims)])[0]
    assert verdict is not None
    assert [claim.text for claim in verdict.claims] == claims
    order = [Label.CONTRADICTION, Label.NEUTRAL, Label.ENTAILMENT]
    assert verdict.label == min((claim.label for claim in verdict.claims), key=order.index)


def test_many_checks_at_once_give_what_each_gives_alone() -> None:
    verifier = VERIFIERS[0]
    checks = [
        Check(Document("a", ARTICLE), ["It is large.", "Marie Curie wrote it."]),
        Check(Document("b", "Lyon is hot."), ["Lyon is cold."]),
        Check(Document("a", ARTICLE), ["It is large."], [Evidence("a", 0, 10, ARTICLE[:10])]),
    ]
    for check, verdict in zip(checks, verifier.verify(checks), strict=True):
        alone = verifier.verify([check])[0]
        assert verdict is not None and alone is not None
        for one, other in zip(verdict.claims, alone.claims, strict=True):
            assert one.evidence == other.evidence
            assert one.probabilities.entailment == pytest.approx(other.probabilities.entailment, abs=1e-5)


@given(place=st.integers(0, 3), spaces=st.sampled_from([" ", "\n", "  "]))
def test_a_claim_that_is_a_sentence_of_the_document_is_entailed_by_it(place: int, spaces: str) -> None:
    document = Document("d", ARTICLE)
    sentence = ARTICLE[slice(*_bounds(document)[place])]
    for verifier in VERIFIERS:
        verdict = verifier.verify([Check(document, [spaces.join(sentence.split())])])[0]
        assert verdict is not None
        assert (verdict.label, verdict.probabilities.entailment) == (Label.ENTAILMENT, 1.0)
        assert verdict.claims[0].evidence is not None
        assert verdict.claims[0].evidence.text.split() == sentence.split()


def _bounds(document: Document) -> list[tuple[int, int]]:
    return [(each.start, each.end) for each in split_sentences(document.text)][:4]


def test_a_claim_that_differs_by_a_word_is_left_to_the_model() -> None:
    verdict = VERIFIERS[0].verify([Check(Document("d", ARTICLE), ["It holds 391 billion trees."])])[0]
    assert verdict is not None
    assert verdict.probabilities.entailment < 1


def test_a_cancelled_check_has_no_verdict() -> None:
    cancel = threading.Event()
    cancel.set()
    assert VERIFIERS[0].verify([Check(Document("d", ARTICLE), ["It is large."])], cancel=cancel) == [None]


def test_a_check_without_claims_has_no_verdict() -> None:
    assert VERIFIERS[0].verify([Check(Document("d", ARTICLE), [])]) == [None]
    assert VERIFIERS[0].verify([]) == []


def test_probabilities_of_pairs_take_premises_of_any_length() -> None:
    for verifier in VERIFIERS:
        rows = verifier.probabilities([("Lyon is hot.", "It is hot."), (ARTICLE, "It is large."), ("", "It is large.")])
        assert np.array(rows).sum(axis=1) == pytest.approx([1, 1, 1])


def test_two_classes_fill_entailment_and_neutral() -> None:
    verifier = _verifier(labels={0: "not_entailment", 1: "entailment"})
    row = verifier.probabilities([("Lyon is hot.", "It is hot.")])[0]
    assert row[2] == 0
    assert sum(row) == pytest.approx(1)


@pytest.mark.parametrize("order", list(itertools.permutations(["entailment", "neutral", "contradiction"])))
def test_labels_are_found_by_name_in_any_order(order: tuple[str, ...]) -> None:
    columns = label_columns(dict(enumerate(name.upper() for name in order)))
    assert [order[column] for column in columns if column is not None] == ["entailment", "neutral", "contradiction"]


@pytest.mark.parametrize(
    "names, columns",
    [
        (["entailment", "not_entailment"], (0, 1, None)),
        (["Not-Entailment", "Entailment"], (1, 0, None)),
        (["unsupported", "supported"], (1, 0, None)),
        (["neutral", "entailment"], (1, 0, None)),
    ],
)
def test_two_class_labels_are_understood(names: list[str], columns: tuple[int, int, None]) -> None:
    assert label_columns(dict(enumerate(names))) == columns


@pytest.mark.parametrize(
    "names",
    [
        ["LABEL_0", "LABEL_1", "LABEL_2"],
        ["entailment"],
        [],
        ["entailment", "contradiction"],
        ["positive", "negative"],
        ["entailment", "neutral", "contradiction", "other"],
    ],
)
def test_labels_that_do_not_tell_are_refused(names: list[str]) -> None:
    with pytest.raises(ModelError, match="entailment"):
        label_columns(dict(enumerate(names)))


@pytest.mark.parametrize(
    "rows, deciding",
    [
        ([(0.1, 0.8, 0.1), (0.6, 0.3, 0.1), (0.7, 0.2, 0.1), (0.1, 0.1, 0.8)], 2),
        ([(0.1, 0.8, 0.1), (0.2, 0.2, 0.6), (0.1, 0.1, 0.8)], 2),
        ([(0.1, 0.8, 0.1), (0.3, 0.5, 0.2), (0.0, 0.9, 0.1)], 1),
        ([(0.2, 0.3, 0.5)], 0),
    ],
)
def test_the_passage_that_says_most_decides(rows: list[tuple[float, float, float]], deciding: int) -> None:
    assert decide(rows) == deciding


@pytest.mark.parametrize("encoder", [verifier.encoder for verifier in VERIFIERS], ids=["bert", "roberta"])
@given(budget=st.integers(5, 80), start=st.integers(0, len(ARTICLE) - 1), length=st.integers(1, 900))
@settings(max_examples=60, deadline=None)
def test_premises_fit_their_budget_and_hold_everything(
    encoder: PairEncoder, budget: int, start: int, length: int
) -> None:
    text = encoder.tokenize([ARTICLE])[0]
    index = SentenceIndex(Document("d", ARTICLE), text)
    packed = index.packed(budget)
    assert all(0 < premise.last - premise.first <= budget for premise in packed)
    held = {token for premise in packed for token in range(premise.first, premise.last)}
    words = {at for at in range(len(text)) if ARTICLE[text.starts[at] : text.ends[at]].strip()}
    assert words <= held
    for premise in packed:
        parts = index.within(premise)
        assert all(premise.first <= part.first < part.last <= premise.last for part in parts)
        held_by_parts = {token for part in parts for token in range(part.first, part.last)}
        assert words & held_by_parts == words & set(range(premise.first, premise.last))
    around = index.around(start, min(start + length, len(ARTICLE)), budget)
    if around is not None:
        assert around.last - around.first <= budget
        assert around.start < start + length
    relevant = index.relevant("Marie Curie wrote the report", budget, 3)
    assert len(relevant) == min(3, len(packed))
    assert len(set(relevant)) == len(relevant)
