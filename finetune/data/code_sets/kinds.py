"""Which data set a row of code is from, told by its fields."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from assistant.errors import UsageError
from finetune.data.code_sets import conala, exercism, git, instructions, mbpp, quiz, snippets, tldr
from finetune.data.code_sets.shared import LeftOut

Shaper = Callable[[dict[str, Any]], tuple[str, str] | tuple[str, str, str]]
"""Makes question and answer of a row, and a third text where a part of the question decides the part it stands in."""


def shaper(source: str | Path, row: dict[str, Any]) -> Shaper:
    """The function that makes question and answer of a row, chosen by the row's fields.

    Raises:
        UsageError: the fields are those of no known kind.
    """
    for fields, shape in _KINDS:
        if fields <= row.keys():
            return shape
    raise UsageError(
        f"{source}: rows with the fields {', '.join(row)} are of no known kind; use prompt and completion."
    )


def as_written(row: dict[str, Any]) -> tuple[str, str]:
    """Question and answer of a row that needs no shaping."""
    question, answer = row["prompt"], row["completion"]
    if question is None or answer is None:
        raise LeftOut("no question or no answer")
    if not isinstance(question, str) or not isinstance(answer, str):
        raise LeftOut("a question or answer that is no text")
    return question, answer


_KINDS: tuple[tuple[set[str], Shaper], ...] = (
    ({"prompt", "completion"}, as_written),
    ({"instruction", "response"}, instructions.shape),
    ({"intent", "snippet"}, conala.shape),
    ({"text", "code"}, mbpp.shape),
    ({"explanation_with_code", "instructions"}, exercism.shape),
    ({"task", "answer_markdown"}, snippets.shape),
    ({"question", "answer_markdown"}, git.shape),
    ({"question", "code_and_choices"}, quiz.shape),
    ({"command", "task", "code"}, tldr.shape),
)
