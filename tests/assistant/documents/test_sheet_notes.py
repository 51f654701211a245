"""Comments on cells, text boxes on sheets and formats of numbers: what a sheet shows beside its values."""

import io

import pytest
from odf import dc, office
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P
from openpyxl import Workbook
from openpyxl.comments import Comment

from assistant.documents.number_formats import shown
from assistant.documents.open import decode_document
from assistant.documents.xlsx_notes import _boxes, _comments
from tests.assistant.documents.samples import xml


def test_comments_of_a_workbook_stand_behind_its_sheet_with_their_cells() -> None:
    book = Workbook()
    sheet = book.active
    sheet.title = "Sales"
    for row in (("Branch", "Turnover"), ("Perth", 2210), ("Oban", 5600)):
        sheet.append(row)
    sheet["B2"].comment = Comment("Closed for six weeks\nafter the flood.", "Ada")
    book.create_sheet("Staff").append(("Name", "Town"))
    file = io.BytesIO()
    book.save(file)
    document = decode_document("sales.xlsx", file.getvalue())
    note = "Comment at B2: Closed for six weeks after the flood."
    assert document.text.index("Oban | 5600") < document.text.index(note) < document.text.index("## Staff")
    assert document.place(document.text.index("flood")) == "Sales!B2"


def test_what_excel_writes_for_older_programs_is_no_part_of_a_comment() -> None:
    text = "[Threaded comment]\n\nYour version of Excel allows you to read this.\n\nComment:\n    Ask Ada."
    root = xml(
        f'<comments><commentList><comment ref="C4"><text><t>{text}</t></text></comment></commentList></comments>'
    )
    assert list(_comments(root)) == [("C4", "Ask Ada.")]


def test_text_boxes_on_a_sheet_are_read() -> None:
    root = xml("<d><sp><txBody><p><r><t>Provisional </t></r><r><t>figures</t></r></p><p/></txBody></sp></d>")
    assert list(_boxes(root)) == [(None, "Provisional figures")]


def test_comments_of_an_open_sheet_stand_behind_it() -> None:
    file = OpenDocumentSpreadsheet()
    table = Table(name="Ledger")
    for name, comment in (("Rent", ""), ("Donation of the bakery", "Thank them by letter.")):
        row, cell = TableRow(), TableCell()
        cell.addElement(P(text=name))
        if comment:
            note = office.Annotation()
            note.addElement(dc.Creator(text="Lene"))
            note.addElement(P(text=comment))
            cell.addElement(note)
        row.addElement(cell)
        table.addElement(row)
    file.spreadsheet.addElement(table)
    out = io.BytesIO()
    file.write(out)
    document = decode_document("ledger.ods", out.getvalue())
    assert document.text.endswith("Comment at A2: Thank them by letter.")
    assert "Donation of the bakery" in document.text


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (0.00000123, "0.00E+00", "1.23E-06"),
        (4500, "0.00E+00", "4.50E+03"),
        (-4600, "0E+0", "-5E+3"),
        (1.5, "# ?/?", "1 1/2"),
        (0.25, "# ?/?", "1/4"),
        (-2.75, "# ?/?", "-2 3/4"),
        (3, "# ?/?", "3"),
        (0.5, "?/8", "4/8"),
        (2.999999, "# ?/?", "3"),
    ],
)
def test_scientific_numbers_and_fractions_are_shown_as_their_cells_show_them(
    value: float, number_format: str, text: str
) -> None:
    assert shown(value, number_format) == text
