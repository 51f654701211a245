"""The models that a server lists, and which of them hold conversations."""

import json
import queue
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistant.errors import AssistantError, GenerationError
from assistant.events import Listener, Waiting, unheard
from assistant.generation.server.address import ServerAddress
from assistant.generation.server.connection import Call, Failure, Head, open_client
from assistant.generation.server.errors import Kind, Reply, line_of, read_refusal, refusal, unreached
from assistant.generation.server.pages import broke_before, page_title, right_address, wants_https
from assistant.text import one_line

if TYPE_CHECKING:
    import httpx2

LIST_SECONDS = 30.0
_LOOK_AGAIN_SECONDS = 1.0
_WAITS = {
    Kind.LOADING: "Waiting for the server, which loads the model",
    Kind.RATE: "Waiting for the server's rate limit",
}
_MOST = 5000
_LONGEST_LIST = 1 << 22
_OTHER_NAMES = re.compile(
    r"embed|minilm|(^|[/_-])(bge|gte|e5)[-_]|rerank|whisper|(^|[-_/])tts|dall-e|moderation|(^|[-_/])clip|stable-diffusion"
    r"|sdxl|(^|[-_/])flux|transcribe|speech|imagen|gpt-image|mpnet|colbert|voyage-|sentence-t5|paraphrase-",
    re.IGNORECASE,
)
_OTHER_TYPES = {"embedding", "embeddings", "rerank", "reranker", "image", "audio", "moderation", "transcribe", "tts"}
_NAMES = ("id", "name", "model")
_CONTEXT = ("max_model_len", "context_length", "context_window", "max_context_length", "loaded_context_length")


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model of a server's list: its name, whether it holds conversations, and what is known of its context."""

    name: str
    converses: bool = True
    context: int | None = None
    loaded: bool = False


def list_models(address: ServerAddress, on_event: Listener | None = None, *, patience: float = 0) -> list[ListedModel]:
    """The models that a server lists, in its order.

    Args:
        address: of the server.
        on_event: hears that it is waited for, while it loads a model.
        patience: seconds to wait for that.

    Raises:
        GenerationError: the server cannot be asked, or does not list its models.
    """
    with open_client(address) as client:
        return _listed(address, client, on_event or unheard, patience)


def choose(models: Sequence[ListedModel], address: ServerAddress) -> str:
    """The model to ask where none is named: one that is loaded, else the first, of those that hold conversations.

    Raises:
        GenerationError: there is none.
    """
    if not models:
        raise GenerationError(f"{address.shown} lists no model; load one there, or name one with --model.")
    able = [model for model in models if model.converses]
    if not able:
        names = ", ".join(one_line(model.name, 40) for model in models[:3])
        raise GenerationError(
            f"{address.shown} lists only models that hold no conversation ({names}); load another there, or name one "
            "with --model."
        )
    return next((model for model in able if model.loaded), able[0]).name


def _listed(address: ServerAddress, client: "httpx2.Client", on_event: Listener, patience: float) -> list[ListedModel]:
    began = time.monotonic()
    while True:
        head = _answer(address, client)
        if head.status < 400:
            return _parsed(address, head)
        reply = read_refusal(head.status, head.headers, head.body)
        passed = time.monotonic() - began
        seconds = max(reply.retry_after or 0.0, _LOOK_AGAIN_SECONDS)  # however short a wait it asks for
        if reply.kind not in _WAITS or passed + seconds > patience:
            raise _refused(address, reply)
        again = passed + seconds
        while (passed := time.monotonic() - began) < again:
            on_event(Waiting(_WAITS[reply.kind], round(passed), round(patience)))
            time.sleep(min(_LOOK_AGAIN_SECONDS, again - passed))


