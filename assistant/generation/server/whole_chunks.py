"""Servers whose every chunk holds the whole answer so far, where it should hold only what is new."""


class WholeChunks:
    """Finds out whether chunks are of that kind, and makes of them what is new.

    It is taken for sure where, from the first chunk on, two in a row begin with all of the one before, in which there
    are letters, and go on: digits and line ends may well come so by chance ("1", "10"; one line end, two).
    """

    def __init__(self) -> None:
        self._last = ""
        self._longer = 0  # chunks in a row that repeat the one before and go on
        self._over = False

    def add(self, text: str) -> tuple[str, bool]:
        """What of a chunk is new, and whether all that was said before it was said too often: it is said anew then."""
        if self._over or not text:
            return text, False
        known, repeats = self._longer >= 2, text.startswith(self._last)
        if not repeats or (not known and len(text) == len(self._last)):
            self._over, self._last = True, ""
            return text, False
        before, self._last = self._last, text
        if known:
            return text[len(before) :], False
        self._longer += any(map(str.isalpha, before))
        return text, self._longer == 2
