"""The lines of a streamed answer as what they say: text, thinking, an end, counts, or an error."""

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from assistant.text import encodable, one_line

DONE = "[DONE]"
_HALVES = re.compile("[\ud800-\udfff]")
_THINKING = ("reasoning_content", "reasoning", "thinking", "reasoning_text", "reasoning_details", "thinking_blocks")
_WORDS = ("text", "content", "thinking", "reasoning", "summary")
"""Where the words stand, if thinking comes as an object."""
_LONGEST_EVENT = 1 << 22
_LENGTH = {
    "length", "max_tokens", "max_output_tokens", "model_length", "max_new_tokens", "model_context_window_exceeded",
}  # fmt: skip
_FILTERED = {
    "content_filter", "content-filter", "safety", "recitation", "sensitive", "blocklist", "prohibited_content", "spii",
    "refusal",
}  # fmt: skip
_BROKEN = {
    "error", "abort", "aborted", "cancelled", "insufficient_system_resource", "network_error", "unknown",
    "timeout", "incomplete", "malformed_function_call",
}  # fmt: skip
_NO_END = {"", "null", "none"}
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
    """A piece of an answer; `finish` is "end", "length", "filtered", "broken" or "tools" where it is the last.

    `refuses` says that it is of a refusal, which OpenAI's models put into a field of its own.
    """

    text: str = ""
    thinking: str = ""
    finish: str | None = None
    refuses: bool = False


