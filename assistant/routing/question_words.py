"""A question word alone ("why?", "in which year?") put in the place of the one in the question before it."""

import re

from assistant.routing.noun_phrases import AUXILIARIES, FORMS_OF_BE, PREPOSITIONS_EN, PREPOSITIONS_FR, is_french
from assistant.routing.patterns import words

_IN_EN, _IN_FR = words(PREPOSITIONS_EN), words(PREPOSITIONS_FR)
_BE = words(FORMS_OF_BE)
_VERB = words(AUXILIARIES, FORMS_OF_BE)
_WORD = r"[\w'’-]+"
_HOW = r"how (?:much|many|long|often|far|old|big|large|high|tall|deep|fast|late)"
_QUEL = r"quelle?s?|lequel|laquelle|lesquel(?:le)?s"
_COMBIEN = rf"combien(?: d(?:e |['’]){_WORD})?"
_ETRE = r"est|sont|était|étaient|fut"

# With what may stand by a question word where there is no verb.
_ALONE = re.compile(
    "|".join(
        (
            rf"how come|since when|until when|why|when|where|how|who|whom|what|which|{_HOW}",
            r"(?P<who>who|what|where) (?P<preposition>with|for|by|from|to)",
            rf"(?:{_IN_EN}) (?:whom?|which|what|where|when|{_HOW})(?: (?!(?:{_VERB})\b){_WORD}){{0,3}}",
            rf"(?:which|what|whose|how many|how much) (?!(?:{_VERB}|it|else)\b){_WORD}",
            rf"why (?:not|so|then|exactly|only|just)(?: (?!(?:{_VERB})\b){_WORD}){{0,3}}",
            rf"(?:(?:{_IN_FR}) ?)?(?:qui|quoi|quand|où|comment|pourquoi|{_COMBIEN})",
            rf"(?:(?:{_IN_FR}) ?)?(?:{_QUEL})(?: (?!(?:{_ETRE}|a|ont)\b)[\w’']+){{0,2}}",
            r"pourquoi (?:(?:pas|si|seulement|autant|donc)(?: [\w’']+){0,3}|une? [\w’']+ seulement)",
        )
    ),
    re.IGNORECASE,
)
# A question taken apart behind its question word; English needs the verb, so that no subject is taken for an object.
_APART_EN = re.compile(
    rf"(?:(?:{_IN_EN}) )?(?P<word>{_HOW}|whom?|whose|what|when|where|which|why|how)(?P<noun>(?: {_WORD}){{0,5}}?)"
    rf" (?P<rest>(?P<verb>{_VERB})\b.*)",
    re.IGNORECASE,
)
_APART_FR = re.compile(
    rf"(?:(?:{_IN_FR}) ?)?(?:{_COMBIEN}|quand|où|comment|pourquoi|(?:{_QUEL})(?: (?!(?:{_ETRE})\b){_WORD})?"
    r"|(?<=par )qui|(?<=pour )qui|(?<=avec )qui|qui(?= .*-(?:t-)?(?:il|elle))) (?P<rest>.+)",
    re.IGNORECASE,
)
_IDENTITY = re.compile(rf"(?:who|what|qui) (?P<verb>{_BE}|{_ETRE}) (?P<what>.+)", re.IGNORECASE)
_SUBJECT = re.compile(r"(?:who|what|qui|which \w+) (?P<rest>.+)", re.IGNORECASE)
_ARTICLE = re.compile(r"(?:the|an?|les?|la|l['’]|une?|des)\b", re.IGNORECASE)
# A question within a request for a text: "explain how it works".
_REQUESTED = re.compile(
    r"(?:(?:(?:please|can you|could you) )?(?:explain|describe|tell)(?: (?:to )?(?:me|us))? (?:how|why|when|where)"
    r"|(?:explique|décris|dis)(?:-(?:moi|nous))? (?:comment|pourquoi|quand|où)) (?P<rest>.+)",
    re.IGNORECASE,
)
_HAPPENED = re.compile(r"what happened\b", re.IGNORECASE)
_BEGINS = re.compile(
    rf"(?:(?:{_IN_EN}|{_IN_FR}) ?)?(?:who|whom|whose|what|when|where|which|why|how"
    rf"|qui|que|quoi|quand|où|combien|comment|pourquoi|{_QUEL}|qu(?=['’]))\b",
    re.IGNORECASE,
)


def is_question_word(question: str) -> bool:
    """Whether a question is a question word without a verb, maybe with a preposition or a noun."""
    return _ALONE.fullmatch(question) is not None


def begins_with_question_word(question: str) -> bool:
    """Whether a question begins with a question word, maybe with a preposition before it."""
    return _BEGINS.match(question) is not None


def asks_who_or_what_is(question: str) -> bool:
    """Whether a question asks what something is, so that its answer is another name for it."""
    return _IDENTITY.fullmatch(question) is not None


def topic(question: str) -> str:
    """What a question is about: all of it but its question word."""
    if apart := _APART_EN.fullmatch(question):
        return apart["rest"][len(apart["verb"]) :].strip() or question
    apart = _APART_FR.fullmatch(question)
    return apart["rest"] if apart else question


def replace_question_word(asked: str, alone: str, answer: str) -> str:
    """The question `asked` with another question word; where that asked for the subject, the answer becomes it."""
    if _ARTICLE.match(answer):
        answer = answer[0].lower() + answer[1:]
    alone = _with_preposition_first(alone)
    if happened := _HAPPENED.match(asked):
        return f"{alone}: {answer or asked[happened.end() :].strip()}"
    identity = _IDENTITY.fullmatch(asked)
    if identity and answer:
        named = f"{answer} {identity['verb']}" if is_french(asked) else f"{identity['verb']} {answer}"
        return f"{alone} {named} {identity['what']}"
    if apart := _APART_EN.fullmatch(asked):
        counted = apart["noun"].strip() if apart["word"].lower() in ("how many", "how much") else ""
        return f"{alone} {apart['rest']}" + (f" ({counted})" if counted else "")
    if apart := _APART_FR.fullmatch(asked) or _REQUESTED.fullmatch(asked):
        return f"{alone} {apart['rest']}"
    if not begins_with_question_word(asked):
        return f"{alone} {asked[0].lower()}{asked[1:]}"
    subject = _SUBJECT.fullmatch(asked)
    return f"{alone} {answer} {subject['rest']}" if subject and answer else f"{alone}: {asked}"


def _with_preposition_first(alone: str) -> str:
    """Of "who with", "with whom"."""
    stranded = _ALONE.fullmatch(alone)
    if stranded is None or not stranded["preposition"]:
        return alone
    return f"{stranded['preposition']} {stranded['who'].lower().replace('who', 'whom')}"
