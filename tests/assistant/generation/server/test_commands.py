"""What the commands make of a server: its models, its answers on standard output, its words on standard error."""

import json
import os
import re
from pathlib import Path

import pytest

from assistant.history.export import as_markdown
from assistant.history.page import as_html
from assistant.history.types import Conversation, Status, StoredMessage
from assistant.types import Role
from tests.assistant.generation.server.loopback import DONE, Asked, delta, serving
from tests.conftest import Run

QUESTION = "Write a loop in Python"


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def test_a_servers_models_are_listed_with_what_they_are_for(run: Run) -> None:
    models = {"data": [{"id": "bge-m3"}, {"id": "qwen3", "max_model_len": 4096}]}
    with serving(lambda asked: asked.say("Yes."), models) as server:
        code, out, err = run("models", "list", "--server", server.url.removeprefix("http://").removesuffix("/v1"))
    assert (code, err) == (0, "")
    assert out.splitlines() == ["bge-m3  (holds no conversations)", "qwen3  (context of 4,096 tokens)"]


def test_a_model_is_chosen_by_name_or_the_first_for_conversations_and_then_told(run: Run) -> None:
    models = {"data": [{"id": "bge-m3"}, {"id": "qwen3"}, {"id": "llama3"}]}
    with serving(lambda asked: asked.say("Yes."), models) as server:
        code, out, err = run("ask", QUESTION, "--server", server.url)
        assert (code, out) == (0, "Yes.\n")
        assert "qwen3 answers, one of 2 models" in err
        assert run("ask", QUESTION, "--server", server.url, "--model", "llama3")[2] == ""
        assert [body["model"] for body in server.asked] == ["qwen3", "llama3"]


def test_servers_of_the_settings_are_named_and_their_keys_are_not_shown(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[str | None] = []

    def reply(asked: Asked) -> None:
        keys.append(asked.handler.headers.get("Authorization"))
        asked.say("Yes.")

    file = tmp_path / "own.toml"
    monkeypatch.setenv("ASSISTANT_CONFIG", str(file))
    with serving(reply) as server:
        file.write_text(f'[servers.work]\nurl = "{server.url}"\nmodel = "big"\nkey = "sk-secret"\n')
        assert run("ask", QUESTION, "--server", "work")[:2] == (0, "Yes.\n")
        assert (keys, server.asked[0]["model"]) == (["Bearer sk-secret"], "big")
    shown = run("config", "show")[1]
    assert "work" in shown
    assert "sk-secret" not in shown


def test_notices_begin_on_a_line_of_their_own_after_the_answer(run: Run) -> None:
    with serving(lambda asked: asked.say("for x in", finish="length")) as server:
        code, out, err = run("ask", QUESTION, "--server", server.url)
    assert (code, out) == (0, "for x in\n")
    cut = "The answer reached its limit of tokens and was cut; ask it to go on, or raise max_new_tokens (--max-tokens)."
    assert err == f"{cut}\n"


def test_one_token_is_no_tokens(run: Run) -> None:
    with serving(lambda asked: asked.say("for", finish="length", completion_tokens=1)) as server:
        assert "reached 1 token and" in run("ask", QUESTION, "--server", server.url)[2]


def test_thinking_is_not_printed_and_its_tokens_are_told(run: Run) -> None:
    with serving(lambda asked: asked.say("I see.</think>Use a loop.")) as server:
        code, out, err = run("ask", QUESTION, "--server", server.url)
        assert (code, out) == (0, "Use a loop.\n")
        assert re.search(r"Thought for \d tokens before the answer", err)
        record = json.loads(run("ask", QUESTION, "--server", server.url, "--json")[1])
    assert record["answer"] == "Use a loop."
    assert record["usage"]["thinking_tokens"] > 0
    assert record["models"]["generator"] == "m"


def test_an_answer_that_is_not_complete_is_no_success(run: Run) -> None:
    with serving(lambda asked: asked.stream([delta(content="Half")], cut=True)) as server:
        code, out, err = run("ask", QUESTION, "--server", server.url)
        assert (code, out) == (1, "Half\n")
        assert err.startswith("The answer is not complete: The server 127.0.0.1")
        code, out, _ = run("ask", QUESTION, "--server", server.url, "--json")
        assert (code, json.loads(out)["incomplete"]) == (1, "broken")
    with serving(lambda asked: asked.stream([delta("stop"), DONE])) as server:
        assert run("ask", QUESTION, "--server", server.url)[0] == 1


def test_a_question_may_come_in_the_encodings_of_windows(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    with serving(lambda asked: asked.say("Oui.")) as server:
        for data, word in (("Où ça ?".encode("utf-16"), "UTF-16"), ("Où va cette boucle ?".encode("cp1252"), "1252")):
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
            code, out, err = run("ask", "-", "--server", server.url)
            assert (code, out) == (0, "Oui.\n")
            assert word in err
        assert [body["messages"][-1]["content"] for body in server.asked] == ["Où ça ?", "Où va cette boucle ?"]


def test_the_chat_in_a_browser_is_given_server_and_model_but_not_in_its_command(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("textual_serve")
    from assistant.cli import web_server

    commands: list[str] = []
    monkeypatch.setattr(web_server.PrivateServer, "serve", lambda self: commands.append(self.command))
    monkeypatch.delenv("ASSISTANT_SERVER", raising=False)
    assert run("web", "--server", "http://me:secret@127.0.0.1:9", "--model", "qwen3")[0] == 0
    assert os.environ.pop("ASSISTANT_SERVER") == "http://me:secret@127.0.0.1:9"
    assert os.environ.pop("ASSISTANT_SERVER_MODEL") == "qwen3"
    assert "secret" not in commands[0]


def test_exports_name_the_model_that_answered() -> None:
    record = {
        "route": "open",
        "answer": "Yes.",
        "score": None,
        "closest": None,
        "verdict": None,
        "models": {"generator": "qwen3:8b"},
        "evidence": [],
        "usage": {"seconds": 1},
    }
    said = (
        StoredMessage(1, Role.USER, "Write a loop", Status.DONE, 0.0),
        StoredMessage(2, Role.ASSISTANT, "Yes.", Status.DONE, 0.0, json.dumps(record)),
    )
    conversation = Conversation("1", "t", 0.0, 0.0, said)
    assert "Written by qwen3:8b" in as_markdown(conversation)
    assert "qwen3:8b" in as_html(conversation)
