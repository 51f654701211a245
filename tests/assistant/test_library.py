"""The library as programs and notebooks use it."""

import doctest
from collections.abc import Callable
from pathlib import Path

import pytest

import assistant
from assistant import (
    Answer,
    Assistant,
    AssistantError,
    Claim,
    Document,
    Label,
    Message,
    Role,
    Route,
    Settings,
    Turn,
    Verdict,
    answer_rows,
    check,
)
from assistant.types import Probabilities

PAGE = Path(__file__).resolve().parents[2] / "docs" / "library.md"
FOREST = Document("forest.txt", "The <b>Amazon</b> rainforest covers 5.5 million square kilometers.")


class AnyWords(doctest.OutputChecker):
    """Takes any output for the one that is wanted: random weights have other words. An exception still fails."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return True


def run_the_page(folder: Path, monkeypatch: pytest.MonkeyPatch, checker: doctest.OutputChecker) -> doctest.TestResults:
    """Run the examples of the page in a folder that has the file which they read."""
    (folder / "report.txt").write_text("The station of Halden was built in 1903. It has two tracks.")
    monkeypatch.chdir(folder)
    examples = doctest.DocTestParser().get_doctest(PAGE.read_text("utf-8"), {}, PAGE.name, str(PAGE), 0)
    told: list[str] = []
    done = doctest.DocTestRunner(checker, optionflags=doctest.NORMALIZE_WHITESPACE).run(examples, out=told.append)
    assert not done.failed, "".join(told)
    return done


def test_the_examples_of_the_page_run(
    tiny_settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = {**tiny_settings, "max_new_tokens": 6}
    monkeypatch.setattr("assistant.answering.assistant.Settings", lambda: Settings.model_validate(tiny))
    done = run_the_page(tmp_path, monkeypatch, AnyWords())
    assert done.attempted > 20
    assert "```python" not in PAGE.read_text("utf-8"), "an example that nobody runs"


def test_all_public_names_are_on_the_page_and_there() -> None:
    page = PAGE.read_text("utf-8")
    for name in assistant.__all__:
        assert getattr(assistant, name) is not None
        assert name == "__version__" or f"`{name}`" in page, name


def test_what_a_turn_is_given_is_taken_for_what_it_means() -> None:
    turn = Turn("How large?", FOREST, [Message(Role.USER, "Hi")], route="extract")
    assert turn == Turn("How large?", (FOREST,), (Message(Role.USER, "Hi"),), Route.EXTRACT)
    assert Turn("How large?", [FOREST], route="auto") == Turn("How large?", (FOREST,))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Turn("Q", route="extrakt"), "did you mean extract"),
        (lambda: Turn("Q", ("forest.txt",)), r"read_document\(path\)"),
        (lambda: Turn("Q", "forest.txt"), r"read_document\(path\)"),
        (lambda: Turn(None), "A question is a text, not NoneType"),
        (lambda: Turn("Q", history=(("user", "Hi"),)), r"Message\(role, text\)"),
        (lambda: Document("a.pdf", b"%PDF"), "`read_document` reads files"),
        (lambda: check(None, "text"), "NoneType, not a text"),
        (lambda: list(answer_rows({"question": "Q"})), "a list of such rows"),
        (lambda: list(answer_rows(["Q"])), "not str"),
    ],
)
def test_what_is_of_another_kind_is_refused_with_what_to_give(make: Callable[[], object], said: str) -> None:
    with pytest.raises(AssistantError, match=said):
        make()


def test_a_long_document_shows_itself_in_a_line() -> None:
    assert len(repr(Document("book.txt", "word " * 100_000))) < 200


def test_a_place_is_marked_in_the_right_one_of_two_documents_of_a_name() -> None:
    other = Document("forest.txt", "Nothing of it.")
    shown = Answer(Route.EXTRACT, "5.5", evidence=(FOREST.evidence(36, 39),), documents=(other, FOREST))._repr_html_()
    assert "covers <mark>5.5</mark>" in shown


def test_an_answer_shows_its_place_marked_and_escaped(tiny_settings: dict[str, str]) -> None:
    answer = Assistant(Settings(**tiny_settings)).answer(Turn("How large?", (FOREST,), route=Route.EXTRACT))
    shown = answer._repr_html_()
    assert shown.count("<mark>") == len(answer.evidence) == 1
    assert "<b>Amazon" not in shown
    assert "forest.txt" in shown


def test_nothing_found_shows_the_closest_passage_as_such() -> None:
    shown = Answer(Route.EXTRACT, None, closest=FOREST.evidence(0, 10), documents=(FOREST,))._repr_html_()
    assert shown.index("does not hold an answer") < shown.index("The closest passage:") < shown.index("<mark>")


def test_a_verdict_shows_each_claim_with_its_reason() -> None:
    shares = Probabilities(0.03, 0.05, 0.92)
    claims = (
        Claim("It is <i>large</i>.", Label.ENTAILMENT, Probabilities(0.9, 0.05, 0.05), FOREST.evidence(0, 10)),
        Claim("It covers 5.6 million.", Label.CONTRADICTION, shares, reason="5.5 million, not 5.6 million"),
    )
    shown = Verdict(claims)._repr_html_()
    assert "✘ contradicted 92%: It covers 5.6 million. (5.5 million, not 5.6 million)" in shown
    assert "✔ entailed 90%" in shown and "<i>" not in shown


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
