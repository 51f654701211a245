"""Follow-ups that no rule completes, made to stand alone by the generator ("and who led them?").

The conversational question is rewritten with what was said before it (as in CANARD, Elgohary et al., 2019). What the
generator gives is taken only where it is one question that keeps the words of the one that was asked: else the question
stays as it is.
"""

import re
from collections.abc import Sequence

from assistant.routing.followups import PastTurn, without_lead
from assistant.types import Message, Role

MOST_TOKENS = 48
_LONGEST_ANSWER = 400  # characters of the answer before that are shown
_LONGEST = 240
_PROMPT = (
    "You rewrite the last question of a conversation so that it can be understood alone: pronouns and short forms are "
    "replaced by the names they stand for, taken from the conversation. Everything else of the question stays word for "
    "word. Reply with the question alone."
)
_EXAMPLE = (
    "Question: When did Captain Scott reach the pole?\nAnswer: He reached it on 17 January 1912.\n"
    "Last question: and who was with him there?",
    "Who was with Captain Scott at the pole?",
)
_WORD = re.compile(r"[^\W\d_]{4,}")
_NUMBER = re.compile(r"\d+")
_LEANING = (
    "he him his she her hers it its they them their theirs these those this there one ones il elle ils elles lui leur "
    "leurs celui-ci celle-ci ceux-ci cela ça y"
)
_PLACES = "first second third other last former latter same"
_LEANS = re.compile(
    rf"\b(?:{'|'.join(_LEANING.split())}|the (?:{'|'.join(_PLACES.split())}))\b",
    re.IGNORECASE,
)
_FEW_WORDS = 3


def leans_on_before(question: str) -> bool:
    """Whether a question may need what was said before: it has a pronoun, is joined to it, or has hardly a word."""
    bare, joined = without_lead(question)
    return joined or bool(_LEANS.search(bare)) or len(bare.split()) <= _FEW_WORDS


def rewriting_messages(question: str, before: Sequence[PastTurn]) -> list[Message]:
    """The conversation that asks for a question made to stand alone."""
    said = "\n".join(
        f"Question: {' '.join(each.question.split())[:_LONGEST]}\n"
        f"Answer: {' '.join(each.answer.split())[:_LONGEST_ANSWER]}"
        for each in before
    )
    return [
        Message(Role.SYSTEM, _PROMPT),
        Message(Role.USER, _EXAMPLE[0]),
        Message(Role.ASSISTANT, _EXAMPLE[1]),
        Message(Role.USER, f"{said}\nLast question: {question.strip()}"),
    ]


def standalone(question: str, written: str, before: Sequence[PastTurn]) -> str | None:
    """What the generator wrote, if it is the question made to stand alone; None where it is something else.

    Args:
        question: as it was asked.
        written: by the generator.
        before: what was said, of which every new name has to be.
    """
    made = written.strip().strip("\"'“”")
    if not made or "\n" in made or len(made) > _LONGEST or not made.endswith("?"):
        return None
    known = {word.lower() for each in before for word in _WORD.findall(f"{each.question} {each.answer}")}
    asked = {word.lower() for word in _WORD.findall(without_lead(question)[0])} - _pronouns(question)
    told = {word.lower() for word in _WORD.findall(made)}
    lost = {word for word in asked if not any(word[:5] == other[:5] for other in told)}
    foreign = {word for word in told - asked if word not in known and not any(word[:5] == each[:5] for each in asked)}
    if len(lost) > 1 or len(foreign) > 1 or made.lower() == question.lower():
        return None
    # One plain word more may be grammar; a name or a number that nobody has said is something else.
    told_before = " ".join([question, *(f"{each.question} {each.answer}" for each in before)])
    names = any(found[0].lower() in foreign and not found[0].islower() for found in _WORD.finditer(made, 1))
    return None if names or set(_NUMBER.findall(made)) - set(_NUMBER.findall(told_before)) else made


def _pronouns(question: str) -> set[str]:
    return {word.lower() for match in _LEANS.findall(question) for word in match.split()}
