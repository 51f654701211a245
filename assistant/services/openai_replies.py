"""Answers in the words of the OpenAI API, with the whole record in a field of its own."""

import time
from typing import Any

from assistant.errors import AssistantError
from assistant.records import answer_to_json, error_to_json
from assistant.types import NOT_FOUND, Answer

NOT_SUPPORTED = "The document does not support an answer."


def spoken(answer: Answer) -> str:
    """What a chat shows of an answer: one that the document does not support is no headline."""
    if answer.found_nothing:
        return NOT_FOUND + (f"\n\nThe closest passage: “{answer.closest.text}”" if answer.closest else "")
    if answer.turned_down:
        return f"{NOT_SUPPORTED}\n\nDraft, not supported: {answer.text}"
    return answer.text or ""


def completion(identifier: str, model: str, question: str, answer: Answer) -> dict[str, Any]:
    """A chat completion."""
    message = {"role": "assistant", "content": spoken(answer), "refusal": None}
    return {
        "id": identifier,
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": reason(answer), "logprobs": None}],
        "usage": usage(answer),
        "assistant": answer_to_json(question, answer, identifier),
    }


def chunk(identifier: str, model: str, delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    """A piece of a streamed chat completion."""
    return {
        "id": identifier,
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def reason(answer: Answer) -> str:
    """Why the answer ends, as the API names it."""
    return {"length": "length", "filtered": "content_filter"}.get(answer.incomplete or "", "stop")


def usage(answer: Answer) -> dict[str, int]:
    """The tokens that an answer took."""
    used = answer.usage
    return {
        "prompt_tokens": used.prompt_tokens,
        "completion_tokens": used.completion_tokens,
        "total_tokens": used.prompt_tokens + used.completion_tokens,
    }


def failure(error: AssistantError, kind: str) -> dict[str, Any]:
    """An error as the API words it; its `code` is the error's own name."""
    told = error_to_json(error)
    return {"error": {"message": told["message"], "type": kind, "param": None, "code": told["type"]}}
