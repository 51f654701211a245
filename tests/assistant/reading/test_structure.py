"""Look-ups: what tables, lists and answered questions say to a question, and where they are silent."""

from functools import cache

import pytest

from assistant.documents.open import decode_document
from assistant.documents.table_search import find_tables
from assistant.reading.structure import FAQ, LIST, TABLE, LookUp, look_up
from assistant.reading.text_lists import structure_of
from assistant.types import Document
from tests.assistant.reading.table_files import FORMATS, QUESTIONS, TABLES

STAFF = Document(
    "staff.csv", "name,town,age\nMeera Nair,Kochi,41\nTom Beck,Ulm,29\nTom Hill,Ulm,33\nLia Rossi,Bari,52\n"
)
RECIPE = Document(
    "bread.md",
    "# Walnut bread\n\nIngredients:\n\n- 400 g rye flour\n- 2 eggs\n- salt\n- 80 g walnuts\n\nSteps:\n\n"
    "1. Beat the eggs.\n2. Stir in the flour for 5 minutes.\n3. Bake.\n\nThe bread keeps for a week.\n",
)
HELP = Document(
    "help.md",
    "# Questions\n\n## Can I cancel my booking?\n\nYes, until three days before.\n\n## When is the pool open?\n\n"
    "From May on:\n\n- Monday to Friday, 8 to 20\n- Sunday, 10 to 16\n\n## Contact\n\nWrite to us.\n",
)


@cache
def opened(table: str, form: str) -> Document:
    return decode_document(f"{table}.{form}", FORMATS[form](TABLES[table]))


def said(question: str, *documents: Document) -> str | None:
    found = look_up(question, documents).found
    return found.text if found is not None else None


def allowed(looked: LookUp, document: Document, text: str) -> bool:
    start = document.text.index(text)
    return looked.allows(0, start, start + len(text))


@pytest.mark.parametrize("form", list(FORMATS))
@pytest.mark.parametrize(("table", "question", "cell"), QUESTIONS)
def test_a_question_gets_the_cell_where_its_row_meets_its_column_in_every_format(
    form: str, table: str, question: str, cell: str | None
) -> None:
    document = opened(table, form)
    looked = look_up(question, [document])
    if cell is None:
        assert looked.found is None
        for row in TABLES[table][1:]:
            assert not allowed(looked, document, row[1])
        return
    assert looked.found is not None
    assert looked.found.kind == TABLE
    assert [document.text[slice(*span)] for span in looked.found.spans] == [cell] == [looked.found.text]
    (row_span,) = looked.found.support
    assert row_span[0] <= looked.found.spans[0][0] < looked.found.spans[0][1] <= row_span[1]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How old is tom beck?", "29"),
        ("How old is Beck, Tom?", "29"),
        ("Where does Lia live?", "Bari"),
        ("Who lives in Kochi?", "Meera Nair"),
        ("Who is 52?", "Lia Rossi"),
        ("Who is the youngest?", "Tom Beck"),
        ("How old is the oldest person?", "52"),
        ("How many people are listed?", "4"),
        ("How old is Tom?", "29 (Tom Beck); 33 (Tom Hill)"),
        ("Who lives in Ulm?", "Tom Beck; Tom Hill"),
    ],
)
def test_rows_are_named_by_any_cell_and_several_rows_are_all_given(question: str, answer: str) -> None:
    assert said(question, STAFF) == answer


@pytest.mark.parametrize(
    "question",
    [
        "How old is Tom Baker?",
        "How old was Tom Beck in 1990?",
        "How old is Tom Beck's sister?",
        "Who does not live in Ulm?",
        "Who is Tom Beck?",
        "Who is older than 30?",
        "Who is the second oldest?",
        "Why does Tom Beck live in Ulm?",
        "When did Lia Rossi marry?",
        "What is the average age?",
        "How many towns are there?",
        "Tell me about it.",
    ],
)
def test_a_look_up_is_silent_where_a_word_of_the_question_is_not_accounted_for(question: str) -> None:
    assert said(question, STAFF) is None


def test_where_no_row_is_the_one_that_is_named_no_cell_may_be_the_answer() -> None:
    looked = look_up("How old is Peter Novak?", [STAFF])
    assert looked.found is None
    assert not any(allowed(looked, STAFF, age) for age in ("41", "29", "52"))


def test_of_a_row_that_is_named_the_reader_may_still_read() -> None:
    looked = look_up("When did Lia Rossi marry?", [STAFF])
    assert allowed(looked, STAFF, "Bari")
    assert not allowed(looked, STAFF, "Kochi")


def test_prose_beside_a_table_is_left_to_the_reader() -> None:
    document = Document("rooms.md", "Room | Price\n--- | ---\nAttic | 48 EUR\nLoft | 60 EUR\n\nDogs cost 6 EUR more.")
    looked = look_up("What does a dog cost?", [document])
    assert looked.found is None
    assert allowed(looked, document, "6 EUR more")
    assert not allowed(looked, document, "48 EUR")


