import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.text import PrintableStream, encodable, one_line, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 🌳\ttab\nline", "plain é 🌳\ttab\nline"),
        ("\x1b[31mred\x1b]52;c;AA==\x07", "red"),
        ("\x9b2J\x9dx", "x"),
        ("\x1b[1;31mError\x1b[0m: \x1b]8;;http://a.b\x1b\\here\x1b]8;;\x1b\\\x1b(B", "Error: here"),
        ("[31m is written \\x1b[31m", "[31m is written \\x1b[31m"),
        ("\x1b]never ended\nand more", "]never ended\nand more"),
        ("\x1b\x1b[31m[31mred", "[31mred"),
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


STEERING = "a\r\n\u0301\u200d\x1b\u202e\u2028é[]3;m\x07\x9b\\("


@given(st.lists(st.text(st.sampled_from(STEERING), max_size=12), max_size=12))
def test_a_text_in_pieces_is_shown_as_it_would_be_whole(pieces: list[str]):
    stream = PrintableStream()
    assert "".join(stream.add(piece) for piece in pieces) + stream.finish() == printable("".join(pieces))


def test_a_sequence_cut_between_pieces_is_left_out_as_a_whole():
    stream = PrintableStream()
    assert [stream.add(piece) for piece in ("It is \x1b", "[3", "1mred\x1b[0", "m.")] == ["It is ", "", "red", "."]


def test_sequences_that_are_never_ended_cost_no_more_than_their_length():
    began = time.process_time()
    printable("\x1b]" * 200_000 + "\x9d" * 200_000 + "\x1b[" * 200_000)
    stream = PrintableStream()
    for _ in range(20_000):
        stream.add("\x1b]a")
    assert time.process_time() - began < 5


def test_what_no_file_can_hold_is_replaced_and_nothing_else():
    assert encodable("a\x1b\ud83d é 🌳\udcff") == "a\x1b\ufffd é 🌳\ufffd"
