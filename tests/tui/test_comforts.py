"""What makes a chat comfortable: roles, prompts, titles, parameters, code that runs, the editor."""

import stat
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from assistant.events import Event, TextDelta, TurnFinished
from assistant.history.store import History
from assistant.settings import Settings, load_settings
from assistant.types import Answer, Document, Message, Role, Route, Turn, TurnSampling, Usage
from tests.tui.harness import Chat, open_chat
from tests.tui.scripted import Scripted
from tui.chat.retrying import Retry, read_retry, retry_line
from tui.terminal.editor import command_at, file_of

CODE = """Two ways:

```python
print("first")
```

```sh
rm -rf /
```

```python
print(6 * 7)
1 / 0
```
"""


class Titled(Scripted):
    """Has a title for every conversation, and writes code where it is asked for some."""

    def __init__(self, title: str | None = "Towers and their heights") -> None:
        super().__init__()
        self.given, self.titled = title, [list[Message]() for _ in range(0)]

    def title(self, messages: Sequence[Message], cancel: threading.Event, *, asked: bool = False) -> str | None:
        self.titled.append(list(messages))
        return self.given

    def _open(self, turn: Turn, cancel: threading.Event) -> Iterator[Event]:
        text = CODE if "code" in turn.question else "Yes."
        yield TextDelta(text)
        yield TurnFinished(Answer(Route.OPEN, text, usage=Usage(2.0, 30, 50)))


@pytest.fixture
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "settings.toml"
    monkeypatch.setenv("ASSISTANT_CONFIG", str(file))
    return file


@pytest.fixture
async def titled(path: Path, settings_file: Path) -> AsyncIterator[Chat]:
    async with open_chat(path, Titled(), size=(100, 40)) as chat:
        await chat.ready()
        yield chat


async def test_a_role_is_kept_and_taken_by_its_key(chat: Chat, settings_file: Path) -> None:
    settings_file.write_text("# mine\ntheme = 'textual-dark'\n\n[roles]\nterse = 'Be terse.' # short\n")
    chat.app.preferences.settings = load_settings()
    await chat.send("/system You review Python.")
    await chat.send("/role save review")
    await chat.until(lambda: "review is kept" in chat.said)
    assert load_settings().roles == {"terse": "Be terse.", "review": "You review Python."}
    assert "'Be terse.' # short" in settings_file.read_text()
    await chat.pilot.press("f3")
    await chat.until(lambda: chat.prompt.text == "/role " and "review" in chat.shown())
    await chat.type("te")
    await chat.pilot.press("enter")
    await chat.until(lambda: chat.app.session.system == "Be terse.")
    await chat.ask("echo who are you")
    assert chat.responder.turns[-1].system == "Be terse."
    await chat.send("/role default")
    await chat.until(lambda: chat.app.session.system is None)
    await chat.send("/role delete terse")
    await chat.until(lambda: "terse is gone" in chat.said)
    await chat.send("/role terce")
    await chat.until(lambda: "no role of yours" in chat.said)
    assert load_settings().roles == {"review": "You review Python."}


async def test_a_question_is_kept_and_offered_again_by_its_key(chat: Chat, settings_file: Path) -> None:
    await chat.ask("echo explain this error")
    await chat.send("/prompt save explain")
    await chat.until(lambda: "explain is kept" in chat.said)
    await chat.type("half a question")
    await chat.pilot.press("f4")
    await chat.until(lambda: chat.prompt.text == "/prompt ")
    await chat.type("exp")
    await chat.pilot.press("enter")
    await chat.until(lambda: chat.prompt.text == "echo explain this error")
    await chat.send("/prompt save no.dots")
    await chat.until(lambda: "letters" in chat.said)


