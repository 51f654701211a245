"""The blocks of code in an answer."""

import re
import textwrap

from assistant.verification.python_code import FENCE, PYTHON

_LONGEST = 100_000  # characters of an answer that are looked at
_PROMPT = re.compile(r"^(?:>>>|\.\.\.)(?: |$)", re.MULTILINE)


def code_blocks(text: str) -> list[str]:
    """All fenced blocks of a Markdown text."""
    from markdown_it import MarkdownIt

    return [token.content for token in MarkdownIt().parse(text) if token.type == "fence"]


def python_blocks(text: str) -> list[str]:
    """The blocks that say they are Python, ready to run: of a session at the prompt, what was typed."""
    blocks = [textwrap.dedent(code) for language, code in FENCE.findall(text[:_LONGEST]) if language.lower() in PYTHON]
    return [_typed(code) if code.startswith(">>>") else code for code in blocks]


def _typed(session: str) -> str:
    return "".join(_PROMPT.sub("", line, 1) for line in session.splitlines(keepends=True) if _PROMPT.match(line))
