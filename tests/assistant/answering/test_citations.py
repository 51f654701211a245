"""Citations behind the sentences of a written answer."""

from assistant.answering.citations import only_cited, with_citations
from assistant.types import Claim, Document, Label, Probabilities, Verdict

TEXT = "The mill was built in 1640. It ground oats.\n\nThe bridge fell in 1968. Soldiers built it again."
DOCUMENT = Document("mill.txt", TEXT)
PASSAGES = (DOCUMENT.evidence(0, 43), DOCUMENT.evidence(45, len(TEXT)))
SURE = Probabilities(0.9, 0.05, 0.05)


def claim(text: str, place: str, label: Label = Label.ENTAILMENT) -> Claim:
    start = TEXT.index(place)
    return Claim(text, label, SURE, DOCUMENT.evidence(start, start + len(place)))


def test_each_sentence_gets_the_number_of_the_passage_that_entails_it() -> None:
    answer = "The bridge fell in 1968. The mill ground oats."
    verdict = Verdict((
        claim("The bridge fell in 1968.", "The bridge fell in 1968."),
        claim("The mill ground oats.", "It ground oats."),
    ))  # fmt: skip
    assert with_citations(answer, verdict, PASSAGES) == "The bridge fell in 1968 [2]. The mill ground oats [1]."


def test_a_sentence_that_nothing_entails_gets_none() -> None:
    answer = "The bridge fell in 1968. It was blue."
    verdict = Verdict((
        claim("The bridge fell in 1968.", "The bridge fell in 1968."),
        claim("It was blue.", "It ground oats.", Label.NEUTRAL),
    ))  # fmt: skip
    assert with_citations(answer, verdict, PASSAGES) == "The bridge fell in 1968 [2]. It was blue."


def test_what_the_model_has_cited_stays_where_there_is_such_a_passage() -> None:
    verdict = Verdict((claim("The bridge fell.", "The bridge fell in 1968."),))
    assert with_citations("The bridge fell [2]. It was blue [7].", verdict, PASSAGES) == (
        "The bridge fell [2]. It was blue."
    )


def test_several_passages_in_one_pair_of_brackets_are_told_apart() -> None:
    verdict = Verdict((claim("The bridge fell.", "The bridge fell in 1968."),))
    assert with_citations("The bridge fell [1, 2]. It was blue [2-4].", verdict, PASSAGES) == (
        "The bridge fell [1][2]. It was blue [2]."
    )
    text, cited = only_cited("The bridge fell [2; 9].", PASSAGES)
    assert (text, cited) == ("The bridge fell [1].", PASSAGES[1:])


def test_a_single_passage_is_not_numbered() -> None:
    verdict = Verdict((claim("The mill ground oats.", "It ground oats."),))
    assert with_citations("The mill ground oats.", verdict, PASSAGES[:1]) == "The mill ground oats."
