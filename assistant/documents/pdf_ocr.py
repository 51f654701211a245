"""Text recognised on pages that are pictures, by RapidOCR, whose models lie in its package: the extra `[ocr]`."""

import importlib.util
import os
import time
from pathlib import Path
from typing import Any

from assistant.documents.pdf_words import PageWords, Word

_SECONDS = 60.0
"""What recognition may take for all pages of a file; the process that reads it is ended after 120 s."""

_SCALE = 150 / 72  # pixels a point
_MAX_PIXELS = 3_000  # of a page's longer side
_LEAST_SCORE = 0.5
_LETTERS = 0.72  # of the height of the box round a line is the size of its letters
_MODELS = 2  # one finds lines, one reads them


def is_installed() -> bool:
    """Whether RapidOCR is there, with its models: it would fetch missing ones from the network."""
    found = importlib.util.find_spec("rapidocr")
    if found is None or found.origin is None or importlib.util.find_spec("onnxruntime") is None:
        return False
    return len(list(Path(found.origin).with_name("models").glob("*_*_*.onnx"))) >= _MODELS


class Recogniser:
    """Recognises the text of pages, while the time for it lasts."""

    def __init__(self) -> None:
        self._engine: Any = None
        self._ends = 0.0

    def words(self, page: Any, found: PageWords) -> list[Word] | None:
        """The words on a page's picture; None where the time is up.

        Args:
            page: a page of pypdfium2.
            found: what else was found on it.
        """
        if self._engine is None:
            self._engine = _engine()
            self._ends = time.monotonic() + _SECONDS
        if time.monotonic() > self._ends:
            return None
        width, height = page.get_size()
        scale = min(_SCALE, _MAX_PIXELS / max(width, height, 1.0))
        read = self._engine(page.render(scale=scale).to_numpy())
        if read is None or read.boxes is None:
            return []
        words: list[Word] = []
        for box, text, score in zip(read.boxes, read.txts, read.scores, strict=True):
            if score < _LEAST_SCORE:
                continue
            xs, ys = [float(x) / scale for x, _ in box], [float(y) / scale for _, y in box]
            # The picture shows the page as it is turned; heights grow downwards in it, as they do for words.
            words += _words(str(text), min(xs), max(xs), min(ys) - height, max(ys) - height)
        found.top, found.bottom = -height, 0.0
        return words


def _engine() -> Any:
    # Nothing here uses the network: what the library would fetch is not there.
    os.environ.update(dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9"))
    from rapidocr import RapidOCR

    return RapidOCR(params={"Global.log_level": "critical"})


def _words(text: str, x0: float, x1: float, top: float, bottom: float) -> list[Word]:
    """The words of a line, each as wide as its share of the line's characters."""
    size = _LETTERS * (bottom - top)
    step = (x1 - x0) / max(len(text), 1)
    words = []
    at = 0
    for part in text.split(" "):
        if part:
            words.append(Word(part, x0 + at * step, x0 + (at + len(part)) * step, bottom - 0.25 * (bottom - top), size))
        at += len(part) + 1
    return words
