"""A server that speaks the OpenAI API as badly as it is told to."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that leaves is what many tests are about."""


@contextmanager
def serving(models: Answer, completions: Answer) -> Iterator[str]:
    """A server on this machine with these two answers; gives its base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            models(self)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            completions(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with _Quiet(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()


def says(body: bytes, status: int = 200, kind: str = "application/json") -> Answer:
    """Answers with these bytes."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer


LISTS_ONE = says(json.dumps({"object": "list", "data": [{"id": "m", "object": "model"}]}).encode())


def piece(text: str | None, finish: str | None = None) -> bytes:
    """One event of a stream."""
    choice = {"index": 0, "delta": {"content": text} if text is not None else {}, "finish_reason": finish}
    event = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def streams(pieces: Iterator[bytes] | list[bytes]) -> Answer:
    """Answers with a stream of events, as long as it lasts."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.end_headers()
        for each in pieces:
            request.wfile.write(each)
            request.wfile.flush()

    return answer


def speaks(text: str, size: int = 7) -> Answer:
    """Answers with a text in small pieces, which cut escape sequences in two."""
    cut = [text[at : at + size] for at in range(0, len(text), size)]
    return streams([*(piece(each) for each in cut), piece(None, "stop"), b"data: [DONE]\n\n"])
