"""The library as programs and notebooks use it."""

import doctest
from pathlib import Path

from assistant import Answer, Assistant, Document, Route, Settings, Turn, check

PAGE = Path(__file__).resolve().parents[2] / "docs" / "library.md"
FOREST = Document("forest.txt", "The <b>Amazon</b> rainforest covers 5.5 million square kilometers.")


def test_the_examples_of_the_page_run() -> None:
    done = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert done.attempted > 3
    assert done.failed == 0


def test_an_answer_shows_its_place_marked_and_escaped(tiny_settings: dict[str, str]) -> None:
    answer = Assistant(Settings(**tiny_settings)).answer(Turn("How large?", (FOREST,), route=Route.EXTRACT))
    shown = answer._repr_html_()
    assert shown.count("<mark>") == len(answer.evidence) == 1
    assert "<b>Amazon" not in shown
    assert "forest.txt" in shown


def test_text_of_a_document_cannot_become_part_of_the_page() -> None:
    evil = Document("<i>.txt", "<script>alert(1)</script> 5.5 million")
    shown = Answer(Route.EXTRACT, "<script>", evidence=(evil.evidence(0, 8),), documents=(evil,))._repr_html_()
    assert "<script>" not in shown
    assert "<i>" not in shown


def test_a_statement_is_checked_against_a_text(tiny_settings: dict[str, str]) -> None:
    assistant = Assistant(Settings(**tiny_settings))
    verdict = check("It is large. It is green.", FOREST, assistant=assistant)
    assert len(verdict.claims) == 2
    assert len(check("5.5 million", FOREST.text, question="How large?", assistant=assistant).claims) == 1
