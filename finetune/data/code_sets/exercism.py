"""Exercises to be solved in a named way (`instructions` and `explanation_with_code`)."""

import ast
import re
from typing import Any

from finetune.data.code_sets.shared import LeftOut, block, first_block, parse_python, plain
from finetune.data.explanations import explain_program

_LONGEST_TASK = 500


def shape(row: dict[str, Any]) -> tuple[str, str, str]:
    """An exercise to be solved in a named way, and apart from the way, so that all its ways stand in the same part."""
    if row.get("kind") != "approaches":
        raise LeftOut("an article, not an answer")
    task = re.split(r"^#+ Instructions\s*$", row["instructions"], flags=re.MULTILINE)[-1].split("~~~~")[0]
    paragraphs = [plain(part) for part in task.strip().split("\n\n") if part.strip() and part.strip()[0] not in "#|-`"]
    code = first_block(row["explanation_with_code"])
    if not code or not paragraphs:
        raise LeftOut("no task or no code")
    tree = parse_python(code)
    code = ast.unparse(tree)
    approach = row.get("approach") or "introduction"
    way = "" if approach == "introduction" else f" Solve it this way: {approach.replace('-', ' ')}."
    goal = re.split(r"(?<=[.!?]) ", paragraphs[0].removeprefix("Your task is to "))[0]
    return (
        f"{_within(task, _LONGEST_TASK)}\n\nUse Python.{way}",
        f"{explain_program(goal, code, 'Python', tree, facts=3)}\n\n{block('Python', code)}",
        f"{' '.join(paragraphs[:2])} Use Python.",
    )


def _within(task: str, characters: int) -> str:
    """The paragraphs and lists that a text begins with, as many as fit; headings, tables and code are left out."""
    told: list[str] = []
    for part in task.strip().split("\n\n"):
        if not part.strip() or part.strip()[0] in "#|`":
            continue
        lines = "\n".join(filter(None, map(plain, part.split("\n"))))
        if told and len("\n\n".join([*told, lines])) > characters:
            break
        told.append(lines)
    while len(told) > 1 and told[-1].endswith(":"):
        told.pop()
    return "\n\n".join(told)
