"""Any server that speaks the OpenAI API as a generator: vLLM, `transformers serve`, llama.cpp, Ollama."""

import os
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from assistant.conversation import Message, Role
from assistant.errors import GenerationError
from assistant.generation.prompts import SYSTEM_PROMPT
from assistant.generation.stream import Sampling, TextStream

KEY_VARIABLES = ("ASSISTANT_API_KEY", "OPENAI_API_KEY")
_TIMEOUT_SECONDS = 60.0
_RETRIES = 2


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
        self._url = url
        self.context_tokens = 0
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
        from openai import OpenAIError

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
                        yield choice.delta.content
                    if choice.finish_reason is not None:
                        stream.finish = "length" if choice.finish_reason == "length" else "end"
        except OpenAIError as error:
            raise self._explained(error) from error
        stream.finish = stream.finish or "end"

    def _first_model(self) -> str:
        from openai import OpenAIError

        try:
            names = [model.id for model in self._client.models.list()]
        except OpenAIError as error:
            raise self._explained(error) from error
        if not names:
            raise GenerationError(f"{self._url} lists no model; name one with ASSISTANT_SERVER_MODEL.")
        return names[0]

    def _explained(self, error: Exception) -> GenerationError:
        from openai import APIConnectionError, APIStatusError, APITimeoutError, AuthenticationError

        if isinstance(error, APITimeoutError):
            reason = f"did not answer within {_TIMEOUT_SECONDS:.0f} seconds"
        elif isinstance(error, APIConnectionError):
            reason = "cannot be reached; is the server running there?"
        elif isinstance(error, AuthenticationError):
            reason = f"wants another key; set {KEY_VARIABLES[0]}"
        elif isinstance(error, APIStatusError):
            reason = f"refused the request (status {error.status_code})"
        else:
            reason = f"failed ({type(error).__name__})"
        return GenerationError(f"The server {self._url} {reason}.")
