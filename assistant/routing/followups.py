"""Questions that lean on the turns before, completed so that they stand alone: "and when was it built?", "why?".

Four shapes are known: a question word alone takes the place of the one in the question before ("When was the bridge
closed?", "Why?": "Why was the bridge closed?"); a part joined by "and" takes the place of its like ("How much is the
rent?", "And the deposit?": "How much is the deposit?"); a pronoun gives way to what was asked about or answered; and a
wish about the answer ("shorter please") is put behind the question it belongs to. A question that shows none of these,
or that nothing before completes, stays exactly as it is: words that nobody meant lead a reader astray.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assistant.routing.intents import is_courtesy
from assistant.routing.languages import Language
from assistant.routing.noun_phrases import language_of
from assistant.routing.pronouns import replace_pronouns
from assistant.routing.question_words import is_question_word, replace_question_word
from assistant.routing.rewriting import exchange_part
from assistant.types import Message, Role

_TURNS = 3  # how far back a chain of follow-ups is followed
_LONGEST = 300  # characters; a longer message is no follow-up, and a longer question lends nothing
_ANSWER_WORDS = 8  # a longer answer is a statement, not a name for something
_END = "?!.… \u00a0\u202f"

_LEAD = re.compile(
    r"\W*(?:(?:thanks|thank you|thx|ok|okay|merci)(?: (?:a lot|so much|very much|beaucoup|bien))?[\s,.!;:]+(?=\w)"
    r"|(?:great|perfect|good|nice|right|yes|no|i see|super|d'accord|parfait|bien|oui|non|je vois)[,.!;:]\s*(?=\w))*"
    r"(?P<joint>(?:and|but|so|then|or|et|mais|alors|donc)\b[\s,]*(?=\S))?"
    r"(?P<about>(?:(?:what|how) about|what of|same for|et pour|quid (?:de|du|des)|qu'en est-il (?:de|du|des))\b\s*)?",
    re.IGNORECASE,
)
_WISH = re.compile(
    "|".join(
        (
            r"(?:please )?(?:(?:(?:a bit|much|make (?:it|that|them)) )?"
            r"(?:shorter|longer|simpler|briefer|clearer|more detailed|more simply)",
            r"(?:(?:can|could) you )?(?:make|turn|put|rewrite|rephrase|translate|shorten|simplify|say|repeat"
            r"|summari[sz]e) (?:it|that|them)\b.*",
            r"(?:in|as) (?:english|french|a table|bullets?|bullet points|one sentence|a list|(?:two|three|ten|fewer"
            r"|simpler|plain) \w+)",
            r"again|go on|more details?|tell me more|(?:explain|elaborate on) (?:that|it)",
            r"(?:un peu |en )?(?:plus|moins) (?:court|long|simple|simplement|clair|bref|détaillé)",
            r"en (?:anglais|français|une phrase|(?:deux|trois) \w+|liste|tableau)",
            r"(?:fais|rends|traduis|résume|reformule|raccourcis|explique|simplifie)-(?:le|la|les)\b.*",
            r"explique (?:ça|cela)|(?:donne )?plus de détails|continue)(?: please| pls| s'il (?:te|vous) plaît)?",
        )
    ),
    re.IGNORECASE,
)
_SOMEBODYS = re.compile(r"(?:his|her|their|its|son|sa|ses|leurs?) ", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PastTurn:
    """A question, completed where it leaned on one before, and its answer."""

    question: str
    answer: str


def complete(question: str, history: Sequence[Message]) -> str:
    """The question made to stand alone with what was said before it; as it is where it does so already."""
    earlier = past_turns(history)
    return _complete(question, earlier[-1]) if earlier else question


def past_turns(history: Sequence[Message]) -> list[PastTurn]:
    """The last turns of a conversation but for courtesies, each question completed from those before it."""
    turns: list[tuple[str, str]] = []
    for message in history:
        if message.role is Role.USER:
            turns.append((message.text, ""))
        elif message.role is Role.ASSISTANT and turns:
            turns[-1] = (turns[-1][0], message.text)
    completed: list[PastTurn] = []
    for question, answer in [turn for turn in turns if not is_courtesy(turn[0])][-_TURNS:]:
        completed.append(PastTurn(_complete(question, completed[-1]) if completed else question, answer))
    return completed


def is_wish(question: str) -> bool:
    """Whether a message only asks for the answer before in another form: "shorter please"."""
    return len(question) <= _LONGEST and _WISH.fullmatch(_bare(question)[0]) is not None


def without_lead(question: str) -> tuple[str, bool]:
    """A question without the thanks and conjunctions before it, and whether one of these joins it to what was said."""
    lead = _LEAD.match(question)
    if lead is None or lead.end() == len(question):
        return question, False
    return question[lead.end() :], lead["joint"] is not None or lead["about"] is not None


def _bare(question: str) -> tuple[str, bool]:
    bare, joined = without_lead(question)
    return bare.strip().rstrip(_END).replace("’", "'"), joined


def _complete(question: str, earlier: PastTurn) -> str:
    if max(len(question), len(earlier.question)) > _LONGEST:
        return question
    (bare, joined), (previous, _) = _bare(question), _bare(earlier.question)
    if not bare or not previous or "\n" in bare or "\n" in previous:
        return question
    language = language_of(bare, previous)
    rewritten = _rewrite(bare, previous, _short(earlier.answer), language, joined)
    if rewritten is None:
        return question
    return rewritten[0].upper() + rewritten[1:] + language.question_end


def _rewrite(bare: str, previous: str, answer: str, language: Language, joined: bool) -> str | None:
    if _WISH.fullmatch(bare):
        return f"{previous} ({bare})"
    if is_question_word(bare):
        return replace_question_word(previous, bare, answer)
    if joined and _SOMEBODYS.match(bare) and (rewritten := exchange_part(previous, bare, language)):
        return rewritten
    rewritten = replace_pronouns(bare, previous, answer, language)
    return exchange_part(previous, bare, language) if rewritten is None and joined else rewritten


def _short(answer: str) -> str:
    """An answer that can stand in a question; empty where it is a statement, code or nothing."""
    answer = answer.strip()
    fits = len(answer) < 100 and len(answer.split()) <= _ANSWER_WORDS and "\n" not in answer
    return answer if fits and answer[-1:] not in (".", "!", "?") else ""
