"""What made-up tables and lists are about: subjects with their columns and questions, and lists with their lead-ins.

Every word stands here, so nothing of any yardstick can be in what is made of them.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
TOWNS = (
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


@dataclass(frozen=True, slots=True)
class Column:
    """A column: names that its heading may have, what its cells are drawn from, and questions for the cell of a row."""

    names: tuple[str, ...]
    draw: Callable[[random.Random], str]
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a table is about: what its rows are named by, and the columns that say something of them."""

    key: Column
    columns: tuple[Column, ...]
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


_PEOPLE = Subject(
    Column(("name", "Name", "employee", "Person", "Full name"), _name, ()),
    (
        Column(("age", "Age"), _number(18, 79), ("How old is {}?", "What is the age of {}?", "What age is {}?")),
        Column(
            ("town", "Town", "city", "City", "Residence"),
            _one_of(TOWNS),
            ("In which {column} does {} live?", "Where does {} live?", "Where is {} from?", "What is {}'s {column}?"),
        ),
        Column(
            ("phone", "Phone", "Extension", "tel"),
            _number(1000, 9999),
            ("What is {}'s phone number?", "Which number does one dial to reach {}?", "What is the {column} of {}?"),
        ),
        Column(
            ("salary", "Salary", "pay"),
            _number(21, 98, "{},000"),
            ("How much does {} earn?", "What is {}'s salary?", "What is {} paid?"),
        ),
        Column(
            ("role", "Role", "job", "Position"),
            _one_of(
                "nurse welder clerk driver cook pilot lawyer gardener painter engineer accountant librarian".split()
            ),
            ("What does {} work as?", "What is the {column} of {}?", "What job does {} have?"),
        ),
        Column(
            ("start date", "Joined", "Since", "hired"),
            _date,
            ("When did {} start?", "When did {} join?", "Since when has {} been there?"),
        ),
    ),
    ("Staff", "Members", "Employees", "Team", "List of residents"),
)
_STOCK = Subject(
    Column(("item", "Item", "article", "Product", "Description"), _one_of(_GOODS), ()),
    (
        Column(
            ("price", "Price", "cost", "Unit price"),
            _price,
            ("What does the {} cost?", "How much is the {}?", "What is the price of the {}?"),
        ),
        Column(
            ("quantity", "Qty", "stock", "In stock", "Number"),
            _number(0, 480),
            ("How many of the {} are there?", "What is the quantity of the {}?", "How many {} are in stock?"),
        ),
        Column(
            ("colour", "Color", "Colour"), _one_of(_COLOURS), ("What colour is the {}?", "In which {column} is the {}?")
        ),
        Column(
            ("weight", "Weight", "kg"),
            _number(1, 90, "{} kg"),
            ("How heavy is the {}?", "What does the {} weigh?", "What is the weight of the {}?"),
        ),
        Column(("material", "Material"), _one_of(_MATERIALS), ("What is the {} made of?", "Which {column} is the {}?")),
        Column(
            ("supplier", "Supplier", "Vendor"),
            _one_of(_LAST, "{} & Co."),
            ("Who supplies the {}?", "From whom does the {} come?", "Which supplier has the {}?"),
        ),
    ),
    ("Price list", "Inventory", "Tools", "Warehouse", "Order"),
)
_TIMES = Subject(
    Column(("station", "Stop", "To", "destination", "Port"), _one_of(TOWNS), ()),
    (
        Column(
            ("departs", "Departure", "dep."),
            _time,
            ("When does the train to {} leave?", "At what time is the departure for {}?", "When does it leave for {}?"),
        ),
        Column(
            ("arrives", "Arrival", "arr."), _time, ("When does it arrive in {}?", "What is the arrival time at {}?")
        ),
        Column(("platform", "Platform", "Track"), _number(1, 24), ("From which {column} does one go to {}?",)),
        Column(("fare", "Fare", "Ticket"), _price, ("What does a ticket to {} cost?", "What is the fare to {}?")),
        Column(
            ("distance", "km", "Distance"),
            _number(3, 840, "{} km"),
            ("How far is it to {}?", "What is the distance to {}?"),
        ),
        Column(("altitude", "Height", "m"), _number(2, 3800, "{} m"), ("How high is {}?", "At what altitude is {}?")),
    ),
    ("Timetable", "Departures", "Stations", "Connections"),
)
_LODGING = Subject(
    Column(("room", "Room", "Name of room"), _one_of(_ROOMS), ()),
    (
        Column(
            ("beds", "Beds"), _number(1, 6), ("How many beds are in the {}?", "How many people can sleep in the {}?")
        ),
        Column(
            ("winter", "Winter", "winter price"),
            _price,
            ("What does the {} cost in winter?", "How much is the {} in winter?"),
        ),
        Column(
            ("summer", "Summer", "summer price"),
            _price,
            ("What does the {} cost in summer?", "How much is the {} in summer?"),
        ),
        Column(("floor", "Floor"), _number(0, 5), ("On which floor is the {}?",)),
        Column(("size", "Size", "m²"), _number(9, 64, "{} m²"), ("How large is the {}?", "What size is the {}?")),
    ),
    ("Rooms", "Prices of rooms", "Our rooms"),
)
_WORKS = Subject(
    Column(("building", "Site", "Bridge", "Project"), _one_of(TOWNS, "{} bridge"), ()),
    (
        Column(
            ("opened", "Built", "Year"),
            _number(1790, 2022),
            ("When was the {} opened?", "In what year was the {} built?"),
        ),
        Column(
            ("architect", "Engineer", "Designed by"), _name, ("Who designed the {}?", "Who was the {column} of the {}?")
        ),
        Column(
            ("length", "Length"), _number(20, 1900, "{} m"), ("How long is the {}?", "What is the length of the {}?")
        ),
        Column(
            ("cost", "Cost"),
            _number(2, 90, "{} million"),
            ("How much did the {} cost?", "What was the cost of the {}?"),
        ),
        Column(("material", "Material"), _one_of(_MATERIALS), ("What is the {} made of?",)),
    ),
    ("Bridges", "Works", "Projects"),
)
_DUTIES = Subject(
    Column(
        ("task", "Part", "What", "Duty"),
        _one_of(
            "roof|garden|heating|electricity|water|windows|stairs|lift|gutter|chimney|cellar|fence|insurance".split("|")
        ),
        (),
    ),
    (
        Column(
            ("who", "Responsible", "paid by", "Borne by"),
            _one_of("owner|tenant|caretaker|council|insurer|neighbour|agency".split("|"), "the {}"),
            ("Who looks after the {}?", "Who pays for the {}?", "Who is responsible for the {}?"),
        ),
        Column(
            ("how often", "Interval", "Frequency"),
            _one_of("weekly|monthly|yearly|every two years|daily|every spring|twice a year".split("|")),
            ("How often is the {} looked after?", "At what interval is the {} seen to?"),
        ),
        Column(("last done", "Last"), _date, ("When was the {} last seen to?", "When was the {} last done?")),
        Column(("day", "Day"), _one_of(_DAYS), ("On which day is the {} seen to?",)),
    ),
    ("Duties", "Maintenance", "Costs"),
)
SUBJECTS = (_PEOPLE, _PEOPLE, _STOCK, _TIMES, _LODGING, _WORKS, _DUTIES)
LEADS: tuple[tuple[str, tuple[str, ...], Callable[[random.Random], str]], ...] = (
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
        _one_of(TOWNS),
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
STEPS = (
    "Heat the oven to {} degrees.",
    "Wait for {} minutes.",
    "Turn the wheel {} times.",
    "Wash everything with warm water.",
    "Close the lid and lock it.",
    "Write the number on the form.",
    "Call the office before you leave.",
)