class ChunkReader:
    """Reads the lines of server-sent events, and what some servers send in their place: JSON without them.

    What says nothing (a sign of life, a note on the prompt) is passed over, unless nothing else comes.
    """

    def __init__(self) -> None:
        self.counts = Counts()
        self.model: str | None = None
        self.done = False
        self._data: list[str] = []
        self._bare: list[str] = []
        self._held = 0  # characters of both
        self._is_error = False
        self._index: object = None
        self._half = ""
        self._understood = self._passed_over = self._begun = False

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
        if self._bare or line.startswith("{"):
            return self._bare_line(line)
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
        """What is left where the lines end.

        Raises:
            NotTheApiError: all of it was none of this API.
        """
        left = self._event()
        if self._bare or (self._passed_over and not self._understood):
            raise NotTheApiError
        return left

    def _data_line(self, value: str) -> Chunk | None:
        """Most events are one line; those of several are joined at the empty line after them."""
        while value.startswith("data:"):  # as some proxies pass on what is an event already
            value = value.removeprefix("data:").removeprefix(" ")
        if value.strip().strip('"') == DONE:
            self.done = True
            return None
        if not self._data:
            try:
                data = json.loads(value)
            except ValueError:
                self._hold(self._data, value)
                return None
            except RecursionError as error:
                raise NotTheApiError from error
            return self.whole(data)
        self._hold(self._data, value)
        return None

    def _bare_line(self, line: str) -> Chunk | None:
        """JSON without events: an object a line, or one over several lines that ends where one begins with its end."""
        self._hold(self._bare, line)
        if len(self._bare) > 1 and not line.startswith("}"):
            return None
        try:
            data = json.loads("\n".join(self._bare))
        except ValueError:
            return None
        except RecursionError as error:
            raise NotTheApiError from error
        self._bare, self._held = [], 0
        return self.whole(data)

    def _hold(self, held: list[str], line: str) -> None:
        held.append(line)
        self._held += len(line) + 1
        if self._held > _LONGEST_EVENT:
            raise NotTheApiError

    def _event(self) -> Chunk | None:
        held, self._data = "\n".join(self._data), []
        if not self._bare:
            self._held = 0
        if not held.strip():
            return None
        if self._is_error and not held.lstrip().startswith("{"):
            raise ErrorInside(held)
        if not held.lstrip().startswith(("{", "[")):
            return self._pass_over()
        return self.whole(_parsed(held))

    def _pass_over(self) -> Chunk:
        self._passed_over = True
        return Chunk()

    def whole(self, data: Any) -> Chunk:
        """What a chunk, or a whole answer that was not streamed, says.

        Raises:
            NotTheApiError: it is neither.
            ErrorInside: it is an error.
        """
        if isinstance(data, list) and len(data) == 1:
            data = data[0]
        if data is None or isinstance(data, str):
            return self._pass_over()
        if not isinstance(data, dict):
            raise NotTheApiError
        is_error = self._is_error or bool(data.get("errors"))
        if data.get("error") or data.get("object") == "error" or (is_error and "choices" not in data):
            raise ErrorInside(data)
        base = data.get("base_resp")
        if isinstance(base, dict) and base.get("status_code"):  # MiniMax's, with a status of 200
            raise ErrorInside(base)
        self._count(data.get("usage"))
        if isinstance(data.get("model"), str) and data["model"].strip():
            self.model = one_line(data["model"], 120)
        choices = data.get("choices")
        if choices is None and "usage" not in data and "id" not in data and "object" not in data:
            if "detail" in data or "message" in data or "msg" in data:
                raise ErrorInside(data)
            return self._pass_over()
        if not choices:
            return Chunk()
        if not isinstance(choices, list) or not all(isinstance(each, dict) for each in choices):
            raise NotTheApiError
        return self._of_choices(choices)

    def _of_choices(self, choices: list[dict[str, Any]]) -> Chunk:
        """What the choice says that came first: one was asked for, and others would be mixed into it."""
        if self._index is None:
            self._index = choices[0].get("index", 0)
        for choice in choices:
            if choice.get("index", 0) == self._index:
                if choice.get("error"):
                    raise ErrorInside({"error": choice["error"]})
                chunk = self._joined(_chunk(choice, begun=self._begun))
                self._begun = self._begun or bool(chunk and (chunk.text or chunk.thinking))
                self._understood = self._understood or chunk is not None
                return chunk or self._pass_over()
        return Chunk()

    def _joined(self, chunk: Chunk | None) -> Chunk | None:
        """The piece without the half of a character at its end, which the next begins with: some cut UTF-16 in two."""
        if chunk is None:
            return None
        text, self._half = self._half + chunk.text, ""
        if chunk.finish is None and text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        if text and _HALVES.search(text):
            text = encodable(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
        return replace(chunk, text=text, thinking=encodable(chunk.thinking))

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
        self._count_thinking_apart(usage.get("total_tokens"))

    def _count_thinking_apart(self, total: Any) -> None:
        """Some do not count the thinking into what was written, which only their sum of all tells."""
        counts = self.counts
        if None not in (counts.prompt, counts.completion, counts.thinking) and counts.thinking:
            apart = (counts.prompt or 0) + (counts.completion or 0) + counts.thinking
            if total == apart:
                counts.completion = (counts.completion or 0) + counts.thinking


def _chunk(choice: dict[str, Any], *, begun: bool) -> Chunk | None:
    """What a choice says; None where it has none of the fields that say something.

    Args:
        choice: of a chunk or of a whole answer.
        begun: whether some of the answer has come: a whole message is then all of it once more.
    """
    message = choice.get("delta") or (not begun and choice.get("message")) or {}
    finish = choice.get("finish_reason") or choice.get("finishReason")
    if isinstance(finish, dict):
        finish = finish.get("type")
    told = None if finish is None else _finish(str(finish))
    if not isinstance(message, dict):
        raise NotTheApiError
    if not message and isinstance(choice.get("text"), str):
        message = {"content": choice["text"]}
    if not message and told is None and choice.get("delta") is None:
        return None
    text, thinking = _content(message.get("content"))
    refusal = message.get("refusal")
    if refuses := isinstance(refusal, str) and bool(refusal):
        text += refusal
    thinking += next(filter(None, (_thought(message.get(name)) for name in _THINKING)), "")
    return Chunk(text, thinking, told, refuses)


def _thought(given: Any, depth: int = 0) -> str:
    """The words of thinking, which may be a text, or objects around it."""
    if isinstance(given, str):
        return given
    if depth > 3:
        return ""
    if isinstance(given, list):
        return "".join(_thought(each, depth + 1) for each in given)
    if isinstance(given, dict):
        return next(filter(None, (_thought(given.get(name), depth + 1) for name in _WORDS)), "")
    return ""


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


def _finish(told: str) -> str | None:
    """How an answer ended; None where the field stands there without saying that it did."""
    name = told.partition(":")[0].strip().lower()  # Google's "content_filter: RECITATION"
    if name in _NO_END:
        return None
    for finish, names in (("length", _LENGTH), ("filtered", _FILTERED), ("broken", _BROKEN), ("tools", _TOOLS)):
        if name in names:
            return finish
    return "end"


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotTheApiError from error
