"""The form of a language's table."""

import re
from dataclasses import dataclass

WORD = r"[\w'’-]+"


@dataclass(frozen=True, slots=True)
class Pronoun:
    """A pronoun and how it is found what it means.

    Args:
        pattern: finds it; a group `own` is a possessive, a group `that` a conjunction before it.
        meaning: "person", "many", "thing" or "topic"; "form" where its own number and gender say which.
        or_topic: where nothing is found it means what was asked about.
        never_after: what stands before it where it means nothing.
    """

    pattern: re.Pattern[str]
    meaning: str
    or_topic: bool = False
    never_after: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """Word lists as sets, parts of patterns as alternatives, and patterns of a whole question.

    Args:
        typical: words that show the language.
        determiners: what a noun phrase begins with.
        enders: what cannot go on with it.
        prepositions: what a part of a question may begin with.
        auxiliaries: beside them the forms of "to be", `being`.
        being: see there.
        articles: what may stand between a preposition and its noun.
        owned: how a part is said to be somebody's: of `part`, its `noun` and the `owner`.
        question_end: the mark, with the space before it.
        question_words: what may stand as a question without a verb.
        beginnings: the words that questions begin with.
        apart: a question taken apart behind its question word: `rest`, and where they matter `word`, `noun` and `verb`.
        asks_for_subject: the question words that stand in the place of the subject.
        requested: what stands before a question within a request for a text.
        pronouns: each is looked for once, in order.
        inverted: a question whose `pronoun` stands behind its `verb`, which `word` comes before.
        all_of_it: what means the whole of what was asked about, or, if no other pronoun does, the thing.
        small_words: those that no pronoun can mean.
    """

    typical: frozenset[str]
    determiners: frozenset[str]
    enders: frozenset[str]
    prepositions: str
    auxiliaries: str
    being: str
    articles: str
    owned: str
    question_end: str
    question_words: tuple[str, ...]
    beginnings: str
    apart: re.Pattern[str]
    asks_for_subject: str
    requested: str
    pronouns: tuple[Pronoun, ...]
    inverted: re.Pattern[str] | None = None
    all_of_it: Pronoun
    small_words: str
