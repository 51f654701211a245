"""Rows of code data sets, each kind given the shape of a chat answer.

Rows get an explanation composed from what they say (`finetune.data.explanations`), of bare code and of what an author
tells at length alike; the few sentences that come with a snippet are kept.
"""

import ast
import re
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assistant.errors import UsageError
from assistant.verification.python_code import FENCE
from finetune.data.explanations import explain_program, explain_snippet, goal_of, pick
from finetune.data.languages import fence_name, language_of, looks_like_prose

_LINK = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])")
_SHELL_PROMPT = re.compile(r"^(?:\([^)\n]*\)\s*)?\$ ?(?:\([^)\n]*\) )?")
_WISH = re.compile(r"(?:I (?:want|need) to|How (?:do|can) I|How to) (?P<goal>.+?)\??$", re.IGNORECASE)
_GIT_COMMAND = re.compile(r"(?:^|&& |\| )(git [a-z][a-z-]+)", re.MULTILINE)
_CHOICE = re.compile(r"^- ([A-E]): (.+)$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}")
_LONGEST_TASK = 500
_OPTION = re.compile(r"\[([^\]|]+)\|([^\]]+)\]")
# Commands that people ask about; most of the others on the help pages are rare tools.
_COMMANDS = frozenset(
    "awk cat chmod chown cp curl cut date df diff docker du echo env export find git grep gzip head history jq kill "
    "less ln ls make man mkdir mv nano npm npx pip pipx ping ps pwd python python3 rm rsync scp screen sed sort split "
    "ssh ssh-keygen stat sudo systemctl tail tar tee tmux top touch tr tree uniq unzip uptime wc wget which whoami "
    "xargs zip cargo go node yarn gcc psql sqlite3 mysql kubectl crontab alias cd".split()
)


class LeftOut(Exception):  # noqa: N818 - a reason, not an error
    """Why a row is not used."""


Shaper = Callable[[dict[str, Any]], tuple[str, str] | tuple[str, str, str]]
"""Makes question and answer of a row, and a third text where a part of the question decides the part it stands in."""


def shaper(source: str | Path, row: dict[str, Any]) -> Shaper:
    """The function that makes question and answer of a row, chosen by the row's fields.

    Raises:
        UsageError: the fields are those of no known kind.
    """
    for fields, shape in _SHAPES:
        if fields <= row.keys():
            return shape
    raise UsageError(
        f"{source}: rows with the fields {', '.join(row)} are of no known kind; use prompt and completion."
    )


def as_written(row: dict[str, Any]) -> tuple[str, str]:
    """Question and answer of a row that needs no shaping."""
    if row["prompt"] is None or row["completion"] is None:
        raise LeftOut("no question or no answer")
    return str(row["prompt"]), str(row["completion"])


def _instruction(row: dict[str, Any]) -> tuple[str, str]:
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


def _conala(row: dict[str, Any]) -> tuple[str, str]:
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


def _mbpp(row: dict[str, Any]) -> tuple[str, str]:
    tree = parse_python(row["code"].replace("\r\n", "\n").expandtabs(4))
    # The source mixes tabs, one-space indents and semicolons; written out anew it reads as people write Python.
    code = ast.unparse(tree)
    question = re.sub(r"^Write a (?:python )?function", "Write a Python function", row["text"].strip())
    return question, f"{explain_program(question, code, 'Python', tree)}\n\n{block('Python', code)}"


def _snippet(row: dict[str, Any]) -> tuple[str, str]:
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


def _git(row: dict[str, Any]) -> tuple[str, str]:
    """A question about git and the commands that answer it; what the author tells around them is left out."""
    asked = row["question"].strip().rstrip(".")
    if ": " in asked:
        raise LeftOut("a heading, not a question")
    code = _commands(row["answer_markdown"])
    wish = _WISH.match(asked)
    goal = _of_the_reader(wish["goal"]) if wish else next(iter(goal_of(asked) or [None]))
    names = list(dict.fromkeys(f"`{name}`" for name in _GIT_COMMAND.findall(code)))
    how = " and ".join(names[:2])
    if not how:
        raise LeftOut("no command of git")
    lead = (
        pick(["To {}, use {how}", "You can use {how} to {}", "To {}, you can use {how}"], asked)
        if goal
        else pick(["You can do this with {how}", "You can use {how} for this", "Use {how} for this"], asked)
    ).format(goal, how=how)
    if not asked.endswith("?"):
        asked = f"{asked[:1].upper()}{asked[1:]}{'' if 'git' in asked.lower() else ' in git'}."
    return asked, f"{lead}:\n\n{block('bash', code)}"


def _commands(markdown: str) -> str:
    """The commands and comments of the first block, without prompts; one that shows a command's output is left out."""
    lines = [line.strip() for line in _first_block(markdown).split("\n") if line.strip()]
    lines = [line for line in lines if not re.match(r"# ?\$", line)]  # a command that its author took out
    comments = [line for line in lines if line.startswith("#")]
    behind_prompts = [line for line in lines if _SHELL_PROMPT.match(line)]
    if behind_prompts and len(behind_prompts) + len(comments) < len(lines):
        raise LeftOut("a command with its output")
    commands = [_SHELL_PROMPT.sub("", line) for line in lines]
    if len(comments) * 2 > len(lines) or not all(line.startswith(("git ", "#", "rm ", "cd ")) for line in commands):
        raise LeftOut("lines that are no commands")
    return "\n".join(commands)


