"""What is said where it is no API that answers: a page, nothing at all, another protocol, another path."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from assistant.errors import GenerationError
from assistant.generation.server import ServerGenerator, list_models, resolve
from assistant.generation.server.pages import no_such_page, right_address
from tests.assistant.generation.server.loopback import Asked, serving
from tests.assistant.generation.server.test_habits import QUESTION, ask

NGINX = b"<!doctype html><html><head><title>Welcome to nginx!</title></head><body>If you see this</body></html>"
UNEXPECTED = {"error": "Unexpected endpoint or method. (POST /chat/completions). Returning 200 anyway"}  # LM Studio


@contextlib.contextmanager
def speaking(answer: bytes) -> Iterator[int]:
    """A port where something answers in another protocol; its number."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def work() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with listener.accept()[0] as connection:
                        connection.recv(1 << 16)
                        connection.sendall(answer)

        threading.Thread(target=work, daemon=True).start()
        yield listener.getsockname()[1]


def _said_of(url: str, model: str | None) -> str:
    with pytest.raises(GenerationError) as caught:
        "".join(ServerGenerator(url, model).stream(QUESTION))
    assert len(str(caught.value)) <= 200
    return str(caught.value)


@pytest.mark.parametrize("model", [None, "m"])
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", "broke off before it answered; is the port right, or does it want https://?"),
        (b"\x15\x03\x01\x00\x02\x02\x16", "does not speak HTTP there; is the port right, or does it want https://?"),
        (b"", "broke off before it answered; is the port right, or does it want https://? Else try again."),
    ],
    ids=["SSH", "TLS", "nothing"],
)
def test_a_port_that_does_not_speak_http_is_told_as_such(
    answer: bytes, told: str, model: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.generation.server.pace.FIRST_WAIT", 0.01)
    with speaking(answer) as port:
        assert told in _said_of(f"127.0.0.1:{port}", model)


@pytest.mark.parametrize(
    ("status", "kind", "body", "told"),
    [
        (200, "text/html", NGINX, "says: Welcome to nginx! (status 200); is the address right (http://127.0.0.1:"),
        (200, "text/html", b"<html>hello</html>", "answered with something that is not the OpenAI API; is the address"),
        (204, "application/json", b"", "answered with nothing (status 204); is the address right (http://127.0.0.1:"),
        (200, "application/json", b"", "answered with nothing at all; try again; if it stays so: is the address right"),
        (200, "text/event-stream", b"\n\n", "answered with nothing at all; try again; if it stays so: is the address"),
        (405, "application/json", b'{"detail": "Method Not Allowed"}', "Allowed (status 405); is the address right"),
        (404, "application/json", b'{"detail": "Not Found"}', "says: Not Found (status 404); is the address right"),
        (404, "text/plain", b"404 page not found", "says: 404 page not found (status 404); is the address right"),
        (404, "application/json", b'{"error": {"message": "Invalid URL (POST /x)"}}', "404); is the address right"),
        (404, "application/json", b'{"error": "model m not found"}', "404); `assistant models list --server` names"),
    ],
)
def test_what_is_no_answer_is_told_with_what_to_do_next(
    status: int, kind: str, body: bytes, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.generation.server.pace.FIRST_WAIT", 0.01)

    def reply(asked: Asked) -> None:
        asked.raw(body, status, {"Content-Type": kind})

    assert told in str(ask(reply).error)
    with serving(lambda asked: asked.say("Yes."), models=reply) as server, pytest.raises(GenerationError) as caught:
        list_models(resolve(server.url))
    assert "is the address right (http://127.0.0.1:" in str(caught.value) or "--model" in str(caught.value)


def test_an_address_without_its_last_part_is_told_with_the_one_to_try() -> None:
    with serving(lambda asked: asked.json(UNEXPECTED), models=UNEXPECTED) as server:
        root = server.url.removesuffix("/v1")
        for model in (None, "m"):
            said = _said_of(f"{root}/api", model)
            assert "Unexpected endpoint or method" in said
            assert f"is the address right? Often it ends in /v1: try {root}/api/v1" in said


def test_a_server_that_wants_tls_in_words_is_told_with_what_to_write() -> None:
    words = b"Client sent an HTTP request to an HTTPS server.\n"
    with serving(lambda asked: asked.say(""), models=lambda asked: asked.raw(words, 400, {})) as server:
        assert "write https:// before its address" in _said_of(server.url, None)
    outcome = ask(lambda asked: asked.raw(words, 400, {"Content-Type": "text/plain"}))
    assert "write https:// before its address" in str(outcome.error)


def test_a_batch_asks_again_where_nothing_came_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.generation.server.pace.FIRST_WAIT", 0.01)
    outcome = ask(lambda asked: asked.raw(b"", 200, {}) if asked.number < 4 else asked.say("Yes."), unattended=True)
    assert outcome.text == "Yes."
    never = ask(lambda asked: asked.raw(b"", 200, {}), unattended=True)
    assert never.error is not None and never.error.passing


def test_a_password_in_an_address_is_not_repeated() -> None:
    assert right_address("https://ann:secret@example.org/api") == (
        "is the address right? Often it ends in /v1: try https://example.org/api/v1"
    )


@pytest.mark.parametrize("words", ["The model `x` was not found", "Not Found: model x", "No endpoints found for a/b"])
def test_a_model_that_is_missing_is_no_wrong_address(words: str) -> None:
    assert not no_such_page(words)
