"""A question word alone ("why?", "in which year?") put in the place of the one in the question before it."""

import re

from assistant.routing.languages import FRENCH, LANGUAGES
from assistant.routing.noun_phrases import language_of

_PREPOSITIONS = "|".join(each.prepositions for each in LANGUAGES)

# With what may stand by a question word where there is no verb.
_ALONE = re.compile("|".join(part for each in LANGUAGES for part in each.question_words), re.IGNORECASE)
_IDENTITY = re.compile(
    rf"(?:who|what|qui) (?P<verb>{'|'.join(each.being for each in LANGUAGES)}) (?P<what>.+)", re.IGNORECASE
)
_SUBJECT = re.compile(rf"(?:{'|'.join(each.asks_for_subject for each in LANGUAGES)}) (?P<rest>.+)", re.IGNORECASE)
_ARTICLE = re.compile(r"(?:the|an?|les?|la|l['’]|une?|des)\b", re.IGNORECASE)
# A question within a request for a text: "explain how it works".
_REQUESTED = re.compile(rf"(?:{'|'.join(each.requested for each in LANGUAGES)}) (?P<rest>.+)", re.IGNORECASE)
_COUNTING = ("how many", "how much")
_HAPPENED = re.compile(r"what happened\b", re.IGNORECASE)
_BEGINS = re.compile(
    rf"(?:(?:{_PREPOSITIONS}) ?)?(?:{'|'.join(each.beginnings for each in LANGUAGES)})\b", re.IGNORECASE
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
    for language in LANGUAGES:
        if apart := language.apart.fullmatch(question):
            verb = apart.groupdict().get("verb") or ""
            return apart["rest"][len(verb) :].strip() or question
    return question


def replace_question_word(asked: str, alone: str, answer: str) -> str:
    """The question `asked` with another question word; where that asked for the subject, the answer becomes it."""
    if _ARTICLE.match(answer):
        answer = answer[0].lower() + answer[1:]
    alone = _with_preposition_first(alone)
    if happened := _HAPPENED.match(asked):
        return f"{alone}: {answer or asked[happened.end() :].strip()}"
    identity = _IDENTITY.fullmatch(asked)
    if identity and answer:
        named = f"{answer} {identity['verb']}" if language_of(asked) is FRENCH else f"{identity['verb']} {answer}"
        return f"{alone} {named} {identity['what']}"
    for pattern in (*(each.apart for each in LANGUAGES), _REQUESTED):
        if apart := pattern.fullmatch(asked):
            parts = apart.groupdict()
            counted = (parts.get("noun") or "").strip() if (parts.get("word") or "").lower() in _COUNTING else ""
            return f"{alone} {apart['rest']}" + (f" ({counted})" if counted else "")
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
