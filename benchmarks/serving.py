"""`assistant serve` under load, with the official client: many at once, readers of a byte a second, clients that leave.

    python -m benchmarks.serving [--profile light] [--parts many slow leaving] [--requests 50] [--readers 10]
        [--leaving 20] [--seconds 70]

Each request of the first part has a document of its own, so that an answer that went to somebody else is seen. A slow
reader takes one byte a second for so many seconds and the rest at once; its stream must be whole. A client that leaves
takes one piece of a long answer and closes. Memory and threads are the server's, looked at ten times a second. The
exit code is 1 where something was lost or mixed up.
"""

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import psutil  # type: ignore[import-untyped]

from benchmarks.report import number, table

_PARTS = ("many", "slow", "leaving")
_SHORT = "Write a loop in Python."
_LONG = "Write a Python class for a bank account with ten methods, and explain each of them."


@dataclass
class Part:
    """What a part of the run came to: seconds, what was right of how many, most memory and threads meanwhile."""

    name: str
    right: int
    total: int
    seconds: float
    megabytes: float
    threads: int


class Watched:
    """A running server, and the most memory and threads that it had since they were last asked for."""

    def __init__(self, profile: str, folder: Path) -> None:
        environment = {**os.environ, "ASSISTANT_DATA": str(folder / "data")}
        command = [sys.executable, "-m", "assistant", "serve", "--port", "0", "--profile", profile]
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        first = self.process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/v1", first)
        if found is None:
            raise SystemExit(first + self.process.stderr.read())
        self.port = int(found[1])
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self.token = (folder / "data" / "serve-token").read_text("ascii").strip()
        self.client = openai.OpenAI(base_url=found[0], api_key=self.token, max_retries=0, timeout=900)
        self.profile = profile
        self._most = [0.0, 0]
        self._ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def most(self) -> tuple[float, int]:
        """Megabytes and threads at most since the last call."""
        most = (self._most[0], int(self._most[1]))
        self._most = [0.0, 0]
        return most

    def close(self) -> None:
        """End the server."""
        self._ended.set()
        self.process.terminate()
        self.process.wait(30)

    def _watch(self) -> None:
        looked = psutil.Process(self.process.pid)
        while not self._ended.wait(0.1):
            try:
                now = looked.memory_info().rss / 1e6, looked.num_threads()
            except psutil.Error:
                return
            self._most = [max(pair) for pair in zip(self._most, now, strict=True)]

    def ask(self, text: str, document: str | None = None, **options: Any) -> Any:
        """A chat completion."""
        parts: list[Any] = [{"type": "text", "text": text}]
        if document is not None:
            kept = self.client.files.create(file=("station.txt", document.encode()), purpose="user_data")
            parts.insert(0, {"type": "file", "file": {"file_id": kept.id}})
        messages: Any = [{"role": "user", "content": parts}]
        return self.client.chat.completions.create(model=self.profile, messages=messages, **options)

    def open_stream(self, text: str) -> socket.socket:
        """A socket on which the stream of an answer comes, with the smallest buffer that the system allows."""
        content = json.dumps({"messages": [{"role": "user", "content": text}], "stream": True, "max_tokens": 64})
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        connection.connect(("127.0.0.1", self.port))
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\n"
        connection.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n{content}".encode())
        return connection


def measure(server: Watched, name: str, total: int, work: Callable[[], list[bool]]) -> Part:
    """Do a part of the run, which says for each request whether it ended right."""
    server.most()
    began = time.perf_counter()
    right = sum(work())
    part = Part(name, right, total, time.perf_counter() - began, *server.most())
    most = f"{part.megabytes:,.0f} MB and {part.threads} threads at most"
    print(f"{name}: {right} of {total} in {part.seconds:.1f} s; {most}", flush=True)
    return part


def at_once(server: Watched, count: int) -> list[bool]:
    """Ask so many questions at once, each about a document of its own; whether each answer is of its own document."""

    def ask(at: int) -> bool:
        text = f"The station of Halden lies at {1_000 + at} metres. It was built by the railway in {1800 + at}."
        done = server.ask("At what height does the station lie?", text)
        record = done.model_extra["assistant"]
        places = all(each["text"] == text[each["start"] : each["end"]] for each in record["evidence"])
        return places and str(1_000 + at) in (record["answer"] or "")

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(ask, range(count)))


def slow_reader(server: Watched, seconds: float) -> bool:
    """Read a stream one byte a second, then the rest; whether it is whole."""
    connection = server.open_stream(_SHORT)
    text, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        text += connection.recv(1)
        time.sleep(1)
    connection.settimeout(600)
    while piece := connection.recv(65_536):
        text += piece
        if b"data: [DONE]" in text:
            break
    connection.close()
    return b"data: [DONE]" in text and b'"finish_reason": "' in text


def leaving(server: Watched) -> bool:
    """Take one piece of a long answer, and go away."""
    with server.ask(_LONG, stream=True, max_tokens=600) as stream:
        for piece in stream:
            if piece.choices and piece.choices[0].delta.content:
                return True
    return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="light")
    parser.add_argument("--parts", nargs="+", choices=_PARTS, default=_PARTS)
    parser.add_argument("--requests", type=int, default=50, help="at once")
    parser.add_argument("--readers", type=int, default=10, help="that take one byte a second")
    parser.add_argument("--leaving", type=int, default=20, help="clients that go away in the middle")
    parser.add_argument("--seconds", type=float, default=70, help="in which a slow reader reads slowly")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the server ends with it
    with tempfile.TemporaryDirectory() as folder:
        server = Watched(options.profile, Path(folder))
        try:
            parts = list(run(server, options))
        finally:
            server.close()
    rows = [
        [each.name, f"{each.right} of {each.total}", number(each.seconds, 1), number(each.megabytes, 0),
         str(each.threads)]
        for each in parts
    ]  # fmt: skip
    print(table(["part", "right", "seconds", "MB at most", "threads at most"], rows))
    return 0 if all(each.right == each.total for each in parts) else 1


def run(server: Watched, options: argparse.Namespace) -> Iterator[Part]:
    """All parts, one after the other."""

    def two() -> list[bool]:
        return [*at_once(server, 1), bool(server.ask(_SHORT, max_tokens=64).choices[0].message.content)]

    def slow_and_quick() -> list[bool]:
        with ThreadPoolExecutor(options.readers) as pool:
            slow = [pool.submit(slow_reader, server, options.seconds) for _ in range(options.readers)]
            quick = at_once(server, 10)
            print(
                f"slow readers that still read when the others were answered: {sum(not each.done() for each in slow)}"
            )
            return quick + [each.result() for each in slow]

    def gone() -> list[bool]:
        with ThreadPoolExecutor(options.leaving) as pool:
            return list(pool.map(lambda _: leaving(server), range(options.leaving)))

    count = options.requests
    yield measure(server, "loading, two questions", 2, two)
    if "many" in options.parts:
        yield measure(server, f"{count} at once", count, lambda: at_once(server, count))
    if "slow" in options.parts:
        yield measure(server, f"{options.readers} slow, 10 quick", options.readers + 10, slow_and_quick)
    if "leaving" in options.parts:
        yield measure(server, f"{options.leaving} that leave", options.leaving, gone)
        yield measure(server, "a question after them", 1, lambda: at_once(server, 1))


if __name__ == "__main__":
    sys.exit(main())
