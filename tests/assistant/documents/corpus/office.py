"""Word processor files and slides, made by python-docx, odfpy, python-pptx and, for RTF, by hand as Word writes it."""

import io

import docx
from docx.enum.section import WD_SECTION
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from odf import office as odf_office
from odf import table as odf_table
from odf import text as odf_text
from odf.namespaces import PRESENTATIONNS
from odf.opendocument import OpenDocumentPresentation, OpenDocumentText
from odf.style import ListLevelProperties, MasterPage, PageLayout, Style
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Cm

from tests.assistant.documents.corpus.collector import collector
from tests.assistant.documents.samples import word_file

CASES, case = collector()


@case(".docx")
def headings_and_lists() -> bytes:
    word = docx.Document()
    word.add_heading("House rules", 0)
    word.add_heading("Kitchen", 1)
    for text in ("Wash up.", "Close the gas."):
        word.add_paragraph(text, style="List Bullet")
    word.add_heading("Leaving", 1)
    for text in ("Strip the beds.", "Lock the door.", "Leave the key in the box."):
        word.add_paragraph(text, style="List Number")
    return word_file(word)


@case(".docx")
def numbers_on_two_levels() -> bytes:
    word = docx.Document()
    numbering = word.part.numbering_part.element
    levels = "".join(
        f'<w:lvl w:ilvl="{at}"><w:start w:val="1"/><w:numFmt w:val="{form}"/><w:lvlText w:val="{text}"/></w:lvl>'
        for at, (form, text) in enumerate((("decimal", "%1."), ("decimal", "%1.%2"), ("lowerLetter", "%3)")))
    )
    numbering.insert(0, parse_xml(f'<w:abstractNum {nsdecls("w")} w:abstractNumId="77">{levels}</w:abstractNum>'))
    numbering.append(parse_xml(f'<w:num {nsdecls("w")} w:numId="77"><w:abstractNumId w:val="77"/></w:num>'))
    for level, text in ((0, "Scope"), (1, "Buildings"), (1, "Gardens"), (2, "Hedges"), (0, "Duties"), (1, "Watering")):
        properties = word.add_paragraph(text)._p.get_or_add_pPr().get_or_add_numPr()
        properties.get_or_add_ilvl().val = level
        properties.get_or_add_numId().val = 77
    return word_file(word)


@case(".docx")
def header_footer_and_comment() -> bytes:
    word = docx.Document()
    word.sections[0].header.paragraphs[0].text = "Nordlicht Freight AS - Invoice no. NF-2291"
    word.sections[0].footer.paragraphs[0].text = "Payment is due on 30 June 2024."
    word.add_paragraph("Dear customer,")
    paragraph = word.add_paragraph("The pallets were sealed at the quay.")
    word.add_comment(paragraph.runs, text="Seal 77-114 was broken on arrival.", author="Clerk")
    word.add_section(WD_SECTION.NEW_PAGE)
    word.add_paragraph("Yours truly")
    return word_file(word)


@case(".docx")
def first_page_header() -> bytes:
    word = docx.Document()
    section = word.sections[0]
    section.different_first_page_header_footer = True
    section.first_page_header.paragraphs[0].text = "Minutes of 4 March"
    section.header.paragraphs[0].text = "Minutes, continued"
    word.add_paragraph("Present: Aas, Lie, Moen.")
    return word_file(word)


@case(".docx")
def table_with_empty_cells() -> bytes:
    word = docx.Document()
    word.add_heading("Duties", 1)
    rows = (("Duty", "Tenant", "Owner"), ("Painting", "every third year", ""), ("Roof", "", "yes"), ("", "pays", ""))
    table = word.add_table(4, 3)
    for row, texts in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    return word_file(word)


@case(".docx")
def table_with_merged_cells() -> bytes:
    word = docx.Document()
    table = word.add_table(5, 3)
    texts = (("Day", "Hall", "Pool"), ("Monday", "9-12", "8-10"), ("", "14-18", "16-20"), ("Weekend", "", ""))
    for row, cells in zip(table.rows, texts, strict=False):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    table.cell(3, 0).merge(table.cell(3, 2))
    table.cell(4, 0).text, table.cell(4, 1).text = "Sunday", "closed"
    table.cell(4, 1).merge(table.cell(4, 2))
    return word_file(word)


