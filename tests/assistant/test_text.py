import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.text import PrintableStream, encodable, one_line, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 🌳\ttab\nline", "plain é 🌳\ttab\nline"),
        ("\x1b[31mred\x1b]52;c;AA==\x07", "[31mred]52;c;AA=="),
        ("\x9b2J\x9dx", "2Jx"),
        ("abc\u202etxt.exe\u2066", "abctxt.exe"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("nul\x00del\x7f", "nuldel"),
        ("half \ud83d", "half \ufffd"),
    ],
)
def test_what_steers_a_terminal_is_taken_out(text: str, shown: str):
    assert printable(text) == shown
    printable(text).encode()


def test_one_line_is_one_line_of_the_length_asked_for():
    assert one_line(" a\n\tb\x1b ") == "a b"
    assert one_line("x" * 50, 10) == "x" * 9 + "…"


@given(st.lists(st.text(st.sampled_from("a\r\n\u0301\u200d\x1b\u202e\u2028é"), max_size=12), max_size=12))
def test_a_text_in_pieces_is_shown_as_it_would_be_whole(pieces: list[str]):
    stream = PrintableStream()
    assert "".join(stream.add(piece) for piece in pieces) == printable("".join(pieces).removesuffix("\r"))


def test_what_no_file_can_hold_is_replaced_and_nothing_else():
    assert encodable("a\x1b\ud83d é 🌳\udcff") == "a\x1b\ufffd é 🌳\ufffd"
