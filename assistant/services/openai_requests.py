"""Requests of the OpenAI API as turns: messages, documents among their parts, and what is not supported."""

import base64
import binascii
import threading
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assistant.documents.open import decode_document
from assistant.errors import UsageError
from assistant.types import Document, Message, Role, Route, Turn, TurnSampling

_MAX_MESSAGES = 1_000
_MAX_DOCUMENTS = 50
_MAX_TOKENS = 1_000_000  # the model's context sets the true limit
_MAX_STOPS = 4
_Stop = Annotated[str, Field(min_length=1, max_length=200)]


class Extension(BaseModel):
    """The field `assistant` of a request: what the OpenAI API has no words for."""

    model_config = ConfigDict(extra="forbid")

    documents: list[str] = Field(default_factory=list, max_length=_MAX_DOCUMENTS)
    """The ids of documents that were uploaded."""
    route: Literal["auto", "open", "extract", "grounded"] = "auto"
    verify: bool = True
    top_k: int = Field(default=1, ge=1, le=20)


class _File(BaseModel):
    file_id: str | None = None
    file_data: str | None = None
    filename: str | None = Field(default=None, max_length=500)


class _Part(BaseModel):
    type: str
    text: str | None = None
    file: _File | None = None


class _Message(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[_Part] | None = None


class StreamOptions(BaseModel):
    """What a stream ends with."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """The body of a chat completion. Of sampling, what is not given is left to the server's settings."""

    model: str | None = None
    messages: list[_Message] = Field(min_length=1, max_length=_MAX_MESSAGES)
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: int | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1, le=_MAX_TOKENS)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=_MAX_TOKENS)
    stop: _Stop | list[_Stop] | None = Field(default=None)
    seed: int | None = None
    tools: list[Any] | None = None
    assistant: Extension = Field(default_factory=Extension)

    @property
    def sampling(self) -> TurnSampling:
        """How the answer is to be sampled; of the two names for its length the newer counts."""
        stop = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return TurnSampling(
            self.temperature, self.top_p, self.max_completion_tokens or self.max_tokens, tuple(stop), self.seed
        )


def read_request(body: bytes) -> ChatRequest:
    """The body of a chat completion.

    Raises:
        UsageError: it is not JSON of this form, or asks for what there is not.
    """
    try:
        request = ChatRequest.model_validate_json(body)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise UsageError(f"The request is not understood: {place or 'body'}: {problem['msg']}.") from error
    if request.n not in (None, 1):
        raise UsageError("n: one answer is given to a request; send the request again for another.")
    if isinstance(request.stop, list) and len(request.stop) > _MAX_STOPS:
        raise UsageError(f"stop: at most {_MAX_STOPS} texts are taken.")
    if request.seed is not None and not 0 <= request.seed < 2**63:
        raise UsageError("seed: choose a number from 0 on.")
    if request.tools:
        raise UsageError("tools: this server calls no tools; leave them out.")
    return request


def turn_of(request: ChatRequest, held: Callable[[str], Document], max_megabytes: int, cancel: threading.Event) -> Turn:
    """The turn that a request asks for: its last message the question, those before it the history.

    Args:
        request: the request.
        held: the document of an id.
        max_megabytes: larger documents are refused.
        cancel: set by another thread to stop reading documents.

    Raises:
        UsageError: the last message is not a user's, a part is no text and no file, or a document cannot be read.
    """
    documents: dict[str, Document] = {}
    for identifier in request.assistant.documents:
        found = held(identifier.removeprefix("file-"))
        documents[found.id] = found
    system: list[str] = []
    history: list[Message] = []
    for message in request.messages:
        text: list[str] = []
        parts = [_Part(type="text", text=message.content)] if isinstance(message.content, str) else message.content
        for part in parts or ():
            if part.type == "text" and part.text is not None:
                text.append(part.text)
            elif part.type == "file" and part.file is not None:
                found = _document(part.file, held, max_megabytes, cancel)
                documents[found.id] = found
            else:
                raise UsageError(f"A part of type {part.type[:40]!r} cannot be read; send text or file.")
        said = "\n".join(text)
        if message.role in ("system", "developer"):
            system.append(said)
        else:
            history.append(Message(Role(message.role), said))
    if len(documents) > _MAX_DOCUMENTS:
        raise UsageError(f"A request may have {_MAX_DOCUMENTS} documents.")
    if not history or history[-1].role is not Role.USER:
        raise UsageError("The last message must be the user's: it is the question.")
    asked = request.assistant
    return Turn(
        history[-1].text,
        tuple(documents.values()),
        tuple(history[:-1]),
        route=None if asked.route == "auto" else Route(asked.route),
        verify=asked.verify,
        top_k=asked.top_k,
        system="\n".join(system) or None,
        sampling=request.sampling,
    )


def _document(
    file: _File, held: Callable[[str], Document], max_megabytes: int, cancel: threading.Event
) -> Document:  # fmt: skip
    if file.file_id is not None:
        return held(file.file_id.removeprefix("file-"))
    if file.file_data is None:
        raise UsageError("A file needs file_data or file_id.")
    head, comma, encoded = file.file_data.partition(",")
    if not comma:
        encoded = head
    elif not head.endswith(";base64"):
        raise UsageError("file_data must be base64, such as data:text/plain;base64,SGk=.")
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError("file_data is not base64.") from error
    return decode_document(file.filename or "document", data, max_megabytes, cancel=cancel)
