"""PDF files, drawn and set by reportlab, annotated by pypdf."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pypdf import PdfReader, PdfWriter
from pypdf.annotations import FreeText, Text
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BalancedColumns,
    BaseDocTemplate,
    Frame,
    FrameBreak,
    ListFlowable,
    PageTemplate,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from tests.assistant.documents.corpus.collector import collector

CASES, case = collector()
STYLES = getSampleStyleSheet()

LIBRARY = (
    "The library of the village was opened in 1911 by the miller Anselm Brandt, who gave four hundred books and an "
    "iron stove. For the first ten years it was open on Sundays only, after church, and a fee of two pennies was "
    "asked of every reader who came through its door."
)
POOL = (
    "The swimming pool, by contrast, was built in 1968. Its architect was Greta Holm, and it cost ninety thousand "
    "crowns. A roof was added in 1983 after two wet summers, and since then it has been open all the year round for "
    "everybody who lives in the parish."
)


@contextmanager
def canvas(size: tuple[float, float] = A4, **options: Any) -> Iterator[tuple[Canvas, io.BytesIO]]:
    out = io.BytesIO()
    drawn = Canvas(out, pagesize=size, invariant=1, **options)
    drawn.setFont("Helvetica", 11)
    yield drawn, out
    drawn.save()


def lines(drawn: Canvas, x: float, y: float, texts: Sequence[str], leading: float = 14) -> None:
    for at, text in enumerate(texts):
        drawn.drawString(x, y - leading * at, text)


def wrapped(text: str, width: int) -> list[str]:
    rows = [""]
    for word in text.split():
        if len(rows[-1]) + len(word) > width:
            rows.append("")
        rows[-1] = f"{rows[-1]} {word}".strip()
    return rows


def story(flowables: list[Any], *, size: tuple[float, float] = A4) -> bytes:
    out = io.BytesIO()
    SimpleDocTemplate(out, pagesize=size, invariant=1).build(flowables)
    return out.getvalue()


def table(rows: list[list[Any]], *style: tuple[Any, ...], widths: list[float] | None = None) -> Table:
    return Table(rows, colWidths=widths, style=TableStyle(style))


# --- columns


@case(".pdf")
def two_columns_written_by_rows() -> bytes:
    with canvas() as (drawn, out):
        drawn.drawString(60, 780, "Public buildings")
        for at, (left, right) in enumerate(zip(wrapped(LIBRARY, 38), wrapped(POOL, 38), strict=False)):
            drawn.drawString(60, 750 - 14 * at, left)
            drawn.drawString(310, 750 - 14 * at, right)
    return out.getvalue()


@case(".pdf")
def two_columns_under_a_title() -> bytes:
    out = io.BytesIO()
    document = BaseDocTemplate(out, pagesize=A4, invariant=1)
    frames = [Frame(60, 60, 225, 640), Frame(310, 60, 225, 640)]

    def title(drawn: Canvas, _: Any) -> None:
        drawn.setFont("Helvetica-Bold", 18)
        drawn.drawString(60, 740, "A village and what it built")

    document.addPageTemplates(PageTemplate(frames=frames, onPage=title))
    body = STYLES["BodyText"]
    document.build([Paragraph(LIBRARY, body), Paragraph(POOL, body)] * 4)
    return out.getvalue()


@case(".pdf")
def columns_on_uneven_levels() -> bytes:
    with canvas() as (drawn, out):
        lines(drawn, 60, 750, wrapped(LIBRARY, 38))
        lines(drawn, 310, 744, wrapped(POOL, 38))
    return out.getvalue()


@case(".pdf")
def three_columns() -> bytes:
    body = STYLES["BodyText"]
    texts = [Paragraph(text, body) for text in (LIBRARY, POOL, LIBRARY.replace("1911", "1925"))]
    return story([Paragraph("News", STYLES["Heading1"]), BalancedColumns(texts, nCols=3)])


@case(".pdf")
def a_sentence_over_two_pages() -> bytes:
    with canvas() as (drawn, out):
        lines(drawn, 60, 100, ["Nothing was lost in the fire but the seal of", "the bishop, which was taken from the"])
        drawn.showPage()
        drawn.setFont("Helvetica", 11)
        lines(drawn, 60, 780, ["ashes by the smith Torgeir Lie, who could", "not say what it was."])
    return out.getvalue()


# --- turned


def turned(angle: int) -> bytes:
    with canvas() as (drawn, out):
        drawn.setPageRotation(angle)
        lines(drawn, 60, 780, ["The crane was put into service by the", "harbour master Ingrid Solberg in 2022."])
        lines(drawn, 60, 730, ["It has since lifted 412 loads."])
    return out.getvalue()


CASES["page-turned-90.pdf"] = lambda: turned(90)
CASES["page-turned-180.pdf"] = lambda: turned(180)
CASES["page-turned-270.pdf"] = lambda: turned(270)


def drawn_turned(angle: int, shift: tuple[float, float]) -> bytes:
    with canvas() as (drawn, out):
        drawn.translate(*shift)
        drawn.rotate(angle)
        lines(drawn, 60, 300, ["The crane was put into service by the", "harbour master Ingrid Solberg in 2022."])
        lines(drawn, 60, 250, ["It has since lifted 412 loads."])
    return out.getvalue()


CASES["text-turned-90.pdf"] = lambda: drawn_turned(90, (500, 0))
CASES["text-turned-270.pdf"] = lambda: drawn_turned(270, (0, 800))
CASES["text-turned-180.pdf"] = lambda: drawn_turned(180, (590, 800))


@case(".pdf")
def a_note_up_the_margin() -> bytes:
    with canvas() as (drawn, out):
        lines(drawn, 90, 780, wrapped(LIBRARY, 60))
        drawn.saveState()
        drawn.translate(40, 400)
        drawn.rotate(90)
        drawn.drawString(0, 0, "Archive copy 7")
        drawn.restoreState()
    return out.getvalue()


# --- tables

ROOMS = [
    ["Room", "Beds", "Summer", "Winter"],
    ["Attic", "1", "48 EUR", "39 EUR"],
    ["Garden room", "2", "85 EUR", "64 EUR"],
    ["Tower suite", "4", "160 EUR", "120 EUR"],
]
GRID = ("GRID", (0, 0), (-1, -1), 0.5, colors.black)


@case(".pdf")
def table_with_a_grid() -> bytes:
    return story([Paragraph("Prices for one night.", STYLES["BodyText"]), Spacer(1, 12), table(ROOMS, GRID)])


@case(".pdf")
def table_without_rules() -> bytes:
    text = Paragraph(
        "Dogs cost six euros more for each night that they stay, whatever the room is.", STYLES["BodyText"]
    )
    return story([table(ROOMS), Spacer(1, 12), text])


@case(".pdf")
def table_with_empty_cells() -> bytes:
    rows = [["Duty", "Tenant", "Owner"], ["Painting", "every third year", ""], ["Roof", "", "yes"]]
    return story([table([*rows, ["Electricity", "pays", ""]], widths=[100, 120, 80])])


@case(".pdf")
def table_with_wrapped_cells() -> bytes:
    body = STYLES["BodyText"]
    rows: list[list[Any]] = [["Part", "What it does", "Price"]]
    rows.append(["Pump", Paragraph("Lifts water from the well to the tank under the roof, day and night", body), "120"])
    rows.append(["Valve", Paragraph("Shuts the pipe when the tank is full and opens it again below half", body), "35"])
    return story([table(rows, GRID, ("VALIGN", (0, 0), (-1, -1), "TOP"), widths=[60, 170, 60])])


@case(".pdf")
def table_with_few_rules() -> bytes:
    top, middle, bottom = (("LINEABOVE", (0, at), (-1, at), 1, colors.black) for at in (0, 1, -1))
    rows = [["Model", "F1", "Size"], ["small", "82.5", "22 M"], ["base", "88.7", "110 M"], ["large", "91.9", "355 M"]]
    return story([table(rows, top, middle, bottom, widths=[90, 70, 70])])


@case(".pdf")
def table_with_a_name_over_two_columns() -> bytes:
    rows = [["Room", "Price for a night", ""], ["", "Summer", "Winter"], ["Attic", "48", "39"], ["Garden", "85", "64"]]
    merged = (("SPAN", (1, 0), (2, 0)), ("ALIGN", (1, 0), (2, -1), "CENTER"))
    return story([table(rows, GRID, *merged, widths=[90, 80, 80])])


@case(".pdf")
def timetable() -> bytes:
    rows = [["Stop", "1", "3", "5"], ["Harbour", "6:10", "7:10", "8:10"], ["Market", "6:18", "7:18", "8:18"]]
    return story(
        [Paragraph("Line 4, weekdays", STYLES["Heading2"]), table([*rows, ["Station", "6:31", "7:31", "8:31"]])]
    )


@case(".pdf")
def invoice() -> bytes:
    with canvas() as (drawn, out):
        lines(drawn, 60, 790, ["Nordlicht Freight AS", "Havnegata 12", "9008 Tromso"])
        drawn.drawString(400, 790, "Invoice no. NF-2291")
        drawn.drawString(400, 776, "Date: 2 May 2024")
        lines(drawn, 60, 700, ["Thank you for your order. Please find below what we carried for you."])
        for at, row in enumerate(
            (("Item", "Pallets", "Amount"), ("Sea freight", "6", "9,300"), ("Storage", "6", "1,250"))
        ):
            for x, text in zip((60, 260, 380), row, strict=True):
                drawn.drawString(x, 660 - 18 * at, text)
        drawn.line(60, 654, 440, 654)
        lines(drawn, 60, 580, ["Payment is due on 30 June 2024."])
    return out.getvalue()


# --- paragraphs


@case(".pdf")
def hyphens_at_line_ends() -> bytes:
    with canvas() as (drawn, out):
        texts = [
            "The seal lay in the drawer of the desk and was taken from the ash-", "es by the smith Torgeir Lie, a well-",
            "known man, who made a door handle of it. A twenty-", "year lease was signed by the mother-in-",
            "law of the keeper, and the harbour was re-", "built in stone.",
        ]  # fmt: skip
        lines(drawn, 60, 780, texts)
    return out.getvalue()


@case(".pdf")
def paragraphs_by_indents() -> bytes:
    with canvas() as (drawn, out):
        lines(drawn, 60, 780, wrapped(LIBRARY, 70))
        rest = wrapped(POOL, 70)
        drawn.drawString(75, 780 - 14 * len(wrapped(LIBRARY, 70)), rest[0])
        lines(drawn, 60, 780 - 14 * (len(wrapped(LIBRARY, 70)) + 1), rest[1:])
    return out.getvalue()


@case(".pdf")
def headings_and_a_list() -> bytes:
    body = STYLES["BodyText"]
    items = [Paragraph(text, body) for text in ("Wear gloves.", "Switch the pump off first.", "Keep the lid shut.")]
    return story(
        [
            Paragraph("Safety", STYLES["Heading1"]), Paragraph("Before you begin, read all of this page.", body),
            ListFlowable(items, bulletType="bullet"), Paragraph("Care", STYLES["Heading2"]),
            Paragraph("Clean the filter once a month.", body),
        ]
    )  # fmt: skip


@case(".pdf")
def heads_and_feet() -> bytes:
    with canvas() as (drawn, out):
        for page, text in enumerate(
            ("The first chapter tells of the sea.", "The second tells of the land.", "The end."), 1
        ):
            drawn.setFont("Helvetica", 9)
            drawn.drawString(60, 810, "Harbour board of Vik - Annual report 2022")
            drawn.drawString(60, 30, f"Confidential - page {page} of 3")
            drawn.setFont("Helvetica", 11)
            drawn.drawString(60, 700, text)
            drawn.showPage()
    return out.getvalue()


@case(".pdf")
def chapters_that_begin_alike() -> bytes:
    with canvas() as (drawn, out):
        for page, text in enumerate(("It is painted blue.", "It is painted green."), 1):
            drawn.setFont("Helvetica-Bold", 16)
            drawn.drawString(60, 760, f"Room {page}")
            drawn.setFont("Helvetica", 11)
            drawn.drawString(60, 735, text)
            drawn.showPage()
    return out.getvalue()


@case(".pdf")
def footnotes() -> bytes:
    with canvas() as (drawn, out):
        for x, text, number in ((60, LIBRARY, 1), (310, POOL, 2)):
            rows = wrapped(text, 38)
            lines(drawn, x, 780, rows)
            end = 780 - 14 * (len(rows) - 1)
            drawn.setFont("Helvetica", 6.5)
            drawn.drawString(x + drawn.stringWidth(rows[-1], "Helvetica", 11), end + 4, str(number))
            drawn.setFont("Helvetica", 8)
            drawn.drawString(x, 90, f"{number} Parish records, volume {number + 3}.")
            drawn.setFont("Helvetica", 11)
    return out.getvalue()


# --- forms and annotations


def form(*, grid: bool = False) -> bytes:
    with canvas() as (drawn, out):
        drawn.drawString(60, 790, "Application for a berth")
        fields = drawn.acroForm
        for at, (label, name, value) in enumerate(
            (
                ("Surname:", "surname", "Okonkwo-Lindqvist"),
                ("Length of the boat", "length", "7.4 m"),
                ("Phone:", "phone", ""),
            )
        ):
            drawn.drawString(60, 750 - 30 * at, label)
            fields.textfield(name=name, value=value, x=230, y=745 - 30 * at, width=200, height=18)
        drawn.drawString(60, 660, "Berth:")
        fields.choice(
            name="berth", value="north pier", options=["north pier", "south pier"], x=230, y=655, width=120, height=18
        )
        for at, (name, label, ticked) in enumerate((("water", "Water", True), ("power", "Electricity", False))):
            fields.checkbox(name=name, checked=ticked, x=60, y=620 - 24 * at, size=14)
            drawn.drawString(82, 623 - 24 * at, label)
        drawn.drawString(60, 560, "Insured:")
        fields.checkbox(name="insured", checked=True, x=230, y=556, size=14)
    return out.getvalue()


CASES["form.pdf"] = form


@case(".pdf")
def stamps_and_notes() -> bytes:
    with canvas() as (drawn, out):
        lines(drawn, 60, 780, ["Delivery of six pallets of dried fish.", "Received by:"])
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(out.getvalue())))
    writer.add_annotation(0, FreeText(text="Marit Aas", rect=(200, 760, 300, 776)))
    writer.add_annotation(0, Text(text="Seal 77-114 was broken on arrival.", rect=(300, 780, 320, 800)))
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


@case(".pdf")
def a_page_that_is_a_picture() -> bytes:
    from PIL import Image

    with canvas() as (drawn, out):
        drawn.drawString(60, 780, "The plan is on the next page.")
        drawn.showPage()
        drawn.drawImage(ImageReader(Image.new("RGB", (80, 80), "white")), 60, 500, 400, 300)
    return out.getvalue()


# --- a narrow column beside a wide one, on levels of their own

SIDE: list[str | tuple[str, str]] = [
    ("head", "Contact"), "Marta Nowak", "12 Quay Lane, Leith", "+44 131 496 0712", "marta@nowak.example",
    ("head", "Skills"), "Welding, TIG and MIG", "Drawing with FreeCAD", "First aid",
    ("head", "Languages"), "Polish (native)", "English (fluent)", "Norwegian (basic)",
    ("head", "Licences"), "Forklift, class B", "Driving, C1E",
]  # fmt: skip
WORK: list[str | tuple[str, str]] = [
    ("head", "Work"), ("bold", "Shipwright, Forth Yard, 2018 to 2024"),
    "Led a crew of six that repaired hulls of fishing boats up to thirty metres,",
    "and kept the yard's book of materials and its costs.",
    ("bold", "Welder, Baltic Steel, 2012 to 2018"),
    "Welded bulkheads and tanks for ferries on the line to Sweden, on two shifts,",
    "with a record of four years without a defect.",
    ("head", "Education"), ("bold", "Diploma in shipbuilding, Gdynia, 2012"),
    "Thesis on the fatigue of welded joints in cold water, marked with distinction.",
    ("head", "Other"), "Volunteer with the lifeboat crew of Queensferry since 2019.",
]  # fmt: skip


def column(
    drawn: Canvas,
    x: float,
    y: float,
    items: Sequence[str | tuple[str, str]],
    *,
    size: float,
    leading: float,
    head: float,
) -> None:
    for item in items:
        kind, text = item if isinstance(item, tuple) else ("line", item)
        if kind == "head":
            y -= 0.9 * head
            drawn.setFont("Helvetica-Bold", head)
            drawn.drawString(x, y, text)
            y -= 1.3 * head
        else:
            drawn.setFont("Helvetica-Bold" if kind == "bold" else "Helvetica", size)
            drawn.drawString(x, y, text)
            y -= leading


@case(".pdf")
def cv_with_a_column_at_the_left() -> bytes:
    with canvas() as (drawn, out):
        drawn.setFont("Helvetica-Bold", 22)
        drawn.drawString(200, 780, "Marta Nowak")
        column(drawn, 40, 770, SIDE, size=9, leading=13, head=12)
        column(drawn, 200, 735, WORK, size=10, leading=14.5, head=14)
    return out.getvalue()


@case(".pdf")
def cv_with_a_column_at_the_right() -> bytes:
    with canvas() as (drawn, out):
        drawn.setFont("Helvetica-Bold", 20)
        drawn.drawString(50, 790, "Marta Nowak")
        for y in (738, 586, 521):  # lines below the headings of the wide column
            drawn.line(50, y, 420, y)
        column(drawn, 50, 755, WORK, size=10.5, leading=15, head=13)
        column(drawn, 440, 750, SIDE, size=8.5, leading=11.5, head=10.5)
    return out.getvalue()


@case(".pdf")
def cv_in_two_frames() -> bytes:
    out = io.BytesIO()
    document = BaseDocTemplate(out, pagesize=A4, invariant=1)
    document.addPageTemplates(PageTemplate(frames=[Frame(30, 40, 150, 740), Frame(195, 40, 370, 740)]))
    small = ParagraphStyle("small", parent=STYLES["BodyText"], fontSize=8.5, leading=11, spaceBefore=2, spaceAfter=1)
    flowables: list[Any] = []
    for items, style in ((SIDE, small), (WORK, STYLES["BodyText"])):
        for item in items:
            kind, text = item if isinstance(item, tuple) else ("line", item)
            text = f"<b>{text}</b>" if kind == "bold" else text
            flowables.append(Paragraph(text, STYLES["Heading2"] if kind == "head" else style))
        flowables.append(FrameBreak())
    document.build(flowables[:-1])
    return out.getvalue()
