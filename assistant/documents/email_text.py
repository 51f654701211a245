"""The text of e-mails, mailboxes and web pages saved as one file (MHTML), by Python's own e-mail package."""

import re
from collections.abc import Iterator
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from itertools import pairwise

from assistant.documents.blocks import Block, BlockKind, Extracted, TableBlock, heading, join_blocks
from assistant.documents.html_controls import Controls
from assistant.documents.html_text import page_blocks, parse
from assistant.documents.progress import report
from assistant.errors import DocumentError
from assistant.text import one_line

_BEGINNING = re.compile(rb"(?:\A|\n\r?\n)(From \S+[^\r\n]*\d{2}:\d{2}[^\r\n]*\r?\n)(?=[!-9;-~]+:)")
_QUOTED_FROM = re.compile(r"^>(>*From )", re.MULTILINE)
_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_MUCH_MORE = 2.5  # times the words of a text: it leaves most of the page out
_MAX_DEPTH = 8  # messages in messages
_MAX_PARTS = 1_000  # of a message
_MAX_MESSAGES = 100_000
_LONGEST_FIELD = 2_000
_MAX_BOUNDARIES = 2_000
_PLAIN = frozenset({"text/plain", "text/markdown", "text/enriched", "text/calendar"})
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def extract(data: bytes, max_characters: int) -> Extracted:
    """The messages one after the other: who wrote to whom, when and about what, the decoded text, attachments by name.

    Raises:
        DocumentError: no message holds any text.
    """
    blocks: list[Block | TableBlock] = []
    starts = [match.start(1) for match in _BEGINNING.finditer(data)] if data.startswith(b"From ") else []
    stretches = list(pairwise([*starts, len(data)])) if starts else [(0, len(data))]
    length = 0
    for number, (start, end) in enumerate(stretches[:_MAX_MESSAGES], 1):
        raw = data[start:end]
        if starts:
            raw = raw[raw.index(b"\n") + 1 :]
        of_many = f"message {number:,} of {len(stretches):,}" if len(stretches) > 1 else ""
        message = list(_message(raw, of_many))
        length += sum(len(block.text) for block in message if isinstance(block, Block))
        blocks += message
        report(number, len(stretches))
        if length > max_characters:
            break
    if not blocks:
        raise DocumentError("this e-mail file holds no text.")
    return join_blocks(blocks)


def _message(raw: bytes, of_many: str) -> Iterator[Block | TableBlock]:
    if raw.count(b"boundary=") > _MAX_BOUNDARIES:  # parts within parts: each boundary is looked for in every line
        raise DocumentError("the parts of this e-mail are nested too deep; save the message as text.")
    message = BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(raw)
    yield from _read(message, of_many, 0)


def _read(message: EmailMessage, place: str, depth: int) -> Iterator[Block | TableBlock]:
    fields = {name: value for name in _SHOWN if (value := _field(message, name))}
    is_page = message.get_content_type() == "multipart/related" and "Snapshot-Content-Location" in message
    if is_page:
        yield from _bodies(message, depth)
        return
    subject = fields.get("Subject", "")
    label = " ".join(filter(None, (place or "message", f"“{one_line(subject, 60)}”" if subject else "")))
    if subject and place:  # among others each begins with its subject, so that passages do, too
        yield heading(2 + min(depth, 3), subject, label)
    for at, (name, value) in enumerate(fields.items()):
        starts = not at and not (subject and place)
        yield Block(f"{name}: {value}", BlockKind.LINE if at else BlockKind.PARAGRAPH, label if starts else None)
    yield from _bodies(message, depth)


def _field(message: EmailMessage, name: str) -> str:
    try:
        value = str(message.get(name, ""))
    except Exception:  # noqa: BLE001  (the package fails on broken addresses and dates in many ways)
        value = next((raw for key, raw in message.raw_items() if key.lower() == name.lower()), "")
    return " ".join(_NO_TEXT.sub("", str(value)).split())[:_LONGEST_FIELD]


def _bodies(message: EmailMessage, depth: int) -> Iterator[Block | TableBlock]:
    """The text of a message: of alternatives the one that is read best, attachments by their names."""
    attached = []
    stack: list[EmailMessage] = [message]
    parts = 0
    while stack and parts < _MAX_PARTS:
        part = stack.pop()
        parts += 1
        kind = part.get_content_type()
        name = _file_name(part)
        if kind == "message/rfc822":
            if depth < _MAX_DEPTH:
                for inner in part.iter_parts():
                    if isinstance(inner, EmailMessage):
                        yield from _read(inner, "attached message", depth + 1)
        elif part.is_multipart():
            inside = [each for each in part.iter_parts() if isinstance(each, EmailMessage)]
            stack.extend(reversed([_best(inside)] if kind == "multipart/alternative" and inside else inside))
        elif name or part.get_content_disposition() == "attachment":
            attached.append(name or kind)
        elif kind == "text/html":
            yield from _page(_text(part))
        elif kind in _PLAIN:
            yield from _plain(_text(part), part.get_param("format") == "flowed")
    if attached:
        yield Block("Attachments: " + ", ".join(attached))


def _best(alternatives: list[EmailMessage]) -> EmailMessage:
    """Plain text, or the page where that has a table or the text is but a part of it, a word to see the page."""
    plain = next((each for each in alternatives if each.get_content_type() == "text/plain"), None)
    page = next((each for each in alternatives if each.get_content_type() in ("text/html", "multipart/related")), None)
    if plain is None:
        return page or alternatives[-1]
    shown = next((part for part in page.walk() if part.get_content_type() == "text/html"), None) if page else None
    if page is None or shown is None:
        return plain
    source, words = _text(shown), len(_text(plain).split())
    if "<th" in source.lower() or not words:
        return page
    told = sum(len(block.text.split()) for block in _page(source) if isinstance(block, Block))
    return page if told > _MUCH_MORE * words else plain


def _file_name(part: EmailMessage) -> str:
    try:
        return one_line(part.get_filename() or "", 200)
    except Exception:  # noqa: BLE001
        return ""


def _text(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    charset = str(part.get_param("charset") or "utf-8").strip("'\" ").lower()
    for encoding in (charset, "utf-8", "cp1252"):
        try:
            return data.decode(encoding)
        except (LookupError, ValueError):
            continue
    return data.decode("utf-8", "replace")


def _page(text: str) -> list[Block | TableBlock]:
    root = parse(text.encode("utf-8", "replace"))
    return [] if root is None else page_blocks(root, Controls(root))


def _plain(text: str, flowed: bool) -> Iterator[Block]:
    """Paragraphs of a plain text, lines kept; a flowed text's soft line ends are taken out (RFC 3676)."""
    text = _QUOTED_FROM.sub(r"\1", _NO_TEXT.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    if flowed:
        text = re.sub(r"(?<=[^\n]) \n(?!>|-- )", " ", text)
    for paragraph in re.split(r"\n[ \t]*\n\s*", text):
        if paragraph.strip():
            yield replace(Block(paragraph.strip("\n").rstrip()))
