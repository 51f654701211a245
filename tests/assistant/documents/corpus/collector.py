"""How the files of the corpus are collected: by the name of the function that makes one, and an ending."""

from collections.abc import Callable

Make = Callable[[], bytes]


def collector() -> tuple[dict[str, Make], Callable[[str], Callable[[Make], Make]]]:
    """A place for files, and the decorator that puts a function there, as `name-of-it.ending`."""
    cases: dict[str, Make] = {}

    def case(ending: str) -> Callable[[Make], Make]:
        def keep(make: Make) -> Make:
            cases[make.__name__.replace("_", "-") + ending] = make
            return make

        return keep

    return cases, case
