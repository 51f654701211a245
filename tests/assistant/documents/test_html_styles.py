"""What the style sheets within a page hide is left out and counted; what a rule shows again is a part that opens."""

import time

import pytest

from assistant.documents.open import decode_document
from assistant.types import Document


def page(css: str, body: str, style: str = "<style>") -> Document:
    return decode_document("page.html", f"<html><head>{style}{css}</style></head><body><p>Seen.{body}".encode())


HIDDEN = "2 words that the page hides were left out."


@pytest.mark.parametrize(
    ("css", "body"),
    [
        (".x{display:none}", '<p class="a x">hidden words'),
        ("p.x , .y { color: red; DISPLAY : none !important }", "<p class=x>hidden words"),
        ("#note{visibility:hidden}", "<p id=note>hidden words"),
        ("aside{display:none}", "<aside>hidden words</aside>"),
        (".x{display:none}", '<p>Seen too.<span class="x">hidden words</span>'),
        ("/* .x{ */ .y{content:'}'} .x{display:none}", "<p class=x>hidden words"),
        ("@import url(a.css); .x{display:none}", "<p class=x>hidden words"),
        ("@media print{.y{color:red}} .x{display:none}", "<p class=x>hidden words"),
        (".x{display:block} .x{display:none}", "<p class=x>hidden words"),
        (".x{display:none} p{display:block}", "<p class=x>hidden words"),
        (".x{display:none} @media (max-width:600px){.x{display:block}}", "<p class=x>hidden words"),
        (".x{display:none!important}", "<p class=x style='display:block'>hidden words"),
    ],
)
def test_what_a_sheet_hides_is_left_out_and_counted(css: str, body: str) -> None:
    document = page(css, body)
    assert "hidden" not in document.text
    assert document.notices == (HIDDEN,)


@pytest.mark.parametrize(
    ("css", "body"),
    [
        ("@media print{.x{display:none}}", "<p class=x>shown words"),
        ("@media (max-width: 600px){ .y{color:red} .x{display:none} }", "<p class=x>shown words"),
        (".x{display:none} .x{display:block}", "<p class=x>shown words"),
        ("h2{display:none} .x{display:block}", "<h2 class=x>shown words</h2>"),
        (".x{display:none} #a{display:flex}", "<p class=x id=a>shown words"),
        (".x{display:none}", "<p class=x style='display: block'>shown words"),
        (".x .y{display:none}", "<p class=y>shown words"),
        (".xy{display:none}", "<p class=x>shown words"),
        ("div.x{display:none}", "<p class=x>shown words"),
        (".x:hover{display:none}", "<p class=x>shown words"),
        ("body{display:none}", "<p>shown words"),
        ("", "<p aria-hidden=true>shown words"),
    ],
)
def test_what_no_rule_for_screens_hides_is_read(css: str, body: str) -> None:
    document = page(css, body)
    assert "shown words" in document.text
    assert not document.notices


def test_a_sheet_for_print_hides_nothing_on_the_screen() -> None:
    assert "shown words" in page(".x{display:none}", "<p class=x>shown words", "<style media=print>").text


@pytest.mark.parametrize(
    "css",
    [
        ".x{display:none} .x.open{display:block}",
        ".x{display:none} input:checked + .x{display:block}",
        ".x{display:none} .open > .x{display:block}",
        ".x{display:none} .x:target{display:block}",
        "dd{display:none} .open dd{display:block}",
    ],
)
def test_a_panel_that_a_rule_opens_is_read(css: str) -> None:
    assert "the answer" in page(css, "<dl><dt>Question<dd class=x>the answer</dl>").text


def test_a_panel_below_what_is_clicked_is_read() -> None:
    body = "<h3 onclick='toggle(this)'>When is it open?</h3><div class=x>At nine.</div>"
    assert "At nine." in page(".x{display:none}", body).text


def test_a_button_above_what_a_sheet_hides_until_it_is_pressed_is_its_title() -> None:
    css = ".part{display:none} .part.open{display:block}"
    document = page(css, "</p><button class=b>Dogs on board</button><div class=part>Two of them.</div>")
    assert document.text == "Seen.\n\n## Dogs on board\n\nTwo of them."
    assert page("", "</p><button>May I fish?</button><p>Yes.</p><button>Send</button>").text.endswith(
        "## May I fish?\n\nYes."
    )


@pytest.mark.parametrize(
    "css",
    [
        "a{" * 300_000,
        '"' + '\\"' * 300_000,
        "[" * 300_000 + "{display:none}",
        ".x{display:none" + " " * 300_000 + "x}",
        "." + "x" * 300_000 + "{display:none}",
        ".a,.b{display:none}" * 30_000,
        "/*" * 300_000,
    ],
)
def test_sheets_that_are_made_to_cost_time_cost_none(css: str) -> None:
    start = time.process_time()
    assert "Seen." in page(css, "<p class=x>words").text
    assert time.process_time() - start < 20