@pytest.mark.parametrize(
    "question", ["What is the average age?", "What is the sum of the ages?", "Who is the second oldest?"]
)
def test_what_no_cell_holds_is_said_to_be_beyond_the_table(question: str) -> None:
    looked = look_up(question, [STAFF])
    assert looked.found is None
    assert looked.notice is not None
    assert not allowed(looked, STAFF, "41")


def test_a_row_that_is_called_total_is_a_row() -> None:
    document = Document("bill.csv", "item,price\npaint,40\nbrush,12\ntotal,52\n")
    assert said("What is the total price?", document) == "52"
    assert said("What is the highest price?", document) == "40"


def test_tables_may_have_names_in_the_first_column_alone() -> None:
    facts = Document("facts.html.txt", "Length | 12 m\nHeight | 3 m\nEngineer | Ada Falk\nOpened | 1931\n")
    assert said("Who was the engineer?", facts) == "Ada Falk"
    assert said("What is the height?", facts) == "3 m"
    models = Document(
        "models.md", "| | Alto | Brio |\n|---|---|---|\n| Price | 900 EUR | 750 EUR |\n| Weight | 11 kg | 14 kg |\n"
    )
    assert said("How much does the Brio cost?", models) == "750 EUR"
    assert said("How heavy is the Alto?", models) == "11 kg"


def test_lines_of_label_and_value_are_a_table() -> None:
    invoice = Document("invoice.txt", "Invoice no.: NF-7\nDate: 3 May\nDue date: 2 June\nCustomer: Hansen\n")
    assert said("What is the invoice number?", invoice) == "NF-7"
    assert said("What is the date of the invoice?", invoice) == "3 May"
    assert said("When is the invoice due?", invoice) == "2 June"
    assert said("Who is the customer?", invoice) == "Hansen"
    assert said("Who is the supplier?", invoice) is None


def test_a_person_in_another_column_is_not_who_somebody_is() -> None:
    staff = decode_document("staff.csv", b"Employee;Department;Manager\nA. Novak;IT;P. Ruiz\nC. Diaz;Sales;K. Lund\n")
    assert said("Who is P. Ruiz?", staff) is None
    assert said("Who works in IT?", staff) == "A. Novak"
    assert said("Who is the manager of C. Diaz?", staff) == "K. Lund"


def test_headers_over_several_rows_name_a_column_together() -> None:
    page = (
        b"<table><tr><th rowspan=2>Room</th><th colspan=2>Price</th></tr><tr><th>summer</th><th>winter</th></tr>"
        b"<tr><td>Attic</td><td>48</td><td>39</td></tr><tr><td>Loft</td><td>85</td><td>64</td></tr></table>"
    )
    document = decode_document("rooms.html", page)
    assert said("What is the price of the loft in winter?", document) == "64"
    assert said("What is the price of the loft in spring?", document) is None


def test_a_mark_in_the_column_of_a_party_says_who() -> None:
    page = (
        b"<table><tr><th>Duty</th><th>Tenant</th><th>Owner</th></tr><tr><td>Chimney</td><td></td><td>x</td></tr>"
        b"<tr><td>Water</td><td>pays</td><td></td></tr></table>"
    )
    document = decode_document("lease.html", page)
    assert said("Who looks after the chimney?", document) == "Owner"
    assert said("Who pays for water?", document) == "Tenant"
    assert said("Who looks after the garden?", document) is None


def test_of_several_tables_the_one_that_the_question_names_answers() -> None:
    table = "Room | Price\n--- | ---\nAttic | {}\nLoft | {}\n\n"
    text = f"## Prices 2022\n\n{table.format(40, 55)}## Prices 2023\n\n{table.format(48, 60)}"
    document = Document("prices.md", text)
    assert said("What was the price of the loft in 2023?", document) == "60"
    assert said("What is the price of the loft?", document) is None


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What are the ingredients?", "400 g rye flour\n- 2 eggs\n- salt\n- 80 g walnuts"),
        ("Which ingredients are needed?", "400 g rye flour\n- 2 eggs\n- salt\n- 80 g walnuts"),
        ("How many eggs are needed?", "2"),
        ("How much flour is needed?", "400 g"),
        ("How much rye flour do I need?", "400 g"),
        ("How many ingredients are there?", "4"),
        ("What is the second step?", "Stir in the flour for 5 minutes."),
        ("How much butter is needed?", None),
        ("How many eggs are in the fridge?", None),
        ("How long does the bread keep?", None),
        ("What are the ingredients of the soup?", None),
    ],
)
def test_a_list_is_given_whole_and_an_item_by_its_figure(question: str, answer: str | None) -> None:
    assert said(question, RECIPE) == answer


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Can I cancel a booking?", "Yes, until three days before."),
        ("When is the pool open?", "From May on:\n\n- Monday to Friday, 8 to 20\n- Sunday, 10 to 16"),
        ("Where is the pool open?", None),
        ("Can I change my booking?", None),
        ("Who can cancel my booking for a dog?", None),
    ],
)
def test_a_question_that_the_document_asks_itself_gets_what_follows_it(question: str, answer: str | None) -> None:
    found = look_up(question, [HELP]).found
    assert (found and found.text) == answer
    assert found is None or found.kind == FAQ


