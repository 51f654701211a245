"""A generator's server that hangs, lies, breaks off or never ends: one line says so, soon, and the key stays secret."""

import itertools
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from assistant.errors import GenerationError
from assistant.generation.server import ServerGenerator, listing, pace
from assistant.generation.server.generator import Timing
from assistant.generation.stream import Sampling
from assistant.types import Message, Role
from tests.conftest import Run
from tests.trust.servers import LISTS_ONE, Answer, piece, says, serving, streams

QUESTION = [Message(Role.USER, "Write a loop")]
SHORT = Sampling(max_new_tokens=8)
IMPATIENT = Timing(0.3, 0.3, patience=1)


def hangs(request: BaseHTTPRequestHandler) -> None:
    time.sleep(3)


def breaks_off(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Type", "text/event-stream")
    request.send_header("Content-Length", "100000")
    request.end_headers()
    request.wfile.write(piece("half an ans"))


def trickles() -> Iterator[bytes]:
    yield piece("begins ")
    time.sleep(3)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "LIST_SECONDS", 0.3)
    monkeypatch.setattr(pace, "FIRST_WAIT", 0.05)
    monkeypatch.setenv("ASSISTANT_API_KEY", "the-secret-key")


def said(models: Answer, completions: Answer) -> str:
    """The one error that using a server ends in."""
    with serving(models, completions) as url, pytest.raises(GenerationError) as caught:
        stream = ServerGenerator(url, timing=IMPATIENT).stream(QUESTION, sampling=SHORT)
        list(stream)
        if stream.trouble is not None:
            raise stream.trouble
    assert "secret" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (hangs, "did not answer within"),
        (says(b"<html>hello</html>", kind="text/html"), "not the OpenAI API"),
        (says(b"{"), "not the OpenAI API"),
        (says(b"[1, 2]"), "not the OpenAI API"),
        (says(b'{"data": [5]}'), "not the OpenAI API"),
        (says(b"\x00\xff\xfe"), "not the OpenAI API"),
        (says(b"[" * 100_000), "not the OpenAI API"),
        (says(b'{"data": []}'), "lists no model"),
        (says(b"", 500), "status 500"),
        (says(b"", 404), "status 404"),
        (says(b"", 401), "another key"),
    ],
)
def test_a_server_that_cannot_say_its_models_is_told(answer: Answer, reason: str) -> None:
    assert reason in said(answer, says(b""))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (hangs, "did not answer within"),
        (streams(trickles()), "did not go on within"),
        (breaks_off, "broke off"),
        (streams([b"data: {rubbish}\n\n"]), "not the OpenAI API"),
        (streams([b"data: " + b"[" * 100_000 + b"\n\n"]), "not the OpenAI API"),
        (streams([b'data: {"choices": [5]}\n\n']), "not the OpenAI API"),
        (streams([b'data: {"choices": [{"delta": null}]}\n\n']), "not the OpenAI API"),
        (streams([b'data: {"error": {"message": "\\u001b[31m"}}\n\n']), "no reason given"),
        (says(b"", 503), "status 503"),
        (says(b"", 400), "status 400"),
    ],
)
def test_an_answer_that_is_none_is_told(answer: Answer, reason: str) -> None:
    assert reason in said(LISTS_ONE, answer)


def test_an_answer_without_an_end_is_cut_at_what_was_asked_for() -> None:
    with serving(LISTS_ONE, streams(piece("x" * 50) for _ in itertools.count())) as url:
        stream = ServerGenerator(url).stream(QUESTION, sampling=SHORT)
        text = "".join(stream)
    assert stream.finish == "length"
    assert len(text) < 8 * 32 + 100


def test_nobody_there_is_told() -> None:
    with pytest.raises(GenerationError, match="cannot be reached"):
        ServerGenerator("http://127.0.0.1:9/v1")


def test_a_password_in_the_address_is_not_shown(run: Run) -> None:
    code, out, err = run("ask", "Write a loop", "--server", "http://me:the-password@127.0.0.1:9/v1", "--verbose")
    assert code == 1
    assert "the-password" not in out + err.rpartition("assistant: ")[2]
    assert "127.0.0.1:9" in err


def test_a_server_that_sends_elsewhere_does_not_send_the_key_along() -> None:
    keys: list[str | None] = []

    def elsewhere(request: BaseHTTPRequestHandler) -> None:
        keys.append(request.headers.get("Authorization"))
        LISTS_ONE(request)

    with serving(elsewhere, says(b"")) as other:

        def redirects(request: BaseHTTPRequestHandler) -> None:
            request.send_response(302)
            request.send_header("Location", other.replace("127.0.0.1", "localhost") + "/models")
            request.end_headers()

        with serving(redirects, says(b"")) as url:
            ServerGenerator(url)
    assert keys == [None]
