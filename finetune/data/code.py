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

from assistant.types import Message, Role
from assistant.verification.python_code import FENCE
from finetune.data.code_sets.conversations import exchanges, is_conversation
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
    before: tuple[Message, ...] = ()
    """What was said before the question, a system's message first where there is one."""
    split_by: str = ""
    """What of the question decides whether it is held out; empty where all of it does."""

    @property
    def characters(self) -> int:
        """Length of question and answer together, and of what was said before."""
        return len(self.instruction) + len(self.answer) + sum(len(message.text) for message in self.before)


def read_code(source: str | Path, max_characters: int | None = None) -> tuple[list[CodeExample], Counter[str]]:
    """The questions and answers of a data set, shaped, and how many rows were left out for what.

    A row with `messages` (`role`, `content`) or `conversations` (`from`, `value`, as ShareGPT has them) gives an
    example for each of its answers, with what was said before; all of them stand on one side of the split.

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
        if is_conversation(row):
            _add_conversation(row, Path(source).name, max_characters, examples, left_out)
            continue
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


def _add_conversation(
    row: dict[str, Any], source: str, max_characters: int | None, examples: list[CodeExample], left_out: Counter[str]
) -> None:
    """Add a conversation's answers to the examples, or count why not."""
    try:
        found = exchanges(row)
    except LeftOut as reason:
        left_out[str(reason)] += 1
        return
    for before, question, answer in found:
        example = CodeExample(question, answer, source, ready=True, before=before, split_by=found[0].question)
        if max_characters and example.characters > max_characters:
            left_out[f"longer than {max_characters} characters"] += 1
        else:
            examples.append(example)


def unique(examples: Iterable[CodeExample]) -> list[CodeExample]:
    """The examples without those whose question or code an earlier one has, so that no split has one on both sides."""
    questions: set[str] = set()
    codes: set[str] = set()
    kept = []
    for example in examples:
        asked = _asked(example)
        # From passages many questions have one answer: that they do not hold it. So it is with what was said before.
        in_context = example.passages or example.before
        code = "" if in_context else _normal(_last_block(example.answer))
        if not asked & questions and (in_context or code not in codes):
            kept.append(example)
        questions |= asked
        codes.add(code)
    return kept


def unseen(examples: Iterable[CodeExample], trained: Iterable[CodeExample]) -> list[CodeExample]:
    """The examples whose question and code are not among those of others; with passages, the question alone counts."""
    seen = list(trained)
    questions = {asked for example in seen for asked in _asked(example)}
    codes = {_normal(_last_block(example.answer)) for example in seen if not (example.passages or example.before)}
    return [
        example
        for example in examples
        if not _asked(example) & questions
        and (example.passages or example.before or _normal(_last_block(example.answer)) not in codes)
    ]


def _asked(example: CodeExample) -> set[str]:
    """A question in all its wordings, after what was said before it."""
    before = "".join(f"{message.text}\n" for message in example.before if message.role is not Role.SYSTEM)
    return {_normal(before + wording) for wording in (example.instruction, *example.also)}


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
