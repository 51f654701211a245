"""What tells code, diffs, tracebacks and logs from prose."""

import re

_CODE_SHARE = 0.4

_CODE = re.compile(
    r"""
    ^\s*(def|class|import|from\s+\S+\s+import|return|if\b.*:$|elif\b.*:$|else:|for\b.*:$|while\b.*:$|try:|except\b.*:$|with\b.*:$
        |async\s|await\s|raise\b|assert\b|@\w|print\(|function\b|const\s|let\s|var\s|public\s|private\s|static\s
        |void\s|int\s+\w+|fn\s
        |impl\b|use\s.+;|struct\b|enum\b|package\s|func\s|\#include|\#define|\#!|SELECT\s|INSERT\s|UPDATE\s|CREATE\s|FROM\s|WHERE\s)
    | [{};]\s*$ | ^\s*[}\])]+[,;)]*\s*$ | ^\s*(//|/\*|\*/|\#\s) | ^\s*</?\w[^>]*>\s*$
    | ^\s*[\w.\[\]"']+\s*(=|\+=|:=|=>)\s*\S | ^\s*[\w.]+\(.*\)\s*:?$ | ^\s*"[^"]+"\s*:\s
    | ^\s*(\$|>>>|\.\.\.|PS>|In\s\[\d+\]:)\s | ^\s*[+-]\s{2,}\S | ^@@\s
    """,
    re.VERBOSE,
)
_TRACE = re.compile(
    r"""
    Traceback\s\(most\srecent\scall\slast\) | ^\s+File\s".+",\sline\s\d+ | ^\s+at\s[\w$.<>]+\(.*\)
    | ^\w*(Error|Exception|Warning):\s
    | ^panic:\s | ^thread\s'.+'\spanicked | ^error(\[E\d+\])?:\s | ^\S+:\d+:\d+:\s(error|warning)
    | ^\[?\d{4}-\d\d-\d\d[T\s]\d\d:\d\d.*\b(DEBUG|INFO|WARN|WARNING|ERROR|FATAL)\b
    """,
    re.VERBOSE | re.MULTILINE,
)


def is_code(text: str) -> bool:
    """Whether a text is code, a diff, a traceback or a log rather than prose: by the share of such lines."""
    lines = [line for line in text.splitlines() if line.strip()]
    if "```" in text or len(_TRACE.findall(text)) >= 2 or "Traceback (most recent call last)" in text:
        return True
    code = sum(1 for line in lines if _CODE.search(line) and len(line) < 200)
    indented = sum(1 for line in lines if line.startswith(("    ", "\t")) and not line.rstrip().endswith("."))
    return (code + indented / 2) / max(1, len(lines)) >= _CODE_SHARE