def _of_the_reader(wish: str) -> str:
    """A wish told by who has it ("undo my commit"), as one tells it back ("undo your commit")."""
    wish = re.sub(r"\bmy\b", "your", re.sub(r"\bI'm\b", "you are", re.sub(r"\bI\b", "you", wish)))
    return wish[:1].lower() + wish[1:]


def _quiz(row: dict[str, Any]) -> tuple[str, str]:
    """A question about code with the answers to choose from: the right one alone, for why is past a small model."""
    question, asked = row["question"].strip(), row["code_and_choices"].strip()
    choice = dict(_CHOICE.findall(asked)).get(row["answer"])
    if not asked.startswith("```") or choice is None:
        raise LeftOut("no code or no answer to choose")
    lead = pick(["The answer is", "The right answer is"], asked)
    return f"{question}\n\n{asked}", f"{lead} {row['answer']}: {choice.strip()}"


def _exercise(row: dict[str, Any]) -> tuple[str, str, str]:
    """An exercise to be solved in a named way, and apart from the way, so that all its ways stand in the same part."""
    if row.get("kind") != "approaches":
        raise LeftOut("an article, not an answer")
    task = re.split(r"^#+ Instructions\s*$", row["instructions"], flags=re.MULTILINE)[-1].split("~~~~")[0]
    paragraphs = [_plain(part) for part in task.strip().split("\n\n") if part.strip() and part.strip()[0] not in "#|-`"]
    code = _first_block(row["explanation_with_code"])
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
        lines = "\n".join(filter(None, map(_plain, part.split("\n"))))
        if told and len("\n\n".join([*told, lines])) > characters:
            break
        told.append(lines)
    while len(told) > 1 and told[-1].endswith(":"):
        told.pop()
    return "\n\n".join(told)


def _shell(row: dict[str, Any]) -> tuple[str, str]:
    name = row["command"]
    if name.split()[0] not in _COMMANDS or row["platform"] not in ("common", "linux", "osx"):
        raise LeftOut("a command few people ask about")
    task = re.sub(r"\[(\w)\]", r"\1", row["task"]).strip().rstrip(".")
    if re.search(r"\b(help|version|documentation)\b", task.lower()):
        raise LeftOut("help and version options")
    code = _PLACEHOLDER.sub(lambda match: _OPTION.sub(r"\2", match.group(1)), row["code"]).strip()
    goal = task if task[:2].isupper() else task[:1].lower() + task[1:]
    question = pick(
        [
            "How do I {} in the shell?",
            "How can I {} with `{name}`?",
            "{} in the terminal",
            "What is the command to {}?",
        ],
        task + name,
    ).format(goal, name=name)
    lead = pick(
        ["To {}, use `{name}`", "You can use `{name}` to {}", "To {}, you can use `{name}`"],
        name + task,
    ).format(goal, name=name)
    names = [match for match in _PLACEHOLDER.findall(row["code"]) if not match.startswith("[")]
    rest = (
        f". Put your own value in place of `{names[0]}`"
        if len(names) == 1 and len(names[0]) <= 40 and "|" not in names[0]
        else ""
    )
    return question[:1].upper() + question[1:], f"{lead}{rest}:\n\n{block('bash', code)}"


_SHAPES: tuple[tuple[set[str], Shaper], ...] = (
    ({"prompt", "completion"}, as_written),
    ({"instruction", "response"}, _instruction),
    ({"intent", "snippet"}, _conala),
    ({"text", "code"}, _mbpp),
    ({"explanation_with_code", "instructions"}, _exercise),
    ({"task", "answer_markdown"}, _snippet),
    ({"question", "answer_markdown"}, _git),
    ({"question", "code_and_choices"}, _quiz),
    ({"command", "task", "code"}, _shell),
)


def parse_python(code: str) -> ast.Module:
    """The syntax tree of Python code; code that does not parse is left out."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in the data's strings
            tree = ast.parse(code)
            ast.unparse(tree)  # what is nested too deeply to be written out cannot be explained either
            return tree
    except (SyntaxError, ValueError, RecursionError) as error:
        raise LeftOut("Python that does not parse") from error


def block(language: str, code: str) -> str:
    """A fenced block that names its language."""
    return f"```{fence_name(language)}\n{code.strip(chr(10)).rstrip()}\n```"


def _first_block(markdown: str) -> str:
    """What the first fenced block of a text holds."""
    match = FENCE.search(markdown)
    return match.group(2).strip() if match else ""


def _prose_and_code(markdown: str) -> tuple[str, str]:
    """The explanation as running text and all code in one piece."""
    codes = [body.strip("\n") for _, body in FENCE.findall(markdown)]
    lines = [re.sub(r"^- ", "", line).strip() for line in FENCE.sub("", markdown).split("\n")]
    prose = _plain(" ".join(line for line in lines if line))
    if not codes or not prose or "```" in prose:
        raise LeftOut("no code or no explanation")
    return prose, "\n\n".join(codes)


def _plain(text: str) -> str:
    """Running text without links, emphasis and line breaks."""
    text = _LINK.sub(r"\1", text)
    text = re.sub(r"\*\*?(⚠️ ?)?(.+?)\*\*?", r"\2", text)
    return re.sub(r"\s+", " ", re.sub(r"</?\w+>", "", text)).strip()


def _four_spaces(code: str) -> str:
    """Indentation in steps of four where the source uses two."""
    code = textwrap.dedent(code)
    widths = [len(line) - len(line.lstrip(" ")) for line in code.split("\n") if line.strip()]
    if not any(width % 4 == 2 for width in widths):
        return code
    return "\n".join(" " * (len(line) - len(line.lstrip(" "))) + line for line in code.split("\n"))
