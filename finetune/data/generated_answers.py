"""Answers that a generator wrote to questions on passages, told right or wrong by the gold answers.

A verifier meets the answers of our own generator most, so it is trained on them. A question of SQuAD is put with its
passage, with another passage of the same article, or with none: the answer that holds a gold one is supported by the
passage, and one written without it, that holds none of them, is another answer than the passage gives. What was written
with the passage and holds no gold answer may be right in other words: no label is made of it.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import UsageError
from assistant.metrics import normalize_answer
from assistant.types import Evidence, Label, Message, Role
from assistant.verification.claims import span_claim, text_claims
from assistant.verification.refusals import is_refusal
from finetune.data.answer_pairs import around
from finetune.data.exchanges import exchanged
from finetune.data.pairs import Pair
from finetune.data.squad import QAExample

if TYPE_CHECKING:
    from assistant.generation.generator import LocalGenerator

FILE = "generated-answers.jsonl"
_KEYS = ("generator", "question", "context", "start", "gold", "given", "answer")
_WAYS = ("passage", "passage", "other", "none")
_AT_ONCE = 8
_NEW_TOKENS = 80
_EXCHANGED_SHARE = 0.7


def write_answers(
    generators: Mapping[str, Callable[[], "LocalGenerator"]],
    wanted: Mapping[str, int],
    questions: Sequence[QAExample],
    path: Path,
    seed: int,
    on_progress: Callable[[int, int], None],
) -> None:
    """Have generators answer questions until so many answers are in a file; what is there already is not made again.

    Args:
        generators: load a generator, by its name.
        wanted: how many answers of each.
        questions: answerable ones, each asked of one generator.
        path: the file.
        seed: of the drawing.
        on_progress: is told how many answers there are of how many.

    Raises:
        UsageError: the file is there and is no such file.
    """
    kept = read_answers(path)
    total = sum(wanted.values())
    at = 0
    drawn = random.Random(f"{seed} generated").sample(list(questions), min(total, len(questions)))
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file():  # without the line that a killed process left
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept), "utf-8")
    with path.open("a", encoding="utf-8") as lines:
        for name, count in wanted.items():
            mine, at = drawn[at : at + count], at + count
            have = sum(row["generator"] == name for row in kept)
            if have >= len(mine):
                continue
            generator = generators[name]()
            others = _by_title(questions)
            numbered = list(enumerate(mine))
            for first in range(have, len(mine), _AT_ONCE):
                some = numbered[first : first + _AT_ONCE]
                given = [_WAYS[number % len(_WAYS)] for number, _ in some]
                asked = [
                    _messages(example, way, others, random.Random(f"{seed} {example.id}"))
                    for (_, example), way in zip(some, given, strict=True)
                ]
                texts = _answers(generator, asked)
                for (_, example), way, text in zip(some, given, texts, strict=True):
                    row = {
                        "generator": name, "question": example.question, "context": example.context,
                        "start": example.start, "gold": list(example.answers), "given": way, "answer": text,
                    }  # fmt: skip
                    lines.write(json.dumps(row, ensure_ascii=False) + "\n")
                    kept.append(row)
                lines.flush()
                on_progress(len(kept), total)


def read_answers(path: Path) -> list[dict[str, Any]]:
    """The answers of a file, none where it is not there; a last line that a killed process left is dropped.

    Raises:
        UsageError: it is no such file.
    """
    if not path.is_file():
        return []
    whole, _, rest = path.read_bytes().rpartition(b"\n")
    try:
        rows = [json.loads(line) for line in whole.split(b"\n") if line.strip()]
        if rest.strip():
            with suppress(ValueError):  # what a killed process left
                rows.append(json.loads(rest))
    except ValueError as error:
        raise UsageError(f"{path}: not a file of generated answers; remove it, and it is made anew.") from error
    if any(not isinstance(row, dict) or key not in row for row in rows for key in _KEYS):
        raise UsageError(f"{path}: not a file of generated answers; remove it, and it is made anew.")
    return rows


def generated_pairs(rows: Sequence[Mapping[str, Any]], seed: int) -> list[Pair]:
    """Training pairs of generated answers, each with the sentences around the gold answer's place."""
    draw = random.Random(f"{seed} generated pairs")
    made: list[Pair] = []
    for row in rows:
        answer, context = row["answer"], row["context"]
        if not answer or is_refusal(answer):
            continue
        start, end = around(context, row["start"], row["start"] + len(row["gold"][0]), draw)
        premise = context[start:end]
        claims = text_claims(answer)
        right = [claim for claim in claims if _holds_gold(claim, row["gold"])]
        if right:
            made.append(Pair(premise, right[0], Label.ENTAILMENT))
            made.append(Pair(premise, span_claim(row["question"], right[0]), Label.ENTAILMENT))
            other = exchanged(right[0], context, draw) if draw.random() < _EXCHANGED_SHARE else None
            if other is not None:
                told = other if draw.random() < 0.5 else span_claim(row["question"], other)
                made.append(Pair(premise, told, Label.CONTRADICTION))
        elif row["given"] != "passage" and len(claims) == 1:
            made.append(Pair(premise, span_claim(row["question"], claims[0]), Label.CONTRADICTION))
    return made


def _holds_gold(claim: str, gold: Sequence[str]) -> bool:
    told = f" {normalize_answer(claim)} "
    return any(f" {normalized} " in told for each in gold if (normalized := normalize_answer(each)))


def _messages(example: QAExample, way: str, others: Mapping[str, Sequence[str]], draw: random.Random) -> list[Message]:
    from assistant.generation.prompts import grounded_messages

    if way == "none":
        return [
            Message(Role.SYSTEM, "Answer in one short sentence."),
            Message(Role.USER, example.question.strip()),
        ]
    context = example.context
    if way == "other":
        different = [each for each in others[example.title] if each != context]
        context = draw.choice(different) if different else context[: len(context) // 3]
    return grounded_messages(example.question.strip(), [Evidence("", 0, len(context), context)])


def _answers(generator: "LocalGenerator", conversations: Sequence[Sequence[Message]]) -> list[str]:
    from assistant.generation.stream import Sampling

    streams = [generator.stream(each, sampling=Sampling(max_new_tokens=_NEW_TOKENS)) for each in conversations]
    pieces: list[list[str]] = [[] for _ in streams]
    for at, piece in generator.together(streams):
        pieces[at].append(piece)
    return ["".join(each).strip() for each in pieces]


def _by_title(questions: Sequence[QAExample]) -> dict[str, list[str]]:
    contexts: dict[str, dict[str, None]] = {}
    for question in questions:
        contexts.setdefault(question.title, {})[question.context] = None
    return {title: list(texts) for title, texts in contexts.items()}
