"""Which parameters a server is sent: those that a person has chosen, by the names that it takes."""

from collections.abc import Container
from typing import Any

from assistant.generation.server.errors import STREAM, Reply
from assistant.generation.stream import Sampling

_NAMES = {
    "max_new_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p", "seed": "seed",
    "stop": "stop",
}  # fmt: skip
_SETTINGS = {sent: name for name, sent in _NAMES.items()}
_OTHER_NAMES = {"max_tokens": "max_completion_tokens"}
_COUNTS = {"stream_options": {"include_usage": True}}


class Parameters:
    """The parameters of requests to one server, which learns what it refuses."""

    def __init__(self) -> None:
        self._refused: set[str] = set()
        self._renamed: set[str] = set()

    def of(self, sampling: Sampling) -> dict[str, object]:
        """The parameters that sampling settings stand for, by their usual names."""
        chosen = sampling.chosen
        found: dict[str, object] = {}
        for name, sent in _NAMES.items():
            value = getattr(sampling, name)
            if value is not None and value != () and (chosen is None or name in chosen):
                found[sent] = list(value) if isinstance(value, tuple) else value
        if chosen is None and sampling.temperature == 0:  # then nothing is drawn
            found.pop("top_p", None)
            found.pop("seed", None)
        return found

    def as_sent(self, parameters: dict[str, object]) -> dict[str, Any]:
        """The parameters as this server takes them, with what asks it to answer piece by piece and to count tokens."""
        streams = STREAM not in self._refused
        return {STREAM: streams} | {
            _OTHER_NAMES[name] if name in self._renamed else name: value
            for name, value in {**parameters, **(_COUNTS if streams else {})}.items()
            if name not in self._refused
        }

    def refuse(self, trouble: Reply, sent_names: Container[str] = ()) -> str | None:
        """Leave out or rename a parameter from now on.

        Args:
            trouble: names the parameter.
            sent_names: the names in the request that was refused, beside which others may have been under way.

        Returns:
            What to tell the user, empty where it matters to nobody; None where nothing can be changed.
        """
        sent = trouble.parameter or ""
        usual = next((name for name, other in _OTHER_NAMES.items() if other == sent), sent)
        other = _OTHER_NAMES.get(usual)
        if not (usual in _SETTINGS or usual in _COUNTS or usual == STREAM):
            return None
        if usual in self._refused or (usual in self._renamed and sent == usual):
            return "" if sent in sent_names else None  # another request has learned it meanwhile
        if other is not None and sent == usual and other in trouble.sentence:
            self._renamed.add(usual)
            return f"{usual} is sent as {other}, as the server wants it."
        self._refused.add(usual)
        if usual == STREAM:
            return "the server does not stream; its answers come all at once."
        if usual in _COUNTS:
            return ""
        return f"the server refuses {usual}; {_SETTINGS[usual]} is left out."
