"""A question word alone ("why?", "in which year?") put in the place of the one in the question before it."""

import re

from assistant.routing.languages import FRENCH, LANGUAGES
from assistant.routing.noun_phrases import language_of

_PREPOSITIONS = "|".join(language.prepositions for language in LANGUAGES)

# With what may stand by a question word where there is no verb.
_ALONE = re.compile("|".join(part for language in LANGUAGES for part in language.question_words), re.IGNORECASE)
_IDENTITY = re.compile(
    rf"(?:who|what|qui) (?P<verb>{'|'.join(language.being for language in LANGUAGES)}) (?P<what>.+)", re.IGNORECASE
)
_SUBJECT = re.compile(
    rf"(?:{'|'.join(language.asks_for_subject for language in LANGUAGES)}) (?P<rest>.+)", re.IGNORECASE
)
_ARTICLE = re.compile(r"(?:the|an?|les?|la|l['’]|une?|des)\b", re.IGNORECASE)
# A question within a request for a text: "explain how it works".
_REQUESTED = re.compile(rf"(?:{'|'.join(language.requested for language in LANGUAGES)}) (?P<rest>.+)", re.IGNORECASE)
_COUNTING = ("how many", "how much")
_HAPPENED = re.compile(r"what happened\b", re.IGNORECASE)
_BEGINS = re.compile(
    rf"(?:(?:{_PREPOSITIONS}) ?)?(?:{'|'.join(language.beginnings for language in LANGUAGES)})\b", re.IGNORECASE
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


def replace_question_word(previous: str, alone: str, answer: str) -> str:
    """The question `previous` with another question word; where that asked for the subject, the answer becomes it."""
    if _ARTICLE.match(answer):
        answer = answer[0].lower() + answer[1:]
    alone = _with_preposition_first(alone)
    if happened := _HAPPENED.match(previous):
        return f"{alone}: {answer or previous[happened.end() :].strip()}"
    identity = _IDENTITY.fullmatch(previous)
    if identity and answer:
        named = f"{answer} {identity['verb']}" if language_of(previous) is FRENCH else f"{identity['verb']} {answer}"
        return f"{alone} {named} {identity['what']}"
    for pattern in (*(language.apart for language in LANGUAGES), _REQUESTED):
        if apart := pattern.fullmatch(previous):
            parts = apart.groupdict()
            counted = (parts.get("noun") or "").strip() if (parts.get("word") or "").lower() in _COUNTING else ""
            return f"{alone} {apart['rest']}" + (f" ({counted})" if counted else "")
    if not begins_with_question_word(previous):
        return f"{alone} {previous[0].lower()}{previous[1:]}"
    subject = _SUBJECT.fullmatch(previous)
    return f"{alone} {answer} {subject['rest']}" if subject and answer else f"{alone}: {previous}"


def _with_preposition_first(alone: str) -> str:
    """Of "who with", "with whom"."""
    stranded = _ALONE.fullmatch(alone)
    if stranded is None or not stranded["preposition"]:
        return alone
    return f"{stranded['preposition']} {stranded['who'].lower().replace('who', 'whom')}"
