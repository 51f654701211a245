"""Requests with bare code for an answer (`instruction` and `response`)."""

import ast
from typing import Any

from finetune.data.code_sets.shared import LeftOut, block, parse_python
from finetune.data.explanations import explain_program, explain_snippet
from finetune.data.languages import language_of, looks_like_prose


def shape(row: dict[str, Any]) -> tuple[str, str]:
    """The request and its code, with what the code does."""
    instruction, given, code = row["instruction"].strip(), (row.get("input") or "").strip(), row["response"].strip()
    if "```" in code or looks_like_prose(code):
        raise LeftOut("the answer is prose, not code")
    language = language_of(instruction, code)
    if language is None:
        raise LeftOut("no certain language")
    tree = parse_python(code) if language == "Python" else None
    explanation = explain_program(instruction, code, language, tree)
    if tree is not None and not any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in tree.body):
        explanation = explain_snippet(instruction, [instruction], tree)
    question = instruction if not given or given in instruction else f"{instruction}\n\n{given}"
    return question, f"{explanation}\n\n{block(language, code)}"
