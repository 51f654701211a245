"""Which programming language a piece of code is in, where that is certain."""

import ast
import re
import warnings

# What a request calls a language.
_NAMES: tuple[tuple[str, str], ...] = (
    ("JavaScript", r"\bjavascript\b|\bnode\.?js\b|\bjs\b|\bexpress\.js\b"),
    ("TypeScript", r"\btypescript\b"),
    ("Python", r"\bpython\b|\bdjango\b|\bpandas\b|\bflask\b"),
    ("Java", r"\bjava\b"),
    ("C++", r"\bc\+\+"),
    ("C#", r"\bc#"),
    ("SQL", r"\bsql\b|\bmysql\b"),
    ("PHP", r"\bphp\b"),
    ("Ruby", r"\bruby\b"),
    ("Swift", r"\bswift\b"),
    ("bash", r"\bbash\b|\bshell\b"),
    ("HTML", r"\bhtml\b"),
    ("CSS", r"\bcss\b"),
)
# What its code shows: the strongest marks only, since being left out costs less than a wrong label.
_MARKS: tuple[tuple[str, str], ...] = (
    ("PHP", r"<\?php|\$\w+\s*=|\becho \$|function\s+\w+\(\s*\$"),
    (
        "C++",
        r"#include\s*<|\bstd::|\bcout\s*<<|\bint main\(|\bvector<|\bpublic:|\bprivate:|^(?:int|void|bool|double) \w+\(",
    ),
    ("C#", r"^using System|\bConsole\.Write|\bnamespace \w+"),
    (
        "Java",
        r"\bpublic (?:static|class|int|void|boolean|String|double|interface)\b|\bSystem\.out\."
        r"|\bimport java\.|\bprivate \w+ \w+;",
    ),
    (
        "SQL",
        r"^\s*(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE (?:TABLE|VIEW|PROCEDURE|INDEX)|ALTER TABLE"
        r"|WITH \w+ AS|DROP TABLE)\b",
    ),
    ("HTML", r"^\s*<(?:!DOCTYPE|html|head|body|div|form|table|ul|nav|button|input)\b"),
    (
        "bash",
        r"^#!/(?:usr/)?bin/(?:env )?(?:ba)?sh|\bfi$|\bdone$|\becho [\"'$]|\$\(\w|^(?:grep|find|awk|sed|ls|cat"
        r"|sort|tar|chmod|mkdir|du|df|ps|cut|wc) ",
    ),
    (
        "JavaScript",
        r"\bconsole\.log\(|\bconst \w+\s*=|\blet \w+\s*=|=>|\bfunction\s*\w*\s*\([^$)]*\)\s*\{|\bdocument\."
        r"|\brequire\(",
    ),
    ("Ruby", r"^\s*def \w+[^:]*\n(?:.*\n)*?\s*end\b|\bputs "),
    ("Swift", r"\bfunc \w+\(.*\)\s*->|\bvar \w+: \w+"),
    ("CSS", r"^[.#]?[\w-]+(?:[ ,>:.#\w-]*)\s*\{\s*\n?\s*[\w-]+:\s*[^;\n]+;"),
)
_FENCES = {"C++": "cpp", "C#": "csharp"}
_CODE_SIGNS = re.compile(r"[{}();=<>$\[\]]|^\s*(?:def|import|from|for|SELECT)\b", re.IGNORECASE | re.MULTILINE)


def fence_name(language: str) -> str:
    """The language as it is written after the opening fence."""
    return _FENCES.get(language, language.lower())


def language_of(request: str, code: str) -> str | None:
    """The language of code that answers a request, or None where it is not certain.

    A language that the request names counts if the code shows its marks; where the request names none, the code must
    show the marks of one language alone.
    """
    named = {name for name, pattern in _NAMES if re.search(pattern, request, re.IGNORECASE)}
    shown = {name for name, pattern in _MARKS if re.search(pattern, code, re.MULTILINE)}
    if _is_python(code):
        shown = {"Python"}
    both = named & shown
    if len(both) == 1:
        return both.pop()
    if both or named:
        return None
    return shown.pop() if len(shown) == 1 else None


def looks_like_prose(answer: str) -> bool:
    """Whether an answer is, or opens with, sentences rather than code."""
    first = answer.strip().split("\n", 1)[0].strip()
    if first.startswith(("#", "//", "/*", "--", "<", '"""', "'''")):
        return False
    words = re.findall(r"[A-Za-z']+", first)
    sentence = len(words) >= 4 and first[:1].isupper() and first[-1:] in ".:!?,"
    return sentence or not _CODE_SIGNS.search(answer)


def _is_python(code: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return False
    telling = ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom | ast.For | ast.With | ast.ListComp | ast.If
    return any(isinstance(node, telling) for node in ast.walk(tree)) or bool(re.search(r"\bprint\(|\blen\(", code))
