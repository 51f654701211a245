"""What a text has beside prose and tables: lists with their lead-ins, answered questions, lines of label and value."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from assistant.documents.table_search import table_of_spans
from assistant.layout import Table

Span = tuple[int, int]

_MAX_SEARCHED = 1_000_000  # characters
_LONGEST_LEAD = 160
_LONGEST_ANSWER = 1_500
_MAX_ITEMS = 500
_LONGEST_PLAIN_ITEM = 80

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_ITEM = re.compile(r"[ \t]*(?:[-*+•●▪◦‣–]|\[[ xX]?\]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])[ \t]+(?:\[[ xX]\][ \t]+)?(?=\S)")
_HEADING = re.compile(r"#{1,6}[ \t]+(?=\S)")
_EMPHASIS = re.compile(r"[*_]{1,3}")
_ASKED = re.compile(
    r"(?:#{1,6}[ \t]+|[-*•][ \t]+|(?:Q(?:uestion)?[ \t]*)?\d{0,3}[.:)][ \t]*|Q[ \t]*[:.][ \t]*|[*_]{1,3})*",
    re.IGNORECASE,
)
_ANSWERED = re.compile(r"(?:A(?:nswer)?|R(?:éponse)?)[ \t]*[:.][ \t]*|[-*•][ \t]+", re.IGNORECASE)
_LABEL = re.compile(r"[*_]{0,3}([^\W\d_][^:|\r\n]{0,50}?)[*_]{0,3}[ \t]*:[*_]{0,3}[ \t]+(\S[^\r\n]*)")
_NUMBER_LABEL = re.compile(  # "Invoice no. 2024-0917", without a colon
    r"([^\W\d_][^:|\r\n]{0,40}?\b(?:no|nr|number|num[eé]ro)\b\.?|№)[ \t]+((?=[\w/.-]*\d)[\w/.-]+)[ \t]*$", re.IGNORECASE
)
_MAX_LABEL_WORDS = 6


@dataclass(frozen=True, slots=True)
class TextList:
    """A list: the spans of its items without their marks, the line that leads it in, and the headings above.

    Args:
        items: in order.
        lead: the line before it, or the heading above it; empty where it has none.
        headings: the heading that it stands under and the text's first one.
        numbered: its items have numbers or letters.
    """

    items: tuple[Span, ...]
    lead: str
    headings: tuple[str, ...]
    numbered: bool = False

    @property
    def span(self) -> Span:
        """From its first item to the end of its last one."""
        return self.items[0][0], self.items[-1][1]


@dataclass(frozen=True, slots=True)
class AnsweredQuestion:
    """A question that a text asks and the span of what follows it."""

    question: str
    answer: Span


@dataclass(frozen=True, slots=True)
class Structure:
    """What a text has beside prose and tables."""

    lists: tuple[TextList, ...]
    questions: tuple[AnsweredQuestion, ...]
    labels: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int  # without white space
    text: str

    @property
    def is_heading(self) -> bool:
        return _HEADING.match(self.text) is not None


@lru_cache(maxsize=8)
def structure_of(text: str) -> Structure:
    """The lists, questions and labelled lines of a text, each found in one pass over its lines."""
    lines = [
        _Line(match.start(), match.start() + len(match[0].rstrip()), match[0].rstrip())
        for match in _LINE.finditer(text, 0, _MAX_SEARCHED)
    ]
    return Structure(tuple(_lists(lines)), tuple(_questions(text, lines)), tuple(_labels(text, lines)))


def _plain(line: str) -> str:
    return _EMPHASIS.sub("", _HEADING.sub("", line.strip())).strip().rstrip(":").strip()


def _lists(lines: list[_Line]) -> Iterator[TextList]:
    headings: list[str] = []  # the text's first heading and the latest one
    lead = ""
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.text:
            at += 1
            continue
        if _ITEM.match(line.text):
            items, numbered, at = _marked_items(lines, at)
        else:
            if line.is_heading:
                headings = [*headings[:1], _plain(line.text)]
            lead = _lead(line)
            items, numbered, at = _plain_items(lines, at + 1) if line.text.endswith(":") else ([], False, at + 1)
        if len(items) > 1:
            yield TextList(tuple(items), lead or (headings[-1] if headings else ""), tuple(headings), numbered)
            lead = ""


def _lead(line: _Line) -> str:
    """What a line says of the list below it: all of it where it is short, else its last sentence before a colon."""
    text = _plain(line.text)
    if "|" in text:
        return ""  # a row of a table
    if line.text.endswith(":"):
        return re.split(r"[.!?]\s+", text)[-1][-_LONGEST_LEAD:]
    short = len(text) <= _LONGEST_LEAD / 2 and not text.endswith((".", "!", "?", ","))
    return text if short or line.is_heading else ""


def _marked_items(lines: list[_Line], at: int) -> tuple[list[Span], bool, int]:
    """Items with marks, blank lines between them or not; a line that is set in goes on with the item before it."""
    items: list[Span] = []
    numbered = lines[at].text.lstrip()[:1].isalnum()
    while at < len(lines) and len(items) < _MAX_ITEMS:
        line = lines[at]
        if match := _ITEM.match(line.text):
            items.append((line.start + match.end(), line.end))
        elif line.text and line.text[0] in " \t" and items:
            items[-1] = items[-1][0], line.end
        elif line.text or at + 1 >= len(lines) or not _ITEM.match(lines[at + 1].text):
            break
        at += 1
    return items, numbered, at


def _plain_items(lines: list[_Line], at: int) -> tuple[list[Span], bool, int]:
    """Short lines below a line that ends with a colon, up to a blank one."""
    begin = at
    while at < len(lines) and at <= begin + 1 and not lines[at].text:
        at += 1
    items: list[Span] = []
    while at < len(lines) and lines[at].text and len(items) < _MAX_ITEMS:
        line = lines[at]
        text = line.text.strip()
        fits = len(text) <= _LONGEST_PLAIN_ITEM and not text.endswith((".", ":", "?", "!"))
        if _ITEM.match(line.text) or line.is_heading or "|" in text or not fits:
            return [], False, begin
        items.append((line.end - len(text), line.end))
        at += 1
    return (items, False, at) if len(items) > 1 else ([], False, begin)


def _questions(text: str, lines: list[_Line]) -> Iterator[AnsweredQuestion]:
    asked = [at for at, line in enumerate(lines) if line.text.rstrip("*_ ").endswith("?") and len(line.text) <= 250]
    known = set(asked)
    for at in asked:
        line = lines[at]
        alone = (
            line.is_heading
            or at == 0
            or not lines[at - 1].text
            or line.text.lstrip()[:1] in "*_-•Qq"
            or at - 1 in known
        )
        question = _EMPHASIS.sub(
            "", line.text[_end(_ASKED, line.text.lstrip()) + len(line.text) - len(line.text.lstrip()) :]
        )
        if not alone or re.search(r"[.!?]\s", question):
            continue
        if (answer := _answer(text, lines, at, known)) is not None:
            yield AnsweredQuestion(question, answer)


def _end(pattern: re.Pattern[str], text: str) -> int:
    match = pattern.match(text)
    return match.end() if match else 0


def _answer(text: str, lines: list[_Line], at: int, known: set[int]) -> Span | None:
    """What follows a question: of a heading all up to the next one, else a paragraph, with a list it leads in."""
    section = lines[at].is_heading
    first: int | None = None
    end = 0
    for number in range(at + 1, min(len(lines), at + 60)):
        line = lines[number]
        if number in known or line.is_heading or (first is not None and line.end - first > _LONGEST_ANSWER):
            break
        if not line.text:
            leads_in = first is not None and text[first:end].rstrip().endswith(":")
            if first is not None and not section and not leads_in:
                break
            continue
        if first is None:
            start = line.start + len(line.text) - len(line.text.lstrip())
            first = start + _end(_ANSWERED, line.text.lstrip())
        end = line.end
    return (first, end) if first is not None and end > first else None


def _labels(text: str, lines: list[_Line]) -> Iterator[Table]:
    """Neighbouring lines or items of a label and its value, as a table of two columns."""
    rows: list[list[Span]] = []
    names: list[str] = []
    for line in [*lines, _Line(len(text), len(text), "")]:
        begins = _end(_ITEM, line.text)
        match = _LABEL.match(line.text, begins) or _NUMBER_LABEL.match(line.text, begins)
        if match is not None and len(match[1].split()) <= _MAX_LABEL_WORDS and len(rows) < _MAX_ITEMS:
            start = line.start
            rows.append(
                [(start + match.start(1), start + match.end(1)), (start + match.start(2), start + match.end(2))]
            )
            names.append(match[1].lower())
            continue
        if len(rows) > 1 and len(set(names)) == len(names):
            table = table_of_spans(text, rows, header_rows=0)
            if table is not None:
                yield table
        rows, names = [], []
