"""Ten documents of the kinds that people bring, built anew by the libraries that programs write such files with.

Everything in them is made up. An invoice, a timetable, a paper in two columns, a filled form and a manual as PDF
(reportlab), a lease and minutes as DOCX (python-docx), a price list as XLSX (openpyxl), slides as PPTX (python-pptx),
and a mail thread as MBOX (Python's e-mail package).
"""

import io
import mailbox
import tempfile
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any


def invoice() -> bytes:
    """A page with a letterhead, two address blocks side by side, a table of items and a foot with the bank."""
    from reportlab.lib import colors
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.pdfgen.canvas import Canvas
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

    styles = getSampleStyleSheet()

    def letterhead(page: Canvas, _: Any) -> None:
        page.setFont("Helvetica-Bold", 14)
        page.drawString(56, 800, "Halvorsen Roofing AS")
        page.setFont("Helvetica", 8)
        page.drawString(56, 787, "Kaigaten 9, 5003 Bergen")
        page.drawString(56, 40, "Bank: Sparebanken Vest   Account: 3411 22 90817   VAT: NO 914 220 655")

    blocks = Table(
        [
            [
                Paragraph("Bill to:<br/>Lindgren Bakery<br/>Torget 2<br/>5014 Bergen", styles["Normal"]),
                Paragraph(
                    "Invoice number: 2024-0719<br/>Date: 3 June 2024<br/>Due: 24 June 2024<br/>Your reference: Oda Lie",
                    styles["Normal"],
                ),
            ]
        ]
    )
    rows = [
        ["Description", "Quantity", "Unit price", "Amount"],
        ["Slate tiles, grey", "420", "38.50", "16,170.00"],
        ["Copper gutter, per metre", "26", "410.00", "10,660.00"],
        ["Labour, hours", "64", "720.00", "46,080.00"],
        ["", "", "Subtotal", "72,910.00"],
        ["", "", "VAT 25 %", "18,227.50"],
        ["", "", "Total NOK", "91,137.50"],
    ]
    grid = TableStyle([("LINEBELOW", (0, 0), (-1, 0), 1, colors.black), ("ALIGN", (1, 0), (-1, -1), "RIGHT")])
    terms = "A late payment is charged 12.5 % interest a year. The guarantee on all work is ten years."
    out = io.BytesIO()
    SimpleDocTemplate(out, pagesize=A4, topMargin=90, invariant=1).build(
        [
            Paragraph("Invoice", styles["Heading1"]), blocks, Spacer(1, 18), Table(rows, style=grid), Spacer(1, 18),
            Paragraph(terms, styles["Normal"]),
        ],
        onFirstPage=letterhead,
    )  # fmt: skip
    return out.getvalue()


def timetable() -> bytes:
    """A landscape page that is turned, with departures of a bus in a table with a header."""
    from pypdf import PdfReader, PdfWriter
    from reportlab.lib import colors
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Table, TableStyle

    styles = getSampleStyleSheet()
    rows = [
        ["Stop", "Bus 1", "Bus 3", "Bus 5", "Bus 7"],
        ["Harbour", "6:10", "8:40", "12:05", "17:30"],
        ["Museum", "6:18", "8:49", "12:14", "17:39"],
        ["Hospital", "6:25", "8:57", "12:22", "17:47"],
        ["Airport", "6:52", "9:26", "12:51", "18:16"],
    ]
    grid = TableStyle([("GRID", (0, 0), (-1, -1), 0.5, colors.grey)])
    out = io.BytesIO()
    SimpleDocTemplate(out, pagesize=(A4[1], A4[0]), invariant=1).build(
        [
            Paragraph("Line 14, Monday to Friday", styles["Heading1"]),
            Table(rows, style=grid),
            Paragraph("Bus 5 does not run on 24 December. Dogs travel free; bicycles pay 20 kroner.", styles["Normal"]),
        ]
    )
    writer = PdfWriter()
    for page in PdfReader(io.BytesIO(out.getvalue())).pages:
        page.rotate(180)  # as a scanner's program turns it
        writer.add_page(page)
    turned = io.BytesIO()
    writer.write(turned)
    return turned.getvalue()


