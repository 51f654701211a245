"""MBPP (Austin et al., 2021): small tasks with a function (`text` and `code`)."""

import ast
import re
from typing import Any

from finetune.data.code_sets.shared import block, parse_python
from finetune.data.explanations import explain_program


def shape(row: dict[str, Any]) -> tuple[str, str]:
    """The task, and its function with what it does."""
    tree = parse_python(row["code"].replace("\r\n", "\n").expandtabs(4))
    # The source mixes tabs, one-space indents and semicolons; written out anew it reads as people write Python.
    code = ast.unparse(tree)
    question = re.sub(r"^Write a (?:python )?function", "Write a Python function", row["text"].strip())
    return question, f"{explain_program(question, code, 'Python', tree)}\n\n{block('Python', code)}"
