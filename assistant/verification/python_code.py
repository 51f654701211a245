"""What can be said of an answer's Python without running it: whether it can be parsed at all."""

import ast
import re
import textwrap
import warnings

FENCE = re.compile(r"^```([\w+#-]*)(?![\w+#-])[^\n`]*\n((?:(?!```)[^\n]*\n)*)```[^\S\n]*$", re.MULTILINE)
"""A fenced block of code: its language, which may be empty, and its lines. Linear in the text, whatever it holds."""
PYTHON = frozenset({"python", "py", "python3"})

_NAME = "<answer>"
_LONGEST = 100_000
# A session at the prompt, and lines that only notebooks understand, are no programs but not wrong either.
_NO_PROGRAM = re.compile(r"^[ \t]*(?:>>> |[%!]\w)", re.MULTILINE)

# What the parser warns of, such as an escape that means nothing, belongs to nobody's screen.
warnings.filterwarnings("ignore", module=re.escape(_NAME))


def syntax_fault(code: str) -> str | None:
    """Why a text is not Python, with the line where the parser knows it; None if it is."""
    try:
        ast.parse(code, _NAME)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        return f"{where}{error.msg}"
    except ValueError as error:
        return str(error)
    except (RecursionError, MemoryError):
        return "it is nested too deeply"
    return None


def unparsable_python(text: str) -> str | None:
    """What is wrong with the first Python block of an answer that cannot be parsed; None where all can.

    Args:
        text: Markdown; only blocks that say they are Python are looked at.
    """
    blocks = [code for language, code in FENCE.findall(text[:_LONGEST]) if language.lower() in PYTHON]
    for number, code in enumerate(blocks, 1):
        if _NO_PROGRAM.search(code) is None and (fault := syntax_fault(textwrap.dedent(code))) is not None:
            which = f"block {number}, " if len(blocks) > 1 else ""
            return f"{which}{fault}"
    return None
