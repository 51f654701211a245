"""`assistant serve` as programs meet it: the official client, many at once, slow ones, ones that go away."""

import asyncio
import base64
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from assistant import Assistant, Settings
from assistant.services.openai_api import Endpoint
from assistant.services.worker import ModelWorker

TEXT = "The Amazon rainforest covers 5.5 million square kilometers. It holds 390 billion trees 😀."
WHOLE = "data:text/plain;base64," + base64.b64encode(TEXT.encode()).decode()


@dataclass
class Started:
    url: str
    token: str
    port: int
    said: str
    process: subprocess.Popen[str]

    @property
    def client(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=self.url, api_key=self.token, max_retries=0, timeout=120)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@contextmanager
def started(environment: dict[str, str], *options: str) -> Iterator[Started]:
    command = [sys.executable, "-m", "assistant", "serve", "--port", "0", *options]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            first = process.stderr.readline()
            found = re.search(r"http://127\.0\.0\.1:(\d+)/v1", first)
            assert found, first + process.stderr.read()
            second = "" if "--no-token" in options else process.stderr.readline()
            file = Path(environment["ASSISTANT_DATA"]) / "serve-token"
            token = file.read_text().strip() if file.exists() else "none"
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield Started(found[0], token, int(found[1]), second, process)
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def server(tiny_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    folder = tmp_path_factory.mktemp("serve")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSISTANT_")}
    own = {f"ASSISTANT_{name.upper()}": value for name, value in tiny_settings.items()}
    places = {f"ASSISTANT_{name}": str(folder / name.lower()) for name in ("CACHE", "DATA", "CONFIG")}
    tiny = {"ASSISTANT_MAX_NEW_TOKENS": "6", "OMP_NUM_THREADS": "1", "ASSISTANT_MAX_DOCUMENT_MEGABYTES": "2"}
    with started({**kept, **own, **places, **tiny}) as running:
        yield running


def question(text: str, **file: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "file", "file": file}, {"type": "text", "text": text}]}]


def chat(server: Started, messages: Any, **options: Any) -> Any:
    return server.client.chat.completions.create(model="embedded", messages=messages, **options)


def test_an_attached_document_is_answered_with_place_and_verdict(server: Started) -> None:
    done = chat(server, question("How large is the forest?", file_data=WHOLE, filename="amazon.txt"))
    record = done.model_extra["assistant"]
    [place] = record["evidence"]
    assert TEXT[place["start"] : place["end"]] == place["text"] == record["answer"]
    assert place["document"] == "amazon.txt"
    assert set(record["verdict"]) == {"label", "entailment", "neutral", "contradiction", "claims"}
    assert done.choices[0].finish_reason == "stop"
    assert record["answer"] in (done.choices[0].message.content or "")


def test_an_uploaded_document_is_asked_about_by_its_id(server: Started) -> None:
    kept = server.client.files.create(file=("amazon.txt", TEXT.encode()), purpose="user_data")
    by_part = chat(server, question("How large is it?", file_id=kept.id))
    options = {"extra_body": {"assistant": {"documents": [kept.id], "verify": False}}}
    by_field = chat(server, [{"role": "user", "content": "How large is it?"}], **options)
    assert by_part.model_extra["assistant"]["answer"] == by_field.model_extra["assistant"]["answer"]
    assert by_field.model_extra["assistant"]["verdict"] is None
    assert kept.id in [each.id for each in server.client.files.list()]
    server.client.files.delete(kept.id)
    with pytest.raises(openai.BadRequestError, match="open it first"):
        chat(server, question("How large is it?", file_id=kept.id))


def test_a_stream_says_what_the_whole_answer_says(server: Started) -> None:
    messages = question("How large is the forest?", file_data=WHOLE, filename="amazon.txt")
    whole = chat(server, messages)
    pieces = list(chat(server, messages, stream=True, stream_options={"include_usage": True}))
    assert "".join(each.choices[0].delta.content or "" for each in pieces if each.choices) == (
        whole.choices[0].message.content
    )
    finished = next(each for each in pieces if each.choices and each.choices[0].finish_reason)
    assert finished.model_extra is not None
    assert finished.model_extra["assistant"]["evidence"] == whole.model_extra["assistant"]["evidence"]
    assert pieces[-1].usage is not None
    opened = list(chat(server, [{"role": "user", "content": "Write a loop in Python"}], stream=True))
    assert any(each.choices and each.choices[0].delta.content for each in opened)  # a busy machine joins pieces