def test_lists_that_are_not_asked_about_and_prose_are_left_to_the_reader() -> None:
    prose = "Colonel Dent put trout into the river in 1911. The mill had three wheels, two of them oak.\n\n"
    document = Document("mill.md", prose + "Visitors should bring:\n\n- boots\n- a lamp\n\n" + prose)
    for question in (
        "Who put trout into the river?",
        "How many wheels did the mill have?",
        "What were the wheels made of?",
    ):
        assert look_up(question, [document]) == LookUp(None, ((),), None)
    assert look_up("What should visitors bring?", [document]).found is not None


def test_places_are_of_the_document_as_it_is() -> None:
    found = look_up("How much flour is needed?", [RECIPE]).found
    assert found is not None
    assert found.kind == LIST
    assert [RECIPE.text[slice(*span)] for span in found.spans] == ["400 g"]


def test_documents_that_disagree_are_left_to_the_reader() -> None:
    other = Document("old.csv", STAFF.text.replace("29", "28"))
    assert said("How old is Tom Beck?", STAFF, other) is None
    assert said("How old is Tom Beck?", STAFF, Document("copy.csv", STAFF.text)) == "29"


def test_a_long_table_is_looked_up_and_too_many_rows_are_no_answer() -> None:
    lines = [f"Tom{row} Beck{row},Ulm,{row % 90}" for row in range(5_000)]
    text = "name,town,age\n" + "\n".join(lines)
    document = Document("long.csv", text, tables=find_tables(text, delimited=True))
    assert said("How old is Tom4321 Beck4321?", document) == str(4321 % 90)
    assert said("Who lives in Ulm?", document) is None
    assert said("Who is the oldest?", document) is None


COSTS = Document(
    "lease.txt", "Part | Care | Cost\nRoof | landlord | landlord\nWindows | tenant | landlord\nSnow | tenant | 40"
)
BUSES = Document("buses.md", "Stop | Bus 1 | Bus 3\n---|---|---\nHarbour | 6:10 | 8:40\nHospital | 6:25 | 8:57")
FERRY = Document(
    "ferry.md", " | Battery | Hydrogen\n---|---|---\nPrice, kroner | 148 | 212\nCharging, minutes | 9 | 35"
)
LIGHTS = Document(
    "lights.md", "Light | Cause | What to do\n---|---|---\nRed | Tank full | Empty it\nYellow | Dirt | Wash the filter"
)
BILL = Document(
    "bill.md", "Item | Number | Price | Amount\n---|---|---|---\nTiles | 2 | 5.00 | 10.00\n | | Total NOK | 12.50"
)


@pytest.mark.parametrize(
    ("document", "question", "answer"),
    [
        (COSTS, "Who pays for the windows?", "landlord"),
        (COSTS, "Who pays for the snow?", None),  # what it costs is not who pays
        (BUSES, "When does bus 3 leave the hospital?", "8:57"),
        (BUSES, "When does bus 3 leave the airport?", None),
        (FERRY, "How long does charging take with hydrogen?", "35"),
        (FERRY, "How long does the crossing take with hydrogen?", None),
        (LIGHTS, "What should I do when the light is yellow?", "Wash the filter"),
        (LIGHTS, "What should I do when the light is blue?", None),
        (BILL, "What is the total of the invoice?", "12.50"),
        (BILL, "What is the total of the tiles?", None),
    ],
)
def test_a_column_is_asked_for_by_its_unit_its_form_or_its_words_together(
    document: Document, question: str, answer: str | None
) -> None:
    assert said(question, document) == answer


@pytest.mark.parametrize(
    ("document", "question", "statement"),
    [
        (STAFF, "How old is Tom Beck?", "The age of Tom Beck is 29."),
        (BUSES, "When does bus 3 leave the hospital?", "The time of Bus 3 at Hospital is 8:57."),
        (FERRY, "How long does charging take with hydrogen?", "The Hydrogen of Charging, minutes is 35."),
        (BILL, "What is the total of the invoice?", "Total NOK: 12.50."),
        (RECIPE, "How much flour is needed?", "Ingredients: 400 g rye flour."),
    ],
)
def test_what_was_found_is_put_as_a_statement_for_the_verifier(
    document: Document, question: str, statement: str
) -> None:
    found = look_up(question, [document]).found
    assert found is not None
    assert found.statements == (statement,)


def test_a_question_is_taken_out_of_its_marks() -> None:
    text = "Help\n\n**Q: Can I cancel?**\n\nYes.\n"
    (answered,) = structure_of(text).questions
    assert (answered.question, text[slice(*answered.answer)]) == ("Can I cancel?", "Yes.")