async def test_the_model_titles_a_conversation_once_and_a_name_of_ones_own_stays(titled: Chat) -> None:
    await titled.ask("how tall is it?")
    await titled.until(lambda: titled.app.session.title == "Towers and their heights")
    await titled.ask("and how wide?")
    await titled.until(lambda: len(titled.responder.looked_ahead) == 2)
    assert len(titled.responder.titled) == 1
    assert titled.history.list_conversations()[0].title == "Towers and their heights"
    await titled.send("/rename Mine")
    await titled.until(lambda: titled.app.session.title == "Mine")
    await titled.pilot.press("ctrl+l")
    await titled.until(lambda: titled.app.session.title == "Towers and their heights")
    titled.responder.given = None
    await titled.pilot.press("ctrl+l")
    await titled.until(lambda: "made no title" in titled.said)


async def test_a_question_is_asked_again_with_other_parameters(titled: Chat) -> None:
    await titled.ask("tell me")
    await titled.ask("tell me more")
    await titled.pilot.press("f9")
    await titled.until(lambda: titled.prompt.text == "/retry 2 temperature=0.7 top_p=0.95 max_tokens=512")
    await titled.send("/retry 1 open temperature=1.3 seed=4")
    await titled.until(lambda: len(titled.views) == 3 and titled.views[-1].complete)
    turn = titled.responder.turns[-1]
    assert (turn.question, turn.route) == ("tell me", Route.OPEN)
    assert turn.sampling is not None
    assert (turn.sampling.temperature, turn.sampling.seed, turn.sampling.top_p) == (1.3, 4, None)
    await titled.until(lambda: "temperature 1.3, seed 4" in titled.shown())
    assert "30 → 50 tokens · 25 tok/s" in titled.shown()
    await titled.pilot.press("shift+tab", "p")
    await titled.until(lambda: titled.prompt.text == "/retry 3 temperature=1.3 top_p=0.95 max_tokens=512 seed=4")


def test_the_line_that_is_offered_asks_with_the_same_parameters() -> None:
    before = TurnSampling(temperature=0.123456789, top_p=0.95, max_tokens=1_000_000, seed=2**62 + 1)
    line = retry_line(3, before, Settings())
    assert read_retry(line.removeprefix("/retry ")) == Retry("3", None, before)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("temperature=3", "from 0 to 2"), ("temprature=1", "did you mean temperature"), ("seed=x", "number"),
     ("7", "1 to 1"), ("top_p=nan", "number"), ("extrakt", "did you mean extract")],
)  # fmt: skip
async def test_wrong_parameters_are_refused(titled: Chat, wrong: str, said: str) -> None:
    await titled.ask("tell me")
    await titled.send(f"/retry {wrong}")
    await titled.until(lambda: said in titled.said)
    assert len(titled.responder.turns) == 1


async def test_python_of_an_answer_runs_in_the_sandbox_and_shows_what_it_prints(titled: Chat) -> None:
    await titled.ask("some code")
    await titled.pilot.press("f7")
    await titled.until(
        lambda: all(
            words in titled.shown() for words in ("Python block 2 of 2 did not end well", "42", "ZeroDivisionError")
        )
    )
    await titled.pilot.press("shift+tab", "x")
    await titled.until(lambda: "Python block 1 of 2 ran in the sandbox" in titled.shown())
    assert "ZeroDivisionError" not in titled.shown()
    await titled.pilot.press("escape")
    await titled.ask("tell me")
    await titled.send("/run")
    await titled.until(lambda: "no block of Python" in titled.said)


async def test_a_code_block_is_copied_by_a_key(titled: Chat) -> None:
    await titled.ask("some code")
    await titled.pilot.press("f6")
    await titled.until(lambda: titled.app.clipboard == "print(6 * 7)\n1 / 0\n")
    await titled.pilot.press("f6")
    await titled.until(lambda: titled.app.clipboard == "rm -rf /\n")


async def test_the_keys_can_be_changed(path: Path) -> None:
    keys = {"chat.run": "f10", "chat.role": "f2", "chat.claims": "f3"}
    async with open_chat(path, Titled(), size=(100, 40), settings=Settings(keys=keys)) as chat:
        await chat.ready()
        await chat.ask("some code")
        await chat.pilot.press("f10")
        await chat.until(lambda: "42" in chat.shown())
        await chat.pilot.press("f2")
        await chat.until(lambda: chat.prompt.text == "/role ")


