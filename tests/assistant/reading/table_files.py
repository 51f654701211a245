"""Five tables, each written as a file of every format that keeps tables, and questions with the cells they ask for."""

import io
from collections.abc import Callable, Sequence

import docx
import openpyxl
from reportlab.lib import colors
from reportlab.platypus import SimpleDocTemplate, Table, TableStyle

Rows = Sequence[Sequence[str]]

TABLES: dict[str, Rows] = {
    "boats": (
        ("Boat", "Length in m", "Built", "Owner", "Home port"),
        ("Heron", "12.4", "1987", "Ines Alves", "Faro"),
        ("Grey Goose", "9.8", "2003", "Bela Kovac", "Split"),
        ("Élan", "15.1", "1962", "Noor Haas", "Nantes"),
    ),
    "shop": (
        ("Article", "Price", "In stock", "Colour"),
        ("Garden hose", "24.50 EUR", "14", "green"),
        ("Rain barrel", "79.00 EUR", "3", "brown"),
        ("Watering can", "12.90 EUR", "41", "red"),
    ),
    "trains": (
        ("To", "Departs", "Arrives", "Platform"),
        ("Lund", "8:10", "9:02", "4"),
        ("Malmö", "8:25", "9:55", "7"),
        ("Ystad", "9:40", "11:15", "2"),
    ),
    "huts": (
        ("Hut", "Altitude", "Beds", "Open until", "Warden"),
        ("Upper hut", "2,840 m", "36", "30 September", "Lena Egger"),
        ("Lake hut", "1,960 m", "58", "15 October", "Ivo Blom"),
        ("Pass hut", "2,310 m", "24", "30 September", "Rosa Falk"),
    ),
    "courses": (
        ("Cours", "Enseignant", "Jour", "Prix"),
        ("Poterie", "Zoé Moreau", "mardi", "120 €"),
        ("Dessin", "Karim Sow", "jeudi", "95 €"),
        ("Couture", "Léa Petit", "samedi", "140 €"),
    ),
}

QUESTIONS: tuple[tuple[str, str, str | None], ...] = (
    ("boats", "How long is the Grey Goose?", "9.8"),
    ("boats", "When was the heron built?", "1987"),
    ("boats", "Who owns the Elan?", "Noor Haas"),
    ("boats", "What is the home port of the Heron?", "Faro"),
    ("boats", "Which boat has its home port in Split?", "Grey Goose"),
    ("boats", "How long is the Albatross?", None),
    ("shop", "How much does the rain barrel cost?", "79.00 EUR"),
    ("shop", "How many watering cans are in stock?", "41"),
    ("shop", "What colour is the garden hose?", "green"),
    ("shop", "What is the price of a hose for the garden?", "24.50 EUR"),
    ("shop", "Which article costs 12.90 EUR?", "Watering can"),
    ("shop", "Which article is the cheapest?", "Watering can"),
    ("trains", "When does the train to Malmo leave?", "8:25"),
    ("trains", "When does it arrive in Ystad?", "11:15"),
    ("trains", "From which platform does the train to Lund go?", "4"),
    ("trains", "When does the train to Oslo leave?", None),
    ("huts", "How high is the lake hut?", "1,960 m"),
    ("huts", "How many beds does the Pass hut have?", "24"),
    ("huts", "Who is the warden of the upper hut?", "Lena Egger"),
    ("huts", "Which hut has 58 beds?", "Lake hut"),
    ("huts", "Which hut is the highest?", "Upper hut"),
    ("huts", "How many beds do the huts have in total?", None),
    ("courses", "Combien coûte le cours de dessin ?", "95 €"),
    ("courses", "Qui enseigne la poterie ?", "Zoé Moreau"),
    ("courses", "Quel jour a lieu le cours de couture ?", "samedi"),
)


def _csv(rows: Rows) -> bytes:
    return "\n".join(",".join(f'"{cell}"' if "," in cell else cell for cell in row) for row in rows).encode()


def _markdown(rows: Rows) -> bytes:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    rule = "|" + " --- |" * len(rows[0])
    return "\n".join(
        ["Some words come first, and say nothing.", "", lines[0], rule, *lines[1:], "", "Then more."]
    ).encode()


def _html(rows: Rows) -> bytes:
    head = "".join(f"<th>{cell}</th>" for cell in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows[1:])
    page = (
        f"<html><head><meta charset=utf-8></head><body><p>Words.</p><table><tr>{head}</tr>{body}</table></body></html>"
    )
    return page.encode()


def _docx(rows: Rows) -> bytes:
    document = docx.Document()
    document.add_paragraph("Some words come first.")
    table = document.add_table(rows=len(rows), cols=len(rows[0]))
    for line, row in zip(table.rows, rows, strict=True):
        for place, cell in zip(line.cells, row, strict=True):
            place.text = cell
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _xlsx(rows: Rows) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _pdf(rows: Rows) -> bytes:
    file = io.BytesIO()
    grid = TableStyle([("GRID", (0, 0), (-1, -1), 0.5, colors.black)])
    SimpleDocTemplate(file).build([Table([list(row) for row in rows], style=grid)])
    return file.getvalue()


FORMATS: dict[str, Callable[[Rows], bytes]] = {
    "csv": _csv, "md": _markdown, "html": _html, "docx": _docx, "xlsx": _xlsx, "pdf": _pdf,
}  # fmt: skip
