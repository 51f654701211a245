"""Pages as programs draw them: tables in boxes, names over columns, blocks side by side, letters set apart."""

import io
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reportlab.pdfgen.canvas import Canvas

from assistant.documents.open import decode_document
from assistant.documents.pdf_layout import layout
from assistant.documents.pdf_paragraphs import Paragraph
from assistant.documents.pdf_rows import rows_of
from assistant.documents.pdf_words import Rule, Word
from assistant.types import Document


def drawn(*pages: Callable[[Canvas], Any], size: tuple[float, float] = (595, 842)) -> Document:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=size)
    for page in pages:
        canvas.setFont("Helvetica", 10)
        page(canvas)
        canvas.showPage()
    canvas.save()
    return decode_document("page.pdf", file.getvalue())


def put(canvas: Canvas, *words: tuple[float, float, str]) -> None:
    for x, y, text in words:
        canvas.drawString(x, y, text)


def test_a_table_in_boxes_has_the_cells_of_its_boxes_however_tight() -> None:
    def page(canvas: Canvas) -> None:
        for x in (60, 118, 160, 202):
            canvas.line(x, 700, x, 640)
        for y in (700, 680, 660, 640):
            canvas.line(60, y, 202, y)
        put(canvas, (62, 686, "Stop"), (120, 686, "Mon–Fri"), (162, 686, "Sunday"))
        put(canvas, (62, 666, "Harbour sq."), (120, 666, "6:10"), (162, 666, "8:40"))
        put(canvas, (62, 646, "Town hall"), (120, 646, "6:17"), (162, 646, "8:46"))

    assert drawn(page).text == "Stop | Mon–Fri | Sunday\nHarbour sq. | 6:10 | 8:40\nTown hall | 6:17 | 8:46"


def test_a_box_over_several_rows_is_a_cell_of_each() -> None:
    def page(canvas: Canvas) -> None:
        canvas.rect(60, 660, 80, 40)  # one box beside two
        for y in (660, 680):
            canvas.rect(140, y, 80, 20)
            canvas.rect(220, y, 80, 20)
        put(canvas, (64, 676, "Zone A"), (144, 686, "Plot 1"), (224, 686, "60 EUR"), (144, 666, "Plot 2"))
        put(canvas, (224, 666, "61 EUR"))

    assert drawn(page).text == "Zone A | Plot 1 | 60 EUR\nZone A | Plot 2 | 61 EUR"


def test_a_grid_drawn_as_one_path_is_a_table() -> None:
    def page(canvas: Canvas) -> None:
        path = canvas.beginPath()
        for y in (700, 680, 660):
            path.moveTo(60, y)
            path.lineTo(180, y)
        for x in (60, 100, 180):
            path.moveTo(x, 700)
            path.lineTo(x, 660)
        canvas.drawPath(path)
        put(canvas, (63, 686, "Code 1"), (103, 686, "lid open"), (63, 666, "Code 2"), (103, 666, "boiled dry"))

    assert drawn(page).text == "Code 1 | lid open\nCode 2 | boiled dry"


def test_a_frame_round_a_page_is_no_table() -> None:
    def page(canvas: Canvas) -> None:
        canvas.rect(40, 40, 515, 760)
        canvas.line(40, 420, 555, 420)
        canvas.line(297, 40, 297, 800)
        for at in range(20):
            put(canvas, (50, 780 - 14 * at, "seven words of prose stand on this line"))

    assert " | " not in drawn(page).text


def test_a_long_label_beside_its_value_stays_a_row_of_the_table() -> None:
    def page(canvas: Canvas) -> None:
        put(canvas, (60, 700, "Area"), (132, 700, "1.9 km²"))
        put(canvas, (60, 684, "Municipality"), (132, 684, "Hitra"))
        put(canvas, (60, 668, "Highest point of"), (132, 668, "64 m"))
        put(canvas, (60, 652, "Population"), (132, 652, "112"))

    assert drawn(page).text == "Area | 1.9 km²\nMunicipality | Hitra\nHighest point of | 64 m\nPopulation | 112"


def test_names_in_the_middle_over_columns_stand_over_each() -> None:
    def page(canvas: Canvas) -> None:
        put(canvas, (202, 720, "Summer"), (386, 720, "Winter"))
        for y, row in (
            (704, "Vehicle Single Return Single Return"),
            (684, "Car 210 360 150 255"),
            (664, "Bicycle 30 50 20 35"),
        ):
            put(canvas, *((x, y, text) for x, text in zip((60, 170, 260, 350, 440), row.split(), strict=True)))

    assert drawn(page).text.splitlines()[:2] == [
        " | Summer | Summer | Winter | Winter",
        "Vehicle | Single | Return | Single | Return",
    ]


