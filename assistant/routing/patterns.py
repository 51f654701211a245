"""Patterns put together from lists of alternatives, so that the lists can be read and added to."""

import re


def words(*lists: str) -> str:
    """The words of lists as one alternative, not yet a group."""
    return "|".join(re.escape(word) for line in lists for word in line.split())


def phrase(*alternatives: str) -> re.Pattern[str]:
    """Any of the alternatives anywhere in a text, as whole words."""
    return re.compile(rf"\b(?:{'|'.join(alternatives)})\b", re.IGNORECASE)


def opening(*alternatives: str) -> re.Pattern[str]:
    """Any of the alternatives, as whole words, at the beginning of a text."""
    return re.compile(rf"\W*(?:please )?(?:{'|'.join(alternatives)})\b", re.IGNORECASE)
