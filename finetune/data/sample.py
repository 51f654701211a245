"""Sample data for a walk through a recipe: questions, pairs and programming questions, the same on every run."""

import json
from collections.abc import Iterator
from pathlib import Path

from assistant.types import Label

_CITIES = ("Lyon", "Paris", "Berlin", "Rome", "Madrid", "Lisbon", "Vienna", "Prague")
_VERBS = ("add", "remove", "find", "count", "sort", "print")
_THINGS = ("a list", "a string", "a dict", "a file")


def sample_texts() -> Iterator[str]:
    """All that the sample data says, for a vocabulary of its own."""
    for number, city in enumerate(_CITIES):
        yield from (_context(city, number), _asked(city), "J'habite à Lyon, près de la forêt où l'été est très chaud.")
    for question, answer in _code():
        yield f"### Question: {question}\n### Answer: {answer}"
    yield "A chat assistant that says what it knows: 0 1 2 3 4 5 6 7 8 9."


def _context(city: str, number: int) -> str:
    return f"{city} has {number}5 million trees. Marie Curie lived there in 19{number}0."


def _asked(city: str) -> str:
    return f"How many trees has {city}?"


def write_questions(path: Path, *, unanswerable: bool = False, later: bool = False) -> Path:
    """Eight articles of three questions in SQuAD format, of which a third may have no answer; `later` makes others."""
    articles = []
    for number, city in enumerate(_CITIES):
        place = number + 1 if later else number
        context = _context(city, place)
        found = [(_asked(city), f"{place}5 million"), ("Who lived there?", "Marie Curie"), ("When?", f"19{place}0")]
        questions = [
            {"id": f"{path.stem}-{city}-{at}", "question": question,
             "answers": [] if unanswerable and at == 2 else [{"text": answer, "answer_start": context.index(answer)}]}
            for at, (question, answer) in enumerate(found)
        ]  # fmt: skip
        articles.append({"title": city, "paragraphs": [{"context": context, "qas": questions}]})
    path.write_text(json.dumps({"version": "sample", "data": articles}), "utf-8")
    return path


def write_pairs(path: Path, *, later: bool = False) -> Path:
    """Labelled pairs, tabs between the columns; `later` makes others."""
    lines = ["premise\thypothesis\tlabel"]
    for city in _CITIES:
        weather, same, other = ("cold", "icy", "hot") if later else ("hot", "warm", "cold")
        claims = zip((same, "large", other), Label, strict=True)
        lines += [f"{city} is {weather}.\t{city} is {word}.\t{label}" for word, label in claims]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def write_preferences(path: Path) -> Path:
    """Programming questions with their answer, and that of another one as the worse."""
    rows = list(_code())
    lines = [
        json.dumps({"prompt": question, "chosen": answer, "rejected": other})
        for (question, answer), (_, other) in zip(rows, rows[1:] + rows[:1], strict=True)
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def write_labelled_texts(path: Path, *, later: bool = False) -> Path:
    """Sentences on trees, people and the weather of eight cities; `later` makes others."""
    lines = ["text,label"]
    for number, city in enumerate(_CITIES):
        place = number + 1 if later else number
        lines += [
            f"{city} has {place}5 million trees.,trees",
            f"Marie Curie lived in {city} in 19{place}0.,people",
            f"{city} is {'cold' if later else 'hot'}.,weather",
        ]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def write_code(folder: Path, *, chat: bool) -> Path:
    """Programming questions with answers: for a chat as JSON lines, else as a table."""
    if chat:
        path = folder / "train.jsonl"
        rows = [json.dumps({"prompt": question, "completion": answer}) for question, answer in _code()]
        path.write_text("\n".join(rows) + "\n", "utf-8")
        return path
    import polars

    path = folder / "train.csv"
    polars.DataFrame(list(_code()), schema=["question", "answer"], orient="row").write_csv(path)
    return path


def _code() -> Iterator[tuple[str, str]]:
    for verb in _VERBS:
        for thing in _THINGS:
            yield f"How do I {verb} items of {thing}?", f"Use {verb}:\n\n```python\n{verb}({thing.split()[-1]})\n```"
