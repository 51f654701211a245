from pathlib import Path

from textual.content import Content
from textual.widgets import Markdown, TextArea

from assistant.history.store import History
from assistant.settings import Settings
from assistant.types import Document, Route
from tests.tui.harness import ARTICLE, Chat, open_chat
from tests.tui.test_paste import PYTHON
from tui.chat.session import Session
from tui.screens.document import DocumentScreen
from tui.screens.text import TextScreen
from tui.widgets.document_bar import DocumentBar, DocumentChip
from tui.widgets.document_view import DocumentView, wrap
from tui.widgets.evidence_card import EvidenceCard
from tui.widgets.suggestions import Suggestions
from tui.widgets.verdict_view import VerdictView

TITLE = "The light at Corran Head"


def flat(text: str) -> str:
    return " ".join(text.split())


async def test_a_long_paste_becomes_a_document_above_the_prompt(sized: Chat):
    await sized.paste(ARTICLE)
    assert sized.documents == [TITLE]
    assert sized.prompt.text == ""
    assert f"▤ {TITLE}  251 words · English" in sized.shown()
    assert "Ctrl+T puts it into the question" in sized.said


async def test_the_paste_decision_is_undone_and_redone_with_one_key(chat: Chat):
    await chat.paste(ARTICLE)
    await chat.pilot.press("ctrl+t")
    assert chat.documents == []
    assert chat.prompt.text == ARTICLE
    await chat.pilot.press("ctrl+t")
    assert chat.documents == [TITLE]
    assert chat.prompt.text == ""


async def test_pasted_code_stays_in_the_question_and_can_be_made_a_document(chat: Chat):
    await chat.type("why ")
    await chat.paste(PYTHON)
    assert chat.documents == []
    assert chat.prompt.text == "why " + PYTHON
    await chat.pilot.press("ctrl+t")
    assert chat.documents == ["import os"]
    assert chat.prompt.text == "why "


async def test_line_ends_of_a_pasted_document_are_kept(chat: Chat):
    await chat.paste("Some words on a line, and more of them.\r\n" * 20)
    assert chat.app.session.documents[0].text == "Some words on a line, and more of them.\r\n" * 20


async def test_the_answer_is_shown_in_its_surroundings_with_the_span_highlighted(sized: Chat):
    await sized.paste(ARTICLE)
    view = await sized.ask("How far can one see it, is it 21?")
    start = ARTICLE.index("21")
    card = view.query_one(EvidenceCard)
    content = card.render()
    assert isinstance(content, Content)
    marked = [content.plain[span.start : span.end] for span in content.spans if "underline" in str(span.style)]
    assert marked == ["21"]
    shown = flat(sized.shown().replace("▌", " "))
    assert "Today the beam can be seen from 21 nautical miles away in clear weather." in shown
    assert f"{TITLE} · characters {start}–{start + 2}, 71% in · score 97%" in shown


async def test_the_card_says_under_which_heading_and_the_answer_stands_on_one_line(path: Path):
    text = "# Roof\n\nSlate.\n\n# Delivery\n\nIt was brought by Torgeir\nLie in May."
    async with open_chat(path, documents=(Document("minutes.md", text),)) as chat:
        await chat.ask("Who brought it, was it Torgeir_Lie?")
        at = text.index("Torgeir")
        shown = chat.shown()
        assert f"minutes.md · under “Delivery”, characters {at}–{at + 11}" in flat(shown.replace("▌", " "))
        assert shown.count("Torgeir Lie") == 2
        (answer,) = [said for said in chat.app.session.exchanges if said.answer]
        assert answer.text == "Torgeir\nLie"


