"""Small files of every format, made with the libraries that programs make them with, and the text they must give.

`CASES` has for each file name how to make it; `expected/NAME.txt` is the text as a person would write it down.
"""

from collections.abc import Callable
from pathlib import Path

from tests.assistant.documents.corpus import mail, office, pages, pdf, sheets

CASES: dict[str, Callable[[], bytes]] = {**pdf.CASES, **office.CASES, **sheets.CASES, **pages.CASES, **mail.CASES}
EXPECTED = Path(__file__).with_name("expected")


def expected(name: str) -> str:
    """The text that a file must give."""
    return (EXPECTED / f"{name}.txt").read_text("utf-8").removesuffix("\n")
