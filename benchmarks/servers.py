"""The chat and a batch against a real server that speaks the OpenAI API: is it ever dead, and is any line ever lost?

    python -m benchmarks.servers --url http://127.0.0.1:8765/v1 --start "llama-server -m MODEL.gguf -c 1024 --port 8765"

The server is started, talked to for longer than its context, stopped in an answer, killed in another and started again;
then a batch runs with the default settings while it is killed and started once more.
"""

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from assistant.answering.assistant import Assistant
from assistant.errors import AssistantError
from assistant.events import Notice, TextDelta, TurnFailed, TurnFinished
from assistant.generation.server import list_models, resolve
from assistant.settings import Settings
from assistant.types import Answer, Message, Role, Turn

TOPICS = (
    "a list", "a dictionary", "a set", "a tuple", "a string", "a file", "a class", "a generator", "a decorator",
    "a loop",
)  # fmt: skip
SECONDS_TO_START = 180.0


class Server:
    """A server that can be killed and started again."""

    def __init__(self, url: str, command: str) -> None:
        self.url, self._command = url, command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it; the seconds until it lists its models."""
        began = time.monotonic()
        self._process = subprocess.Popen(
            shlex.split(self._command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        while True:
            try:
                list_models(resolve(self.url))
                return time.monotonic() - began
            except AssistantError:
                if time.monotonic() - began > SECONDS_TO_START:
                    raise
                time.sleep(0.3)

    def kill(self) -> None:
        """Kill it and all that it has started."""
        if self._process is not None:
            with suppress(ProcessLookupError):  # it has ended already
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@dataclass
class Conversation:
    """What was said so far, and what came of it."""

    assistant: Assistant
    said: list[Message] = field(default_factory=list)
    answered: int = 0
    failed: list[str] = field(default_factory=list)
    shortened: int = 0

    def ask(
        self, question: str, *, after: float | None = None, then: Callable[[], None] | None = None
    ) -> Answer | None:
        """Put a question; so many seconds after its first piece stop it, or do something else."""
        answer, stop = None, threading.Event()
        for event in self.assistant.respond(Turn(question, history=tuple(self.said)), stop):
            if isinstance(event, TextDelta) and after is not None:
                threading.Timer(after, then or stop.set).start()
                after = None
            elif isinstance(event, Notice) and "oldest" in event.text:
                self.shortened += 1
            elif isinstance(event, TurnFailed):
                self.failed.append(str(event.error))
            elif isinstance(event, TurnFinished):
                answer = event.answer
        if answer is not None and answer.text:
            self.answered += 1
            self.said += [Message(Role.USER, question), Message(Role.ASSISTANT, answer.text)]
        return answer


@contextmanager
def killed_in(server: Server, seconds: float, down: float) -> Iterator[None]:
    """Kill the server after so many seconds, and start it again after so many more."""

    def work() -> None:
        server.kill()
        time.sleep(down)
        server.start()

    timer = threading.Timer(seconds, work)
    timer.start()
    yield
    timer.cancel()
    timer.join()


def batch(server: Server, lines: int, tokens: int, model: str | None, kill_after: float) -> None:
    """Answer so many lines with the settings as they are, while the server is killed once."""
    with tempfile.TemporaryDirectory() as folder:
        questions, answers = Path(folder) / "questions.jsonl", Path(folder) / "answers.jsonl"
        rows = [
            {"id": str(number), "question": f"Name {TOPICS[number % 10]} of {number} things in Python."}
            for number in range(lines)
        ]
        questions.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        command = [
            sys.executable,
            "-m",
            "assistant",
            "batch",
            str(questions),
            "-o",
            str(answers),
            "--server",
            server.url,
        ]
        command += ["--route", "open", *(["--model", model] if model else [])]
        environment = {**os.environ, "ASSISTANT_MAX_NEW_TOKENS": str(tokens), "ASSISTANT_CONFIG": f"{folder}/none.toml"}
        began = time.monotonic()
        with killed_in(server, kill_after, 3.0):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        records = [json.loads(line) for line in answers.read_text("utf-8").splitlines()]
        answered = sum(bool(record.get("answer")) for record in records)
        in_order = [record["id"] for record in records] == [row["id"] for row in rows]
        print(
            f"batch: {answered} of {lines} lines answered, in order: {in_order}, exit code {done.returncode}, "
            f"{time.monotonic() - began:.0f} s, the server killed after {kill_after:.0f} s"
        )
        print("".join(f"  {line}\n" for line in done.stderr.splitlines()[-4:]), end="")


def chat(server: Server, turns: int, tokens: int, model: str | None) -> None:
    """Talk for so many turns, stop an answer, kill the server in another, start it again and go on."""
    settings = Settings(server=server.url, server_model=model, max_new_tokens=tokens)
    talk = Conversation(Assistant(settings))
    began = time.monotonic()
    for number in range(turns):
        talk.ask(f"Question {number}: what is {TOPICS[number % len(TOPICS)]} in Python, and when would you use one?")
    print(
        f"chat: {talk.answered} of {turns} turns answered, {talk.shortened} without their oldest turns, "
        f"{len(talk.failed)} failed, {time.monotonic() - began:.0f} s; {talk.failed[:2]}"
    )
    long = Conversation(Assistant(Settings(server=server.url, server_model=model, max_new_tokens=400)))
    began = time.monotonic()
    stopped = long.ask("Explain all of Python in detail.", after=1.0)
    seconds = time.monotonic() - began
    again = long.ask("What is a loop? Answer in one short sentence.", after=5.0)
    print(
        f"stop: stopped {stopped.stopped if stopped else None} after {seconds:.1f} s; "
        f"the next answered: {bool(again and again.text)}"
    )
    broken = long.ask("Explain all of Python in detail, from its beginning.", after=0.3, then=server.kill)
    time.sleep(0.5)  # an answer may be over before that
    print(f"kill: incomplete: {broken.incomplete if broken else None}; {long.failed[-1:]}")
    print(f"restart in {server.start():.1f} s; the next answered: {bool(long.ask('What is a set?', after=5.0))}")


def main() -> None:
    """Run all of it and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--start", required=True, help="the command that starts the server")
    parser.add_argument("--model", help="the model to ask for; by default the first that it lists")
    parser.add_argument("--part", choices=("all", "chat", "batch"), default="all")
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--lines", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=60, help="of an answer in the chat; a quarter of it in the batch")
    parser.add_argument(
        "--kill-after", type=float, default=20.0, help="seconds of the batch before the server is killed"
    )
    options = parser.parse_args()
    server = Server(options.url, options.start)
    print(f"started in {server.start():.1f} s")
    try:
        if options.part != "batch":
            chat(server, options.turns, options.tokens, options.model)
        if options.part != "chat":
            batch(server, options.lines, max(4, options.tokens // 4), options.model, options.kill_after)
    finally:
        server.kill()


if __name__ == "__main__":
    main()
