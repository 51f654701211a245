"""A part of a question ("and the deposit?", "et à Lyon ?") put in the place of its like in the question before it."""

import re
from collections.abc import Sequence

from assistant.routing.languages import ENGLISH, Language
from assistant.routing.languages.language import WORD
from assistant.routing.noun_phrases import Phrase, phrases, says_when
from assistant.routing.pronouns import likeliest
from assistant.routing.question_words import begins_with_question_word

_PART_WORDS = 6
_VERB = f"{ENGLISH.auxiliaries}|{ENGLISH.being}"
_INVERSION = r"[\w’']+-(?:t-)?(?:je|tu|ils?|elles?|on|nous|vous)\b"
_WHOLE_QUESTION = re.compile(rf"(?:{_VERB})\b|est-ce\b|{_INVERSION}", re.IGNORECASE)
_THE_ONE_OF = re.compile(r"(?:celui|celle|ceux|celles|those|the ones?) (?=(?:de|du|des|of|in) )", re.IGNORECASE)
_YEAR = re.compile(r"\b(?:1\d|20)\d\d\b")
_SPLIT = {"du": "de", "des": "de", "au": "à", "aux": "à"}
_CONTRACTED = {("de", "le"): "du", ("de", "les"): "des", ("à", "le"): "au", ("à", "les"): "aux"}


def exchange_part(previous: str, part: str, language: Language) -> str | None:
    """The question `previous` with a part exchanged for its like or, where it has none such, with the part added.

    Returns:
        None where the part is a whole question or too long to be a part of one.
    """
    if len(part.split()) > _PART_WORDS or begins_with_question_word(part) or _WHOLE_QUESTION.match(part):
        return None
    if language is ENGLISH and re.search(rf"\b(?:{_VERB})\b", part, re.IGNORECASE):
        return None
    part = _THE_ONE_OF.sub("", part, count=1)
    year = _YEAR.search(part)
    if year and _YEAR.search(previous):
        return _YEAR.sub(year[0], previous)
    placed = re.match(rf"(?:{language.prepositions})(?:\b|(?<=['’]))", part, re.IGNORECASE)
    if placed:
        return _exchange_placed(previous, part, placed[0], language)
    return _exchange_phrase(previous, part, language)


def _exchange_placed(previous: str, part: str, preposition: str, language: Language) -> str:
    """A part with a preposition takes the place of the last part with the same one."""
    stop = rf"(?:{language.prepositions}|{_VERB}|le|la|les|est|sont|a|ont)\b|{_INVERSION}"
    noun = rf"(?!{stop}){WORD}(?: (?!{stop}){WORD})*"
    same = list(
        re.finditer(rf"\b{re.escape(preposition)} ?(?:(?:{language.articles}) )?{noun}", previous, re.IGNORECASE)
    )
    if not same:
        return f"{previous} {part}"
    return previous[: same[-1].start()] + part + previous[same[-1].end() :]


def _exchange_phrase(previous: str, part: str, language: Language) -> str:
    candidates = phrases(previous, language)
    part = _with_noun(part, candidates)
    # A word before it, so that a capital at its beginning is not taken for that of a sentence.
    own_phrase = next(iter(phrases(f"- {part}", language)), None)
    owner = next((phrase for phrase in candidates if phrase.is_name and not phrase.determiner), None)
    if own_phrase is not None and own_phrase.is_possessed and owner is not None:
        part = language.owned.format(part=part, noun=own_phrase.noun, owner=owner.text)
        return previous[: owner.start] + part + previous[owner.end :]
    counterpart = _like(part, candidates)
    if counterpart is not None:
        return _put(previous, counterpart, part)
    if says_when(part):
        return f"{previous} {part}"
    last = re.search(rf"\b(?:{language.prepositions}) ({WORD})$", previous, re.IGNORECASE)
    return previous[: last.start(1)] + part if last else f"{previous} ({part})"


def _with_noun(part: str, candidates: Sequence[Phrase]) -> str:
    """The noun for "ones": "the rare ones" is "the rare side effects" after "the common side effects"."""
    counterpart = likeliest([phrase for phrase in candidates if phrase.determiner])
    if counterpart is None or not re.search(r"\bones?$", part, re.IGNORECASE):
        return part
    noun = counterpart.noun.split()
    return " ".join([*part.split()[:-1], *(noun[1:] or noun)])


def _like(part: str, candidates: Sequence[Phrase]) -> Phrase | None:
    """The phrase whose place a part takes: time for time, name for name, "a ..." for "a ..."."""
    first = part.split(maxsplit=1)[0].lower()
    if says_when(part):
        # "The full year" takes the place of "the second quarter"; "a year earlier" is added to it.
        definite = first in ("the", "le", "la", "l'") or len(part.split()) == 1
        return next((phrase for phrase in reversed(candidates) if phrase.is_time), None) if definite else None
    lasting = [phrase for phrase in candidates if not phrase.is_time]
    if any(word[0].isupper() for word in part.split()):
        return next((phrase for phrase in reversed(lasting) if phrase.is_name), None) or likeliest(lasting)
    same = [phrase for phrase in lasting if phrase.determiner == first and not phrase.is_name]
    return likeliest(same) or likeliest([phrase for phrase in lasting if phrase.determiner]) or likeliest(lasting)


def _put(previous: str, counterpart: Phrase, part: str) -> str:
    """Put a part in the place of a phrase, its article contracted with a French preposition before it."""
    before, preposition = previous[: counterpart.start], _SPLIT.get(counterpart.determiner)
    if preposition is None and (stands := re.search(r"\b(de|à) $", before)):
        preposition, before = stands[1], before[: stands.start()]
    if preposition is not None:
        article, _, noun = part.partition(" ")
        contracted = _CONTRACTED.get((preposition, article.lower()))
        part = f"{contracted} {noun}" if contracted else f"{preposition} {part}"
    return before + part + previous[counterpart.end :]
