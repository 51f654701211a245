"""Commands of the shell with what they are for (`command`, `task` and `code`)."""

import re
from typing import Any

from finetune.data.code_sets.shared import LeftOut, block
from finetune.data.explanations import pick

_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}")
_OPTION = re.compile(r"\[([^\]|]+)\|([^\]]+)\]")
# Commands that people ask about; most of the others on the help pages are rare tools.
_COMMANDS = frozenset(
    "awk cat chmod chown cp curl cut date df diff docker du echo env export find git grep gzip head history jq kill "
    "less ln ls make man mkdir mv nano npm npx pip pipx ping ps pwd python python3 rm rsync scp screen sed sort split "
    "ssh ssh-keygen stat sudo systemctl tail tar tee tmux top touch tr tree uniq unzip uptime wc wget which whoami "
    "xargs zip cargo go node yarn gcc psql sqlite3 mysql kubectl crontab alias cd".split()
)


def shape(row: dict[str, Any]) -> tuple[str, str]:
    """A question for the command, and the command."""
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