def _refused(address: ServerAddress, reply: Reply) -> GenerationError:
    advice = {
        Kind.KEY: "set the right key in ASSISTANT_API_KEY",
        Kind.MODEL: "name a model with --model",
        Kind.NOT_THE_API: right_address(address.url, "name a model with --model"),
        Kind.BUSY: "name a model with --model",
    }.get(reply.kind, "write https:// before its address" if wants_https(reply.sentence) else "")
    status = f"status {reply.status}" if reply.status else ""
    said = "wants another key" if reply.kind is Kind.KEY else "does not list its models"
    says = status if reply.sentence else f"{said} ({status or 'no reason given'})"
    line = line_of(address.shown, says, reply.sentence, advice, secret=address.key)
    return GenerationError(line, passing=reply.kind in _WAITS or reply.status >= 500)


def _whole(call: Call, head: Head) -> Head | Failure:
    """A list that comes line by line, however slowly each does."""
    body, until = bytearray(), time.monotonic() + LIST_SECONDS
    while len(body) < _LONGEST_LIST:
        if (left := until - time.monotonic()) <= 0:
            raise queue.Empty
        match call.take(left):
            case str(line):
                body += line.encode() + b"\n"
            case Failure() as failure:
                return failure
            case _:
                break
    return Head(head.status, head.headers, bytes(body))


def _answer(address: ServerAddress, client: "httpx2.Client") -> Head:
    call = Call(client, "GET", "models")
    try:
        first = call.take(LIST_SECONDS)
        if isinstance(first, Head) and first.streamed:
            first = _whole(call, first)
    except queue.Empty:
        first = Failure(TimeoutError())
    finally:
        call.leave()
    if isinstance(first, Head):
        return first
    raise unreachable(address, first.error if isinstance(first, Failure) else ConnectionError(), LIST_SECONDS)


def unreachable(address: ServerAddress, error: Exception, seconds: float) -> AssistantError:
    """What to say where a server could not be asked at all."""
    if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
        return GenerationError(f"The server {address.shown} did not answer within {seconds:g} seconds.", passing=True)
    says, advice = unreached(error)
    if "Read" in type(error).__name__ or "Protocol" in type(error).__name__:
        says, advice = broke_before(error, address.url)
    failure = GenerationError(line_of(address.shown, says, "", advice), passing=True)
    failure.__cause__ = error
    return failure


def _parsed(address: ServerAddress, head: Head) -> list[ListedModel]:
    try:
        data = json.loads(head.body)
        if isinstance(data, dict) and (data.get("error") or data.get("errors")):
            raise _refused(address, refusal(0, data))
        for name in ("data", "models"):
            if isinstance(data, dict) and name in data:
                data = data[name]
        found = [] if data is None else data[:_MOST]
        models = list(_models(found))
        if found and not models:
            raise ValueError("a list of something else")
        return models
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        text = head.body.decode("utf-8", "replace").strip()
        title = page_title(text) if text.startswith("<") else ""
        says = "answered with something that is not the OpenAI API" if text else "answered with nothing"
        says = f"status {head.status}" if title else says
        line = line_of(address.shown, says, title, right_address(address.url), secret=address.key)
        raise GenerationError(line) from error


def _models(found: list[Any]) -> Iterator[ListedModel]:
    for listed in found:
        each: Any = {"id": listed} if isinstance(listed, str) else listed
        if not isinstance(each, dict) or (told := next((each[key] for key in _NAMES if each.get(key)), None)) is None:
            continue
        name = one_line(str(told), 200)
        context = next((each[key] for key in _CONTEXT if isinstance(each.get(key), int)), None)
        status = each.get("status")
        state = status.get("value") if isinstance(status, dict) else each.get("state")
        yield ListedModel(name, _converses(name, each), context, state == "loaded")


def _converses(name: str, each: dict[str, Any]) -> bool:
    kinds = {str(each.get(key)).lower() for key in ("type", "task", "model_type") if isinstance(each.get(key), str)}
    if kinds & _OTHER_TYPES:
        return False
    able = each.get("capabilities")
    if isinstance(able, dict) and isinstance(able.get("completion_chat"), bool):
        return bool(able["completion_chat"])
    if isinstance(able, list) and able and all(isinstance(one, str) for one in able):
        return bool({"completion", "chat", "generate"} & set(able)) or not {"embedding", "embeddings"} & set(able)
    return _OTHER_NAMES.search(name) is None
