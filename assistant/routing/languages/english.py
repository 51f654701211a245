"""English, as follow-ups need it."""

import re

from assistant.routing.languages.language import WORD, Language, Pronoun
from assistant.routing.patterns import words

_PREPOSITIONS = (
    "in on at of for from to by with without under over about since until before after during between into near "
    "through against per"
)
_AUXILIARIES = "do does did will would can could should must may might has have had"
_BEING = "is are was were"
_IN, _VERB = words(_PREPOSITIONS), words(_AUXILIARIES, _BEING)
_HOW = r"how (?:much|many|long|often|far|old|big|large|high|tall|deep|fast|late)"

_PERSON = re.compile(
    rf"\b(?P<own>his|her(?= (?!(?:{_IN}|{_VERB}|as|and|or|than|when|if)\b)\w))\b|\b(?:he|she|him|her)\b",
    re.IGNORECASE,
)
_MANY = re.compile(r"\b(?P<own>their)\b|\b(?:they|them)\b", re.IGNORECASE)
# Not the "it" of "is it true that", "how long does it take" and "makes it difficult to".
_THING = re.compile(
    r"\b(?P<own>its)\b|(?<!makes )(?<!make )\bit\b"
    r"(?! (?:takes?|rains?|snows?|true|possible|necessary|clear|mean|ok|legal)\b)(?! (?:\w+ ){0,3}that\b)"
    r"(?! (?:more|less|so|too|common|easy|easier|hard|harder|difficult|safe|better|important) (?:\w+ )?(?:to|for)\b)",
    re.IGNORECASE,
)

ENGLISH = Language(
    typical=frozenset(
        "the a an of is are was were do does did who what which when where why how it they he she and in to for with "
        "you i can by from this that on at".split()
    ),
    determiners=frozenset("the a an my our your his her their its this these those".split()),
    enders=frozenset(
        f"{_PREPOSITIONS} {_AUXILIARIES} {_BEING} and or if that who which when where it he she they i we "
        "you not".split()
    ),
    prepositions=_IN,
    auxiliaries=words(_AUXILIARIES),
    being=words(_BEING),
    articles="the|a|an",
    owned="{owner}'s {noun}",
    question_end="?",
    question_words=(
        rf"how come|since when|until when|why|when|where|how|who|whom|what|which|{_HOW}",
        r"(?P<who>who|what|where) (?P<preposition>with|for|by|from|to)",
        rf"(?:{_IN}) (?:whom?|which|what|where|when|{_HOW})(?: (?!(?:{_VERB})\b){WORD}){{0,3}}",
        rf"(?:which|what|whose|how many|how much) (?!(?:{_VERB}|it|else)\b){WORD}",
        rf"why (?:not|so|then|exactly|only|just)(?: (?!(?:{_VERB})\b){WORD}){{0,3}}",
    ),
    beginnings=r"who|whom|whose|what|when|where|which|why|how",
    # It needs the verb, so that no subject is taken for an object.
    apart=re.compile(
        rf"(?:(?:{_IN}) )?(?P<word>{_HOW}|whom?|whose|what|when|where|which|why|how)(?P<noun>(?: {WORD}){{0,5}}?)"
        rf" (?P<rest>(?P<verb>{_VERB})\b.*)",
        re.IGNORECASE,
    ),
    asks_for_subject=r"who|what|which \w+",
    requested=(
        r"(?:(?:please|can you|could you) )?(?:explain|describe|tell)(?: (?:to )?(?:me|us))? (?:how|why|when|where)"
    ),
    pronouns=(Pronoun(_PERSON, "person"), Pronoun(_MANY, "many"), Pronoun(_THING, "thing", or_topic=True)),
    all_of_it=Pronoun(
        re.compile(r"\b(?:that|so)\b(?=[,;]|$| (?:off|on|mean|again|in detail|further|happen\w*)\b)", re.IGNORECASE),
        "topic",
    ),
    small_words=r"the|a|an|who|whom|whose|what|when|where|which|why|how|many|much|long|often|not|and|or|if",
)
