"""Rows that figures name, names that repeat in a second row of headers, kinds that a title or a unit tells."""

import json

import pytest

from assistant.documents.open import decode_document
from assistant.documents.tables import guess_header_rows
from assistant.reading.structure import look_up

NAMES = ("Ito", "Okafor", "Keller")
PLOTS = "Plot,Tenant,Rent\n" + "\n".join(f"Plot {at},{NAMES[at % 3]},{at + 59} EUR" for at in range(1, 41))
ISLAND = "Municipality,Hitra\nArea,1.9 km2\nHighest point,64 m\nPopulation,112\n"


def answer(question: str, table: str, name: str = "table.csv") -> str | None:
    found = look_up(question, (decode_document(name, table.encode()),)).found
    return None if found is None else found.text


@pytest.mark.parametrize(("number", "tenant"), [(39, "Ito"), (93, None), (7, "Okafor")])
def test_the_number_of_a_plot_is_not_the_rent_of_another(number: int, tenant: str | None) -> None:
    assert answer(f"Who is the tenant of plot {number}?", PLOTS) == tenant


@pytest.mark.parametrize("question", ["How high is the highest point?", "What is the highest point?"])
def test_a_unit_tells_the_kind_of_a_value_that_its_label_names(question: str) -> None:
    assert answer(question, ISLAND) == "64 m"


def test_names_that_repeat_below_others_are_headers_with_those() -> None:
    rows = [
        ["Room", "Summer", "Summer", "Winter", "Winter"],
        ["Room", "1 person", "2 persons", "1 person", "2 persons"],
        ["Larch", "70", "110", "55", "90"],
        ["Birch", "65", "100", "50", "85"],
    ]
    assert guess_header_rows(rows) == 2


def test_a_table_called_fares_says_what_a_ticket_costs() -> None:
    table = (
        "# Ferry fares\n\n| Vehicle | Summer | Winter |\n|---|---|---|\n| Car | 210 | 150 |\n| Bicycle | 30 | 20 |\n"
    )
    assert answer("What does a bicycle cost in winter?", table, "fares.md") == "20"


def test_a_line_without_a_colon_says_the_number_of_an_invoice() -> None:
    invoice = (
        "Brinkhof Bicycles\n\nInvoice no. 2024-0917\nDate: 14 March 2024\n\nPlease pay to IBAN NL66 0212 3345 09.\n"
    )
    assert answer("What is the invoice number?", invoice, "invoice.txt") == "2024-0917"


def test_in_a_named_row_no_answer_stands_in_a_column_that_is_named_less() -> None:
    table = (
        "Vehicle,Summer single,Summer return,Winter single,Winter return\n"
        "Car,210,360,150,255\nBicycle,30,50,20,35\nMotorcycle,95,165,70,120\n"
    )
    document = decode_document("fares.csv", table.encode())
    looked = look_up("Which single voucher does a bicycle need in summer?", (document,))
    assert looked.found is None
    at = table.index("30,50")
    assert looked.allows(0, at, at + 2)
    assert not looked.allows(0, at + 3, at + 5)


def test_where_a_header_is_the_answer_its_place_can_be_written_as_json() -> None:
    table = "Duty,Owner,Tenant\nRoof,x,\nElectricity,,x\nGarden,,x\n"
    found = look_up("Who pays for electricity?", (decode_document("lease.csv", table.encode()),)).found
    assert found is not None
    assert found.text == "Tenant"
    assert json.loads(json.dumps([found.spans, found.support]))[0] == [[11, 17]]
