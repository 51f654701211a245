"""CoNaLa (Yin et al., 2018): what somebody wants, and a line of Python (`intent` and `snippet`)."""

import ast
from typing import Any

from finetune.data.code_sets.shared import LeftOut, block, parse_python
from finetune.data.explanations import explain_snippet, pick


def shape(row: dict[str, Any]) -> tuple[str, str]:
    """The intent, and the line with what it does."""
    intent, better, code = row["intent"].strip(), (row.get("rewritten_intent") or "").strip(), row["snippet"].strip()
    tree = parse_python(code)
    if len(intent.split()) < 3:
        raise LeftOut("the question says too little")
    if not any(isinstance(node, ast.Call | ast.Subscript | ast.BinOp | ast.ListComp) for node in ast.walk(tree)):
        raise LeftOut("the code says too little")
    question = (
        intent if "python" in intent.lower() or not intent.endswith("?") else f"{intent[:-1].rstrip()} in Python?"
    )
    if not question.endswith("?") and better and "python" not in intent.lower():
        question = pick([f"{intent} in Python", f"In Python: {intent}", intent], intent)
    explanation = explain_snippet(intent, [better, intent], tree)
    return question, f"{explanation}\n\n{block('Python', code)}"
