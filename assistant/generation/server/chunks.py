"""The lines of a streamed answer as what they say: text, thinking, an end, counts, or an error."""

import json
from dataclasses import dataclass
from typing import Any

from assistant.text import encodable, one_line

DONE = "[DONE]"
_THINKING = ("reasoning_content", "reasoning", "thinking", "reasoning_text")
_LENGTH = {"length", "max_tokens", "max_output_tokens", "model_length", "max_new_tokens"}
_FILTERED = {"content_filter", "content-filter", "safety", "recitation", "sensitive", "blocklist", "prohibited_content"}
_BROKEN = {"error", "abort", "aborted", "cancelled", "insufficient_system_resource", "network_error", "unknown"}
_TOOLS = {"tool_calls", "function_call", "tool_use", "tool_call"}


class NotTheApiError(Exception):
    """Something came that is not of this API's form."""


class ErrorInside(Exception):  # noqa: N818  (it carries the server's error object)
    """The server tells an error in place of an answer, or in the middle of one."""

    def __init__(self, data: Any) -> None:
        super().__init__("an error inside an answer")
        self.data = data


@dataclass(slots=True)
class Counts:
    """What a server counted, where it did: tokens of the prompt, of all it wrote, and of the thinking in it."""

    prompt: int | None = None
    completion: int | None = None
    thinking: int | None = None


@dataclass(slots=True)
class Chunk:
    """A piece of an answer; `finish` is "end", "length", "filtered", "broken" or "tools" where it is the last."""

    text: str = ""
    thinking: str = ""
    finish: str | None = None


class ChunkReader:
    """Reads the lines of server-sent events, and what some servers send in their place: bare lines of JSON."""

    def __init__(self) -> None:
        self.counts = Counts()
        self.model: str | None = None
        self.done = False
        self._data: list[str] = []
        self._is_error = False

    def line(self, line: str) -> Chunk | None:
        """What a line completes, if anything.

        Raises:
            NotTheApiError: it is none of this API.
            ErrorInside: it tells an error.
        """
        line = line.removesuffix("\r").removeprefix("\ufeff")
        if not line.strip():
            return self._event()
        name, colon, value = line.partition(":")
        value = value.removeprefix(" ")
        if line.startswith("{"):
            return self.whole(_parsed(line))
        if not colon or name not in ("data", "event", "error", "id", "retry", ""):
            raise NotTheApiError
        if name == "event":
            self._is_error = value.strip() == "error"
        elif name == "error":
            raise ErrorInside(_parsed(value) if value.startswith("{") else value)
        elif name == "data":
            return self._data_line(value)
        return None

    def end(self) -> Chunk | None:
        """What is left where the lines end."""
        return self._event()

    def _data_line(self, value: str) -> Chunk | None:
        """Most events are one line; those of several are joined at the empty line after them."""
        if value.strip() == DONE:
            self.done = True
            return None
        if not self._data:
            try:
                data = json.loads(value)
            except ValueError:
                self._data.append(value)
                return None
            except RecursionError as error:
                raise NotTheApiError from error
            return self.whole(data)
        self._data.append(value)
        return None

    def _event(self) -> Chunk | None:
        held, self._data = "\n".join(self._data), []
        if not held.strip():
            return None
        if self._is_error and not held.lstrip().startswith("{"):
            raise ErrorInside(held)
        return self.whole(_parsed(held))

    def whole(self, data: Any) -> Chunk:
        """What a chunk, or a whole answer that was not streamed, says.

        Raises:
            NotTheApiError: it is neither.
            ErrorInside: it is an error.
        """
        if not isinstance(data, dict):
            raise NotTheApiError
        if data.get("error") or data.get("object") == "error" or (self._is_error and "choices" not in data):
            raise ErrorInside(data)
        self._count(data.get("usage"))
        if isinstance(data.get("model"), str) and data["model"].strip():
            self.model = one_line(data["model"], 120)
        choices = data.get("choices")
        if choices is None and "usage" not in data and "id" not in data and "object" not in data:
            if "detail" in data or "message" in data:
                raise ErrorInside(data)
            raise NotTheApiError
        if not choices:
            return Chunk()
        if not isinstance(choices, list) or not isinstance(choices[0], dict):
            raise NotTheApiError
        return _chunk(choices[0])

    def _count(self, usage: Any) -> None:
        if not isinstance(usage, dict):
            return
        details = usage.get("completion_tokens_details")
        told = details.get("reasoning_tokens") if isinstance(details, dict) else usage.get("reasoning_tokens")
        for name, value in (
            ("prompt", usage.get("prompt_tokens")),
            ("completion", usage.get("completion_tokens")),
            ("thinking", told),
        ):
            if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40:
                setattr(self.counts, name, value)


def _chunk(choice: dict[str, Any]) -> Chunk:
    message = choice.get("delta") or choice.get("message") or {}
    finish = choice.get("finish_reason")
    if not isinstance(message, dict) or (not message and finish is None and "delta" not in choice):
        if isinstance(choice.get("text"), str):
            message = {"content": choice["text"]}
        else:
            raise NotTheApiError
    if choice.get("delta", {}) is None and finish is None:
        raise NotTheApiError
    text, thinking = _content(message.get("content"))
    if isinstance(message.get("refusal"), str):
        text += message["refusal"]
    told = next((message[name] for name in _THINKING if isinstance(message.get(name), str) and message[name]), "")
    return Chunk(encodable(text), encodable(thinking + told), None if finish is None else _finish(str(finish)))


def _content(content: Any) -> tuple[str, str]:
    """Text and thinking of a message's content, which may be a list of parts.

    Raises:
        NotTheApiError: it is neither text nor parts.
    """
    if content is None or isinstance(content, str):
        return content or "", ""
    if not isinstance(content, list):
        raise NotTheApiError
    text = thinking = ""
    for part in content:
        if isinstance(part, str):
            text += part
        elif isinstance(part, dict):
            inner = part.get("thinking") or part.get("reasoning")
            if inner is not None:
                thinking += inner if isinstance(inner, str) else _content(inner)[0]
            elif isinstance(part.get("text"), str):
                text += part["text"]
    return text, thinking


def _finish(told: str) -> str:
    name = told.lower()
    for finish, names in (("length", _LENGTH), ("filtered", _FILTERED), ("broken", _BROKEN), ("tools", _TOOLS)):
        if name in names:
            return finish
    return "end"


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotTheApiError from error
