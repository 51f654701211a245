"""Workbooks, made by openpyxl and odfpy, and delimited files."""

import datetime
import io

import openpyxl
from odf import table as odf_table
from odf import text as odf_text
from odf.opendocument import OpenDocumentSpreadsheet

from tests.assistant.documents.corpus.collector import collector

CASES, case = collector()


def _xlsx(book: openpyxl.Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


@case(".xlsx")
def stations() -> bytes:
    book = openpyxl.Workbook()
    for row in (("Station", "Height in m", "Opened"), ("Kleine Scheidegg", 2061, 1893), ("Jungfraujoch", 3454, 1912)):
        book.active.append(row)
    return _xlsx(book)


@case(".xlsx")
def values_as_shown() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sales"
    sheet.append(("Day", "Share", "Sum", "Price", "Paid", "Hours"))
    sheet.append((datetime.date(2024, 5, 2), 0.125, 12345.5, 9.5, True, datetime.timedelta(hours=26, minutes=30)))
    for cell, form in zip(sheet[2], ("dd.mm.yyyy", "0.0%", "#,##0.00", '0.00 "EUR"', "General", "[h]:mm"), strict=True):
        cell.number_format = form
    return _xlsx(book)


@case(".xlsx")
def title_over_a_table() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Prices"
    sheet["B2"] = "Price list 2024"
    sheet.merge_cells("B2:D2")
    for at, row in enumerate((("Room", "Summer", "Winter"), ("Attic", 48, 39), ("Garden", 85, 64)), 4):
        for column, value in enumerate(row, 2):
            sheet.cell(at, column, value)
    return _xlsx(book)


@case(".xlsx")
def merged_cells() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (("Day", "Price", None), (None, "Adult", "Child"), ("Monday", 9, 5), (None, 11, 6)):
        sheet.append(row)
    for area in ("A1:A2", "B1:C1", "A3:A4"):
        sheet.merge_cells(area)
    return _xlsx(book)


@case(".xlsx")
def several_sheets() -> bytes:
    book = openpyxl.Workbook()
    book.active.title = "Staff"
    for row in (("name", "age"), ("Tom Beck", 29), ("Ada Osei", 35)):
        book.active.append(row)
    other = book.create_sheet("Boats")
    for row in (("boat", "length"), ("Svala", 7.4), ("Mira", 11)):
        other.append(row)
    return _xlsx(book)


@case(".xlsx")
def two_tables_side_by_side() -> bytes:
    book = openpyxl.Workbook()
    for row in (("boat", "berth", None, "town", "fee"), ("Svala", 12, None, "Ulm", 90), ("Mira", 14, None, "Bari", 70)):
        book.active.append(row)
    return _xlsx(book)


@case(".xlsx")
def formulas_without_values() -> bytes:
    book = openpyxl.Workbook()
    for row in (("Item", "Sum"), ("Fish", 40), ("Salt", 2), ("Total", "=SUM(B2:B3)")):
        book.active.append(row)
    return _xlsx(book)


@case(".xlsx")
def empty_cells_keep_their_columns() -> bytes:
    book = openpyxl.Workbook()
    for row in (("Duty", "Tenant", "Owner"), ("Roof", None, "yes"), ("Rent", "pays", None), (None, None, "pays tax")):
        book.active.append(row)
    return _xlsx(book)


@case(".ods")
def open_sheet() -> bytes:
    book = OpenDocumentSpreadsheet()
    sheet = odf_table.Table(name="Boats")
    for texts in (("boat", "length", "berth"), ("Svala", "7,4 m", "12"), ("Mira", "", "14")):
        row = odf_table.TableRow()
        for text in texts:
            cell = odf_table.TableCell()
            if text:
                cell.addElement(odf_text.P(text=text))
            row.addElement(cell)
        row.addElement(odf_table.TableCell(numbercolumnsrepeated=1000))
        sheet.addElement(row)
    sheet.addElement(odf_table.TableRow(numberrowsrepeated=1_048_000))
    book.spreadsheet.addElement(sheet)
    file = io.BytesIO()
    book.write(file)
    return file.getvalue()


CASES["staff.csv"] = lambda: b'name,town,age\nMeera Nair,Kochi,41\nTom Beck,Ulm,29\n"Osei, Ada",Kumasi,35\n'
CASES["people.csv"] = lambda: b"name;town;age\r\nMeera Nair;Kochi;41\r\nTom Beck;Ulm;29\r\n"
CASES["marked.csv"] = lambda: "sep=;\nStraße;Ort\nHafengasse 7;Köln\nAm Markt 2;Ulm\n".encode("utf-16")
CASES["boats.tsv"] = lambda: b"boat\tberth\nSvala\t12\nMira\t\nOdin\t7\n"
