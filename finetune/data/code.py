"""Programming questions with answers, read from many files and given the shape of a chat answer.

The shape: a sentence or two of explanation, then one fenced block that names its language (`finetune.data.code_sets`).
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assistant.verification.python_code import FENCE
from finetune.data.code_sets.kinds import as_written, shaper
from finetune.data.code_sets.shared import LeftOut
from finetune.data.tables import read_table


@dataclass(frozen=True, slots=True)
class CodeExample:
    """A question and the answer a chat should give. `source` is the name of the file it comes from.

    `tests` are statements that right code passes, after those of `setup`; rows of MBPP have such.
    """

    instruction: str
    answer: str
    source: str
    ready: bool = False
    """Whether the row came in its final form, as `prompt` and `completion`."""
    tests: str = ""
    setup: str = ""
    passages: tuple[str, ...] = ()
    """What the answer is to be taken from; most questions come without."""
    also: tuple[str, ...] = ()
    """Other wordings of the question (`also` in the row)."""
    split_by: str = ""
    """What of the question decides whether it is held out; empty where all of it does."""

    @property
    def characters(self) -> int:
        """Length of question and answer together."""
        return len(self.instruction) + len(self.answer)


def read_code(source: str | Path, max_characters: int | None = None) -> tuple[list[CodeExample], Counter[str]]:
    """The questions and answers of a data set, shaped, and how many rows were left out for what.

    The kind of a row is told by its fields: `instruction` and `response`; `intent` and `snippet` (CoNaLa); `text` and
    `code` (MBPP); `task` and `answer_markdown` (snippets); `question` with `answer_markdown` (about git) or
    `code_and_choices` (a quiz); `instructions` and `explanation_with_code` (Exercism); `command`, `task` and `code`
    (tldr); `prompt` and `completion`, taken as they are. Any row may have `also`: another wording of its question, or a
    list of such; and `passages`: the texts that its answer is to be taken from.

    Raises:
        UsageError: the data cannot be read (see `finetune.data.tables`), or a row is of no known kind.
        AssistantError: the Hub did not give it.
    """
    examples: list[CodeExample] = []
    left_out: Counter[str] = Counter()
    for row in read_table(str(source)):
        shape = shaper(source, row)
        try:
            instruction, answer, *split_by = shape(row)
        except LeftOut as reason:
            left_out[str(reason)] += 1
            continue
        example = CodeExample(
            instruction.strip(),
            answer.strip(),
            Path(source).name,
            ready=shape is as_written,
            tests="\n".join(map(str, row.get("test_list") or [])),
            setup=str(row.get("test_setup_code") or ""),
            passages=_texts(row.get("passages")),
            also=_texts(row.get("also")),
            split_by="".join(split_by),
        )
        if max_characters and example.characters > max_characters:
            left_out[f"longer than {max_characters} characters"] += 1
        else:
            examples.append(example)
    return examples, left_out


def unique(examples: Iterable[CodeExample]) -> list[CodeExample]:
    """The examples without those whose question or code an earlier one has, so that no split has one on both sides."""
    questions: set[str] = set()
    codes: set[str] = set()
    kept = []
    for example in examples:
        asked = {_normal(wording) for wording in (example.instruction, *example.also)}
        # From passages many questions have one answer: that they do not hold it.
        code = "" if example.passages else _normal(_last_block(example.answer))
        if not asked & questions and (example.passages or code not in codes):
            kept.append(example)
        questions |= asked
        codes.add(code)
    return kept


def unseen(examples: Iterable[CodeExample], trained: Iterable[CodeExample]) -> list[CodeExample]:
    """The examples whose question and code are not among those of others; with passages, the question alone counts."""
    seen = list(trained)
    questions = {_normal(wording) for example in seen for wording in (example.instruction, *example.also)}
    codes = {_normal(_last_block(example.answer)) for example in seen if not example.passages}
    return [
        example
        for example in examples
        if not {_normal(wording) for wording in (example.instruction, *example.also)} & questions
        and (example.passages or _normal(_last_block(example.answer)) not in codes)
    ]


def repeated(examples: Iterable[CodeExample], times: int) -> list[CodeExample]:
    """Each example so many times, its question in its other wordings in turn."""
    worded = []
    for example in examples:
        wordings = (example.instruction, *example.also)
        worded += [replace(example, instruction=wordings[time % len(wordings)]) for time in range(times)]
    return worded


def split_by_question(examples: Iterable[CodeExample], held_out: float) -> tuple[list[CodeExample], list[CodeExample]]:
    """Training and held-out examples, by a hash of the question's words: the same in every run and any company."""
    parts: tuple[list[CodeExample], list[CodeExample]] = ([], [])
    for example in examples:
        parts[question_hash(example) < held_out].append(example)
    return parts


def question_hash(example: CodeExample) -> float:
    """A number in [0, 1) from the question's words, which decides the part and the order an example is taken in."""
    digest = hashlib.sha256(_normal(example.split_by or example.instruction).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _texts(value: Any) -> tuple[str, ...]:
    """The texts of a field that has none, one or a list of them."""
    texts = value if isinstance(value, list | tuple) else [value]
    return tuple(text.strip() for text in texts if isinstance(text, str) and text.strip())


def _normal(text: str) -> str:
    """The words and signs of a text, without case and spacing, so that near copies meet."""
    return " ".join(re.findall(r"\w+|[^\w\s]", text.casefold())).rstrip(" ?.!:")


def _last_block(answer: str) -> str:
    blocks = FENCE.findall(answer)
    return blocks[-1][1] if blocks else answer
