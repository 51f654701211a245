"""What of a long document a claim is held against: stretches, and sentences gathered from all over it."""

from assistant.encoders.pairs import PairEncoder
from assistant.types import Document
from assistant.verification.candidates import STRETCH_TOKENS, WHOLE_TOKENS, Check, PremiseSelector
from assistant.verification.head import Head
from assistant.verification.premises import SentenceIndex
from assistant.verification.verifier import Verifier
from tests.conftest import NLI_LABELS, bert_tokenizer, tiny_model

FILLER = "The council met again and spoke of the harbour and of the roads. " * 40
TEXT = f"Marie Curie was born in Warsaw. {FILLER}The prize of 1903 went to Curie for her work. {FILLER}"
CLAIM = "Curie, born in Warsaw, was given the prize of 1903."
ENCODER = PairEncoder(bert_tokenizer())


def _index(text: str) -> SentenceIndex:
    return SentenceIndex(Document("d", text), ENCODER.tokenize([text])[0])


def test_sentences_that_share_most_with_a_claim_are_gathered_from_wherever_they_stand() -> None:
    index = _index(TEXT)
    premise = index.nearest(CLAIM, 60)
    assert premise is not None
    parts = index.within(premise)
    texts = [TEXT[part.start : part.end] for part in parts]
    assert texts[0].startswith("Marie Curie was born") and any(text.startswith("The prize of 1903") for text in texts)
    assert len(index.ids(premise)) <= 60
    assert [(part.first, part.last) for part in parts] == list(premise.ranges)


def test_nothing_is_gathered_where_the_sentences_stand_together() -> None:
    assert _index("Marie Curie was born in Warsaw. The prize of 1903 went to her. Fine.").nearest(CLAIM, 200) is None


def test_a_sentence_of_any_length_keeps_to_the_budget() -> None:
    long = "Curie and the prize of Warsaw, " * 200
    premise = _index(f"{long}. {TEXT}").nearest(CLAIM, 60)
    assert premise is not None and len(_index(f"{long}. {TEXT}").ids(premise)) <= 60


def _verifier() -> Verifier:
    model = tiny_model("bert", "SequenceClassification", num_labels=3, id2label=NLI_LABELS)
    return Verifier(model, ENCODER, name="tiny", head=Head())


def test_a_short_document_is_one_premise_and_a_long_one_few() -> None:
    selector = PremiseSelector(ENCODER, hypothesis_first=False, max_length=384)
    short, long = _index("Marie Curie was born in Warsaw. The prize of 1903 went to her."), _index(TEXT)
    assert len(selector.choose(short, CLAIM, 350)) == 1
    premises = selector.choose(long, CLAIM, 350)
    assert 2 <= len(premises) <= 4
    assert sum(len(long.ids(premise)) for premise in premises) <= 3 * STRETCH_TOKENS + WHOLE_TOKENS
    assert any(premise.ranges for premise in premises)


def test_the_evidence_of_a_gathered_premise_is_one_of_its_sentences() -> None:
    document = Document("d", TEXT)
    [verdict] = _verifier().verify([Check(document, [CLAIM])])
    assert verdict is not None
    [claim] = verdict.claims
    assert claim.evidence is not None and claim.evidence.end - claim.evidence.start < 120
    assert TEXT[claim.evidence.start : claim.evidence.end] == claim.evidence.text


def test_what_begins_a_new_clause_after_but_corrects_nothing() -> None:
    for said in (
        "The bridge was not damaged in 1945 but in 1950 it was closed.",
        "The museum is not open on Mondays, but on Fridays it closes at noon.",
    ):
        index = _index(said)
        assert index.corrected(said, index.sentences) == []


def test_the_sentence_that_is_shown_for_a_claim_is_one_that_shares_its_words() -> None:
    text = "Excused: Tor Berg. The committee chose Hauge, because the boats would be wet. The fee stays. Fine."
    index = _index(text)
    [whole] = index.packed(200)
    sharing = index.sharing_most("The committee chose Hauge because of wet boats.", index.within(whole))
    assert [text[each.start : each.end].strip() for each in sharing] == [
        "The committee chose Hauge, because the boats would be wet."
    ]
    assert index.sharing_most("Rien de tel.", index.within(whole)) == index.within(whole)
    [claim] = _verifier().verify([Check(index.document, ["The committee chose Hauge."])])[0].claims
    assert claim.evidence is not None and claim.evidence.text.startswith("The committee chose Hauge")
