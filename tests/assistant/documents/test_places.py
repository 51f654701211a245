"""Where something stands, in words that a person finds it by."""

import pytest

from assistant.documents.excerpts import on_one_line, position
from assistant.documents.open import decode_document
from assistant.layout import Place
from assistant.types import Document
from tests.assistant.documents.corpus import CASES

PLACES = [
    ("a-sentence-over-two-pages.pdf", "Torgeir", "page 2"),
    ("stations.xlsx", "3454", "Sheet!B3"),
    ("several-sheets.xlsx", "11", "Boats!B3"),
    ("title-over-a-table.xlsx", "64", "Prices!D6"),
    ("title-over-a-table.xlsx", "Price list 2024", "sheet “Prices”, under “Prices”"),
    ("open-sheet.ods", "14", "Boats!C3"),
    ("slides.pptx", "storms", "slide 1, under “Why a bridge”"),
    ("slides.pptx", "3.8", "slide 2, under “Costs”"),
    ("book.epub", "storm", "chapter “Two”, under “Two”"),
    ("box.mbox", "9:40", "message 2 of 2 “Re: Ferry”, under “Re: Ferry”"),
    ("with-attachments.eml", "attached.", "message “The plans”"),
    ("header-footer-and-comment.docx", "NF-2291", "page header"),
    ("header-footer-and-comment.docx", "sealed", None),
    ("header-footer-and-comment.docx", "broken", "comments"),
    ("faq-in-buttons.html", "22:30", "under “Is there a curfew?”"),
    ("notebook.ipynb", "42", "cell 2"),
    ("boats.md", "12", "under “Boats”"),
    ("staff.csv", "Ulm", None),
]


@pytest.mark.parametrize("name, words, place", PLACES)
def test_a_place_is_named_as_a_person_would(name: str, words: str, place: str | None) -> None:
    document = decode_document(name, CASES[name]())
    assert document.place(document.text.index(words)) == place


def test_a_comment_in_a_source_file_is_no_heading() -> None:
    document = decode_document("a.py", b"# Settings\nx = 1\n")
    assert document.place(11) is None


def test_a_passage_that_begins_with_its_heading_stands_under_it() -> None:
    document = Document("a.md", "# Roof\n\nSlate.\n\n# Delivery\n\nIn May.")
    assert document.evidence(16, 34).place == "under “Delivery”"


def test_a_place_is_printable_short_and_on_one_line() -> None:
    document = Document("a", "text", places=(Place(0, "message “\x1b[31mRe:\n" + "x" * 999 + "”"),))
    place = document.evidence(0, 4).place
    assert place is not None
    assert place.startswith("message “Re: xxx")
    assert len(place) <= 160


def test_the_place_stands_before_the_offsets() -> None:
    assert position("x" * 100, 50, 60, 7, "page 7, under “Fees”") == "page 7, under “Fees”, characters 50–60, 50% in"


def test_an_answer_over_a_lines_end_is_shown_on_one_line_and_a_list_is_not() -> None:
    assert on_one_line("the smith\nTorgeir Lie") == "the smith Torgeir Lie"
    assert on_one_line("- plums\n- eggs") == "- plums\n- eggs"
    assert on_one_line("one.\n\ntwo.") == "one.\n\ntwo."
    assert on_one_line("def f():\n    return 1") == "def f():\n    return 1"
