"""What completing a follow-up needs to know of a language: word lists and patterns, a module a language, no logic."""

from assistant.routing.languages.english import ENGLISH
from assistant.routing.languages.french import FRENCH
from assistant.routing.languages.language import Language, Pronoun

LANGUAGES = (ENGLISH, FRENCH)

__all__ = ["ENGLISH", "FRENCH", "LANGUAGES", "Language", "Pronoun"]
