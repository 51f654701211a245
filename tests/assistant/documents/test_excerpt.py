from hypothesis import given
from hypothesis import strategies as st

from assistant.documents.excerpts import excerpt, position
from tests.tui.harness import ARTICLE


def around(words: str) -> tuple[str, str, str]:
    start = ARTICLE.index(words)
    cut = excerpt(ARTICLE, start, start + len(words))
    return cut.before, cut.span, cut.after


def test_the_span_stands_between_what_surrounds_it():
    before, span, after = around("21 nautical miles")
    assert span == "21 nautical miles"
    assert before.endswith("Today the beam can be seen from ")
    assert after.startswith(" away in clear weather. It flashes white twice every fifteen seconds.")


def test_cut_ends_fall_between_words_and_carry_an_ellipsis():
    before, _, after = around("21 nautical miles")
    assert before.startswith("…")
    assert after.endswith(" …")
    words = set(ARTICLE.split())
    assert set(before.strip("… ").split()) <= words
    assert set(after.strip("… ").split()) <= words


def test_nothing_is_cut_at_the_ends_of_the_document():
    before, _, _ = around("lighthouse at")
    assert before == "The light at Corran Head The "
    _, _, after = around("cares to push it")
    assert after.strip() == "."


def test_two_whole_sentences_are_shown_on_each_side():
    text = "One. Two. Three. Four. Five here. Six. Seven. Eight. Nine."
    start = text.index("Five")
    cut = excerpt(text, start, start + 4)
    assert cut.before == "…Three. Four. "
    assert cut.after == " here. Six. Seven. …"


def test_escape_sequences_do_not_survive():
    cut = excerpt("before \x1b[2J span \x9b after", 12, 16)
    assert "\x1b" not in cut.before + cut.span + cut.after
    assert "\x9b" not in cut.before + cut.span + cut.after


def test_a_very_long_passage_is_shortened():
    cut = excerpt(ARTICLE, 0, len(ARTICLE))
    assert len(cut.span) < 350
    assert "[…]" in cut.span


@given(st.text(max_size=400), st.data())
def test_any_span_of_any_text_can_be_shown(text: str, data: st.DataObject):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    cut = excerpt(text, start, end, each_side=20)
    assert cut.span == excerpt(text[start:end], 0, end - start).span
    assert max(len(cut.before), len(cut.after)) <= 20 + len("… ")
    assert not {"\n", "\x1b"} & set(cut.before + cut.span + cut.after)
    assert position(text, start, end).startswith(f"characters {start}–{end}, ")


def test_the_position_is_in_characters_and_in_per_cent():
    assert position("x" * 1000, 540, 583) == "characters 540–583, 54% in"
    assert position("x" * 200_000, 20_000, 20_010) == "characters 20,000–20,010, 10% in"
