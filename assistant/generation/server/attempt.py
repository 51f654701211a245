"""One request for an answer, from its first line to its end or its trouble."""

import contextlib
import json
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistant.events import Event, TextDelta, TextTakenBack, ThinkingDelta, Waiting
from assistant.generation.server.chunks import Chunk, ChunkReader, ErrorInside, NotTheApiError
from assistant.generation.server.connection import Call, Failure, Head, Item
from assistant.generation.server.end_marks import EndMarks
from assistant.generation.server.errors import STREAM, Kind, Reply, read_refusal, refusal
from assistant.generation.server.loops import LoopWatch
from assistant.generation.server.pages import is_no_http, page_title
from assistant.generation.server.thinking import ThinkingSplitter
from assistant.generation.server.whole_chunks import WholeChunks
from assistant.generation.stream import Finish

if TYPE_CHECKING:
    import httpx2

_SILENT_SECONDS = 3.0
_TOLD_EVERY = 1.0
_FINISHES: dict[str, Finish] = {"length": "length", "filtered": "filtered", "loop": "loop"}
_AFTER_END_SECONDS = 5.0  # for what a server counts after it has told the end
NO_CONTENT = (204, 205)
"""Statuses of answers that have no words by what they are."""
QUEUED = 202
"""The status of a request that was taken and is answered only later."""
_NO_ANSWER = (Kind.NOT_THE_API, Kind.SILENT, Kind.BROKEN, Kind.EMPTY)
_NOT_READ = ("InvalidURL", "TooManyRedirects", "_TooLongError")
_UNREACHABLE = ("ConnectError", "ConnectTimeout", "ProxyError", "UnsupportedProtocol")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an answer may take to begin and between its pieces, in seconds, and its length, in characters."""

    first_token: float
    between_tokens: float
    characters: int


class Attempt:
    """Asks once. When its events are over, `finish` says how it ended, or `trouble` why it did not.

    Args:
        client: of the server.
        body: of the request.
        limits: of the answer.
        cancel: once set, the connection is cut and the answer ends as far as it came.
        begins_inside: whether the answer is expected to begin with thinking without an opening tag.
    """

    def __init__(
        self,
        client: "httpx2.Client",
        body: dict[str, Any],
        limits: Limits,
        cancel: threading.Event,
        *,
        begins_inside: bool = False,
    ) -> None:
        self.finish: Finish | None = None
        self.trouble: Reply | None = None
        self.cause: Exception | None = None
        self.spoken = False
        self.text_pieces = self.thinking_pieces = 0
        self.taken_back = self.answered = False
        self.reader = ChunkReader()
        self._client, self._body, self._limits, self._cancel = client, body, limits, cancel
        self._begins_inside = begins_inside
        self._texts, self._thoughts = WholeChunks(), WholeChunks()
        self._read_anew()
        self._room = limits.characters
        self._told: str | None = None
        self._heard = self._refused = self._told_early = False
        self._status = 0

    def _read_anew(self) -> None:
        self._splitter = ThinkingSplitter(inside=self._begins_inside)
        self._watch = LoopWatch()
        self._marks = EndMarks()

    def events(self) -> Iterator[Event]:
        """What the answer says, piece by piece, and that it is waited for."""
        if self._cancel.is_set():  # while it was waited for: nobody is asked any more
            self.finish = "cancelled"
            return
        call = Call(self._client, "POST", "chat/completions", self._body)
        try:
            yield from self._read(call)
        except ErrorInside as error:
            self._fail(refusal(0, error.data, self.optional, question=self._question), error)
        except NotTheApiError as error:
            if self.text_pieces or self.thinking_pieces:  # such as the page of a proxy, whose server is gone by now
                self._told = "broken"
                yield from self._parts(None)
                self._fail(Reply(Kind.BROKEN), error)
            else:
                self._fail(Reply(Kind.NOT_THE_API), error)
        finally:
            call.leave()

    @property
    def _question(self) -> str:
        messages = self._body["messages"]
        return str(messages[-1]["content"]) if messages else ""

    @property
    def optional(self) -> list[str]:
        """The names of the parameters that were sent beside the model and the messages."""
        return [
            name
            for name, value in self._body.items()
            if name not in ("model", "messages") and not (name == STREAM and value is False)
        ]

    @property
    def question_length(self) -> int:
        """Characters of the last message."""
        return len(self._question)

    def _is_over(self) -> bool:
        return self.finish is not None or self.trouble is not None

    def _fail(self, reply: Reply, cause: Exception | None = None) -> None:
        if self._status == QUEUED and not self.spoken and reply.kind in _NO_ANSWER:
            reply = Reply(Kind.BUSY, QUEUED)
        self.trouble, self.cause = reply, cause

    def _read(self, call: Call) -> Iterator[Event]:
        began = last = time.monotonic()
        told = 0.0
        while not self._is_over():
            if self._cancel.is_set():
                self.finish = "cancelled"
                return
            room, ended = self._room, self._told
            with contextlib.suppress(queue.Empty):
                yield from self._take(call.take())
            if self._is_over():
                return
            if (self._room, self._told) != (room, ended):
                # Signs of life that say nothing, such as comments, are no reason to wait for ever.
                last = time.monotonic()
                continue
            first = not (self.text_pieces or self.thinking_pieces)
            waited = time.monotonic() - (began if first else last)
            limit = self._limits.first_token if first else self._limits.between_tokens
            if self._has_settled() and time.monotonic() - last > min(limit, _AFTER_END_SECONDS):
                yield from self._end()  # all was said, and the connection stays open
            elif waited > limit:
                self._fail(Reply(Kind.TIMEOUT), TimeoutError())
            elif first and waited > _SILENT_SECONDS and waited - told > _TOLD_EVERY:
                told = waited
                yield Waiting("Waiting for the server to begin", round(waited), round(limit))

    def _has_settled(self) -> bool:
        """Whether the end was told, and is one: some tell it with every piece, or with the end of the thinking."""
        return self._told is not None and not self._told_early and (self.spoken or self._told != "end")

    def _take(self, item: Item) -> Iterator[Event]:
        if isinstance(item, Head):
            self.answered, self._status = True, item.status
        match item:
            case Failure(error):
                yield from self._broke(error)
            case None:
                yield from self._end()
            case Head(status, headers, body) if status >= 400:
                self._fail(read_refusal(status, headers, body, self.optional, self._question))
            case Head(status, headers) if status >= 300:
                self._fail(Reply(Kind.NOT_THE_API, status, f"moved to {headers.get('location', 'nowhere')}"))
            case Head(status) if status in NO_CONTENT:
                self._fail(Reply(Kind.NOT_THE_API, status))
            case Head(_, _, body, streamed):
                if not streamed:
                    yield from self._whole(body)
            case str(line):
                self._heard = self._heard or bool(line.strip())
                if (chunk := self.reader.line(line)) is not None:
                    yield from self._chunk(chunk)
                if self.reader.done:
                    yield from self._end()

    def _whole(self, body: bytes) -> Iterator[Event]:
        """An answer that was not streamed though it should have been."""
        text = body.decode("utf-8", "replace").strip().removeprefix("\ufeff")
        self._heard = bool(text)
        if text.startswith("<"):
            self._fail(Reply(Kind.NOT_THE_API, 200, page_title(text)))
            return
        try:
            data = json.loads(text)
        except RecursionError as error:
            raise NotTheApiError from error
        except ValueError:
            for line in text.split("\n"):
                if self.finish is None and (found := self.reader.line(line)) is not None:
                    yield from self._chunk(found)
        else:
            yield from self._chunk(self.reader.whole(data))
            self.reader.done = True
        if self.finish is None and self.trouble is None:
            yield from self._end()

    def _chunk(self, chunk: Chunk) -> Iterator[Event]:
        thinking, _ = self._thoughts.add(chunk.thinking)
        text, said_too_often = self._texts.add(chunk.text)
        if thinking:
            self.thinking_pieces += 1
            yield ThinkingDelta(thinking)
        if said_too_often:
            self._read_anew()
            self.text_pieces, self.spoken = 0, False
            yield TextTakenBack()
        if text:
            yield from self._parts(text)
        self._refused = self._refused or chunk.refuses
        self._told_early = self._told_early or (self._told is not None and bool(text or thinking))
        if chunk.finish is not None:
            self._told = chunk.finish
        self._room -= len(text) + len(thinking)
        if self._room < 0:  # it does not keep to `max_tokens`
            yield from self._conclude("length")
        elif self._marks.over:
            yield from self._conclude("end")
        elif self._watch.add(text + thinking):
            yield from self._conclude("loop")

    def _parts(self, text: str | None) -> Iterator[Event]:
        """The parts of a text, or with None, what was held back of it."""
        is_cut = self._told in ("length", "loop", "broken")
        for part in self._splitter.finish(is_cut=is_cut) if text is None else self._splitter.add(text):
            if part.kind == "text":
                yield from self._say(self._marks.add(part.text))
            elif part.kind == "thinking":
                self.thinking_pieces += 1
                yield ThinkingDelta(part.text)
            else:
                self.thinking_pieces += self.text_pieces
                self.text_pieces, self.spoken, self.taken_back = 0, False, True
                self._marks = EndMarks()
                yield TextTakenBack()
        if text is None:
            yield from self._say(self._marks.finish())

    def _say(self, text: str) -> Iterator[Event]:
        if text:
            self.text_pieces += 1
            self.spoken = self.spoken or bool(text.strip())
            yield TextDelta(text)

    @property
    def was_answer(self) -> bool:
        """Whether what was expected to be thinking was the answer."""
        return self._splitter.was_answer

    def _end(self) -> Iterator[Event]:
        """The server has ended the answer, or its connection."""
        if (left := self.reader.end()) is not None:
            yield from self._chunk(left)
        if not self._is_over():
            yield from self._conclude(self._told or ("end" if self.reader.done else "broken"))

    def _conclude(self, told: str) -> Iterator[Event]:
        """The answer is over, as the server tells or as it is cut here; without a word said, it is none."""
        if told == "end" and self._refused:
            told = "filtered"
        self._told = told
        yield from self._parts(None)
        if self.was_answer:
            self.text_pieces, self.thinking_pieces = self.thinking_pieces, 0
        if told == "broken":
            self._fail(Reply(Kind.BROKEN if self._heard else Kind.SILENT))
        elif not self.spoken or told == "tools":  # what is said before a tool is asked for is no answer
            self._fail(Reply(Kind.EMPTY, sentence=told))
        else:
            self.finish = _FINISHES.get(told, "end")

    def _broke(self, error: Exception) -> Iterator[Event]:
        name = type(error).__name__
        if self._has_settled() and self.spoken:  # all was said before the connection broke
            yield from self._conclude(self._told or "end")
        elif name in _UNREACHABLE:
            self._fail(Reply(Kind.TIMEOUT if name == "ConnectTimeout" else Kind.UNREACHABLE), error)
        elif not (self.text_pieces or self.thinking_pieces) and (
            isinstance(error, ValueError | TypeError)
            or name in _NOT_READ
            or (is_no_http(error) and not self.answered)
            or "header check" in str(error)  # never compressed, though the server says so
        ):
            self._fail(Reply(Kind.NOT_THE_API), error)
        else:
            self._told = "broken"
            yield from self._parts(None)
            self._fail(Reply(Kind.BROKEN), error)
