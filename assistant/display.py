"""A stretch of a text and its surroundings as HTML, for notebooks; everything in it is escaped."""

from html import escape

from assistant.text import printable

_AROUND = 200  # characters on each side of a place


def place_html(source: str, text: str, start: int, end: int) -> str:
    """The characters `[start, end)` of a text, marked among those around them, with what they are from."""
    before, after = text[max(0, start - _AROUND) : start], text[end : end + _AROUND]
    left, right = "…" if start > _AROUND else "", "…" if end + _AROUND < len(text) else ""
    return (
        f'<blockquote style="white-space: pre-wrap">{left}{_text(before)}<mark>{_text(text[start:end])}</mark>'
        f"{_text(after)}{right}<br><small>{_text(source)}</small></blockquote>"
    )


def line_html(text: str, *, strong: bool = False) -> str:
    """A line of text."""
    tag = "b" if strong else "span"
    return f'<div style="white-space: pre-wrap"><{tag}>{_text(text)}</{tag}></div>'


def _text(text: str) -> str:
    return escape(printable(text))