@case(".docx")
def text_box() -> bytes:
    word = docx.Document()
    paragraph = word.add_paragraph("The offer stands until May.")
    box = parse_xml(
        f'<w:r {nsdecls("w")} xmlns:v="urn:schemas-microsoft-com:vml"><w:pict><v:shape><v:textbox><w:txbxContent>'
        "<w:p><w:r><w:t>Ten per cent off for members.</w:t></w:r></w:p></w:txbxContent></v:textbox></v:shape></w:pict></w:r>"
    )
    paragraph._p.append(box)
    return word_file(word)


@case(".docx")
def footnote() -> bytes:
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.opc.packuri import PackURI
    from docx.opc.part import Part

    word = docx.Document()
    paragraph = word.add_paragraph("The seal was cast in 1402")
    run = paragraph.add_run()
    reference = OxmlElement("w:footnoteReference")
    reference.set(qn("w:id"), "2")
    run._r.append(reference)
    paragraph.add_run(".")
    notes = (
        f'<w:footnotes {nsdecls("w")}><w:footnote w:id="0" w:type="separator"><w:p/></w:footnote><w:footnote w:id="2">'
        "<w:p><w:r><w:footnoteRef/></w:r><w:r><w:t> Parish records, volume 3.</w:t></w:r></w:p></w:footnote></w:footnotes>"
    )
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
    part = Part(PackURI("/word/footnotes.xml"), kind, notes.encode(), word.part.package)
    word.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
    return word_file(word)


@case(".docx")
def page_laid_out_by_a_table() -> bytes:
    word = docx.Document()
    frame = word.add_table(1, 2)
    frame.cell(0, 0).paragraphs[0].text = "Left of the page: the menu of the week."
    inner = frame.cell(0, 1).add_table(2, 2)
    for cell, text in zip(inner._cells, ("Day", "Dish", "Monday", "Fish"), strict=True):
        cell.text = text
    return word_file(word)


@case(".docx")
def changes_that_are_tracked() -> bytes:
    word = docx.Document()
    paragraph = word.add_paragraph("The rent is ")
    for tag, inner, text in (("w:del", "w:delText", "4,000"), ("w:ins", "w:t", "4,600")):
        change, run, words = OxmlElement(tag), OxmlElement("w:r"), OxmlElement(inner)
        words.text = text
        run.append(words)
        change.append(run)
        paragraph._p.append(change)
    paragraph.add_run(" kroner a month.")
    return word_file(word)


@case(".docx")
def ticked_boxes() -> bytes:
    word = docx.Document()
    word.add_paragraph("☒ Water  ☐ Electricity")
    paragraph = word.add_paragraph()
    for code, text in (("F0FE", " Insured "), ("F0A8", " Moored abroad")):
        symbol = OxmlElement("w:sym")
        symbol.set(qn("w:font"), "Wingdings")
        symbol.set(qn("w:char"), code)
        paragraph.add_run()._r.append(symbol)
        paragraph.add_run(text)
    return word_file(word)


@case(".odt")
def open_text() -> bytes:
    written = OpenDocumentText()
    written.text.addElement(odf_text.H(outlinelevel=1, text="Minutes"))
    paragraph = odf_text.P(text="The board met on 4 March")
    note = odf_text.Note(noteclass="footnote", id="n1")
    note.addElement(odf_text.NoteCitation(text="1"))
    body = odf_text.NoteBody()
    body.addElement(odf_text.P(text="In the town hall."))
    note.addElement(body)
    paragraph.addElement(note)
    paragraph.addText(".")
    written.text.addElement(paragraph)
    style = odf_text.ListStyle(name="numbers")
    level = odf_text.ListLevelStyleNumber(level=1, numformat="1", numsuffix=".")
    level.addElement(ListLevelProperties())
    style.addElement(level)
    written.automaticstyles.addElement(style)
    items = odf_text.List(stylename="numbers")
    for text in ("The crane was bought.", "The fee was raised to 12 euros."):
        item = odf_text.ListItem()
        item.addElement(odf_text.P(text=text))
        items.addElement(item)
    written.text.addElement(items)
    written.text.addElement(_odf_table([[("Name", 1), ("Fee", 1)], [("Aas", 1), ("12", 1)], [("paid in full", 2)]]))
    layout = PageLayout(name="page")
    written.automaticstyles.addElement(layout)
    master = MasterPage(name="Standard", pagelayoutname=layout)
    from odf.style import Header

    header = Header()
    header.addElement(odf_text.P(text="Harbour board of Vik"))
    master.addElement(header)
    written.masterstyles.addElement(master)
    return _odf(written)