def test_models_are_listed_and_another_is_not_found(server: Started) -> None:
    assert [each.id for each in server.client.models.list()] == ["embedded"]
    with pytest.raises(openai.NotFoundError):
        server.client.chat.completions.create(model="gpt-9", messages=[{"role": "user", "content": "Hi"}])


def test_the_token_is_asked_for_and_kept_where_only_the_user_reads(server: Started) -> None:
    assert server.token in server.said
    stranger = openai.OpenAI(base_url=server.url, api_key="wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        stranger.models.list()
    assert httpx2.get(f"{server.url}/models").status_code == 401


def test_the_token_file_is_private_and_made_once(environment: dict[str, str]) -> None:
    with started(environment) as first:
        file = Path(environment["ASSISTANT_DATA"]) / "serve-token"
        assert file.stat().st_mode & 0o777 == 0o600
    with started(environment) as second:
        assert second.token == first.token
        assert second.token not in second.said


def test_a_page_that_led_its_name_here_is_refused(server: Started) -> None:
    answered = httpx2.get(f"{server.url}/models", headers={**server.headers, "Host": "evil.example"})
    assert answered.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[", b"{}", b'{"messages": []}', b'{"messages": [{"role": "user"}], "n": 2}', b"[" * 100_000,
        b'{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}',
        b'{"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": "a,b"}}]}]}',
        b'{"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": "AAAA"}}]}]}',
        b'{"messages": [{"role": "assistant", "content": "Hi"}]}',
        b'{"messages": [{"role": "user", "content": "Hi"}], "assistant": {"route": "../../etc"}}',
        b'{"messages": [{"role": "user", "content": "Hi"}], "assistant": {"documents": ["/etc/passwd"]}}',
        b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_in_one_line(server: Started, body: bytes) -> None:
    answered = httpx2.post(f"{server.url}/chat/completions", headers=server.headers, content=body, timeout=60)
    assert answered.status_code == 400, answered.text
    assert "\n" not in answered.json()["error"]["message"]


def test_too_large_a_body_is_refused_told_or_not(server: Started) -> None:
    answered = httpx2.post(f"{server.url}/chat/completions", headers=server.headers, content=b"x" * 5_000_000)
    assert answered.status_code == 413

    def pieces() -> Iterator[bytes]:
        for _ in range(50):
            yield b"x" * 100_000

    try:
        chunked = httpx2.post(f"{server.url}/chat/completions", headers=server.headers, content=pieces())
        assert chunked.status_code == 413
    except httpx2.TransportError:
        pass  # the server closed while it was still being sent
    assert httpx2.get(f"{server.url}/models", headers=server.headers).status_code == 200


def test_fifty_at_once_are_all_answered(server: Started) -> None:
    messages = question("How large is the forest?", file_data=WHOLE, filename="amazon.txt")
    chat(server, messages)
    with ThreadPoolExecutor(50) as pool:
        done = list(pool.map(lambda _: chat(server, messages), range(50)))
    assert len({each.model_extra["assistant"]["answer"] for each in done}) == 1
    assert len({each.id for each in done}) == 50


def test_what_is_more_than_may_wait_is_told_to_come_later(environment: dict[str, str]) -> None:
    with started(environment, "--queue", "2", "--no-token") as server:
        chat(server, [{"role": "user", "content": "Write a loop"}])
        slow = [{"role": "user", "content": "How large is it?"}]

        def ask(_: int) -> str:
            try:
                chat(server, slow, extra_body={"assistant": {"route": "open"}})
            except openai.RateLimitError as error:
                return str(error.response.headers["retry-after"])
            return "answered"

        with ThreadPoolExecutor(40) as pool:
            ends = list(pool.map(ask, range(40)))
        assert set(ends) == {"answered", "5"}
        assert chat(server, slow).choices


def raw(server: Started, body: dict[str, Any]) -> socket.socket:
    content = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {server.token}\r\n"
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
    return connection


def answered_within(seconds: float, ask: Callable[[], Any]) -> Any:
    began = time.monotonic()
    done = ask()
    assert time.monotonic() - began < seconds
    return done


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_away_holds_nobody_up(server: Started, stream: bool) -> None:
    long = {"model": "embedded", "messages": question("How large?", file_data="data:text/plain;base64,"
            + base64.b64encode((TEXT * 15_000).encode()).decode(), filename="long.txt"),
            "stream": stream, "assistant": {"route": "extract"}}  # fmt: skip
    for _ in range(5):
        raw(server, long).close()
    short = [{"role": "user", "content": "Write a loop"}]
    assert answered_within(60, lambda: chat(server, short)).choices


def test_a_client_that_reads_nothing_holds_nobody_up(server: Started) -> None:
    body = {"model": "embedded", "messages": [{"role": "user", "content": "Write a loop"}], "stream": True}
    slow = [raw(server, body) for _ in range(20)]
    assert answered_within(60, lambda: chat(server, body["messages"])).choices
    for connection in slow:
        connection.settimeout(60)
        text = b""
        while b"[DONE]" not in text:
            text += connection.recv(65536)  # nothing is lost: it reads late
        connection.close()


def test_a_client_that_reads_a_byte_at_a_time_gets_the_whole_stream(server: Started) -> None:
    body = {"model": "embedded", "messages": [{"role": "user", "content": "Write a loop"}], "stream": True}
    slow = raw(server, body)
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    slow.settimeout(60)
    text = b""
    for _ in range(5):
        text += slow.recv(1)
        time.sleep(1)
        assert chat(server, body["messages"]).choices
    while b"data: [DONE]" not in text:
        text += slow.recv(1)
    pieces = [json.loads(line[6:]) for line in text.decode().splitlines() if line.startswith("data: {")]
    streamed = "".join(each["choices"][0]["delta"].get("content", "") for each in pieces)
    assert pieces[-1]["assistant"]["answer"] == streamed.strip() != ""
    slow.close()


async def test_a_request_that_never_comes_whole_is_parted_from(tiny_settings: dict[str, str]) -> None:
    worker = ModelWorker(Assistant(Settings.model_validate(tiny_settings)))
    app = Endpoint(worker, "secret", ["testserver"], patience=0.2).app
    scope: dict[str, Any] = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": "/v1/chat/completions", "query_string": b"",
        "headers": [(b"host", b"testserver"), (b"authorization", b"Bearer secret"), (b"content-length", b"900")],
    }  # fmt: skip
    sent: list[Any] = []
    come = iter([{"type": "http.request", "body": b"{", "more_body": True}])

    async def receive() -> Any:
        return next(come, None) or await asyncio.sleep(60)

    async def send(message: Any) -> None:
        sent.append(message)

    try:
        await asyncio.wait_for(app(scope, receive, send), 20)
    finally:
        worker.close()
    assert sent[0]["status"] == 408
    assert b"did not come within" in sent[1]["body"]


def test_large_documents_at_once_are_all_answered(server: Started) -> None:
    large = TEXT + " " * 1_900_000
    data = "data:text/plain;base64," + base64.b64encode(large.encode()).decode()
    messages = question("How large is the forest?", file_data=data, filename="large.txt")
    with ThreadPoolExecutor(12) as pool:
        done = list(pool.map(lambda _: chat(server, messages, extra_body={"assistant": {"verify": False}}), range(12)))
    assert len({each.model_extra["assistant"]["answer"] for each in done}) == 1


def test_it_listens_to_this_machine_only(run: Any) -> None:
    code, _, err = run("serve", "--host", "0.0.0.0")
    assert code == 2
    assert "this machine only" in err


def opened(server: Started, **options: Any) -> tuple[str, Any]:
    done = chat(server, [{"role": "user", "content": "Write a loop in Python"}], **options)
    return done.choices[0].message.content or "", done


def test_the_sampling_that_a_request_asks_for_is_used(server: Started) -> None:
    greedy, _ = opened(server, temperature=0)
    drawn = {seed: opened(server, temperature=2.0, top_p=1.0, seed=seed)[0] for seed in (1, 2, 3)}
    assert drawn[1] == opened(server, temperature=2.0, top_p=1.0, seed=1)[0]
    assert len({greedy, *drawn.values()}) > 1
    assert opened(server, temperature=2.0, top_p=0.0001, seed=5)[0] == greedy  # the likeliest token alone is left


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_an_answer_is_as_long_as_the_request_says(server: Started, name: str) -> None:
    for tokens in (2, 4, 9):  # the server's own setting is 6
        _, done = opened(server, temperature=0, **{name: tokens})
        assert done.usage.completion_tokens == tokens
        assert done.choices[0].finish_reason == "length"


def test_an_answer_ends_before_a_text_that_the_request_names(server: Started) -> None:
    whole, _ = opened(server, temperature=0, max_tokens=12)
    assert len(whole) > 4
    cut, done = opened(server, temperature=0, max_tokens=12, stop=["no such text", whole[3:5]])
    assert cut == whole[: whole.index(whole[3:5])].strip()
    assert done.choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": 3}, {"top_p": 0}, {"max_tokens": 0}, {"stop": ["a"] * 5}, {"stop": ""}, {"seed": -1}],
)
def test_sampling_that_makes_no_sense_is_refused(server: Started, wrong: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError, match=next(iter(wrong))):
        opened(server, **wrong)
