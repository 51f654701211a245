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

    `typical` words show the language. A noun phrase begins with one of `determiners` and cannot go on with one of
    `enders`. A part of a question may begin with one of `prepositions`, and `articles` stand between these and a noun;
    `owned` says that a part is somebody's, of `part`, its `noun` and the `owner`. `question_words` may stand without a
    verb, `beginnings` are what questions begin with, `asks_for_subject` those in the place of the subject, `requested`
    what stands before a question within a request. `apart` takes a question apart behind its question word: the
    `rest`, and where they matter `word`, `noun` and `verb`. Each of `pronouns` is looked for once, in order;
    `inverted` is a question whose `pronoun` stands behind its `verb`; `all_of_it` means the whole of what was asked
    about or, if no other pronoun does, the thing. No pronoun can mean one of `small_words`.
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
