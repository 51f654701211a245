"""Small files of every format give the text that a person reads on their pages, and their tables as tables."""

import pytest

from assistant.documents import isolation
from assistant.documents.open import decode_document
from assistant.documents.table_search import tables_of
from assistant.types import Document
from tests.assistant.documents.corpus import CASES, EXPECTED, expected


@pytest.fixture(scope="module")
def corpus() -> dict[str, Document]:
    return {name: decode_document(name, make()) for name, make in CASES.items()}


@pytest.mark.parametrize("name", CASES)
def test_a_file_gives_the_text_of_its_pages(name: str, corpus: dict[str, Document]) -> None:
    assert corpus[name].text.replace("\r\n", "\n").rstrip("\n") == expected(name)


def test_every_text_expected_has_its_file() -> None:
    assert {path.name.removesuffix(".txt") for path in EXPECTED.iterdir()} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_the_cells_of_tables_stand_where_they_say(name: str, corpus: dict[str, Document]) -> None:
    document = corpus[name]
    for table in tables_of(document):
        assert 0 <= table.start <= table.end <= len(document.text)
        assert len(table.cells) == table.width * table.height
        assert 0 <= table.header_rows < max(table.height, 1)
        for cell in table.cells:
            assert table.start <= cell.start <= cell.end <= table.end
            assert "\n" not in document.text[cell.start : cell.end]


TABLES = {
    "table-with-a-grid.pdf": ("Garden room", "Winter", "64 EUR"),
    "table-without-rules.pdf": ("Attic", "Beds", "1"),
    "table-with-empty-cells.pdf": ("Roof", "Owner", "yes"),
    "table-with-few-rules.pdf": ("base", "F1", "88.7"),
    "table-with-a-name-over-two-columns.pdf": ("Garden", "Winter", "64"),
    "table-with-wrapped-cells.pdf": ("Valve", "Price", "35"),
    "timetable.pdf": ("Market", "3", "7:18"),
    "invoice.pdf": ("Storage", "Amount", "1,250"),
    "table-with-empty-cells.docx": ("Roof", "Owner", "yes"),
    "table-with-merged-cells.docx": ("Sunday", "Pool", "closed"),
    "open-text.odt": ("Aas", "Fee", "12"),
    "slides.pptx": ("Deck", "Million euros", "3.8"),
    "slide-with-a-chart.pptx": ("2022", "Children", "95"),
    "stations.xlsx": ("Jungfraujoch", "Height in m", "3454"),
    "values-as-shown.xlsx": ("02.05.2024", "Sum", "12,345.50"),
    "merged-cells.xlsx": ("Monday", "Child", "5"),
    "title-over-a-table.xlsx": ("Garden", "Winter", "64"),
    "open-sheet.ods": ("Mira", "berth", "14"),
    "staff.csv": ("Osei, Ada", "town", "Kumasi"),
    "people.csv": ("Tom Beck", "age", "29"),
    "marked.csv": ("Am Markt 2", "Ort", "Ulm"),
    "boats.tsv": ("Odin", "berth", "7"),
    "boats.md": ("Svala", "berth", "12"),
    "table-with-spans.html": ("B", "Night", "9"),
    "page-laid-out-by-tables.html": ("Monday", "Dish", "Fish"),
    "with-a-page-only.eml": ("Rope", "Sum", "12"),
}


@pytest.mark.parametrize("name", TABLES)
def test_row_and_column_meet_in_the_right_cell(name: str, corpus: dict[str, Document]) -> None:
    document = corpus[name]
    row, column, value = TABLES[name]
    found = []
    for table in tables_of(document):
        for number in range(table.header_rows, table.height):
            if table.cell_text(document.text, number, 0) == row:
                for at in range(table.width):
                    if any(document.text[cell.start : cell.end] == column for cell in table.header(at)):
                        found.append(table.cell_text(document.text, number, at))
    assert found[:1] == [value]


def test_pages_that_are_pictures_and_hidden_words_are_told(corpus: dict[str, Document]) -> None:
    assert "Page 2 is a picture" in corpus["a-page-that-is-a-picture.pdf"].notices[0]
    assert corpus["what-is-hidden.html"].notices == ("3 words that the page hides were left out.",)


def test_every_format_is_read_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    monkeypatch.setattr(
        "assistant.documents.open.extract", lambda *given, **_: read.append(given[1]) or isolation.Extracted("x")
    )
    for name, make in CASES.items():
        decode_document(name, make())
    assert set(read) == set(isolation._MODULES)
