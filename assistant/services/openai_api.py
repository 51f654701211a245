"""An endpoint that speaks the OpenAI API: chat completions, models and files, for programs on this machine."""

import asyncio
import hmac
import json
import threading
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.answering.assistant import Assistant
from assistant.documents.open import decode_document
from assistant.errors import AssistantError, UsageError
from assistant.events import Event, TextDelta, TurnFailed, TurnFinished
from assistant.services.documents import HeldDocuments
from assistant.services.openai_replies import chunk, completion, failure, reason, spoken, usage
from assistant.services.openai_requests import ChatRequest, read_request, turn_of
from assistant.services.worker import BusyError, ModelWorker
from assistant.types import Answer, Turn

_BREATH_SECONDS = 10.0  # a stream that has nothing to say shows so often that it lives
_LARGE = 2_000_000  # bytes of a body from which on
_LARGE_AT_ONCE = 4  # are read at once, the others after them
_OVERHEAD = 1_000_000  # bytes of a request that are not its document


class Endpoint:
    """The application, over one queue of work.

    Args:
        worker: answers.
        token: what a client must send; None lets every program of this machine in.
        hosts: the names by which it may be addressed; a web page that had its own name led here is refused.
        patience: seconds that a client may take to send its request, and to take what it is sent.
    """

    def __init__(
        self, worker: ModelWorker, token: str | None, hosts: list[str], *, patience: float = 60
    ) -> None:  # fmt: skip
        self._worker = worker
        self._documents = HeldDocuments()
        self._large = asyncio.Semaphore(_LARGE_AT_ONCE)
        self._megabytes = worker.settings.max_document_megabytes
        self.model = worker.settings.profile
        self.app = Starlette(
            routes=[
                Route("/v1/models", self._models),
                Route("/v1/models/{model}", self._one_model),
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/v1/files", self._upload, methods=["POST"]),
                Route("/v1/files", self._files),
                Route("/v1/files/{id}", self._forget, methods=["DELETE"]),
            ],
            middleware=[
                Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False),
                Middleware(_Guard, token=token, most_bytes=self._most_bytes, patience=patience),
            ],
            exception_handlers={AssistantError: _failed, HTTPException: _refused},
        )

    @property
    def _most_bytes(self) -> int:
        return self._megabytes * 1_400_000 + _OVERHEAD  # base64 makes four bytes of three

    async def _models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [self._described()]})

    async def _one_model(self, request: Request) -> Response:
        if request.path_params["model"] != self.model:
            raise HTTPException(404, f"There is no such model; this server has {self.model}.")
        return JSONResponse(self._described())

    def _described(self) -> dict[str, Any]:
        return {"id": self.model, "object": "model", "created": 0, "owned_by": "terminal-assistant"}

    async def _upload(self, request: Request) -> Response:
        async with self._room_for(request):
            async with request.form(max_files=1, max_fields=10) as form:
                file = form.get("file")
                if not isinstance(file, UploadFile):
                    raise UsageError("file: send the document as a form's file.")
                name, data = file.filename or "document", await file.read()
            document = await asyncio.to_thread(decode_document, name, data, self._megabytes)
        self._documents.add(document)
        return JSONResponse(_file(document.id, document.name, len(data)))

    async def _files(self, request: Request) -> Response:
        held = [_file(each.id, each.name, len(each.text.encode())) for each in self._documents.all()]
        return JSONResponse({"object": "list", "data": held, "has_more": False})

    async def _forget(self, request: Request) -> Response:
        identifier = request.path_params["id"]
        self._documents.remove(identifier.removeprefix("file-"))
        return JSONResponse({"id": identifier, "object": "file", "deleted": True})

    async def _chat(self, request: Request) -> Response:
        async with self._room_for(request):
            asked = read_request(await request.body())
            if asked.model not in (None, "", self.model):
                raise HTTPException(404, f"There is no such model; this server has {self.model}.")
            stop = threading.Event()
            try:
                turn = await asyncio.to_thread(turn_of, asked, self._documents.get, self._megabytes, stop)
            finally:
                stop.set()
        identifier = f"chatcmpl-{uuid.uuid4().hex}"
        events = self._worker.items(_answering(turn))
        if asked.stream:
            # The first event is waited for here: what is refused at once is refused with its own status.
            first = await anext(events)
            pieces = self._pieces(identifier, asked, turn, first, events)
            return StreamingResponse(pieces, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        answer = await _unless_left(request, _last(events))
        if answer is None:
            return Response(status_code=499)
        return JSONResponse(completion(identifier, self.model, turn.question, answer))

    def _room_for(self, request: Request) -> AbstractAsyncContextManager[object]:
        """Where a large body waits until few others are read: each takes several times its size meanwhile."""
        length = request.headers.get("content-length", "")
        return nullcontext() if length.isdigit() and int(length) <= _LARGE else self._large

    async def _pieces(
        self, identifier: str, asked: ChatRequest, turn: Turn, first: Event, events: AsyncGenerator[Any, None]
    ) -> AsyncIterator[str]:
        """The pieces of a stream.

        What may be taken back (a document may not support it, a server may take its thoughts for the answer) is sent
        when the answer is known.
        """
        at_once = not turn.documents and self._worker.settings.server is None
        said = False
        yield _data(chunk(identifier, self.model, {"role": "assistant", "content": ""}))
        try:
            async with aclosing(_breathing(first, events)) as told:
                async for event in told:
                    if event is None:
                        yield ": still at work\n\n"
                    elif isinstance(event, TurnFailed):
                        raise event.error
                    elif isinstance(event, TextDelta) and at_once:
                        said = True
                        yield _data(chunk(identifier, self.model, {"content": event.text}))
                    elif isinstance(event, TurnFinished):
                        answer = event.answer
                        if not said and (text := spoken(answer)):
                            yield _data(chunk(identifier, self.model, {"content": text}))
                        last = chunk(identifier, self.model, {}, reason(answer))
                        record = completion(identifier, self.model, turn.question, answer)["assistant"]
                        yield _data({**last, "assistant": record})
                        if asked.stream_options is not None and asked.stream_options.include_usage:
                            yield _data({**last, "choices": [], "usage": usage(answer)})
        except AssistantError as error:
            yield _data(failure(error, _kind(error)))
        yield "data: [DONE]\n\n"


def _answering(turn: Turn) -> Callable[[Assistant, threading.Event], Iterator[Event]]:
    return lambda assistant, cancel: assistant.respond(turn, cancel)


async def _last(events: AsyncGenerator[Any, None]) -> Answer:
    """The answer that events end with."""
    async with aclosing(events) as told:
        async for event in told:
            if isinstance(event, TurnFailed):
                raise event.error
            if isinstance(event, TurnFinished):
                return event.answer
    raise AssistantError("The turn ended without an answer.")


async def _unless_left(request: Request, work: Awaitable[Answer]) -> Answer | None:
    """The work's outcome; None, and the work cancelled, where the client goes away first."""
    task = asyncio.ensure_future(work)
    left = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((task, left), return_when=asyncio.FIRST_COMPLETED)
        return await task if task.done() else None
    finally:
        for each in (task, left):
            each.cancel()
        await asyncio.gather(task, left, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _breathing(first: Event, events: AsyncGenerator[Any, None]) -> AsyncGenerator[Event | None, None]:
    """Events as they come, and None where there was none for a while."""
    async with aclosing(events) as told:
        yield first
        while True:
            coming = asyncio.ensure_future(anext(told, None))
            try:
                while not (await asyncio.wait((coming,), timeout=_BREATH_SECONDS))[0]:
                    yield None
            except BaseException:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)
                raise
            if (event := coming.result()) is None:
                return
            yield event


def _data(record: dict[str, Any]) -> str:
    return f"data: {json.dumps(record, ensure_ascii=True)}\n\n"


def _file(identifier: str, name: str, size: int) -> dict[str, Any]:
    return {
        "id": f"file-{identifier}", "object": "file", "bytes": size, "created_at": 0, "filename": name,
        "purpose": "user_data", "status": "processed",
    }  # fmt: skip


def _kind(error: AssistantError) -> str:
    if isinstance(error, BusyError):
        return "rate_limit_error"
    return "invalid_request_error" if isinstance(error, UsageError) else "server_error"


async def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, AssistantError)  # noqa: S101  (what this handler is for)
    status = 429 if isinstance(error, BusyError) else 400 if isinstance(error, UsageError) else 500
    headers = {"Retry-After": "5"} if status == 429 else {}
    return JSONResponse(failure(error, _kind(error)), status, headers)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (what this handler is for)
    return JSONResponse(failure(AssistantError(error.detail), "invalid_request_error"), error.status_code)


