"""Why a reader's answers are wrong: each wrong answer is of one kind, found by rule."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path

from assistant.documents.sentences import split_sentences
from assistant.errors import UsageError
from assistant.metrics import exact_match, normalize_answer, token_f1
from assistant.reading.reader import Reading
from finetune.data.squad import QAExample


class ErrorKind(StrEnum):
    """What is wrong with an answer, from the first rule that fits."""

    INVENTED = "answered although the text does not say it"
    MISSED = "said to be absent although the text says it"
    LONGER = "holds the answer and more"
    SHORTER = "a part of the answer"
    OVERLAP = "shares words with the answer"
    AMBIGUOUS = "people do not agree on the answer either"
    TYPE = "another kind of thing (number, name or other words)"
    SENTENCE = "another place in the answer's sentence"
    ELSEWHERE = "another sentence"


def kind_of(example: QAExample, given: str, start: int | None) -> ErrorKind | None:
    """The kind of error that an answer is, or None if it is one of the gold answers.

    Args:
        example: the question with its gold answers.
        given: what the reader gave; "" for "no answer".
        start: where it stands in the context.
    """
    if exact_match(given, example.answers):
        return None
    if not example.answers:
        return ErrorKind.INVENTED
    if not given or start is None:
        return ErrorKind.MISSED
    return _sharing_words(given, example.answers) or _sharing_nothing(example, given, start)


def _sharing_words(given: str, golds: Sequence[str]) -> ErrorKind | None:
    said = set(normalize_answer(given).split())
    wanted = [words for gold in golds if (words := set(normalize_answer(gold).split()))]
    if any(words < said for words in wanted):
        return ErrorKind.LONGER
    if any(said < words for words in wanted):
        return ErrorKind.SHORTER
    return ErrorKind.OVERLAP if any(said & words for words in wanted) else None


def _sharing_nothing(example: QAExample, given: str, start: int) -> ErrorKind:
    if any(token_f1(gold, (other,)) == 0 for gold in example.answers for other in example.answers):
        return ErrorKind.AMBIGUOUS
    if _type(given) not in {_type(gold) for gold in example.answers}:
        return ErrorKind.TYPE
    return ErrorKind.SENTENCE if _same_sentence(example, start) else ErrorKind.ELSEWHERE


def find_errors(
    examples: Sequence[QAExample], readings: Sequence[Reading], given: Sequence[str]
) -> list[tuple[ErrorKind, QAExample, str, float]]:
    """All wrong answers with their kind and score.

    Args:
        examples: the questions.
        readings: what was read for each.
        given: the answer taken from each reading; "" for "no answer".
    """
    found = []
    for example, reading, answer in zip(examples, readings, given, strict=True):
        kind = kind_of(example, answer, reading.best.start if reading.best else None)
        if kind is not None:
            found.append((kind, example, answer, reading.score))
    return found


def shares(found: Iterable[tuple[ErrorKind, QAExample, str, float]], total: int) -> dict[str, float]:
    """How many of all answers are wrong in each way, as percentages, the most frequent first."""
    counts = Counter(kind for kind, *_ in found)
    return {str(kind): round(100 * count / total, 2) for kind, count in counts.most_common()}


def write_errors(found: Iterable[tuple[ErrorKind, QAExample, str, float]], path: Path) -> None:
    """Write wrong answers as JSON lines.

    Raises:
        UsageError: the file cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8") as file:
            for kind, example, answer, score in found:
                row = {
                    "id": example.id,
                    "error": str(kind),
                    "question": example.question,
                    "answer": answer or None,
                    "gold": example.answers,
                    "score": round(score, 4),
                    "context": example.context,
                }
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}).") from error


def _type(answer: str) -> str:
    if any(char.isdigit() for char in answer):
        return "number"
    return "name" if any(word[:1].isupper() for word in answer.split()) else "words"


def _same_sentence(example: QAExample, start: int) -> bool:
    gold = example.start if example.start is not None else -1
    sentences = split_sentences(example.context)
    return any(
        sentence.start <= start < sentence.end and sentence.start <= gold < sentence.end for sentence in sentences
    )
