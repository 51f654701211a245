"""A question on its way to a server, and whether asking again makes sense."""

import math
import threading
from collections import Counter
from dataclasses import dataclass, field

from assistant.generation.server.attempt import Attempt, Limits
from assistant.generation.server.conversation import Conversation
from assistant.generation.server.errors import Kind, Reply
from assistant.generation.server.pace import TRIES

_FEW_TRIES = _ATTENDED_TRIES = 3
_SILENCES = 4
_OF_THE_SERVER = frozenset((408, 425, 502, 503, 504, *range(520, 525)))
"""Statuses that no question is to blame for: a proxy whose server is down, or one that is busy."""


@dataclass
class Job:
    """A question on its way: what is asked, since when it fails, and what was tried."""

    conversation: Conversation
    parameters: dict[str, object]
    limits: Limits
    length: int
    cancel: threading.Event
    failing: float | None = None
    allowed: int = 0  # requests at once, when it was asked
    tries: Counter[Kind] = field(default_factory=Counter)
    cut: bool = False
    silences: int = 0
    silent_at: int | None = None
    room: int = 0  # tokens for thinking that were not given yet
    plain_roles: bool = False  # as it was asked last
    told_length: bool = False

    @property
    def max_tokens(self) -> float:
        """The longest answer that is asked for; without a number, no end."""
        asked = self.parameters.get("max_tokens")
        return asked if isinstance(asked, int) else math.inf

    def give_room(self) -> bool:
        """Let the answer be longer by what thinking may take; whether that changes what is asked."""
        room, self.room = self.room, 0
        self.length += room
        if room and "max_tokens" in self.parameters:
            self.parameters["max_tokens"] = self.length
            return True
        return False

    def may_be_too_long(self, attempt: Attempt) -> bool:
        """Whether an empty answer may be to a conversation longer than the context: some servers then say nothing."""
        silent = attempt.trouble is not None and attempt.trouble.sentence == "end" and not attempt.thinking_pieces
        return silent and self.conversation.turns > 1 and self.silences < _SILENCES

    def may_pass(self, trouble: Reply, *, unattended: bool, reached: bool) -> bool:
        """Whether it makes sense to wait and to ask again, for somebody who watches or for nobody."""
        match trouble.kind:
            case Kind.RATE | Kind.LOADING:
                return True
            case Kind.TIMEOUT | Kind.EMPTY:
                return unattended and trouble.passes and self.tries[trouble.kind] < _FEW_TRIES
            case Kind.UNREACHABLE:
                return unattended and reached
            case Kind.BUSY if unattended and trouble.status in _OF_THE_SERVER:
                return True
            case Kind.BUSY | Kind.BROKEN | Kind.SILENT:
                return self.tries[Kind.BUSY] < (TRIES if unattended else _ATTENDED_TRIES)
        return False