def _odf_table(rows: list[list[tuple[str, int]]]) -> odf_table.Table:
    made = odf_table.Table(name="T")
    for texts in rows:
        row = odf_table.TableRow()
        for text, columns in texts:
            cell = odf_table.TableCell(**({"numbercolumnsspanned": columns} if columns > 1 else {}))
            cell.addElement(odf_text.P(text=text))
            row.addElement(cell)
            for _ in range(columns - 1):
                row.addElement(odf_table.CoveredTableCell())
        made.addElement(row)
    return made


def _odf(document: object) -> bytes:
    file = io.BytesIO()
    document.write(file)
    return file.getvalue()


@case(".odt")
def open_text_with_a_comment() -> bytes:
    written = OpenDocumentText()
    paragraph = odf_text.P(text="The pallets were sealed.")
    from odf import dc

    comment = odf_office.Annotation()
    comment.addElement(dc.Creator(text="Clerk"))
    comment.addElement(odf_text.P(text="Seal 77 was broken."))
    paragraph.addElement(comment)
    written.text.addElement(paragraph)
    return _odf(written)


@case(".odp")
def open_slides() -> bytes:
    from odf.draw import Frame, Page, TextBox

    shown = OpenDocumentPresentation()
    layout = PageLayout(name="page")
    shown.automaticstyles.addElement(layout)
    master = MasterPage(name="m", pagelayoutname=layout)
    shown.masterstyles.addElement(master)
    shown.styles.addElement(Style(name="s", family="presentation"))
    for title, text in (("Why a bridge", "The ferry takes an hour."), ("Costs", "Nine million euros.")):
        page = Page(masterpagename=master)
        for words, kind in ((title, "title"), (text, None)):
            frame = Frame(width="10cm", height="2cm", x="1cm", y="1cm")
            if kind:
                frame.setAttrNS(PRESENTATIONNS, "class", kind)
            box = TextBox()
            box.addElement(odf_text.P(text=words))
            frame.addElement(box)
            page.addElement(frame)
        shown.presentation.addElement(page)
    return _odf(shown)


@case(".pptx")
def slides() -> bytes:
    shown = Presentation()
    slide = shown.slides.add_slide(shown.slide_layouts[1])
    slide.shapes.title.text = "Why a bridge"
    frame = slide.placeholders[1].text_frame
    frame.text = "The ferry takes an hour"
    frame.add_paragraph().text = "It does not run in storms"
    slide.notes_slide.notes_text_frame.text = "Mention the storm of 2019."
    slide = shown.slides.add_slide(shown.slide_layouts[5])
    slide.shapes.title.text = "Costs"
    table = slide.shapes.add_table(3, 2, Cm(2), Cm(5), Cm(12), Cm(4)).table
    for cell, text in zip(table.iter_cells(), ("Part", "Million euros", "Piers", "5.2", "Deck", "3.8"), strict=True):
        cell.text = text
    return _pptx(shown)


@case(".pptx")
def slide_with_boxes_in_any_order() -> bytes:
    shown = Presentation()
    slide = shown.slides.add_slide(shown.slide_layouts[6])
    for left, top, text in ((14, 8, "fourth"), (2, 8, "third"), (14, 3, "second"), (2, 3, "first")):
        slide.shapes.add_textbox(Cm(left), Cm(top), Cm(6), Cm(1)).text_frame.text = text
    return _pptx(shown)


@case(".pptx")
def slide_with_a_chart() -> bytes:
    shown = Presentation()
    slide = shown.slides.add_slide(shown.slide_layouts[5])
    slide.shapes.title.text = "Visitors"
    data = CategoryChartData()
    data.categories = ["2021", "2022"]
    data.add_series("Adults", (310, 420))
    data.add_series("Children", (120, 95))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Cm(2), Cm(5), Cm(12), Cm(8), data)
    return _pptx(shown)


def _pptx(shown: object) -> bytes:
    file = io.BytesIO()
    shown.save(file)
    return file.getvalue()


@case(".rtf")
def rich_text() -> bytes:
    return (
        rb"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Times New Roman;}}{\info{\title secret}}"
        rb"\pard\b The lease\b0\par\pard The tenant, Andr\'e9 Aas, takes the boathouse from 1 May.\par"
        rb"\pard It costs 4\u8239?600 kroner.\par"
        rb"\trowd\cellx2000\cellx4000\intbl Duty\cell Who\cell\row\trowd\cellx2000\cellx4000\intbl Roof\cell Owner\cell\row"
        rb"\pard Signed at Sandvik.\par}"
    )