@contextmanager
def aside() -> Iterator[None]:
    yield


@pytest.mark.parametrize("kept", [True, False], ids=["its file", "a copy"])
async def test_evidence_is_opened_in_the_editor_at_its_line(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    seen, editor, file = tmp_path / "seen", tmp_path / "editor.py", tmp_path / "article.txt"
    editor.write_text(f"import sys, pathlib; pathlib.Path({str(seen)!r}).write_text(' '.join(sys.argv[1:]))")
    monkeypatch.setenv("EDITOR", f"{sys.executable} {editor}")
    text = "first line\nsecond line\n\nThe tower has 187 steps.\n"
    file.write_text(text if kept else "something else by now")
    document = Document("article.txt", text, path=str(file))
    async with open_chat(path, documents=(document,), size=(100, 40)) as chat:
        await chat.ready()
        monkeypatch.setattr(chat.app, "suspend", aside)
        await chat.ask("How many steps, 187?")
        await chat.pilot.press("f8")
        await chat.until(seen.exists)
        line, opened = seen.read_text().split(" ", 1)
        assert line == "+4"
        assert (opened == str(file)) is kept
        assert kept or not Path(opened).exists(), "the copy is gone once the editor is"
        await chat.until(lambda: "line 4" in chat.said)


def test_editors_are_told_the_line_as_they_want_it(tmp_path: Path) -> None:
    file = tmp_path / "a b.txt"
    assert command_at("vim -n", file, 7) == ["vim", "-n", "+7", str(file)]
    assert command_at("/usr/bin/nano", file, 7) == ["/usr/bin/nano", "+7", str(file)]
    assert command_at("code", file, 7) == ["code", "--wait", "--goto", f"{file}:7"]
    assert command_at("code --wait", file, 7) == ["code", "--wait", "--goto", f"{file}:7"]
    assert command_at("subl", file, 7) == ["subl", "--wait", f"{file}:7"]
    assert command_at("hx", file, 7) == ["hx", f"{file}:7"]


def test_a_file_that_changed_is_not_taken_for_the_document(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes("\ufeffnaïve".encode())
    document = Document("a.txt", "naïve", path=str(file))
    assert file_of(document) == file
    file.write_text("naïve and more")
    assert file_of(document) is None
    file.chmod(stat.S_IWUSR)
    file.unlink()
    assert file_of(document) is None


def test_titles_survive_what_models_write() -> None:
    from assistant.answering.titles import as_title, title_messages

    assert as_title('"Reversing a linked list."\nIt is') == "Reversing a linked list"
    assert as_title("**Title: The `git` reset**") == "The `git` reset"
    assert as_title("\n\n") is None
    assert as_title("word " * 30) is None
    assert as_title("```python def add(a, b): return a + b ```") is None
    greeted = [Message(Role.USER, "hi"), Message(Role.ASSISTANT, "Hello! How can I help you today?")]
    assert as_title('"Hello! How Can I Help You Today?"', greeted) is None
    assert as_title("Greeting", greeted) == "Greeting"
    coded = [
        Message(Role.USER, "add"),
        Message(Role.ASSISTANT, "So:\n```python\nsecret = 1\n```\nThat is it. ```\nopen"),
    ]
    [asked] = title_messages(coded)
    assert "assistant: So: (code) That is it. (code)" in asked.text
    assert "\x1b" not in (as_title("A \x1b[31mred title") or "")


async def test_an_untitled_history_keeps_the_question(path: Path) -> None:
    async with open_chat(path, Titled(None)) as chat:
        await chat.ready()
        await chat.ask("how tall is it?")
        await chat.until(lambda: chat.responder.looked_ahead)
    with History(path) as history:
        assert history.list_conversations()[0].title == "how tall is it?"
