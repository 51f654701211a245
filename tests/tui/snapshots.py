"""Pictures of the screen compared with committed ones.

A picture is Textual's SVG export without its fonts, which lie elsewhere. Where the screen has changed on purpose,
`SNAPSHOTS=write pytest tests/tui/test_snapshots.py` writes the pictures anew: look at them before they are committed.
"""

import os
import re
from pathlib import Path

from textual.app import App

FOLDER = Path(__file__).parent / "snapshots"
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_IDS = re.compile(r"terminal-\d+-")


def picture(app: App[None]) -> str:
    """The screen as SVG, the same for the same screen."""
    svg = _IDS.sub("t-", _FONTS.sub("", app.export_screenshot(simplify=True)))
    return "\n".join(line.strip() for line in svg.splitlines() if line.strip()) + "\n"


def words(svg: str) -> str:
    """What a picture says, line by line: for people who read why a comparison failed."""
    rows: dict[float, list[str]] = {}
    for y, text in re.findall(r'<text [^>]*?y="([\d.]+)"[^>]*>(.*?)</text>', svg, re.DOTALL):
        rows.setdefault(float(y), []).append(text.replace("&#160;", " "))
    return "\n".join("".join(parts).rstrip() for _, parts in sorted(rows.items()))


def assert_looks_as_before(app: App[None], name: str) -> None:
    """Compare the screen with its committed picture, or write it where that is asked for."""
    file, now = FOLDER / f"{name}.svg", picture(app)
    if os.environ.get("SNAPSHOTS") == "write":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(now, encoding="utf-8")
        return
    assert file.exists(), f"there is no picture {file.name}; SNAPSHOTS=write makes it"
    before = file.read_text(encoding="utf-8")
    if now == before:
        return
    assert words(now) == words(before), f"{file.name}: other words"
    raise AssertionError(f"{file.name}: the same words in other colours or places")
