"""A sentence or two that says what a piece of code does, composed from the code and the request it answers.

Most code data is bare code. Trained on as it is, a chat model learns to answer with bare code; trained on one fixed
opening sentence it learns to parrot it. So each sentence here is put together from what the row itself says: the goal
that the request states, and what `ast` (for Python) or a few patterns (for other languages) find in the code. Nothing
is said that they do not show. The phrasing is chosen by a hash of the request, so it is the same in every run.
"""

import ast
import hashlib
import re
from collections.abc import Sequence

from finetune.data.code_facts import main_name, means, notes, shown_by_patterns, shown_by_python

_GOAL_TO = re.compile(
    r"\b(?:function|functions|program|script|method|query|statement|class|code|snippet|algorithm|command|procedure|"
    r"component|loop|expression|application|server|api|page|structure|implementation|one-liner)\b"
    r"[^.?!:,\n]{0,60}?\s(?P<how>to|that|which)\s(?P<goal>[^.?!\n]+)",
    re.IGNORECASE,
)
_HOW_TO = re.compile(
    r"\bhow (?:to|do i|do you|can i|can you|would you|could you|would i|could i|should i|do we|can we)\s"
    r"(?P<goal>[^.?!\n]+)",
    re.IGNORECASE,
)
_IN_LANGUAGE = re.compile(
    r"\s*\b(?:in|using|with)\s+(?:python|javascript|java|c\+\+|php|ruby|bash|sql)(?:\s?3)?\s*$", re.I
)
_LEAD = re.compile(r"^(?:python|pandas|numpy|django|matplotlib)?\s*[:,-]\s+", re.IGNORECASE)
_LONGEST_GOAL = 110

# Verbs that open an intent such as "sort a list by length"; without one of them a phrase is not taken for a goal.
_VERBS = frozenset(
    "add append apply assign build calculate call capture change check clear close combine compare compute "
    "concatenate construct convert copy count create decode define delete display divide download drop encode "
    "encrypt escape evaluate execute exit extract fetch fill filter find flatten format generate get group "
    "implement import increment initialize insert invert iterate join kill list load loop make map match merge "
    "move multiply open order pad parse permanently plot pop print process query randomly read redirect remove "
    "rename render repeat replace reshape retrieve return reverse round run save scrape search select send "
    "serialize set show shuffle skip slice sort split start stop store strip subtract sum swap switch take test "
    "transpose trim truncate turn unpack unzip update upload use validate verify wait write zip determine check "
    "identify simulate".split()
)


def pick(options: Sequence[str], key: str) -> str:
    """One of the options, by a hash of the key: varied over rows, the same in every run."""
    digest = hashlib.sha256(f"phrase\0{key}".encode()).digest()
    return options[int.from_bytes(digest[:8], "big") % len(options)]


def goal_of(request: str) -> tuple[str, bool] | None:
    """What a request asks for, as it puts it, and whether in the base form ("sort a list") or not ("sorts a list")."""
    for pattern in (_HOW_TO, _GOAL_TO):
        match = pattern.search(request)
        if match is None:
            continue
        goal = _tidy(match.group("goal"))
        base = match.groupdict().get("how", "to").lower() == "to"
        word = goal.split(" ", 1)[0].lower()
        if goal and len(goal) <= _LONGEST_GOAL and (word in _VERBS if base else word.endswith("s")):
            return goal, base
    words = _tidy(_LEAD.sub("", request)).split(" ", 1)
    goal = " ".join([words[0].lower(), *words[1:]])
    if (
        len(words) == 2
        and words[0].lower() in _VERBS
        and len(goal) <= _LONGEST_GOAL
        and not re.search(r"[.?!\n]", goal)
    ):
        return goal, True
    return None


def _tidy(goal: str) -> str:
    return _IN_LANGUAGE.sub("", goal.strip()).strip(" :;,?.")


def explain_snippet(request: str, goals: Sequence[str], tree: ast.Module) -> str:
    """Explain a short Python snippet: the goal, what reaches it, and a fact about the main function.

    Args:
        request: the question, by which the phrasing is chosen.
        goals: texts in which to look for the goal, the best first.
        tree: the parsed snippet.
    """
    goal = next((found[0] for text in goals if text and (found := goal_of(text)) and found[1]), None)
    how = _joined(means(tree)[:2])
    fact = next(iter(notes(tree)), None)
    if goal and how:
        forms = [
            "You can {goal} with {how}",
            "To {goal}, use {how}",
            "You can use {how} to {goal}",
            "One way to {goal} is to use {how}",
            "To {goal}, you can use {how}",
        ]
        lead = pick(forms, request).format(goal=goal, how=how)
    elif how:
        lead = pick(
            ["You can do this with {how}", "You can use {how} for this", "This can be done with {how}"], request
        ).format(how=how)
    elif goal:
        lead = pick(["You can {goal} like this", "To {goal}, write", "This is a short way to {goal}"], request).format(
            goal=goal
        )
    else:
        lead = pick(["You can write it like this", "This does it", "The following code does it"], request)
    return f"{lead}. {_capital(fact)}:" if fact else f"{lead}:"


def explain_program(request: str, code: str, language: str, tree: ast.Module | None = None, facts: int = 0) -> str:
    """Explain a function or program: the goal with the name that reaches it, and what the code shows.

    Args:
        request: what is asked, by which the phrasing is chosen.
        code: the program.
        language: its language, as people write it.
        tree: the parsed program, where it is Python.
        facts: how many of its calls are explained besides, at most.
    """
    name, is_class = main_name(code, tree)
    goal = goal_of(request)
    what = f"`{name}`" if name else ""
    kind = "class" if is_class else "function"
    if goal and goal[1]:
        forms = (
            [
                "You can {goal} with the {kind} {what}",
                "To {goal}, define {what}",
                "Here is a {language} {kind} to {goal}",
            ]
            if name
            else [
                "To {goal}, you can use the code below",
                "Here is how to {goal} in {language}",
                "You can {goal} like this",
            ]
        )
    elif goal:
        forms = (
            ["The {kind} {what} {goal}", "Here is a {language} {kind} that {goal}", "This {kind} {goal}"]
            if name
            else ["Here is {language} code that {goal}", "This code {goal}", "The following code {goal}"]
        )
    else:
        forms = (
            ["This is done by {what} below", "Here it is, as the {kind} {what}", "The {kind} {what} does this"]
            if name
            else [
                "Here is one way to write it in {language}",
                "This {language} code does it",
            ]
        )
    lead = pick(forms, request).format(goal=goal[0] if goal else "", what=what, kind=kind, language=language)
    shown = shown_by_python(tree) if tree else shown_by_patterns(code, name)
    if is_class:
        shown = [phrase for phrase in shown if "prints" not in phrase and not phrase.startswith("returns")]
    sentences = [lead, *([f"It {_joined(shown[:1] + shown[1:][-1:])}"] if shown else [])]
    sentences += [_capital(fact) for fact in notes(tree)[:facts]] if tree else []
    return f"{'. '.join(sentences)}:"


def _joined(phrases: Sequence[str]) -> str:
    return " and ".join(phrases)


def _capital(text: str | None) -> str:
    return text[:1].upper() + text[1:] if text else ""
