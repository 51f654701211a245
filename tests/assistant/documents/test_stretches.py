"""Sentences and excerpts of any text."""

from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.documents.excerpts import excerpt, position
from assistant.documents.sentences import split_sentences
from assistant.types import Document

pieces = st.sampled_from(
    ["Hello world. ", "It’s M. Dupont ! ", "\n\n", "\r\n\r\n", " ", "😀", "e\u0301", "你好。", "5.5 ", "...", "\x85",
     "\u2028", "\u200b", "x" * 700, "word " * 900, "no stop here", "\x1c", "\t"]
)  # fmt: skip
texts = st.one_of(st.text(max_size=200), st.builds("".join, st.lists(pieces, max_size=40)))
documents = texts.filter(lambda text: any(c.isprintable() and not c.isspace() for c in text)).map(
    lambda text: Document("d", text)
)


@given(texts)
@settings(max_examples=150, deadline=None)
def test_sentences_are_in_order_without_overlap_and_hold_every_character(text: str) -> None:
    sentences = split_sentences(text)
    held = set()
    at = 0
    for sentence in sentences:
        assert at <= sentence.start < sentence.end <= len(text)
        assert text[sentence.start : sentence.end].strip() == text[sentence.start : sentence.end]
        held |= set(range(sentence.start, sentence.end))
        at = sentence.end
    assert {index for index, char in enumerate(text) if not char.isspace()} <= held


def test_sentences_end_where_they_end() -> None:
    text = "Dr. Smith paid 5.5 million. He left!\n\nJ'habite à Lyon. Et toi ?"
    assert [text[s.start : s.end] for s in split_sentences(text)] == [
        "Dr. Smith paid 5.5 million.", "He left!", "J'habite à Lyon.", "Et toi ?",
    ]  # fmt: skip


@given(documents, st.data())
@settings(max_examples=100, deadline=None)
def test_an_excerpt_shows_the_span_and_nothing_that_steers_a_terminal(document: Document, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(document.text) - 1))
    end = data.draw(st.integers(start + 1, len(document.text)))
    found = excerpt(document.text, start, end)
    shown = found.before + found.span + found.after
    assert not any(char in "\x1b\x9b\r\n\x07" for char in shown)
    assert len(found.before) <= 165 and len(found.after) <= 165 and len(found.span) <= 340
    assert position(document.text, start, end).startswith("characters")


def test_an_excerpt_marks_where_it_was_cut() -> None:
    text = "First one. Second two. Third three. THE SPAN here. Fifth five. Sixth six. Seventh seven."
    found = excerpt(text, text.index("THE"), text.index(" here"))
    assert found.span == "THE SPAN"
    assert found.before.startswith("…") and found.after.endswith("…")
