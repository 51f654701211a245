"""Any server that speaks the OpenAI API as a generator: vLLM, `transformers serve`, llama.cpp, Ollama."""

import os
import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from assistant.errors import GenerationError
from assistant.generation.prompts import SYSTEM_PROMPT
from assistant.generation.stream import Sampling, TextStream
from assistant.text import encodable
from assistant.types import Message, Role

KEY_VARIABLES = ("ASSISTANT_API_KEY", "OPENAI_API_KEY")
_TIMEOUT_SECONDS = 60.0
_RETRIES = 2
_CHARACTERS_A_TOKEN = 32  # more than any tokenizer makes of one on the average
_RUBBISH = (ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError)
"""What the client raises where an answer is not of this API's form."""


class ServerGenerator:
    """Continues conversations on a server; the conversation's length is the server's business.

    Args:
        url: the API's base, such as http://127.0.0.1:8000/v1.
        model: the model to ask for; by default the first that the server lists.

    Raises:
        GenerationError: the openai package is missing, or the server cannot be asked for its models.
    """

    def __init__(self, url: str, model: str | None = None) -> None:
        try:
            from openai import OpenAI
        except ImportError as error:
            raise GenerationError(
                "--server needs the openai package: pip install 'terminal-assistant[remote]'."
            ) from error
        key = next((os.environ[name] for name in KEY_VARIABLES if os.environ.get(name)), "none")
        self._client = OpenAI(base_url=url, api_key=key, timeout=_TIMEOUT_SECONDS, max_retries=_RETRIES)
        self._url = _without_password(url)
        self.name = model or self._first_model()

    def stream(
        self, messages: Sequence[Message], *, sampling: Sampling | None = None, cancel: threading.Event | None = None
    ) -> TextStream:
        """The answer to a conversation; see `Generator.stream`. Cancelling closes the connection at the next piece."""
        sampling = sampling or Sampling()
        stop = cancel or threading.Event()
        turns = [{"role": str(message.role), "content": message.text} for message in messages]
        if not messages or messages[0].role is not Role.SYSTEM:
            turns.insert(0, {"role": "system", "content": SYSTEM_PROMPT})
        return TextStream(lambda stream: self._pieces(stream, turns, sampling, stop))

    def _pieces(
        self, stream: TextStream, turns: list[dict[str, str]], sampling: Sampling, cancel: threading.Event
    ) -> Iterator[str]:
        from httpx import HTTPError
        from openai import OpenAIError

        room = sampling.max_new_tokens * _CHARACTERS_A_TOKEN
        request: dict[str, Any] = {
            "model": self.name,
            "messages": turns,
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "stream": True,
        }
        if sampling.temperature > 0:
            request |= {"top_p": sampling.top_p, "seed": sampling.seed}
        try:
            with self._client.chat.completions.create(**request) as chunks:
                for chunk in chunks:
                    if cancel.is_set():
                        stream.finish = "cancelled"
                        return
                    if chunk.usage is not None:
                        stream.prompt_tokens = chunk.usage.prompt_tokens
                    choice = chunk.choices[0] if chunk.choices else None
                    if choice is None:
                        continue
                    if choice.delta.content:
                        stream.completion_tokens += 1
                        room -= len(choice.delta.content)
                        yield encodable(choice.delta.content)
                    if room < 0:  # it does not keep to `max_tokens`
                        stream.finish = "length"
                        return
                    if choice.finish_reason is not None:
                        stream.finish = "length" if choice.finish_reason == "length" else "end"
        except (OpenAIError, HTTPError, *_RUBBISH) as error:
            raise self._explained(error, begun=stream.completion_tokens > 0) from error
        stream.finish = stream.finish or "end"

    def _first_model(self) -> str:
        from httpx import HTTPError
        from openai import OpenAIError

        try:
            names = [str(model.id) for model in islice(self._client.models.list(), 1)]
        except (OpenAIError, HTTPError, *_RUBBISH) as error:
            raise self._explained(error) from error
        if not names:
            raise GenerationError(f"{self._url} lists no model; name one with ASSISTANT_SERVER_MODEL.")
        return names[0]

    def _explained(self, error: Exception, *, begun: bool = False) -> GenerationError:
        from httpx import HTTPError, TimeoutException
        from openai import APIConnectionError, APIStatusError, APITimeoutError, AuthenticationError

        if isinstance(error, APITimeoutError | TimeoutException):
            reason = f"did not answer within {_TIMEOUT_SECONDS:.0f} seconds"
        elif isinstance(error, HTTPError) or (begun and isinstance(error, APIConnectionError)):
            reason = "broke off in the middle of its answer; try again"
        elif isinstance(error, APIConnectionError):
            reason = "cannot be reached; is the server running there?"
        elif isinstance(error, AuthenticationError):
            reason = f"wants another key; set {KEY_VARIABLES[0]}"
        elif isinstance(error, APIStatusError):
            reason = f"refused the request (status {error.status_code})"
        elif isinstance(error, _RUBBISH):
            reason = "answered with something that is not the OpenAI API; is the address right (it often ends in /v1)?"
        else:
            reason = f"failed ({type(error).__name__})"
        return GenerationError(f"The server {self._url} {reason}" + ("" if reason.endswith("?") else "."))


def _without_password(url: str) -> str:
    """The address as it may be shown."""
    try:
        parts = urlsplit(url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    except ValueError:
        return "of this address"
