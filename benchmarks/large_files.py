"""Time and memory of opening large files: a PDF of 500 pages, a sheet of 100,000 rows, a mailbox of 5,000 messages.

    python -m benchmarks.large_files [--pages 500] [--rows 100000] [--messages 5000]

Each file is opened as the product opens it, in a process of its own, and once more to be stopped after the first word
on its progress. On a shared machine the seconds of a core say more than those of the clock. Memory is the most that
the reading process and this one held, of each file in a fresh process.
"""

import argparse
import io
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from assistant.documents.open import read_document
from assistant.errors import DocumentError
from benchmarks.report import table

_WORDS = (
    "The harbour of the island was dredged in the spring and the ferry came twice a day until the ice closed the sound "
    "and the keeper of the light wrote down every ship that passed with its flag its cargo and the hour of the night"
).split()
_PARENT = {"darwin": 1}.get(sys.platform, 1024)  # what ru_maxrss counts in, in bytes


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the files, open each in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.large_files",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--pages", type=int, default=500, help="(%(default)s)")
    parser.add_argument("--rows", type=int, default=100_000, help="(%(default)s)")
    parser.add_argument("--messages", type=int, default=5_000, help="(%(default)s)")
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.open is not None:
        print(json.dumps(measure(options.open)))
        return 0
    files: dict[str, tuple[str, Callable[[], bytes]]] = {
        f"PDF, {options.pages:,} pages": ("large.pdf", lambda: pdf(options.pages)),
        f"XLSX, {options.rows:,} rows of 6 cells": ("large.xlsx", lambda: xlsx(options.rows)),
        f"MBOX, {options.messages:,} messages": ("large.mbox", lambda: mbox(options.messages)),
    }
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for what, (name, make) in files.items():
            path = Path(folder) / name
            path.write_bytes(make())
            command = [sys.executable, "-m", __name__ if __name__ != "__main__" else "benchmarks.large_files"]
            done = subprocess.run([*command, "--open", str(path)], capture_output=True, text=True, check=True)
            found = json.loads(done.stdout)
            lines.append(
                [
                    what,
                    f"{path.stat().st_size / 1e6:.1f}",
                    f"{found['characters'] / 1e6:.1f}",
                    f"{found['seconds']:.1f}",
                    f"{found['processor_seconds']:.1f}",
                    f"{found['child_megabytes']:.0f}",
                    f"{found['own_megabytes']:.0f}",
                    str(found["progress"]),
                    f"{found['stopped_after']:.2f}",
                ]
            )
    head = [
        "file",
        "MB",
        "million characters",
        "seconds",
        "of a core",
        "MB, reading",
        "MB, own",
        "progress",
        "stopped in, s",
    ]
    print(table(head, lines))
    return 0


def measure(path: Path) -> dict[str, Any]:
    """Open a file, then open it again and stop it."""
    told: list[tuple[int, int]] = []
    began = time.monotonic()
    document = read_document(path, 100, on_progress=lambda done, total: told.append((done, total)))
    seconds = time.monotonic() - began
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
    child, own = (each.ru_maxrss * _PARENT / 1e6 for each in usage)
    stop = threading.Event()
    asked: list[float] = []

    def stop_soon(done: int, total: int) -> None:
        if not asked:
            asked.append(time.monotonic())
            stop.set()

    try:
        read_document(path, 100, on_progress=stop_soon, cancel=stop)
        raise RuntimeError("it was read to its end although it was stopped")
    except DocumentError:
        stopped = time.monotonic() - asked[0]
    return {
        "characters": len(document.text),
        "seconds": seconds,
        "processor_seconds": sum(each.ru_utime + each.ru_stime for each in usage),
        "child_megabytes": child,
        "own_megabytes": own,
        "progress": len(told),
        "stopped_after": stopped,
    }


def _sentence(number: int, words: int) -> str:
    return f"{number}. " + " ".join(_WORDS[(number * 7 + at * at) % len(_WORDS)] for at in range(words)) + "."


def pdf(pages: int) -> bytes:
    """Pages of running text, about 350 words each, with heads and page numbers."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    drawn = Canvas(out, pagesize=A4, pageCompression=1)
    for page in range(pages):
        drawn.setFont("Helvetica", 9)
        drawn.drawString(60, 810, "The log of the light")
        drawn.drawString(500, 30, f"Page {page + 1}")
        drawn.setFont("Helvetica", 11)
        for line in range(40):
            drawn.drawString(60, 770 - 17 * line, _sentence(page * 40 + line, 9))
        drawn.showPage()
    drawn.save()
    return out.getvalue()


def xlsx(rows: int) -> bytes:
    """One sheet with a header: number, name, town, amount, date, a word."""
    from datetime import date, timedelta

    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Ships")
    sheet.append(["Number", "Ship", "Port", "Tons", "Day", "Flag"])
    for row in range(rows):
        day = date(1990, 1, 1) + timedelta(days=row % 9_000)
        ship, port, flag = (_WORDS[(row * step) % len(_WORDS)] for step in (3, 5, 7))
        sheet.append([row, f"{ship} {row}", port, row % 977 / 2, day, flag])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def mbox(messages: int) -> bytes:
    """Messages of a page each, every fifth with a page of HTML beside its text, every tenth with an attachment."""
    parts = []
    for number in range(messages):
        message = EmailMessage()
        message["From"], message["To"] = f"keeper{number % 7}@example.org", "office@example.org"
        message["Subject"], message["Date"] = f"Log of day {number}", "Thu, 2 May 2024 10:00:00 +0200"
        text = "\n\n".join(_sentence(number * 6 + at, 30) for at in range(6))
        message.set_content(text)
        if number % 5 == 0:
            message.add_alternative(f"<html><p>{text}</p></html>", subtype="html")
        if number % 10 == 0:
            message.add_attachment(bytes(3_000), maintype="image", subtype="png", filename=f"{number}.png")
        parts.append(b"From keeper Thu May  2 10:00:00 2024\n" + message.as_bytes() + b"\n\n")
    return b"".join(parts)


if __name__ == "__main__":
    sys.exit(main())
