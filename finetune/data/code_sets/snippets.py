"""Named snippets with an explanation (`task` and `answer_markdown`)."""

import ast
import re
import textwrap
from typing import Any

from assistant.verification.python_code import FENCE
from finetune.data.code_sets.shared import LeftOut, block, parse_python, plain
from finetune.data.explanations import pick


def shape(row: dict[str, Any]) -> tuple[str, str]:
    """A request for the snippet, and the snippet with its explanation."""
    language = "JavaScript" if row["language"] == "JavaScript" else "Python"
    prose, code = _prose_and_code(row["answer_markdown"])
    if language == "Python":
        code = _printed(_four_spaces(code))
    task = row["task"].strip().split("\n")[0].rstrip(".")
    third = task[:1].lower() + task[1:]
    name = row["title"]
    question = pick(
        [
            f"Write a {language} function that {third}.",
            f"I need a {language} function that {third}.",
            f"Give me a {language} function `{name}` that {third}.",
            f"Show me a {language} function which {third}.",
        ],
        name,
    )
    lead = pick(
        ["Here is a {language} function that {}.", "This {language} function {}.", "The function `{name}` {}."], name
    ).format(third, language=language, name=name)
    return question, f"{lead} {prose}\n\n{block(language, code)}"


def _printed(code: str) -> str:
    """Python code whose uses with their result in a comment, shown as in a console, print that result."""
    lines = code.encode().split(b"\n")  # columns of a syntax tree count bytes
    for node in reversed(parse_python(code).body):
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        behind = lines[last][node.end_col_offset :].strip()
        result = behind or b"".join(lines[last + 1 : last + 2])
        if isinstance(node, ast.Expr) and result.startswith(b"#") and not ast.unparse(node).startswith("print("):
            lines[last] = lines[last][: node.end_col_offset] + b")" + (b"  " + behind if behind else b"")
            lines[first] = lines[first][: node.col_offset] + b"print(" + lines[first][node.col_offset :]
    return b"\n".join(lines).decode()


def _prose_and_code(markdown: str) -> tuple[str, str]:
    """The explanation as running text and all code in one piece."""
    codes = [body.strip("\n") for _, body in FENCE.findall(markdown)]
    lines = [re.sub(r"^- ", "", line).strip() for line in FENCE.sub("", markdown).split("\n")]
    prose = plain(" ".join(line for line in lines if line))
    if not codes or not prose or "```" in prose:
        raise LeftOut("no code or no explanation")
    return prose, "\n\n".join(codes)


def _four_spaces(code: str) -> str:
    """Indentation in steps of four where the source uses two."""
    code = textwrap.dedent(code)
    widths = [len(line) - len(line.lstrip(" ")) for line in code.split("\n") if line.strip()]
    if not any(width % 4 == 2 for width in widths):
        return code
    return "\n".join(" " * (len(line) - len(line.lstrip(" "))) + line for line in code.split("\n"))