def paper() -> bytes:
    """An article of two pages: title over both columns, running text in two, a footnote."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import BaseDocTemplate, Flowable, Frame, NextPageTemplate, PageTemplate, Paragraph

    styles = getSampleStyleSheet()
    width, height = A4
    column = (width - 2 * 50 - 20) / 2
    top = Frame(50, height - 150, width - 100, 100)
    first = [top, *(Frame(50 + at * (column + 20), 60, column, height - 220) for at in range(2))]
    later = [Frame(50 + at * (column + 20), 60, column, height - 120) for at in range(2)]
    sections = [
        ("Abstract", "We measured how the common eider chooses its nest on three islands of the Tana fjord. Over six "
         "summers 1,284 nests were mapped. Birds preferred driftwood to grass, and nests beside driftwood lost fewer "
         "eggs to gulls."),
        ("1. Introduction", "The eider breeds in colonies along the northern coasts. Down has been gathered there "
         "since the Middle Ages, and the keepers of the colonies built shelters of stone and turf for the birds. Why "
         "some shelters are taken every year while others stay empty has not been studied before."),
        ("2. Methods", "Each island was walked once a week from 10 May to 20 July. A nest was counted when it held at "
         "least one egg. The position was taken with a hand-held receiver whose error was below two metres. Eggs were "
         "floated in water to tell their age. Gulls were counted from a hide on the northern point for thirty minutes "
         "at a time. The work was paid for by the Finnmark Foundation."),
        ("3. Results", "Of the 1,284 nests, 803 stood beside driftwood. Losses to gulls were 11 per cent there and 27 "
         "per cent in grass. The mean clutch was 4.3 eggs. In the cold summer of 2019 the first egg was found on 29 "
         "May, twelve days later than in the other years. Shelters that faced south were taken twice as often as "
         "those that faced the sea. No nest was found within four metres of a path."),
        ("4. Discussion", "Driftwood hides the bird from above and keeps the wind off. It may also tell a bird that "
         "the place is not flooded at spring tide. Keepers can therefore help a colony by leaving the wood where "
         "the sea puts it. We do not know whether the same holds further south, where mink take more eggs "
         "than gulls do."),
    ]  # fmt: skip
    body: list[Flowable] = [
        Paragraph("Driftwood and nest choice of the common eider", styles["Title"]),
        Paragraph("Ragna Sollid and Pekka Aikio, Institute of Coastal Biology, Vads&oslash;", styles["Normal"]),
        NextPageTemplate("later"),
    ]
    for title, text in sections:
        body += [Paragraph(title, styles["Heading3"]), Paragraph(text, styles["BodyText"])]
    out = io.BytesIO()
    article = BaseDocTemplate(out, pagesize=A4, invariant=1)
    article.addPageTemplates([PageTemplate("first", first), PageTemplate("later", later)])
    article.build(body)
    return out.getvalue()


def form() -> bytes:
    """An application with filled fields and ticked boxes."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    page = Canvas(out, pagesize=A4, invariant=1)
    page.setFont("Helvetica-Bold", 14)
    page.drawString(60, 790, "Application for a berth in the guest harbour")
    page.setFont("Helvetica", 10)
    fields = [
        ("Name of the owner", "Mirja Kettunen"), ("Telephone", "+358 40 118 2207"), ("Name of the boat", "Siiri"),
        ("Length over all (m)", "9.4"), ("Draught (m)", "1.6"), ("Day of arrival", "12 July 2024"),
        ("Nights", "5"),
    ]  # fmt: skip
    for at, (label, value) in enumerate(fields):
        page.drawString(60, 750 - 30 * at, label)
        page.acroForm.textfield(
            name=f"field{at}", value=value, x=220, y=742 - 30 * at, width=240, height=20, fontSize=10
        )
    for at, (label, ticked) in enumerate((("Electricity", True), ("Fresh water", True), ("Sauna", False))):
        page.acroForm.checkbox(name=f"box{at}", checked=ticked, x=60, y=510 - 24 * at, size=12)
        page.drawString(80, 512 - 24 * at, label)
    page.drawString(60, 420, "The harbour office answers within two working days.")
    page.save()
    return out.getvalue()