class _Guard:
    """Lets in who has the token, with a body of bearable size, and parts from who is slow to send or to take."""

    def __init__(self, app: ASGIApp, token: str | None, most_bytes: int, patience: float) -> None:
        self._app, self._token, self._most, self._patience = app, token, most_bytes, patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if self._token is not None and not hmac.compare_digest(
            headers.get(b"authorization", b""), f"Bearer {self._token}".encode()
        ):
            wrong = AssistantError("The token is missing or wrong; send it as the API key.")
            await JSONResponse(failure(wrong, "authentication_error"), 401)(scope, receive, send)
            return
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._most:
            await self._too_large()(scope, receive, send)
            return
        taken, whole, end = 0, False, 0.0

        async def counted() -> Message:
            nonlocal taken, whole, end
            if whole:
                return await receive()  # its going away, for which is waited as long as it takes
            end = end or asyncio.get_running_loop().time() + self._patience
            try:
                async with asyncio.timeout_at(end):
                    message = await receive()
            except TimeoutError as error:
                raise HTTPException(408, f"The request did not come within {self._patience:.0f} s.") from error
            whole = not message.get("more_body", False)
            taken += len(message.get("body", b""))
            if taken > self._most:
                raise HTTPException(413, f"The request is larger than {self._most:,} bytes.")
            return message

        async def patient(message: Message) -> None:
            async with asyncio.timeout(self._patience):
                await send(message)

        try:
            await self._app(scope, counted, patient)
        except TimeoutError:
            return  # the client takes nothing any more; leaving the response unfinished closes the connection

    def _too_large(self) -> Response:
        error = UsageError(f"The request is larger than {self._most:,} bytes.")
        return JSONResponse(failure(error, "invalid_request_error"), 413)
