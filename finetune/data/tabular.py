"""Questions on made-up tables and lists, for a reader whose other data holds prose alone.

A table is drawn of one of a few subjects, written as files and pages have tables, and asked for the cell where a named
row meets a named column; some questions name a row or a column that the table does not have, and have no answer. A list
stands below its lead-in, between other text, and is asked for as a whole or for one of its items. Every text is made of
word lists here, so nothing of any yardstick can be in it.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from finetune.data.squad import QAExample

_FIRST = (
    "Ada Amara Anders Anja Aylin Bela Bram Carla Chidi Clara Dana Diego Dunja Edda Elio Emeka Enzo Eva Farid Fatou "
    "Finn Greta Hanna Hugo Ida Igor Ines Ivo Jana Joris Kaito Karim Lena Leo Lia Luca Maja Marek Meera Mila Nadia "
    "Nils Noor Olga Omar Paul Petra Quinn Rafi Rosa Ruben Sami Sara Silas Sofia Tariq Tess Tom Uma Vera Viktor "
    "Wanda Yara Yusuf Zoe"
).split()
_LAST = (
    "Abbas Adler Alves Amato Bakker Bauer Beck Blom Brandt Costa Cruz Dahl Diaz Egger Eze Falk Ferro Fischer Garcia "
    "Gomez Haas Hahn Holm Horvat Ibsen Ito Jansen Keita Keller Khan Kovac Kruger Lang Larsen Lopez Mbeki Meier "
    "Moreau Nair Novak Okafor Olsen Osei Patel Peters Rossi Sato Schmid Silva Sow Tanaka Torres Ude Varga Vogel "
    "Weber Winter Young Zeman"
).split()
_TOWNS = (
    "Aalen Accra Arles Bari Basel Bergen Bilbao Brno Cadiz Cork Delft Essen Faro Genoa Ghent Graz Haifa Ivrea Jena "
    "Kiel Kochi Kumasi Leeds Lille Linz Lund Malmo Metz Nantes Oulu Parma Perth Porto Quito Riga Siena Split Tartu "
    "Trier Turin Ulm Utrecht Vaasa Varna Vigo Windhoek York Zadar"
).split()
_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_COLOURS = "red blue green yellow black white grey brown orange purple silver beige".split()
_GOODS = (
    "hammer ladder bucket lantern kettle shovel saw drill rope tarpaulin wheelbarrow spanner vice plane chisel rake "
    "hoe paintbrush trowel clamp level file anvil stool bench lamp mirror clock basket barrel crate shelf"
).split()
_FOODS = (
    "plums flour sugar butter eggs milk cream honey walnuts almonds raisins apples pears lemons rice lentils beans "
    "onions garlic carrots leeks potatoes tomatoes spinach basil parsley oats yeast salt pepper cinnamon ginger"
).split()
_ROOMS = (
    "garden room|attic|blue room|tower room|sea room|corner room|library room|cellar|north wing|loft|chapel room"
).split("|")
_MATERIALS = "oak steel brass copper glass clay wool linen leather granite slate cork bamboo ash pine".split()

_SEPARATORS = {"csv": ",", "semicolons": ";", "tabs": "\t", "markdown": " | ", "bars": " | "}
_ROWS = (3, 12)
_SHARE_ABSENT = 0.25
"""Of the questions on a table, those that ask for a row or a column that is not in it."""


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: names that its heading may have, what its cells are drawn from, and questions for the cell of a row."""

    names: tuple[str, ...]
    draw: Callable[[random.Random], str]
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a table is about: what its rows are named by, and the columns that say something of them."""

    key: _Column
    columns: tuple[_Column, ...]
    titles: tuple[str, ...]


def _number(low: int, high: int, pattern: str = "{}") -> Callable[[random.Random], str]:
    return lambda generator: pattern.format(generator.randint(low, high))


def _one_of(words: Sequence[str], pattern: str = "{}") -> Callable[[random.Random], str]:
    return lambda generator: pattern.format(generator.choice(words))


def _name(generator: random.Random) -> str:
    return f"{generator.choice(_FIRST)} {generator.choice(_LAST)}"


def _date(generator: random.Random) -> str:
    day, month, year = generator.randint(1, 28), generator.randint(1, 12), generator.randint(1890, 2025)
    forms = (f"{day} {_MONTHS[month - 1]} {year}", f"{year}-{month:02}-{day:02}", f"{day:02}.{month:02}.{year}")
    return generator.choice(forms)


def _time(generator: random.Random) -> str:
    return f"{generator.randint(5, 22)}:{generator.choice((0, 5, 10, 15, 20, 25, 30, 40, 45, 50)):02}"


def _price(generator: random.Random) -> str:
    amount = generator.choice(
        (f"{generator.randint(2, 900)}", f"{generator.randint(1, 90)}.{generator.randint(0, 99):02}")
    )
    return generator.choice(("{} EUR", "€{}", "${}", "{}", "{} CHF")).format(amount)


_PEOPLE = _Subject(
    _Column(("name", "Name", "employee", "Person", "Full name"), _name, ()),
    (
        _Column(("age", "Age"), _number(18, 79), ("How old is {}?", "What is the age of {}?", "What age is {}?")),
        _Column(
            ("town", "Town", "city", "City", "Residence"),
            _one_of(_TOWNS),
            ("In which {column} does {} live?", "Where does {} live?", "Where is {} from?", "What is {}'s {column}?"),
        ),
        _Column(
            ("phone", "Phone", "Extension", "tel"),
            _number(1000, 9999),
            ("What is {}'s phone number?", "Which number does one dial to reach {}?", "What is the {column} of {}?"),
        ),
        _Column(
            ("salary", "Salary", "pay"),
            _number(21, 98, "{},000"),
            ("How much does {} earn?", "What is {}'s salary?", "What is {} paid?"),
        ),
        _Column(
            ("role", "Role", "job", "Position"),
            _one_of(
                "nurse welder clerk driver cook pilot lawyer gardener painter engineer accountant librarian".split()
            ),
            ("What does {} work as?", "What is the {column} of {}?", "What job does {} have?"),
        ),
        _Column(
            ("start date", "Joined", "Since", "hired"),
            _date,
            ("When did {} start?", "When did {} join?", "Since when has {} been there?"),
        ),
    ),
    ("Staff", "Members", "Employees", "Team", "List of residents"),
)
_STOCK = _Subject(
    _Column(("item", "Item", "article", "Product", "Description"), _one_of(_GOODS), ()),
    (
        _Column(
            ("price", "Price", "cost", "Unit price"),
            _price,
            ("What does the {} cost?", "How much is the {}?", "What is the price of the {}?"),
        ),
        _Column(
            ("quantity", "Qty", "stock", "In stock", "Number"),
            _number(0, 480),
            ("How many of the {} are there?", "What is the quantity of the {}?", "How many {} are in stock?"),
        ),
        _Column(
            ("colour", "Color", "Colour"), _one_of(_COLOURS), ("What colour is the {}?", "In which {column} is the {}?")
        ),
        _Column(
            ("weight", "Weight", "kg"),
            _number(1, 90, "{} kg"),
            ("How heavy is the {}?", "What does the {} weigh?", "What is the weight of the {}?"),
        ),
        _Column(
            ("material", "Material"), _one_of(_MATERIALS), ("What is the {} made of?", "Which {column} is the {}?")
        ),
        _Column(
            ("supplier", "Supplier", "Vendor"),
            _one_of(_LAST, "{} & Co."),
            ("Who supplies the {}?", "From whom does the {} come?", "Which supplier has the {}?"),
        ),
    ),
    ("Price list", "Inventory", "Tools", "Warehouse", "Order"),
)
_TIMES = _Subject(
    _Column(("station", "Stop", "To", "destination", "Port"), _one_of(_TOWNS), ()),
    (
        _Column(
            ("departs", "Departure", "dep."),
            _time,
            ("When does the train to {} leave?", "At what time is the departure for {}?", "When does it leave for {}?"),
        ),
        _Column(
            ("arrives", "Arrival", "arr."), _time, ("When does it arrive in {}?", "What is the arrival time at {}?")
        ),
        _Column(("platform", "Platform", "Track"), _number(1, 24), ("From which {column} does one go to {}?",)),
        _Column(("fare", "Fare", "Ticket"), _price, ("What does a ticket to {} cost?", "What is the fare to {}?")),
        _Column(
            ("distance", "km", "Distance"),
            _number(3, 840, "{} km"),
            ("How far is it to {}?", "What is the distance to {}?"),
        ),
        _Column(("altitude", "Height", "m"), _number(2, 3800, "{} m"), ("How high is {}?", "At what altitude is {}?")),
    ),
    ("Timetable", "Departures", "Stations", "Connections"),
)
_LODGING = _Subject(
    _Column(("room", "Room", "Name of room"), _one_of(_ROOMS), ()),
    (
        _Column(
            ("beds", "Beds"), _number(1, 6), ("How many beds are in the {}?", "How many people can sleep in the {}?")
        ),
        _Column(
            ("winter", "Winter", "winter price"),
            _price,
            ("What does the {} cost in winter?", "How much is the {} in winter?"),
        ),
        _Column(
            ("summer", "Summer", "summer price"),
            _price,
            ("What does the {} cost in summer?", "How much is the {} in summer?"),
        ),
        _Column(("floor", "Floor"), _number(0, 5), ("On which floor is the {}?",)),
        _Column(("size", "Size", "m²"), _number(9, 64, "{} m²"), ("How large is the {}?", "What size is the {}?")),
    ),
    ("Rooms", "Prices of rooms", "Our rooms"),
)
_WORKS = _Subject(
    _Column(("building", "Site", "Bridge", "Project"), _one_of(_TOWNS, "{} bridge"), ()),
    (
        _Column(
            ("opened", "Built", "Year"),
            _number(1790, 2022),
            ("When was the {} opened?", "In what year was the {} built?"),
        ),
        _Column(
            ("architect", "Engineer", "Designed by"), _name, ("Who designed the {}?", "Who was the {column} of the {}?")
        ),
        _Column(
            ("length", "Length"), _number(20, 1900, "{} m"), ("How long is the {}?", "What is the length of the {}?")
        ),
        _Column(
            ("cost", "Cost"),
            _number(2, 90, "{} million"),
            ("How much did the {} cost?", "What was the cost of the {}?"),
        ),
        _Column(("material", "Material"), _one_of(_MATERIALS), ("What is the {} made of?",)),
    ),
    ("Bridges", "Works", "Projects"),
)
_DUTIES = _Subject(
    _Column(
        ("task", "Part", "What", "Duty"),
        _one_of(
            "roof|garden|heating|electricity|water|windows|stairs|lift|gutter|chimney|cellar|fence|insurance".split("|")
        ),
        (),
    ),
    (
        _Column(
            ("who", "Responsible", "paid by", "Borne by"),
            _one_of("owner|tenant|caretaker|council|insurer|neighbour|agency".split("|"), "the {}"),
            ("Who looks after the {}?", "Who pays for the {}?", "Who is responsible for the {}?"),
        ),
        _Column(
            ("how often", "Interval", "Frequency"),
            _one_of("weekly|monthly|yearly|every two years|daily|every spring|twice a year".split("|")),
            ("How often is the {} looked after?", "At what interval is the {} seen to?"),
        ),
        _Column(("last done", "Last"), _date, ("When was the {} last seen to?", "When was the {} last done?")),
        _Column(("day", "Day"), _one_of(_DAYS), ("On which day is the {} seen to?",)),
    ),
    ("Duties", "Maintenance", "Costs"),
)
_SUBJECTS = (_PEOPLE, _PEOPLE, _STOCK, _TIMES, _LODGING, _WORKS, _DUTIES)

_INTRODUCTIONS = (
    "",
    "The following table was brought up to date last week.",
    "See the table below. Questions may be sent to the office.",
    "All figures are without tax.",
    "This page replaces the one of last year.",
)
_LEADS: tuple[tuple[str, tuple[str, ...], Callable[[random.Random], str]], ...] = (
    (
        "Ingredients",
        ("What are the ingredients?", "Which ingredients are needed?", "What goes into it?"),
        lambda generator: (
            f"{generator.choice((f'{generator.randint(1, 9) * 50} g', str(generator.randint(2, 9)), '2 cups of'))} "
            f"{generator.choice(_FOODS)}"
        ),
    ),
    (
        "What to bring",
        ("What should one bring?", "What does one need to bring?"),
        lambda generator: f"{generator.choice(('a', 'one', 'your own'))} {generator.choice(_GOODS)}",
    ),
    (
        "Members of the board",
        ("Who is on the board?", "Who are the members of the board?"),
        _name,
    ),
    ("Present", ("Who was present?", "Who attended?"), _name),
    (
        "Stops",
        ("What are the stops?", "Where does it stop?", "Which places does it stop at?"),
        _one_of(_TOWNS),
    ),
    (
        "Available colours",
        ("What colours are available?", "Which colours are there?", "In what colours can it be had?"),
        _one_of(_COLOURS),
    ),
    (
        "Opening hours",
        ("What are the opening hours?", "When is it open?"),
        lambda generator: f"{generator.choice(_DAYS)}: {_time(generator)} to {_time(generator)}",
    ),
    (
        "Included in the price",
        ("What is included in the price?", "What does the price include?"),
        _one_of("breakfast|towels|parking|heating|bed linen|the boat|firewood|a guide|lunch|insurance".split("|")),
    ),
)
_STEPS = (
    "Heat the oven to {} degrees.",
    "Wait for {} minutes.",
    "Turn the wheel {} times.",
    "Wash everything with warm water.",
    "Close the lid and lock it.",
    "Write the number on the form.",
    "Call the office before you leave.",
)


def make_tabular(count: int, seed: int) -> list[QAExample]:
    """Make questions on tables and lists.

    Args:
        count: how many; two in three are on tables.
        seed: the same seed gives the same questions.
    """
    generator = random.Random(f"{seed} tabular")
    made = []
    for number in range(count):
        make = _on_a_list if number % 3 == 2 else _on_a_table
        made.append(make(f"tabular-{seed}-{number}", generator))
    return made


def _on_a_table(name: str, generator: random.Random) -> QAExample:
    subject = generator.choice(_SUBJECTS)
    columns = generator.sample(subject.columns, generator.randint(2, min(5, len(subject.columns))))
    keys = list(dict.fromkeys(subject.key.draw(generator) for _ in range(generator.randint(*_ROWS))))
    absent_column = generator.random() < _SHARE_ABSENT / 2 and len(columns) > 2
    asked = columns.pop() if absent_column else generator.choice(columns)
    absent_row = not absent_column and generator.random() < _SHARE_ABSENT / 2 and len(keys) > 1
    row_asked = keys.pop() if absent_row else generator.choice(keys)
    headings = [generator.choice(subject.key.names), *(generator.choice(column.names) for column in columns)]
    rows = [[key, *(column.draw(generator) for column in columns)] for key in keys]
    form = generator.choice(list(_SEPARATORS))
    lines, places = _written([headings, *rows], form)
    before = _before(subject, form, generator)
    context = before + lines
    heading = headings[1 + columns.index(asked)] if asked in columns else asked.names[0]
    question = generator.choice(asked.questions).format(row_asked, column=heading.lower())
    if absent_column or absent_row:
        return QAExample(name, "tables", context, question, (), None)
    row, column = keys.index(row_asked), 1 + columns.index(asked)
    return QAExample(name, "tables", context, question, (rows[row][column],), len(before) + places[row + 1][column])


def _written(rows: Sequence[Sequence[str]], form: str) -> tuple[str, list[list[int]]]:
    """A table as text, and where each cell of each row begins."""
    between = _SEPARATORS[form]
    text = ""
    places: list[list[int]] = []
    for number, row in enumerate(rows):
        text += "| " if form == "markdown" else ""
        places.append([])
        for at, cell in enumerate(row):
            quoted = between == "," and "," in cell
            text += (between if at else "") + ('"' if quoted else "")
            places[-1].append(len(text))
            text += cell + ('"' if quoted else "")
        text += " |\n" if form == "markdown" else "\n"
        if form == "markdown" and number == 0:
            text += "|" + " --- |" * len(row) + "\n"
    return text, places


def _before(subject: _Subject, form: str, generator: random.Random) -> str:
    if form in ("csv", "semicolons", "tabs"):  # mostly a file of its own
        return "" if generator.random() < 0.8 else f"{generator.choice(subject.titles)}\n\n"
    title, introduction = generator.choice(subject.titles), generator.choice(_INTRODUCTIONS)
    return f"## {title}\n\n" + (f"{introduction}\n\n" if introduction else "")


def _on_a_list(name: str, generator: random.Random) -> QAExample:
    lists = generator.sample(_LEADS, generator.randint(1, 3))
    mark = generator.choice(("- ", "* ", "• ", ""))
    text, spans = f"# {generator.choice(_TOWNS)} {generator.choice(('house', 'day', 'trip', 'cake', 'club'))}\n\n", []
    for lead, _, draw in lists:
        items = list(dict.fromkeys(draw(generator) for _ in range(generator.randint(2, 7))))
        text += generator.choice((f"{lead}:\n\n", f"## {lead}\n\n", f"{lead}:\n"))
        start = len(text) + len(mark)
        text += "".join(f"{mark}{item}\n" for item in items)
        spans.append((start, len(text) - 1))
        text += "\n"
    if generator.random() < 0.5:
        steps = generator.sample(_STEPS, generator.randint(2, 5))
        text += "Steps:\n\n" + "".join(
            f"{number}. {step.format(generator.randint(2, 220))}\n" for number, step in enumerate(steps, 1)
        )
    chosen = generator.randrange(len(lists))
    lead, questions, _ = lists[chosen]
    if generator.random() < _SHARE_ABSENT / 2:
        others = [entry for entry in _LEADS if entry not in lists]
        return QAExample(name, "lists", text, generator.choice(generator.choice(others)[1]), (), None)
    start, end = spans[chosen]
    if lead == "Ingredients" and generator.random() < 0.6:
        return _amount(name, text, start, end, mark, generator)
    return QAExample(name, "lists", text, generator.choice(questions), (text[start:end],), start)


def _amount(name: str, text: str, start: int, end: int, mark: str, generator: random.Random) -> QAExample:
    """Ask for how much of one ingredient is needed."""
    items = text[start:end].split(f"\n{mark}")
    item = generator.choice(items)
    amount, food = item.rsplit(" ", 1)
    many = "many" if amount.isdigit() else "much"
    question = generator.choice(
        (f"How {many} {food} is needed?", f"How {many} {food} are needed?", f"How {many} {food}?")
    )
    answer = amount.removesuffix(" of")
    return QAExample(name, "lists", text, question, (answer,), start + text[start:end].index(item))