def manual() -> bytes:
    """Pages with a running head, chapters, numbered steps, a table of faults and a warning."""
    from reportlab.lib import colors
    from reportlab.lib.pagesizes import A5
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.pdfgen.canvas import Canvas
    from reportlab.platypus import Flowable, ListFlowable, PageBreak, Paragraph, SimpleDocTemplate, Table, TableStyle

    styles = getSampleStyleSheet()

    def head(page: Canvas, frame: Any) -> None:
        page.setFont("Helvetica", 8)
        page.drawString(60, 570, "Brisa 200 dehumidifier")
        page.drawRightString(360, 570, f"Page {frame.page}")

    def steps(*texts: str) -> Flowable:
        return ListFlowable([Paragraph(text, styles["BodyText"]) for text in texts], bulletType="1")

    faults = Table(
        [
            ["Light", "Cause", "What to do"],
            ["Red, steady", "The tank is full", "Empty the tank"],
            ["Red, blinking", "The fan is blocked", "Call the service"],
            ["Yellow", "The filter is dirty", "Wash the filter"],
        ],
        style=TableStyle([("GRID", (0, 0), (-1, -1), 0.5, colors.black)]),
    )
    body = [
        Paragraph("Setting up", styles["Heading1"]),
        Paragraph(
            "Stand the dehumidifier upright for at least four hours before it is first switched on, so that the oil "
            "flows back into the compressor. Leave 30 cm free on every side.",
            styles["BodyText"],
        ),
        steps("Take out the tank.", "Remove the red transport lock.", "Push the tank back until it clicks."),
        PageBreak(),
        Paragraph("Care", styles["Heading1"]),
        Paragraph(
            "Wash the filter with lukewarm water every two weeks and let it dry before it is put back. Never use the "
            "machine without its filter. The tank holds 3.8 litres.",
            styles["BodyText"],
        ),
        Paragraph("Warning: do not use the machine in rooms below 5 &deg;C.", styles["BodyText"]),
        PageBreak(),
        Paragraph("Faults", styles["Heading1"]),
        faults,
        Paragraph("The guarantee is three years from the day of purchase.", styles["BodyText"]),
    ]
    out = io.BytesIO()
    SimpleDocTemplate(out, pagesize=A5, invariant=1).build(body, onFirstPage=head, onLaterPages=head)
    return out.getvalue()


def lease() -> bytes:
    """A contract with numbered clauses and a table of who pays for what, a cell merged over two rows."""
    import docx

    word = docx.Document()
    word.sections[0].header.paragraphs[0].text = "Lease no. 118/2023"
    word.add_heading("Lease of a workshop", 0)
    word.add_paragraph("between Dagny Berntsen (the landlord) and the Oarlock Cooperative (the tenant).")
    clauses = [
        ("Premises", "The landlord lets the ground floor of Skippergata 31, 140 square metres, as a workshop."),
        ("Term", "The lease begins on 1 March 2024 and runs for five years. Either party may end it in writing with "
         "nine months' notice."),
        ("Rent", "The rent is 11,400 kroner a month, to be paid in advance on the fifth day of each month."),
        ("Deposit", "The tenant deposits three months' rent on a blocked account."),
        ("Use", "Subletting needs the written consent of the landlord. Engines may not be run after 20:00."),
    ]  # fmt: skip
    for title, text in clauses:
        word.add_paragraph(title, style="List Number")
        word.add_paragraph(text)
    word.add_paragraph("Costs and care:")
    grid = word.add_table(rows=5, cols=3)
    for row, texts in enumerate(
        [("Part", "Care", "Cost"), ("Roof", "landlord", "landlord"), ("Windows", "tenant", "landlord"),
         ("Heating", "tenant", "tenant"), ("Snow", "", "tenant")]
    ):  # fmt: skip
        for column, text in enumerate(texts):
            grid.cell(row, column).text = text
    grid.cell(3, 1).merge(grid.cell(4, 1))
    return _saved(word)


def minutes() -> bytes:
    """Minutes of a meeting: who was there, headings for the items, decisions, a table of tasks."""
    import docx

    word = docx.Document()
    word.add_heading("Minutes of the board, Allotment Society Elvebakken", 0)
    word.add_paragraph("Tuesday 9 April 2024, 18:00 to 19:40, club house")
    word.add_paragraph("Present: Siv Aune (chair), Jon Moe, Tuva Rud, Per Dahl (minutes). Excused: Nora Vik.")
    word.add_heading("1. Water", 1)
    word.add_paragraph("The pump was repaired in March for 8,200 kroner. The water is turned on on 26 April.")
    word.add_heading("2. Compost", 1)
    word.add_paragraph("Jon proposed a second container. Three voted for it and one against. It was adopted.")
    word.add_heading("3. Summer party", 1)
    word.add_paragraph("The party was moved from 15 to 22 June because of the road works.")
    word.add_heading("4. Tasks", 1)
    tasks = [("Task", "Who", "Until"), ("Order the container", "Jon Moe", "30 April"),
             ("Rent the tent", "Tuva Rud", "1 June"), ("Paint the gate", "Nora Vik", "15 May")]  # fmt: skip
    grid = word.add_table(rows=0, cols=3)
    for task in tasks:
        for cell, text in zip(grid.add_row().cells, task, strict=True):
            cell.text = text
    word.add_paragraph("The next meeting is on 14 May.")
    return _saved(word)


