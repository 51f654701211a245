"""Questions on made-up tables and lists, for a reader whose other data holds prose alone.

A table is drawn of one of a few subjects, written as files and pages have tables, and asked for the cell where a named
row meets a named column; some questions name a row or a column that the table does not have, and have no answer. A list
stands below its lead-in, between other text, and is asked for as a whole or for one of its items.
"""

import random
from collections.abc import Sequence

from finetune.data.squad import QAExample
from finetune.data.table_subjects import LEADS, STEPS, SUBJECTS, TOWNS, Subject

_SEPARATORS = {"csv": ",", "semicolons": ";", "tabs": "\t", "markdown": " | ", "bars": " | "}
_ROWS = (3, 12)
_SHARE_ABSENT = 0.25
"""Of the questions on a table, those that ask for a row or a column that is not in it."""
_INTRODUCTIONS = (
    "",
    "The following table was brought up to date last week.",
    "See the table below. Questions may be sent to the office.",
    "All figures are without tax.",
    "This page replaces the one of last year.",
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
    subject = generator.choice(SUBJECTS)
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


def _before(subject: Subject, form: str, generator: random.Random) -> str:
    if form in ("csv", "semicolons", "tabs"):  # mostly a file of its own
        return "" if generator.random() < 0.8 else f"{generator.choice(subject.titles)}\n\n"
    title, introduction = generator.choice(subject.titles), generator.choice(_INTRODUCTIONS)
    return f"## {title}\n\n" + (f"{introduction}\n\n" if introduction else "")


def _on_a_list(name: str, generator: random.Random) -> QAExample:
    lists = generator.sample(LEADS, generator.randint(1, 3))
    mark = generator.choice(("- ", "* ", "• ", ""))
    text, spans = f"# {generator.choice(TOWNS)} {generator.choice(('house', 'day', 'trip', 'cake', 'club'))}\n\n", []
    for lead, _, draw in lists:
        items = list(dict.fromkeys(draw(generator) for _ in range(generator.randint(2, 7))))
        text += generator.choice((f"{lead}:\n\n", f"## {lead}\n\n", f"{lead}:\n"))
        start = len(text) + len(mark)
        text += "".join(f"{mark}{item}\n" for item in items)
        spans.append((start, len(text) - 1))
        text += "\n"
    if generator.random() < 0.5:
        steps = generator.sample(STEPS, generator.randint(2, 5))
        text += "Steps:\n\n" + "".join(
            f"{number}. {step.format(generator.randint(2, 220))}\n" for number, step in enumerate(steps, 1)
        )
    chosen = generator.randrange(len(lists))
    lead, questions, _ = lists[chosen]
    if generator.random() < _SHARE_ABSENT / 2:
        others = [entry for entry in LEADS if entry not in lists]
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
