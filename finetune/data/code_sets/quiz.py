"""Questions about code with answers to choose from (`question` and `code_and_choices`)."""

import re
from typing import Any

from finetune.data.code_sets.shared import LeftOut
from finetune.data.explanations import pick

_CHOICE = re.compile(r"^- ([A-E]): (.+)$", re.MULTILINE)


def shape(row: dict[str, Any]) -> tuple[str, str]:
    """A question about code with the answers to choose from: the right one alone, for why is past a small model."""
    question, asked = row["question"].strip(), row["code_and_choices"].strip()
    choice = dict(_CHOICE.findall(asked)).get(row["answer"])
    if not asked.startswith("```") or choice is None:
        raise LeftOut("no code or no answer to choose")
    lead = pick(["The answer is", "The right answer is"], asked)
    return f"{question}\n\n{asked}", f"{lead} {row['answer']}: {choice.strip()}"