def price_list() -> bytes:
    """A workbook of two sheets: prices with a merged title, and postage."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Seeds"
    sheet.append(["Price list, spring 2024"])
    sheet.merge_cells("A1:D1")
    sheet.append([])
    sheet.append(["Article", "Sort", "Grams", "Price EUR"])
    for row in (
        ["S-101", "Kale Halland", 2, 3.20],
        ["S-102", "Beetroot Bolivar", 10, 2.80],
        ["S-115", "Pea Lokal", 60, 4.10],
        ["S-131", "Dill Tetra", 5, 2.40],
    ):
        sheet.append(row)
    for number in range(4, 8):
        sheet.cell(number, 4).number_format = "0.00"
    postage = book.create_sheet("Postage")
    for line in (["Country", "Up to 500 g", "Up to 2 kg"], ["Finland", 5.9, 8.9], ["Sweden", 7.9, 12.5]):
        postage.append(line)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def slides() -> bytes:
    """Four slides: a title, points, a table, notes for the speaker."""
    from pptx import Presentation
    from pptx.util import Cm

    show = Presentation()

    def slide(title: str, points: Sequence[str]) -> Any:
        new = show.slides.add_slide(show.slide_layouts[1 if points else 5])
        new.shapes.title.text = title
        if points:
            new.placeholders[1].text = "\n".join(points)
        return new

    slide("A ferry without diesel", ["Report to the county council", "Ingeborg Tveit, 11 October 2024"])
    slide("Why now", ["The present ferry is 41 years old", "Diesel costs 6.2 million kroner a year",
                      "Emissions must fall by half until 2030"])  # fmt: skip
    compared = slide("Two ways", [])
    grid = compared.shapes.add_table(4, 3, Cm(2), Cm(5), Cm(20), Cm(6)).table
    for row, texts in enumerate(
        [("", "Battery", "Hydrogen"), ("Price, million kroner", "148", "212"), ("Crossing, minutes", "22", "19"),
         ("Charging, minutes", "9", "35")]
    ):  # fmt: skip
        for column, text in enumerate(texts):
            grid.cell(row, column).text = text
    last = slide("Our advice", ["Order the battery ferry this year", "Build the charger at Sandvik first"])
    last.notes_slide.notes_text_frame.text = "If asked: the yard in Fjellstrand can deliver in May 2026."
    out = io.BytesIO()
    show.save(out)
    return out.getvalue()


def mail_thread() -> bytes:
    """Four messages about a journey, one as HTML, one with an attachment, each quoting the one before."""
    from datetime import datetime, timedelta, timezone

    begin = datetime(2024, 8, 5, 9, 12, tzinfo=timezone(timedelta(hours=2)))
    said = [
        ("Astrid Foss <astrid@example.org>", "Cabin in Lofoten", "Hello both,\n\nthe cabin at Reine is free from 14 to "
         "19 September. It costs 1,350 kroner a night and has six beds. Shall I book?\n\nAstrid"),
        ("Bo Ekman <bo@example.org>", "Re: Cabin in Lofoten", "Yes please! I take the train to Bodø on the 13th.\n\n"
         "> the cabin at Reine is free from 14 to 19 September.\n\nBo"),
        ("Clara Diaz <clara@example.org>", "Re: Cabin in Lofoten", "I can only come on the 16th, after my exam. Is "
         "there a bus from Leknes?\n\nClara"),
        ("Astrid Foss <astrid@example.org>", "Re: Cabin in Lofoten", "Booked, the number is RN-4471. The bus from "
         "Leknes leaves at 15:05, and I fetch you at the bridge. The key is with Mrs Hansen at the bakery.\n\nAstrid"),
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "thread.mbox"
        box = mailbox.mbox(path)
        for at, (sender, subject, text) in enumerate(said):
            message = EmailMessage()
            message["From"], message["To"], message["Subject"] = sender, "cabin@example.org", subject
            message["Date"] = format_datetime(begin + timedelta(hours=5 * at))
            message["Message-ID"] = f"<{at}@example.org>"
            message.set_content(text, cte="quoted-printable")
            if at == 2:
                message.add_alternative("<p>" + text.replace("\n\n", "</p><p>") + "</p>", subtype="html")
            if at == 3:
                message.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="booking.pdf")
            box.add(message)
        box.close()
        return path.read_bytes()


def _saved(word: Any) -> bytes:
    out = io.BytesIO()
    word.save(out)
    return out.getvalue()


FILES: dict[str, Callable[[], bytes]] = {
    "invoice.pdf": invoice,
    "lease.docx": lease,
    "form.pdf": form,
    "timetable.pdf": timetable,
    "paper.pdf": paper,
    "minutes.docx": minutes,
    "price-list.xlsx": price_list,
    "slides.pptx": slides,
    "thread.mbox": mail_thread,
    "manual.pdf": manual,
}
"""For each document its name and how to build it."""