async def test_the_highlight_is_on_screen_without_colour_too(path: Path, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_chat(path) as chat:
        await chat.ready()
        assert chat.app.no_color
        await chat.paste(ARTICLE)
        view = await chat.ask("Is it 21?")
        assert "✔ entailed" in chat.shown()
        styles = [
            segment.style
            for strip in view.query_one(EvidenceCard).render_lines(view.query_one(EvidenceCard).size.region)
            for segment in strip
            if segment.text == "21"
        ]
        assert styles
        assert all(style and style.bold and style.underline for style in styles)


async def test_the_verdict_says_in_words_what_the_document_says_of_the_answer(sized: Chat):
    await sized.paste(ARTICLE)
    for question, badge, share in (
        ("Is it 21?", "✔ entailed", "96%"),
        ("unsure 1871", "? unsupported", "65%"),
        ("contra 1912", "✘ contradicted", "90%"),
    ):
        view = await sized.ask(question)
        verdict = str(view.query_one(VerdictView).render())
        assert badge in verdict
        assert share in verdict
        assert [line.split()[-3 if line == verdict.splitlines()[0] else 0] for line in verdict.splitlines()[1:3]] == [
            "neutral",
            "contradiction",
        ]


async def test_the_claims_can_be_shown_one_by_one(chat: Chat):
    await chat.paste(ARTICLE)
    view = await chat.ask("two claims 1984")
    assert "2 of 2 claims entailed" in str(view.query_one(VerdictView).render())
    await chat.pilot.press("f2")
    shown = str(view.query_one(VerdictView).render())
    assert "It is 1984." in shown
    assert "decided by “1984”" in shown
    await chat.pilot.press("f2")
    assert "It is 1984." not in str(view.query_one(VerdictView).render())


async def test_not_in_the_document_is_an_answer_with_the_closest_passage(sized: Chat):
    await sized.paste(ARTICLE)
    view = await sized.ask("who says nothing?")
    assert "∅ Not in the document  87% sure" in sized.shown()
    assert "Closest passage" in sized.shown()
    assert not view.query(VerdictView)
    await sized.ask("Is it 21?")
    assert "does not hold an answer" in sized.responder.turns[-1].history[1].text


async def test_what_was_written_and_is_not_supported_lies_folded_below_the_word_that_it_is_not(chat: Chat):
    await chat.paste(ARTICLE)
    for question, headline in (
        ("a written answer, unsupported", "The document does not support an answer"),
        ("nothing, but drafted", "Not in the document"),
    ):
        view = await chat.ask(question)
        assert headline in chat.shown()
        assert "Elves built it." not in chat.shown()
        view.focus()
        await chat.pilot.press("d")
        await chat.until(lambda: "Elves built it." in chat.shown())
        await chat.pilot.press("d")
        await chat.until(lambda: "Elves built it." not in chat.shown())
        await chat.pilot.press("escape")
        await chat.ask("Is it 21?")
        assert "does not hold an answer" in chat.responder.turns[-1].history[-1].text


async def test_of_an_answer_supported_in_part_the_other_sentences_are_named(chat: Chat):
    await chat.paste(ARTICLE)
    view = await chat.ask("a written answer, in part")
    shown = chat.shown()
    assert view.query_one(Markdown).source == "Elves built it. It is tall."
    assert "Not in the document:" in shown
    assert "? Elves built it." in shown


async def test_an_answer_that_is_supported_is_shown_as_it_is(chat: Chat):
    await chat.paste(ARTICLE)
    await chat.ask("a written answer")
    assert "Elves built it. It is tall." in chat.shown()
    assert "Not in the document" not in chat.shown()


async def test_what_no_document_holds_is_asked_of_the_generator_alone(chat: Chat):
    await chat.paste(ARTICLE)
    await chat.ask("who says nothing?")
    assert "/retry open asks the generator alone" in " ".join(chat.shown().split())
    await chat.send("/retry open")
    await chat.until(lambda: len(chat.views) == 2 and chat.views[1].complete)
    assert chat.responder.turns[-1].route is Route.OPEN
    assert chat.app.session.route is None, "only this question goes that way"
    await chat.pilot.press("shift+tab", "up", "g")
    await chat.until(lambda: len(chat.views) == 3 and chat.views[2].complete)
    assert chat.responder.turns[-1].route is Route.OPEN
    await chat.send("/retry sideways")
    await chat.until(lambda: "sideways is no route" in chat.said)


async def test_documents_stay_open_for_the_next_questions_until_they_are_closed(chat: Chat):
    await chat.paste(ARTICLE)
    await chat.ask("Is it 21?")
    await chat.ask("Is it 1984?")
    assert [document.name for document in chat.responder.turns[-1].documents] == [TITLE]
    await chat.send("/close")
    await chat.until(lambda: not chat.documents)
    assert not chat.screen.query(DocumentChip)
    await chat.ask("echo alone")
    assert chat.responder.turns[-1].documents == ()


async def test_a_chip_shows_its_document_and_its_cross_closes_it(sized: Chat):
    await sized.paste(ARTICLE)
    await sized.pilot.click(".chip-show")
    await sized.until(lambda: isinstance(sized.app.screen, DocumentScreen))
    await sized.pilot.press("escape")
    await sized.until(lambda: sized.app.screen is sized.screen)
    await sized.pilot.click(".chip-close")
    await sized.until(lambda: not sized.documents)


async def test_a_chip_can_be_reached_and_closed_with_the_keyboard(chat: Chat):
    await chat.ask("echo first")
    await chat.paste(ARTICLE)
    chat.screen.query_one(DocumentChip).focus()
    await chat.pilot.press("escape")
    await chat.until(lambda: chat.prompt.has_focus)
    chat.screen.query_one(DocumentChip).focus()
    await chat.pilot.press("delete")
    await chat.until(lambda: not chat.documents and chat.prompt.has_focus)


async def test_several_documents_share_the_room_that_there_is(chat: Chat):
    for title in ("The first of the long titles that one meets", "The second of the long titles", "A third text"):
        await chat.paste(f"{title}\n\n{ARTICLE}")
    bar = chat.shown().splitlines()[chat.screen.query_one(DocumentBar).region.y]
    assert "The first of" in bar and "The second of" in bar and "A third text" in bar
    assert bar.count("✕") == 3
    await chat.send("/close third")
    await chat.until(lambda: len(chat.documents) == 2)
    chat.prompt.fill("/close titles")
    await chat.until(lambda: chat.screen.query_one(Suggestions).display)
    await chat.pilot.press("escape", "enter")
    await chat.until(lambda: "2 open documents are called that" in chat.said)
    await chat.send("/close second")
    await chat.until(lambda: len(chat.documents) == 1 and "words" in chat.shown())


async def test_several_documents_have_names_of_their_own_and_none_is_open_twice(chat: Chat):
    await chat.paste(ARTICLE)
    await chat.paste(ARTICLE + " And more.")
    await chat.until(lambda: len(chat.documents) == 2)
    await chat.send("/route auto")
    await chat.paste(ARTICLE)
    assert chat.documents == [TITLE, f"{TITLE} (2)"]
    await chat.send("/close The light at Corran Haed")
    assert f"did you mean {TITLE}" in flat(chat.said)
    await chat.send(f"/close {TITLE} (2)")
    await chat.until(lambda: chat.documents == [TITLE])


async def test_a_file_is_opened_by_command_and_by_dropping_it(chat: Chat, tmp_path: Path):
    one, two = tmp_path / "one.txt", tmp_path / "two words.txt"
    one.write_text("The first file says 42.")
    two.write_text("The second file says 43.")
    await chat.send(f"/open {one}")
    await chat.until(lambda: chat.documents == ["one.txt"])
    await chat.paste(f"'{two}'")
    await chat.until(lambda: chat.documents == ["one.txt", "two words.txt"])
    assert "Opened two words.txt" in chat.said
    await chat.send("/close")
    await chat.until(lambda: not chat.documents)
    await chat.send(str(one))  # as a terminal without bracketed paste drops it
    await chat.until(lambda: chat.documents == ["one.txt"])
    assert not chat.app.session.exchanges


async def test_a_file_that_cannot_be_read_is_an_error_in_the_status_line(chat: Chat, tmp_path: Path):
    await chat.send(f"/open {tmp_path / 'missing.txt'}")
    await chat.until(lambda: "✘" in chat.said)
    assert "missing.txt" in chat.said
    (tmp_path / "binary").write_bytes(bytes(range(256)) * 10)
    await chat.send(f"/open {tmp_path / 'binary'}")
    await chat.until(lambda: "binary" in chat.said)
    assert chat.documents == []


async def test_the_document_opens_at_the_evidence_with_the_span_highlighted(sized: Chat):
    await sized.paste(ARTICLE)
    await sized.ask("How many steps, 187?")
    await sized.pilot.press("ctrl+o")
    await sized.until(lambda: isinstance(sized.app.screen, DocumentScreen))
    await sized.until(lambda: "evidence 1 of 1" in flat(sized.shown()))
    view = sized.app.screen.query_one(DocumentView)
    marked = [
        segment.text
        for y in range(view.size.height)
        for segment in view.render_line(y)
        if segment.style and segment.style.underline
    ]
    assert marked == ["187"]
    await sized.pilot.press("escape")
    await sized.until(lambda: sized.app.screen is sized.screen)
    assert sized.prompt.has_focus


async def test_a_click_on_the_evidence_opens_its_place(sized: Chat):
    await sized.paste(ARTICLE)
    await sized.ask("How many steps, 187?")
    await sized.pilot.click(EvidenceCard)
    await sized.until(lambda: isinstance(sized.app.screen, DocumentScreen))


async def test_the_document_can_be_searched(chat: Chat):
    await chat.paste(ARTICLE)
    await chat.pilot.press("ctrl+o")
    await chat.until(lambda: isinstance(chat.app.screen, DocumentScreen))
    await chat.pilot.press("slash", *"LIGHT", "enter")
    await chat.until(lambda: "found 1 of 4" in flat(chat.shown()))
    await chat.pilot.press("n")
    await chat.until(lambda: "found 2 of 4" in flat(chat.shown()))
    await chat.pilot.press("p", "p")
    await chat.until(lambda: "found 4 of 4" in flat(chat.shown()))
    await chat.pilot.press("slash", *"zebra", "enter")
    await chat.until(lambda: "not found" in flat(chat.shown()))


def test_wrapping_loses_no_character_but_the_space_at_a_line_end():
    text = "one two  three\r\n\r\nfour" + "x" * 30 + " five\ttab é🌳"
    for width in (1, 3, 5, 10, 200):
        lines = wrap(text, width)
        assert all(end - start <= width for start, end in lines)
        assert "".join("".join(text[start:end].split()) for start, end in lines) == "".join(text.split())
    assert [text[start:end] for start, end in wrap(text, 200)] == ["one two  three", "", text[18:]]


async def test_a_paste_as_terminals_send_it_can_be_undone_and_redone_too(chat: Chat):
    """They make a carriage return of every line end."""
    await chat.paste(ARTICLE.replace("\n", "\r"))
    assert chat.app.session.documents[0].text == ARTICLE
    await chat.pilot.press("ctrl+t")
    await chat.until(lambda: chat.prompt.text == ARTICLE)
    await chat.pilot.press("ctrl+t")
    await chat.until(lambda: chat.documents == [TITLE])
    assert chat.prompt.text == ""


async def test_a_document_of_the_same_name_in_another_conversation_is_another_document(path: Path):
    with History(path) as history:
        for text in ("The old notes.", "The new notes."):
            session = Session(history, [Document("notes.txt", text)])
            session.ask(text)
        older = history.list_conversations()[1].id
    async with open_chat(path, resume="last") as chat:
        await chat.until(lambda: chat.screen.query(DocumentChip))
        chat.app.session.resume(older)
        await chat.screen.show_conversation()
        assert chat.screen.query_one(DocumentChip).document.text == chat.app.session.documents[0].text


async def test_how_large_a_document_may_be_is_what_the_settings_say(path: Path, tmp_path: Path):
    file = tmp_path / "large.txt"
    file.write_text("word " * 300_000)
    async with open_chat(path, settings=Settings(max_document_megabytes=1)) as chat:
        await chat.send(f"/open {file}")
        await chat.until(lambda: "larger than 1 MB" in chat.said)


async def test_the_home_of_nobody_is_an_error_line_and_not_the_end(chat: Chat):
    await chat.ask("echo hello")
    await chat.send("/open ~nobody-of-this-name/notes.txt")
    await chat.until(lambda: "is not a file name" in chat.said)
    await chat.send("/export ~nobody-of-this-name/notes.md")
    await chat.until(lambda: "is not a file name; choose another" in chat.said)


def folder_of_files(path: Path) -> Path:
    folder = path / "my papers"
    (folder / "old").mkdir(parents=True)
    (folder / "tower.txt").write_text("The tower has 187 steps.")
    (folder / "old" / "lamp.txt").write_text("The lamp was lit in 1871.")
    (folder / "noise.bin").write_bytes(bytes(range(256)) * 9)
    (folder / "empty.txt").write_text("")
    return folder


async def test_a_folder_opens_what_can_be_read_and_says_what_not_and_why(path: Path, tmp_path: Path):
    folder = folder_of_files(tmp_path)
    async with open_chat(path) as chat:
        await chat.send(f"/open {folder}")
        await chat.until(lambda: isinstance(chat.app.screen, TextScreen))
        assert sorted(chat.documents) == ["old/lamp.txt", "tower.txt"]
        text = chat.app.screen.query_one(TextArea).text
        assert "Not opened: noise.bin: " in text
        assert "Not opened: empty.txt: " in text
        await chat.pilot.press("escape")
        await chat.until(lambda: "Opened 2 documents · 11 words" in chat.said)
        assert sorted(chat.history.conversation("last").active) == ["old/lamp.txt", "tower.txt"]


async def test_a_folder_is_opened_from_the_list_of_what_is_in_it(path: Path, tmp_path: Path):
    folder = folder_of_files(tmp_path)
    async with open_chat(path) as chat:
        chat.prompt.fill(f"/open {folder.parent}/my")
        await chat.until(lambda: "my papers/" in chat.shown())
        await chat.pilot.press("tab")
        await chat.until(lambda: "all of my papers" in chat.shown())
        await chat.pilot.press("up", "enter")
        await chat.until(lambda: isinstance(chat.app.screen, TextScreen))
        assert sorted(chat.documents) == ["old/lamp.txt", "tower.txt"]


async def test_a_pattern_opens_what_it_fits_quoted_or_not(path: Path, tmp_path: Path):
    folder = folder_of_files(tmp_path)
    async with open_chat(path) as chat:
        await chat.send(f"/open {folder}/t*.txt")
        await chat.until(lambda: chat.documents == ["tower.txt"])
        await chat.send("/close")
        await chat.send(f'/open "{folder}/**/l*.txt"')
        await chat.until(lambda: len(chat.documents) == 1)
        assert "lamp.txt" in chat.documents[0]
        await chat.send(f"/open {folder}/*.pdf")
        await chat.until(lambda: "a pattern that no file fits" in chat.said)
        await chat.send(f"/open {folder}/*.bin")
        await chat.until(lambda: "none opens" in chat.said)


async def test_what_of_a_file_was_not_read_is_said_when_it_opens(path: Path, tmp_path: Path):
    page = tmp_path / "page.html"
    page.write_text("<html><body><p>It opens at nine.</p><p hidden>Two words</p></body></html>")
    async with open_chat(path, size=(120, 30)) as chat:
        await chat.send(f"/open {page}")
        await chat.until(lambda: "Opened page.html · 4 words · 2 words that the page hides were left out." in chat.said)
