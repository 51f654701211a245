"""A server on this machine that has whatever habit a test gives it, and keeps what it was asked."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.trust.servers import piece

Reply = Callable[["Asked"], None]
DONE = b"data: [DONE]\n\n"
MODELS = {"object": "list", "data": [{"id": "m", "object": "model"}]}


class Asked:
    """One request: its body, how many there were before it, and ways to answer it."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: dict[str, Any], number: int) -> None:
        self.handler, self.body, self.number = handler, body, number

    @property
    def characters(self) -> int:
        """How long the conversation is that it brings."""
        return sum(len(message["content"]) for message in self.body.get("messages", []))

    def json(self, data: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Answer with an object."""
        self.raw(json.dumps(data).encode(), status, {"Content-Type": "application/json", **(headers or {})})

    def raw(self, body: bytes, status: int, headers: dict[str, str]) -> None:
        """Answer with bytes."""
        self.handler.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.handler.send_header(name, value)
        self.handler.end_headers()
        self.handler.wfile.write(body)

    def stream(self, events: Iterable[bytes], *, cut: bool = False) -> None:
        """Answer with events; `cut` promises more than comes."""
        self.handler.send_response(200)
        self.handler.send_header("Content-Type", "text/event-stream; charset=utf-8")
        if cut:
            self.handler.send_header("Content-Length", "1000000")
        self.handler.end_headers()
        for event in events:
            self.handler.wfile.write(event)
            self.handler.wfile.flush()

    def say(self, text: str, size: int = 5, finish: str | None = "stop", **usage: int) -> None:
        """Answer with a text in small pieces."""
        events = [piece(text[at : at + size]) for at in range(0, len(text), size)]
        events += [piece(None, finish)] if finish else []
        events += [event({"choices": [], "usage": usage})] if usage else []
        self.stream([*events, DONE])

    def refuse(self, status: int, sentence: str, **fields: Any) -> None:
        """Answer with an error as OpenAI words it."""
        self.json({"error": {"message": sentence, **fields}}, status)


def event(data: dict[str, Any]) -> bytes:
    """One event of a stream."""
    return b"data: " + json.dumps({"object": "chat.completion.chunk", **data}).encode() + b"\n\n"


def delta(finish: str | None = None, **fields: Any) -> bytes:
    """One event with these fields in its delta."""
    return event({"id": "1", "model": "m", "choices": [{"index": 0, "delta": fields, "finish_reason": finish}]})


class Server:
    """What a test knows of a running server: its address, and the bodies of the requests so far."""

    def __init__(self, url: str, asked: list[dict[str, Any]], times: list[float]) -> None:
        self.url, self.asked, self.times = url, asked, times
        self.most_at_once = 0


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """A client that leaves is what many tests are about."""


@contextmanager
def serving(
    reply: Reply, models: Any = MODELS, port: int = 0, *, certificate: ssl.SSLContext | None = None
) -> Iterator[Server]:
    """Run a server that answers so; `models` is its list, or answers the request for it; over TLS if wanted."""
    asked: list[dict[str, Any]] = []
    times: list[float] = []
    lock = threading.Lock()
    running = 0

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if callable(models):
                models(Asked(self, {}, 0))
            else:
                Asked(self, {}, 0).json(models)

        def do_POST(self) -> None:
            nonlocal running
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
            with lock:
                number = len(asked)
                asked.append(body)
                times.append(time.monotonic())
                running += 1
                server.most_at_once = max(server.most_at_once, running)
            try:
                reply(Asked(self, body, number))
            finally:
                with lock:
                    running -= 1

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with _Quiet(("127.0.0.1", port), Handler) as running_server:
        if certificate is not None:
            running_server.socket = certificate.wrap_socket(running_server.socket, server_side=True)
        scheme = "http" if certificate is None else "https"
        server = Server(f"{scheme}://127.0.0.1:{running_server.server_address[1]}/v1", asked, times)
        thread = threading.Thread(target=running_server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        running_server.shutdown()
