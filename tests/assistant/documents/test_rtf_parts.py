"""Parts of RTF files apart from the running text, and text that is hidden."""

from assistant.documents.open import decode_document

HEAD = r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Times;}}{\info{\title T}}"


def read(body: str) -> str:
    return decode_document("note.rtf", (HEAD + body + "}").encode("latin-1")).text


def test_headers_stand_before_the_text_and_footers_behind_it_each_once() -> None:
    part = (
        r"{\header\pard Beekeepers of Sk\'e5ne\par}{\headerl\pard Beekeepers of Sk\'e5ne\par}{\footer\pard Box 7\par}"
    )
    assert read(part + r"\pard The swarm is gone.\par") == "Beekeepers of Skåne\n\nThe swarm is gone.\n\nBox 7"


def test_footnotes_stand_at_the_end_with_their_numbers() -> None:
    text = read(r"\pard Removed by Maja{\super\chftn}{\footnote\pard {\super\chftn} With a ladder.} on 2 May.\par")
    first, note = text.split("\n\n")
    assert first == "Removed by Maja¹ on 2 May."
    assert note.split() == ["¹", "With", "a", "ladder."]


def test_hidden_text_is_not_read_and_what_follows_it_is() -> None:
    assert read(r"\pard Open {\v secret }on \v hidden\v0 Friday.\par") == "Open on Friday."


def test_a_comment_is_read_as_one() -> None:
    assert read(r"\pard Fine.{\*\annotation\pard Who says so?}\par").endswith("Comment: Who says so?")


def test_a_group_that_does_not_end_is_left_as_it_is() -> None:
    assert "Fine." in decode_document("note.rtf", (HEAD + r"\pard Fine.\par {\footnote never").encode()).text


def test_many_groups_are_read_in_time_that_grows_with_them() -> None:
    text = read(r"\pard Begin.\par " + r"{\footnote n}" * 20_000 + "{" * 50_000 + "}" * 50_000)
    assert text.startswith("Begin.")
