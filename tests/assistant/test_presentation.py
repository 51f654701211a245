"""One answer is shown alike wherever it is shown: on the command line, in the chat and in what is exported."""

from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.cli.rendering import render_answer, render_written
from assistant.history.store import History, Status
from assistant.presentation import Headline, present, show_place
from assistant.records import answer_to_json, json_line
from assistant.types import Answer, Claim, Document, Draft, Evidence, Label, Probabilities, Route, Verdict
from tui.chat.exchange import Exchange
from tui.chat.plain_exchange import answer_lines

MILL = Document("mill.txt", "The mill was built in 1768. It burnt down in 1901 and was never rebuilt.")
BUILT = MILL.evidence(22, 26, 0.9)
HELD = Claim("The mill was built in 1768.", Label.ENTAILMENT, Probabilities(0.9, 0.08, 0.02))
LACKED = Claim("Its owner was rich.", Label.NEUTRAL, Probabilities(0.1, 0.85, 0.05))
SPAN = Answer(Route.EXTRACT, "1768", 0.9, (BUILT,), verdict=Verdict((HELD,)))
NOTHING = Answer(Route.EXTRACT, None, 0.8, closest=BUILT, draft=Draft("Perhaps the miller."))
PARTLY = Answer(Route.GROUNDED, "In 1768. Its owner was rich.", evidence=(BUILT,), verdict=Verdict((HELD, LACKED)))
UNSUPPORTED = Answer(Route.GROUNDED, "Its owner was rich.", evidence=(BUILT,), verdict=Verdict((LACKED,)))
ANSWERS = {"span": SPAN, "nothing": NOTHING, "partly": PARTLY, "unsupported": UNSUPPORTED}


def _command_line(answer: Answer, _: Path) -> str:
    return f"{render_written(answer).plain}{render_answer(answer, (MILL,)).plain}"


def _plain_chat(answer: Answer, _: Path) -> str:
    exchange = Exchange(0, "When?", (MILL,), status=Status.DONE, route=answer.route, text=answer.text or "")
    exchange.answer, exchange.evidence, exchange.closest = answer, answer.evidence, answer.closest
    return "\n".join(answer_lines(exchange))


def _exported(form: str) -> Callable[[Answer, Path], str]:
    def export(answer: Answer, folder: Path) -> str:
        with History(folder / "history.db") as history:
            new = history.create()
            history.add_user_message(new, "When?", [MILL])
            record = json_line(answer_to_json("When?", answer, "1"))
            history.save_answer(new, answer.text or "", record=record)
            return history.export(new, form)  # type: ignore[arg-type]  # one of the forms

    return export


SHOWN_BY = {"ask": _command_line, "chat": _plain_chat, "markdown": _exported("markdown"), "html": _exported("html")}


@pytest.mark.parametrize("by", SHOWN_BY)
def test_what_the_document_does_not_support_is_never_what_stands_first(by: str, tmp_path: Path) -> None:
    text = SHOWN_BY[by](UNSUPPORTED, tmp_path)
    assert text.index("The document does not support an answer") < text.index("Draft, not supported by the document")
    assert text.index("Draft, not supported by the document") < text.index("Its owner was rich.")


@pytest.mark.parametrize("by", SHOWN_BY)
def test_an_answer_that_is_not_there_comes_with_the_passage_that_came_nearest(by: str, tmp_path: Path) -> None:
    text = SHOWN_BY[by](NOTHING, tmp_path)
    assert text.index("Not in the document") < text.lower().index("closest passage")
    assert "mill.txt" in text and "characters 22–26, 31% in" in text
    assert "Perhaps the miller." in text


@pytest.mark.parametrize("by", SHOWN_BY)
def test_a_span_is_shown_with_its_place_and_its_verdict(by: str, tmp_path: Path) -> None:
    text = SHOWN_BY[by](SPAN, tmp_path)
    assert "characters 22–26, 31% in" in text
    assert "entail" in text
    assert "Draft" not in text


@pytest.mark.parametrize("by", ["ask", "markdown", "html"])
def test_what_a_partly_supported_answer_lacks_is_named_below_it(by: str, tmp_path: Path) -> None:
    text = SHOWN_BY[by](PARTLY, tmp_path)
    assert text.index("In 1768. Its owner was rich.") < text.index("Not in the document:") < text.rindex("Its owner")


def test_each_kind_of_answer_has_its_headline() -> None:
    assert {name: present(answer, (MILL,)).headline for name, answer in ANSWERS.items()} == {
        "span": Headline.SPAN,
        "nothing": Headline.NOT_FOUND,
        "partly": Headline.WRITTEN,
        "unsupported": Headline.NOT_SUPPORTED,
    }
    assert present(Answer(Route.OPEN, " "), ()).headline is Headline.EMPTY


def test_a_place_in_a_document_that_is_not_known_is_shown_alone() -> None:
    elsewhere = Evidence("other.txt", 4, 8, "1768", place="page 2")
    shown = show_place(elsewhere, (MILL,))
    assert (shown.cut.before, shown.cut.span, shown.cut.after) == ("", "1768", "")
    assert shown.source == "other.txt, page 2, characters 4–8"
