"""What a task's data is read into."""

from collections import Counter
from typing import Generic, NamedTuple, TypeVar

Example = TypeVar("Example")


class Examples(NamedTuple, Generic[Example]):
    """A recipe's examples: those to train on, those held out, and how many rows were left out for what."""

    train: list[Example]
    held_out: list[Example]
    left_out: Counter[str]
