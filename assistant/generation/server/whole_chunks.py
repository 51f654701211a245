"""Servers whose chunks repeat the answer so far: each of them all of it, or the last one once more."""

_SURE = 2
_FEWEST, _SHORTEST = 3, 20  # pieces, and characters, of an answer that its last piece may repeat


class WholeChunks:
    """Makes of chunks what is new in them.

    That each holds all so far is taken for sure where, from the first on, two begin with all of the one before, in
    which there are letters, and go on: digits and line ends may come so by chance ("1", "10"; one line end, two).
    """

    def __init__(self) -> None:
        self._last = ""
        self._longer = 0  # chunks that repeat the one before and go on
        self._may_grow = True
        self._pieces: list[str] = []
        self._length = 0
        self._held = ""

    def add(self, text: str) -> tuple[str, bool]:
        """What of a chunk is new, and whether all that was said before it was said too often: it is said anew then."""
        if not text:
            return "", False
        if self._longer == _SURE:
            new = text.removeprefix(self._last)
            self._last += new
            return new, False
        self._may_grow = self._may_grow and len(text) > len(self._last) and text.startswith(self._last)
        if self._may_grow:
            self._longer += any(map(str.isalpha, self._last))
            self._last = text
        elif not self._held and self._is_all_again(text):
            self._held = text  # until more comes: then it was meant
            return "", False
        text, self._held = self._held + text, ""
        self._pieces.append(text)
        self._length += len(text)
        return text, self._longer == _SURE

    def _is_all_again(self, text: str) -> bool:
        is_long = len(text) == self._length >= _SHORTEST and len(self._pieces) >= _FEWEST
        return is_long and text == "".join(self._pieces)
