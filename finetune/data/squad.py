"""Questions in SQuAD format."""

import json
import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.errors import UsageError
from finetune.data.files import find_data
from finetune.data.tables import column, is_hub, read_table
from finetune.recipe_data import QAColumn

log = logging.getLogger(__name__)

_WORDS = re.compile(r"\w+")
_SURROUNDINGS = 120
_HEAD = 20_000  # characters in which a SQuAD file names its first paragraphs
_TABLES = (".csv", ".tsv", ".jsonl", ".parquet")


@dataclass(frozen=True, slots=True)
class QAExample:
    """A question on one paragraph. `start` is the first gold answer's offset, None where the paragraph holds none."""

    id: str
    title: str
    context: str
    question: str
    answers: tuple[str, ...]
    start: int | None

    @property
    def end(self) -> int | None:
        """The offset after the first gold answer's last character."""
        return None if self.start is None else self.start + len(self.answers[0])


def is_squad(path: Path) -> bool:
    """Whether a file is in SQuAD format, by its beginning."""
    if path.suffix != ".json":
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return '"paragraphs"' in file.read(_HEAD)


def read_squad(path: Path) -> list[QAExample]:
    """All questions of a SQuAD v1.1 or v2.0 file.

    Raises:
        UsageError: the file is not in SQuAD format.
    """
    try:
        articles = json.loads(path.read_text("utf-8"))["data"]
        return [
            _example(article.get("title", ""), paragraph["context"], question)
            for article in articles
            for paragraph in article["paragraphs"]
            for question in paragraph["qas"]
        ]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(f"{path}: not a SQuAD file (data > paragraphs > qas): {error!r}") from error


def read_questions(
    source: str, columns: Mapping[QAColumn, str] | None = None, left_out: Counter[str] | None = None
) -> list[QAExample]:
    """All questions of a data set: a file in SQuAD format, or a table of them such as the Hub's or one's own.

    Args:
        source: as `finetune.data.tables.read_table` takes it.
        columns: of a table, where they are not `id`, `title`, `context`, `question` and `answers`; the answers are
            texts with their starts as on the Hub, or one text, and nothing where the context holds none. A table
            without titles is taken as one article for each context.
        left_out: gets how many rows of a table were left out for what: an empty cell, or one that is no text. Without
            it they are told as a warning.

    Raises:
        UsageError: the data cannot be read or is not in either form.
        AssistantError: the Hub did not give it.
    """
    if not is_hub(source) and not source.endswith(_TABLES):
        return read_squad(find_data(source))
    rows = read_table(source)
    names: dict[QAColumn, str] = {"id": "id", "title": "title", "context": "context", "question": "question"}
    names |= {"answers": "answers", **(columns or {})}
    for name in ("context", "question", "answers"):
        if rows:
            column(source, rows[0], [names[name]])
    reasons: Counter[str] = Counter()
    rows = [row for row in rows if _is_asked(row, names, reasons)]
    if left_out is not None:
        left_out += reasons
    elif reasons:
        log.warning("%s: left out: %s", source, ", ".join(f"{count:,} with {why}" for why, count in reasons.items()))
    try:
        return [
            _example(
                str(row.get(names["title"]) or row[names["context"]]),
                row[names["context"]],
                {
                    "id": row.get(names["id"], number),
                    "question": row[names["question"]],
                    "answers": _golds(row[names["answers"]]),
                },
            )
            for number, row in enumerate(rows, 1)
        ]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(f"{source}: not a table of questions (id, context, question, answers): {error!r}") from error


def _is_asked(row: Mapping[str, Any], names: Mapping[QAColumn, str], left_out: Counter[str]) -> bool:
    """Whether a row has a question and a context; if not, why is counted."""
    texts = [row[names[name]] for name in ("context", "question")]
    if any(text is None or text == "" for text in texts):
        left_out["no question or no context"] += 1
        return False
    if not all(isinstance(text, str) for text in texts):
        left_out["a question or context that is no text"] += 1
        return False
    return True


def _golds(answers: Any) -> list[dict[str, object]]:
    """The answers of a table's row as a SQuAD file has them: one text, or texts and starts in two lists."""
    if answers is None or isinstance(answers, str):
        return [{"text": answers, "answer_start": -1}] if answers else []
    return [
        {"text": text, "answer_start": start}
        for text, start in zip(answers["text"], answers["answer_start"], strict=True)
    ]


def _example(title: str, context: str, question: dict[str, object]) -> QAExample:
    golds: list[dict[str, object]] = question.get("answers") or []  # type: ignore[assignment]
    texts = tuple(str(gold["text"]) for gold in golds)
    start = _best_occurrence(context, str(question["question"]), golds[0]) if golds else None
    return QAExample(str(question["id"]), str(title), context, str(question["question"]), texts, start)


def _best_occurrence(context: str, question: str, gold: dict[str, object]) -> int | None:
    """Where the answer stands; None where the text at the offset given is not the answer and it occurs nowhere else.

    A file may say `occurrences`: that its offset is only the first of several places. Then the place is taken whose
    surroundings share most words with the question.
    """
    text, given = str(gold["text"]), int(str(gold["answer_start"]))
    if not text:
        return None
    if given >= 0 and context[given : given + len(text)] == text and int(str(gold.get("occurrences", 1))) <= 1:
        return given
    places = [match.start() for match in re.finditer(re.escape(text), context)]
    asked = {word.lower() for word in _WORDS.findall(question)}

    def shared(place: int) -> int:
        around = context[max(0, place - _SURROUNDINGS) : place + len(text) + _SURROUNDINGS]
        return len(asked & {word.lower() for word in _WORDS.findall(around)})

    return max(places, key=shared, default=None)


def split_by_article(examples: Sequence[QAExample], held_out: float) -> tuple[list[QAExample], list[QAExample]]:
    """Split into training and held-out questions so that no article is in both; the last articles are held out."""
    titles = list(dict.fromkeys(example.title for example in examples))
    kept = set(titles[: len(titles) - round(held_out * len(titles))])
    train = [example for example in examples if example.title in kept]
    return train, [example for example in examples if example.title not in kept]
