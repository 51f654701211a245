"""What the shapers of code data sets share."""

import ast
import re
import warnings

from assistant.verification.python_code import FENCE
from finetune.data.languages import fence_name

_LINK = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])")


class LeftOut(Exception):  # noqa: N818 - a reason, not an error
    """Why a row is not used."""


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


def first_block(markdown: str) -> str:
    """What the first fenced block of a text holds."""
    match = FENCE.search(markdown)
    return match.group(2).strip() if match else ""


def plain(text: str) -> str:
    """Running text without links, emphasis and line breaks."""
    text = _LINK.sub(r"\1", text)
    text = re.sub(r"\*\*?(⚠️ ?)?(.+?)\*\*?", r"\2", text)
    return re.sub(r"\s+", " ", re.sub(r"</?\w+>", "", text)).strip()
