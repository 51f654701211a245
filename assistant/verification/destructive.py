"""Commands in an answer that delete or overwrite something for good, so that nobody runs one unaware."""

import re

from assistant.verification.python_code import FENCE

_LONGEST = 100_000
_AT_START = r"(?:^|[;&|({`]|\b(?:sudo|exec|xargs|then|do|else)\b(?:[ \t]+(?:-\S+|\d+))*)[ \t]*(?:sudo[ \t]+)?"
_KINDS = (
    (r"git[ \t]+reset[ \t][^\n;&|]*--hard", "git reset --hard"),
    (r"git[ \t]+clean[ \t]+[^\n;&|]*-\w*[fdx]", "git clean"),
    (r"git[ \t]+push\b[^\n;&|]*[ \t](?:--force\b(?!-with-lease)|-\w*f\b)", "git push --force"),
    (r"git[ \t]+(?:checkout|restore)[ \t]+(?:--[ \t]+)?\.(?=\s|$)", "git checkout ."),
    (r"git[ \t]+branch[ \t]+[^\n;&|]*-D\b", "git branch -D"),
    (r"git[ \t]+stash[ \t]+(?:drop|clear)\b", "git stash drop"),
    (r"rm(?=\s|$)", "rm"),
    (r"(?:shred|mkfs(?:\.\w+)?|wipefs)\b", "a command that wipes"),
    (r"dd[ \t][^\n;&|]*\bof=", "dd"),
    (r"find[ \t][^\n;&|]*[ \t]-delete\b", "find -delete"),
    (r"(?:docker|podman)[ \t]+(?:\w+[ \t]+)?(?:prune|rm|rmi)\b", "docker prune or rm"),
    (r"kubectl[ \t]+delete\b", "kubectl delete"),
    (r"(?:Remove-Item|rmdir|del|format)[ \t]+\S", "a command that deletes"),
)  # fmt: skip
_SHELL = [(re.compile(_AT_START + kind, re.MULTILINE), name) for kind, name in _KINDS]
_SQL = [
    (re.compile(r"\bDROP[ \t]+(?:TABLE|DATABASE|SCHEMA|COLUMN|INDEX|VIEW)\b", re.IGNORECASE), "DROP"),
    (re.compile(r"\bTRUNCATE[ \t]+(?:TABLE[ \t]+)?\w", re.IGNORECASE), "TRUNCATE"),
    (re.compile(r"\bDELETE[ \t]+FROM[ \t]+[\w.\"`]+[ \t]*;", re.IGNORECASE), "DELETE without WHERE"),
]
_PYTHON = [
    (re.compile(r"\bshutil\.rmtree\("), "shutil.rmtree"),
    (re.compile(r"\bos\.(?:remove|unlink|removedirs)\(|\.unlink\("), "a call that deletes files"),
]
_BY_LANGUAGE = {
    **dict.fromkeys(("", "sh", "bash", "shell", "zsh", "console", "powershell", "ps1", "cmd", "bat", "text"), _SHELL),
    **dict.fromkeys(("sql", "postgresql", "mysql", "sqlite"), _SQL),
    **dict.fromkeys(("python", "py", "python3"), _PYTHON),
}


def destructive_commands(text: str) -> list[str]:
    """What in the code blocks of an answer deletes or overwrites for good, by name, each once, in order.

    Args:
        text: Markdown; the language of a block decides what is looked for, and a block without one is taken for shell.
    """
    found: dict[str, None] = {}
    for language, code in FENCE.findall(text[:_LONGEST]):
        for pattern, name in _BY_LANGUAGE.get(language.lower(), ()):
            if pattern.search(code):
                found[name] = None
    return list(found)