def test_names_written_up_the_page_head_their_columns() -> None:
    def page(canvas: Canvas) -> None:
        for x, name in ((172, "Saturday"), (232, "Sunday"), (292, "Monday")):
            canvas.saveState()
            canvas.translate(x, 690)
            canvas.rotate(90)
            canvas.drawString(0, 0, name)
            canvas.restoreState()
        put(canvas, (60, 665, "Bread"), (160, 665, "Aino"), (220, 665, "Bo"), (280, 665, "Chandra"))
        put(canvas, (60, 643, "Cider"), (160, 643, "Gwen"), (220, 643, "Hana"), (280, 643, "Ivo"))

    assert drawn(page).text == " | Saturday | Sunday | Monday\nBread | Aino | Bo | Chandra\nCider | Gwen | Hana | Ivo"


def test_blocks_side_by_side_above_a_table_are_read_one_after_the_other_and_totals_row_by_row() -> None:
    def page(canvas: Canvas) -> None:
        put(canvas, (40, 780, "Brinkhof Bicycles"), (450, 780, "Invoice no. 2024-0917"), (40, 768, "Kanaalweg 81"))
        put(canvas, (450, 756, "Due: 13 April 2024"), (40, 756, "3533 HH Utrecht"), (40, 744, "KvK 30281177"))
        rows = (
            ("Description", "Qty", "Price", "Amount"),
            ("Cargo bike", "2", "1,150.00", "2,300.00"),
            ("Truing", "6", "22.50", "135.00"),
        )
        for at, row in enumerate(rows):
            put(canvas, *((x, 710 - 20 * at, text) for x, text in zip((40, 330, 400, 500), row, strict=True)))
            for left, right in ((38, 328), (328, 398), (398, 498), (498, 560)):
                canvas.line(left, 703 - 20 * at, right, 703 - 20 * at)
        put(canvas, (330, 650, "Subtotal"), (500, 650, "2,435.00"), (330, 630, "VAT"), (500, 630, "511.35"))
        canvas.line(328, 643, 560, 643)

    text = drawn(page).text
    assert text.startswith("Brinkhof Bicycles\nKanaalweg 81\n3533 HH Utrecht\nKvK 30281177")
    assert "Invoice no. 2024-0917\n" in text
    assert "Truing | 6 | 22.50 | 135.00\n | Subtotal |  | 2,435.00\n | VAT |  | 511.35" in text


def test_a_table_over_two_pages_is_one_and_its_pages_begin_at_their_rows() -> None:
    def page(first: int) -> Callable[[Canvas], None]:
        def draw(canvas: Canvas) -> None:
            put(canvas, (60, 760, "Plot"), (160, 760, "Tenant"), (260, 760, "Rent"))
            for at in range(first, first + 10):
                y = 740 - 20 * (at - first)
                put(canvas, (60, y, f"Plot {at}"), (160, y, f"Tenant {at}"), (260, y, f"{60 + at} EUR"))
            put(canvas, (290, 30, f"{first // 10 + 1} / 2"))

        return draw

    document = drawn(page(0), page(10))
    (table,) = document.tables
    assert table.height == 21
    assert document.text[document.pages[1] :].startswith("Plot 10 | Tenant 10 | 70 EUR")


def test_headings_above_uneven_columns_belong_to_them() -> None:
    def page(canvas: Canvas) -> None:
        canvas.setFont("Helvetica-Bold", 13)
        put(canvas, (60, 760, "1 Introduction"), (320, 746, "3 Results"))
        canvas.setFont("Helvetica", 10)
        for at in range(12):
            put(canvas, (60, 738 - 12 * at, f"left line {at} says something about reefs of concrete"))
            if at > 0:
                put(canvas, (320, 738 - 12 * at, f"right line {at} tells how many larvae there were"))

    text = drawn(page).text
    assert (
        text.index("1 Introduction")
        < text.index("left line 11")
        < text.index("3 Results")
        < text.index("right line 1 ")
    )


def test_letters_set_apart_are_words_and_a_large_initial_begins_one() -> None:
    def page(canvas: Canvas) -> None:
        for at, letter in enumerate("OFFICIAL NOTICE"):
            put(canvas, (60 + 14 * at, 780, letter))
        canvas.setFont("Helvetica", 36)
        put(canvas, (60, 722, "T"))
        canvas.setFont("Helvetica", 10)
        put(canvas, (83, 741, "raffic on the bridge is suspended"), (83, 729, "from the fifth of May for all"))
        put(canvas, (60, 717, "vehicles but the fire brigade."), (60, 705, "The ferry carries people."))

    text = drawn(page).text
    assert text.startswith("OFFICIAL NOTICE")
    assert "Traffic on the bridge is suspended\nfrom the fifth of May" in text


