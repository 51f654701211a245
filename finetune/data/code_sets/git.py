"""Questions about git (`question` and `answer_markdown`)."""

import re
from typing import Any

from finetune.data.code_sets.shared import LeftOut, block, first_block
from finetune.data.explanations import goal_of, pick

_SHELL_PROMPT = re.compile(r"^(?:\([^)\n]*\)\s*)?\$ ?(?:\([^)\n]*\) )?")
_WISH = re.compile(r"(?:I (?:want|need) to|How (?:do|can) I|How to) (?P<goal>.+?)\??$", re.IGNORECASE)
_GIT_COMMAND = re.compile(r"(?:^|&& |\| )(git [a-z][a-z-]+)", re.MULTILINE)


def shape(row: dict[str, Any]) -> tuple[str, str]:
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
    lines = [line.strip() for line in first_block(markdown).split("\n") if line.strip()]
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
