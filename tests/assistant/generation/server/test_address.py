import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pydantic import SecretStr

from assistant.errors import GenerationError, UsageError
from assistant.generation.server import address as module
from assistant.generation.server import resolve
from assistant.generation.server.address import base_url
from assistant.generation.server.errors import Kind, line_of, read_refusal, refusal
from assistant.settings import ServerSettings


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("localhost:11434", "http://localhost:11434/v1"),
        ("192.168.1.7:8080/v1/", "http://192.168.1.7:8080/v1"),
        ("gpu-box:8000", "http://gpu-box:8000/v1"),
        ("[::1]:8000", "http://[::1]:8000/v1"),
        ("api.example.org/openai/v1", "https://api.example.org/openai/v1"),
        ("https://api.example.org", "https://api.example.org/v1"),
        ("http://127.0.0.1:8000/v1/chat/completions", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/v1/models", "http://127.0.0.1:8000/v1"),
        ("  HTTP://127.0.0.1:8000/v1 ", "http://127.0.0.1:8000/v1"),
    ],
)
def test_what_is_missing_in_an_address_is_added(text: str, url: str) -> None:
    assert base_url(text) == url


@pytest.mark.parametrize(
    "text", ["", "ftp://x", "http://", "http://[bad", "two words", "x:99999", "file:///etc/passwd"]
)
def test_what_is_no_address_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="no address"):
        base_url(text)


@contextmanager
def listening() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_ollama_and_lm_studio_are_found_at_their_usual_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    with listening() as port:
        monkeypatch.setattr(module, "USUAL_PORTS", {"ollama": (9, port), "lmstudio": (9,)})
        assert resolve("Ollama").url == f"http://127.0.0.1:{port}/v1"
        with pytest.raises(GenerationError, match=r"LM Studio does not answer at 127\.0\.0\.1:9"):
            resolve("lmstudio")
    with listening() as port:
        monkeypatch.setenv("OLLAMA_HOST", f"0.0.0.0:{port}")
        assert resolve("ollama").url == f"http://127.0.0.1:{port}/v1"


def test_servers_of_the_settings_have_names_models_and_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = {
        "work": ServerSettings(url="api.example.org", model="big", key=SecretStr("sk-1")),
        "other": ServerSettings(url="http://10.0.0.1:8000", key_variable="OTHER_KEY"),
    }
    work = resolve("work", servers)
    assert (work.url, work.model, work.key, "sk-1" in repr(work)) == (
        "https://api.example.org/v1",
        "big",
        "sk-1",
        False,
    )
    with pytest.raises(UsageError, match="OTHER_KEY"):
        resolve("other", servers)
    monkeypatch.setenv("OTHER_KEY", "sk-2")
    assert resolve("other", servers).key == "sk-2"


def test_openais_key_does_not_go_over_the_network_unencrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSISTANT_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    assert resolve("http://192.0.2.7:8000").key is None
    assert resolve("127.0.0.1:8000").key == resolve("https://api.openai.com").key == "sk-openai"
    monkeypatch.setenv("ASSISTANT_API_KEY", "sk-ours")
    assert resolve("http://192.0.2.7:8000").key == "sk-ours"


@pytest.mark.parametrize(
    ("status", "data", "kind"),
    [
        (400, {"error": {"message": "Requested tokens (2285) exceed context window of 2048"}}, Kind.CONTEXT),
        (400, {"object": "error", "message": "max_tokens must be at least 1, got -186.", "code": 400}, Kind.CONTEXT),
        (400, {"error": {"message": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. The input is too long"}}, Kind.CONTEXT),  # noqa: E501
        (413, {"error": {"message": "Request too large for model"}}, Kind.CONTEXT),
        (400, {"error": {"message": "max_tokens is too large: 9999. This model supports at most 4096 completion tokens"}}, Kind.PARAMETER),  # noqa: E501
        (500, {"error": "model runner has unexpectedly stopped"}, Kind.BUSY),
        (503, {"error": {"message": "Loading model", "type": "unavailable_error"}}, Kind.LOADING),
        (503, {"error": {"message": "The engine is currently overloaded"}}, Kind.RATE),
        (402, {"error": {"message": "Insufficient Balance"}}, Kind.QUOTA),
        (404, {"detail": "Not Found"}, Kind.NOT_THE_API),
        (400, {"error": {"message": "Model not exist"}}, Kind.MODEL),
        (400, {"error": {"message": "Content violates usage guidelines"}}, Kind.REFUSED),
    ],
)  # fmt: skip
def test_what_a_refusal_means(status: int, data: object, kind: Kind) -> None:
    assert refusal(status, data, ["max_tokens", "temperature"]).kind is kind


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7), ({"retry-after-ms": "250"}, 0.25),
        ({"x-ratelimit-reset-tokens": "2"}, 2), ({"x-ratelimit-reset-requests": "1m2s"}, 62),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0), ({"Retry-After": "soon"}, None), ({}, None),
        ({"Retry-After": "nan"}, None), ({"Retry-After": "1e9"}, 86_400), ({"Retry-After": "-5"}, 0),
    ],
)  # fmt: skip
def test_how_long_a_server_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert read_refusal(429, headers, b"{}").retry_after == seconds


def test_a_line_about_a_server_is_one_printable_line_of_bounded_length() -> None:
    line = line_of("127.0.0.1:8000", "status 400", "x\x1b[31m\n" * 500, "do this", secret="x")
    assert len(line) <= 200
    assert line.isprintable()
    assert line.endswith("(status 400); do this.")