def test_a_choice_shows_the_label_and_not_its_code() -> None:
    def page(canvas: Canvas) -> None:
        put(canvas, (60, 700, "Species:"))
        canvas.acroForm.choice(
            name="s", x=120, y=694, width=100, height=18, value="d", options=[("Cat", "c"), ("Dog", "d")]
        )

    assert "Species: Dog" in drawn(page).text


@pytest.mark.parametrize(
    ("texts", "read"),
    [
        (["מטר", "24", "גובהו"], "גובהו 24 מטר"),
        (["1864", "عام", "في"], "في عام 1864"),
        (["The", "מגדלור", "stood", "here"], "The מגדלור stood here"),
    ],
)
def test_lines_written_from_right_to_left_are_read_so(texts: list[str], read: str) -> None:
    words = [Word(text, 60.0 + 50 * at, 100.0 + 50 * at, 0.0, 10.0) for at, text in enumerate(texts)]
    assert rows_of(words)[0].text == read


def test_a_field_below_its_label_is_read_beside_it_and_fields_side_by_side_as_lines() -> None:
    def page(canvas: Canvas) -> None:
        put(canvas, (60, 715, "Name of the animal"), (300, 715, "Weight (kg)"))
        canvas.acroForm.textfield(name="pet", x=60, y=690, width=200, height=20, value="Bamse")
        canvas.acroForm.textfield(name="weight", x=300, y=690, width=100, height=20, value="31.5")

    assert drawn(page).text == "Name of the animal: Bamse\nWeight (kg): 31.5"


def test_a_table_right_above_a_drawn_one_is_a_table_too() -> None:
    def page(canvas: Canvas) -> None:
        for at, (name, value) in enumerate((("Flow", "18 litres"), ("Head", "9.5 m"), ("Power", "400 W"))):
            put(canvas, (60, 700 - 18 * at, name), (260, 700 - 18 * at, value))
        for x in (60, 120, 180):
            canvas.line(x, 650, x, 610)
        for y in (650, 630, 610):
            canvas.line(60, y, 180, y)
        put(canvas, (64, 636, "Code"), (124, 636, "Price"), (64, 616, "P40"), (124, 616, "389"))

    assert drawn(page).text == "Flow | 18 litres\nHead | 9.5 m\nPower | 400 W\n\nCode | Price\nP40 | 389"


def test_columns_of_a_newspaper_are_read_in_turn_though_one_holds_a_box_of_short_lines() -> None:
    def page(canvas: Canvas) -> None:
        prose = "the crane of the wharf is old"
        for at in range(14):
            put(canvas, (40, 760 - 12 * at, f"{prose} a{at}"), (400, 760 - 12 * at, f"{prose} c{at}"))
            put(canvas, (220, 760 - 12 * at, f"{prose} b{at}" if at % 3 else f"Lift: {at}"))

    text = drawn(page).text
    assert text.index(" a13") < text.index("Lift: 0") < text.index(" b13") < text.index(" c0")


@given(st.randoms(use_true_random=False), st.integers(1, 60), st.integers(0, 30))
@settings(max_examples=150, deadline=None)
def test_every_word_of_a_page_is_read_wherever_it_stands(random: Random, words: int, rules: int) -> None:
    xs, ys = [40.0 + 37 * at for at in range(14)], [60.0 + 9 * at for at in range(40)]
    page = []
    for number in range(words):
        x, y = random.choice(xs) + random.choice((0.0, 0.0, 3.0)), random.choice(ys)
        size = random.choice((8.0, 10.0, 10.0, 10.0, 24.0))
        page.append(Word(f"w{number}w", x, x + random.uniform(3, 90), y, size, is_field=random.random() < 0.1))
    lines = []
    for _ in range(rules):
        x, y = random.choice(xs) - 2, random.choice(ys) + 4
        level = Rule(x, y, x + random.choice((37, 111, 400)), y)
        lines.append(level if random.random() < 0.5 else Rule(x, y, x, y + random.choice((9, 36, 300))))
    text = " ".join(
        block.text if isinstance(block, Paragraph) else " ".join(cell for row in block.rows for cell in row)
        for block in layout(page, lines)
    )
    assert {word.text for word in page} <= set(text.split())
