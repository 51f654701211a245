"""The values that were asked for last, within a bound: what is made once and kept for the next question."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Values by their keys; of too many the longest unused are let go, but never the one that came last.

    Args:
        count: how many are kept.
        weight: how much all may weigh together.
        weigh: what one weighs.
    """

    def __init__(self, count: int, weight: int = 0, weigh: Callable[[V], int] = lambda _: 0) -> None:
        self.count = count
        self._weight, self._weigh = weight, weigh
        self._kept: OrderedDict[K, V] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K) -> V | None:
        """The value of a key, which is then the last that was asked for; None where it is not kept."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def keep(self, key: K, value: V) -> list[K]:
        """Keep a value as the last that was asked for; returns the keys of those that were let go."""
        self._kept[key] = value
        self._kept.move_to_end(key)
        gone: list[K] = []
        while len(self._kept) > 1 and (
            len(self._kept) > self.count or sum(map(self._weigh, self._kept.values())) > self._weight
        ):
            gone.append(self._kept.popitem(last=False)[0])
        return gone

    def pop(self, key: K) -> None:
        """Let a value go; nothing happens where there is none."""
        self._kept.pop(key, None)

    def items(self) -> list[tuple[K, V]]:
        """All that are kept, the last that was asked for at the end."""
        return list(self._kept.items())
