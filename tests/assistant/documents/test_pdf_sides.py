"""Columns are told from a table by the levels of their lines: in columns they drift, in a table they are shared."""

from itertools import pairwise

from assistant.documents.open import decode_document
from tests.assistant.documents.corpus import pdf

TERMS = [
    ("Deposit", "Two months' rent, paid before the keys are handed", "over and returned at the end."),
    ("Notice", "Three months in writing, to the end of a quarter,", "by either of the parties."),
    ("Heating", "Included in the rent from October to April, metered", "in the other months."),
    ("Pets", "Cats are allowed, dogs only after the landlord has", "agreed in writing."),
    ("Garden", "Shared by all tenants, who mow the lawn by turns,", "a week each."),
    ("Cellar", "One compartment for each flat, which is locked by", "the tenant's own padlock."),
]


def test_names_half_way_down_their_cells_stay_beside_what_they_name() -> None:
    with pdf.canvas() as (drawn, out):
        for at, (name, first, second) in enumerate(TERMS):
            drawn.drawString(60, 754 - 30 * at, name)
            pdf.lines(drawn, 180, 760 - 30 * at, [first, second], 12)
    text = decode_document("terms.pdf", out.getvalue()).text
    for (name, first, _), (after, *_) in pairwise(TERMS):
        assert text.index(first) - 20 < text.index(name) < text.index(after)


def test_small_names_beside_large_values_are_a_table() -> None:
    with pdf.canvas() as (drawn, out):
        for at, (name, value, _) in enumerate(TERMS):
            drawn.setFont("Helvetica", 8)
            drawn.drawString(60, 761.5 - 18 * at, name)
            drawn.setFont("Helvetica", 11)
            drawn.drawString(180, 760 - 18 * at, value)
    assert decode_document("terms.pdf", out.getvalue()).text.splitlines()[3] == f"{TERMS[3][0]} | {TERMS[3][1]}"


def test_what_stands_below_both_columns_is_of_neither() -> None:
    with pdf.canvas() as (drawn, out):
        pdf.column(drawn, 40, 770, pdf.SIDE, size=9, leading=13, head=12)
        pdf.column(drawn, 200, 764, pdf.WORK, size=10, leading=14.5, head=14)
        drawn.drawString(40, 440, "Signed at Leith")
    text = decode_document("cv.pdf", out.getvalue()).text
    assert text.endswith("Queensferry since 2019.\n\nSigned at Leith")
    assert text.startswith("Contact\n")


def test_a_page_of_lines_on_many_levels_is_read_in_linear_time() -> None:
    with pdf.canvas((595, 60_000)) as (drawn, out):
        for at in range(4_000):
            drawn.drawString(40, 59_900 - 14.3 * at, f"left {at}")
            drawn.drawString(200, 59_893 - 14.7 * at, f"right {at}")
    text = decode_document("long.pdf", out.getvalue()).text
    assert text.index("left 3999") < text.index("right 0")
