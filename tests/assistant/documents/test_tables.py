"""Tables: cells with their offsets, found in plain text, told from prose."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.documents.blocks import SEPARATOR, join_blocks, table_block
from assistant.documents.table_search import find_tables, tables_of
from assistant.documents.tables import guess_header_rows
from assistant.layout import Table, column_letters
from assistant.types import Document


def texts(text: str, table: Table) -> list[list[str]]:
    return [[text[cell.start : cell.end] for cell in row] for row in table.rows()]


def test_a_delimited_text_is_a_table_of_its_fields() -> None:
    text = 'name,town\r\n"Osei, Ada",Kumasi\r\n"the ""old"" man",\r\n'
    (table,) = find_tables(text)
    assert texts(text, table) == [["name", "town"], ["Osei, Ada", "Kumasi"], ['the ""old"" man', ""]]
    assert table.header_rows == 1
    assert [text[cell.start : cell.end] for cell in table.header(1)] == ["town"]
    assert table.cell_text(text, 1, 1) == "Kumasi"


@pytest.mark.parametrize("delimiter", [";", "\t", "|", ","])
def test_the_delimiter_is_told_from_the_rows_or_from_the_line_that_names_it(delimiter: str) -> None:
    rows = [["boat", "length", "berth"], ["Svala", "7", "12"], ["Mira", "11", "14"]]
    text = "\n".join(map(delimiter.join, rows))
    assert [texts(text, table) for table in find_tables(text, delimited=True)] == [rows]
    named = f"sep={delimiter}\n{text}"
    assert [texts(named, table) for table in find_tables(named)] == [rows]


def test_short_rows_are_filled_up() -> None:
    text = "a;b;c\n1;2;3\n4;5\n6;7;8\n9;0;1\n"
    (table,) = find_tables(text, delimited=True)
    assert texts(text, table)[2] == ["4", "5", ""]


@pytest.mark.parametrize(
    "text",
    [
        "In spring, they sow.\nIn autumn, they reap.\n",
        "Dear Ann,\nI came, I saw, I left.\n\nYours,\nBo\n",
        "One line, of two parts",
        "a | b\n",
        "The bill was high; the food was not.\nThe wine was good; the bread was old. We paid.\n",
        "def f(a, b):\n    return a, b\n",
        "",
    ],
)
def test_prose_and_code_are_no_tables(text: str) -> None:
    assert find_tables(text) == ()


def test_a_markdown_table_among_paragraphs_is_found_with_its_heading() -> None:
    text = "# Boats\n\nAll in the north.\n\n| boat | berth |\n|---|:-:|\n| Svala | 12 |\n| a \\| b | |\n\nThe end.\n"
    (table,) = find_tables(text)
    assert texts(text, table) == [["boat", "berth"], ["Svala", "12"], ["a \\| b", ""]]
    assert (table.header_rows, table.name) == (1, "All in the north.")


def test_columns_set_with_spaces_are_a_table_where_no_cell_is_empty() -> None:
    text = "NAME      AGE  TOWN\nTom Beck  29   Ulm\nAda Osei  35   Kumasi\n"
    (table,) = find_tables(text)
    assert texts(text, table)[1] == ["Tom Beck", "29", "Ulm"]
    assert find_tables("NAME      AGE  TOWN\nTom Beck       Ulm\nAda Osei  35   Kumasi\n") == ()


def test_a_table_that_a_file_gave_is_found_again_in_its_text_alone() -> None:
    block = table_block(
        [[("Duty", 1, 1), ("Tenant", 1, 1), ("Owner", 1, 1)], [("Roof", 1, 1), ("", 1, 1), ("yes", 1, 1)]]
    )
    assert block is not None
    made = join_blocks([block])
    (table,) = made.tables
    (again,) = find_tables(made.text)
    assert again.cells == table.cells
    assert again.header_rows == table.header_rows


def test_a_merged_cell_is_repeated_in_every_place_that_it_covers_but_over_the_whole_width() -> None:
    rows = [
        [("Zone", 1, 2), ("Single", 2, 1)], [("Day", 1, 1), ("Night", 1, 1)], [("A", 1, 2), ("2", 1, 1), ("3", 1, 1)],
        [("4", 1, 1), ("5", 1, 1)], [("Islands", 3, 1)],
    ]  # fmt: skip
    block = table_block(rows)
    assert block is not None
    made = join_blocks([block])
    assert made.text == "Zone | Single | Single\nZone | Day | Night\nA | 2 | 3\nA | 4 | 5\nIslands"
    (table,) = made.tables
    assert {(cell.start, cell.end) for cell in table.rows()[4]} == {(made.text.index("Islands"), len(made.text))}
    assert [made.text[cell.start : cell.end] for cell in table.header(2)] == ["Single", "Night"]


@given(st.lists(st.lists(st.text("ab1 ", max_size=4), min_size=2, max_size=5), min_size=1, max_size=6))
def test_the_offsets_of_any_table_hold_its_cells(rows: list[list[str]]) -> None:
    block = table_block([[(text, 1, 1) for text in row] for row in rows])
    if block is None:
        assert not any(text.strip() for row in rows for text in row)
        return
    made = join_blocks([block])
    (table,) = made.tables
    assert [[made.text[c.start : c.end] for c in row] for row in table.rows()] == [list(row) for row in block.rows]
    for row in table.rows():
        for left, right in pairwise(row):
            assert made.text[left.end : right.start] == SEPARATOR
    for cell in table.cells:
        if cell.start < cell.end:
            assert table.cell_at(cell.start) == cell


@given(st.text("a,;|\t\n\" -:'", max_size=60))
def test_any_text_can_be_searched(text: str) -> None:
    for delimited in (False, True):
        for table in find_tables(text, delimited=delimited):
            assert len(table.cells) == table.width * table.height
            assert all(0 <= cell.start <= cell.end <= len(text) for cell in table.cells)


@pytest.mark.parametrize(
    "rows, count",
    [
        ([["name", "age"], ["Ann", "29"], ["Bo", "31"]], 1),
        ([["", "2021", "2022"], ["Adults", "310", "420"]], 1),
        ([["Room", "Price", "Price"], ["Room", "Day", "Night"], ["Attic", "2", "3"]], 2),
        ([["Stop", "1", "3"], ["Harbour", "6:10", "7:10"], ["Market", "6:18", "7:18"]], 1),
        ([["Fish", "40"], ["Salt", "2"]], 0),
        ([["Name:", "Bo"], ["Town:", "Ulm"], ["Trade:", "smith"]], 0),
        ([["alone", "row"]], 0),
    ],
)
def test_rows_that_name_the_columns_are_told(rows: list[list[str]], count: int) -> None:
    assert guess_header_rows(rows) == count


def test_columns_have_letters_and_cells_of_sheets_have_addresses() -> None:
    assert [column_letters(at) for at in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]
    text = "a;b\n1;2\n"
    table = replace(find_tables(text, delimited=True)[0], sheet="Prices", first_row=5, first_column=1)
    assert table.address(table.cell(1, 1)) == "Prices!C7"


def test_a_pasted_table_is_found_as_well_as_an_opened_one() -> None:
    pasted = Document("pasted", "name;town\nTom;Ulm\nAda;Bari\n")
    assert pasted.tables == ()
    assert tables_of(pasted)[0].cell_text(pasted.text, 1, 1) == "Ulm"


def test_tables_are_no_part_of_what_a_document_is() -> None:
    plain = Document("a", "name;town\nTom;Ulm\n")
    assert plain == replace(plain, tables=find_tables(plain.text, delimited=True))


def test_rows_that_are_too_short_are_filled_up_before_headers_are_looked_for() -> None:
    (table,) = find_tables("name;age\nAda;35\nTom\nEve;29\n", delimited=True)
    assert (table.width, table.height, table.header_rows) == (2, 4, 1)
    assert table.cell_text("name;age\nAda;35\nTom\nEve;29\n", 2, 1) == ""
