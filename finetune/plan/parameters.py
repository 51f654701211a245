"""How many parameters a run trains."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters that are trained, of all; `without_pooler` where a pooler is among the trained ones."""

    trained: int
    total: int
    without_pooler: int | None = None
