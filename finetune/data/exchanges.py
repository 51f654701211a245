"""Statements with one thing exchanged, so that the text they were made from no longer bears them out.

What language models get wrong about a text is mostly small: a number, a name, a unit, a direction, a "not". Of a
statement that its source supports such a one is made by rule (as FactCC, Kryscinski et al., 2020, makes its negative
examples), and the two together show a verifier what to look at.
"""

import random
import re
from collections.abc import Callable, Sequence

from finetune.data.opposites import other_units, wider_opposites

_NUMBER = re.compile(r"(?<![\w.,/])\d+(?:[.,]\d+)*(?![\w/])")
_NUMBER_WORD = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|sixty|hundred)\b"
)
_NUMBER_WORDS = _NUMBER_WORD.pattern[5:-3].split("|")
_NAME = re.compile(r"\b[A-ZÀ-Þ][\w'’-]+(?: (?:(?:of|de|la|le|the|du|des) )?[A-ZÀ-Þ][\w'’-]+)*")
_WORD = re.compile(r"[A-Za-zÀ-ÿ]+")
_AUXILIARY = re.compile(r"\b(is|was|were|are|did|does|do|has|had|could|would|should|can|will)\b(?! not\b|n't)")
_NEGATION = re.compile(r"\b(?:(?P<verb>is|was|were|are|has|had|could|would|should|will) not|(?P<can>cannot))\b ?")
_COORDINATED = re.compile(
    r"(?:[\s,;&+×=/–-]|\b(?:and|or|nor|but|not|as|well|both|either|neither|also|then|together|along|alongside|with|plus|times|"
    r"versus|vs\.?|the|an?|of|in|on|at|by|to|from|for|et|ou|ni|ainsi|que|avec|le|la|les|de|du|des|en|à)(?![\w'’])|"
    r"\b(?:l|d)['’])*"
)
_OF_A_KIND = re.compile(r"\W*(?:,|\band|\bor|\bet|\bou)\s+(?:the|an?|le|la|les)\s+\w+(?:\s+(?:of|in|de|du|à))?\s*")
_COORDINATOR = re.compile(r"[,;&+×=/–-]|\b(?:and|or|nor|with|alongside|plus|times|versus|vs|et|ou|ni|avec)\b")
# What is as true of the two the other way round, where it stands between them ...
_SYMMETRIC = re.compile(
    r"\b(?:met|meets?|meeting|marr(?:y|ies|ied)|wed(?:s|ded)?|divorc\w+|dat(?:es|ed|ing)|resembl\w+|equal\w*|border\w*|"
    r"adjoin\w*|neighbou?r\w*|adjacent|next to|beside|near|close to|opposite|parallel|similar\w*|differ\w*|distinct|"
    r"identical|related|unrelated|the same|synonym\w*|alike|akin|twinned|friends?|cousins?|siblings?|brothers?|"
    r"sisters?|twins?|rivals?|colleagues?|partner\w*|spouses?|wife|husband|all(?:y|ied|ies)|interact\w*|correlat\w*|connect\w*|"
    r"intersect\w*|overlap\w*|collid\w*|merg\w*|coincid\w*|cooperat\w*|co-?operat\w*|collaborat\w*|compet\w*|"
    r"played|plays|drew|tied|shar(?:e|es|ed|ing)|agree\w*|disagree\w*|argu\w+|quarrel\w*|debat\w+|negotiat\w*|"
    r"talk\w*|sp(?:ok|eak)\w*|chat\w*|correspond\w*|work(?:s|ed|ing)? (?:\w+ )?with|against|also known as|called|"
    r"named|aka|i\.e|épous\w+|rencontr\w+|ressembl\w+|voisin\w*|proche|semblable\w*|égal\w*|jumel\w+|contre)\b",
    re.IGNORECASE,
)
# ... or anywhere before the second of them.
_SYMMETRIC_NOUN = re.compile(
    r"\b(?:between|distance|border|frontier|boundary|marriage|wedding|friendship|relations?|relationship|alliance|treaty|"
    r"match|game|final|war|talks|negotiations|difference|similarity|comparison|railway|road|route|bridge|both|either|"
    r"neither|entre|frontière|mariage|alliance|guerre)\b",
    re.IGNORECASE,
)
_NOT_NAMES = frozenset("The A An In On At It He She They This That These Those There But And".split())


def exchanged(statement: str, source: str, draw: random.Random) -> str | None:
    """The statement with one thing exchanged, or None where nothing can be.

    Args:
        statement: what the source supports.
        source: the text; names and numbers that take another's place are its own.
        draw: chooses the way and the place.
    """
    ways: list[tuple[Callable[[str, str, random.Random], str | None], float]] = [
        (_number, 5), (_name, 5), (_swap, 4), (_opposite, 4), (_unit, 3), (_negate, 1.2),
    ]  # fmt: skip
    for way, _ in sorted(ways, key=lambda each: draw.random() ** (1 / each[1]), reverse=True):
        told = way(statement, source, draw)
        if told is not None and told.lower() != statement.lower():
            return told
    return None


def _number(statement: str, source: str, draw: random.Random) -> str | None:
    """Another number of the text, or the same with another digit."""
    places = list(_NUMBER.finditer(statement))
    if not places:
        words = list(_NUMBER_WORD.finditer(statement))
        if not words:
            return None
        chosen = draw.choice(words)
        others = [word for word in _NUMBER_WORDS if word != chosen[0]]
        return _put(statement, chosen, draw.choice(others))
    chosen = draw.choice(places)
    theirs = {match[0] for match in _NUMBER.finditer(source)} - {match[0] for match in places}
    alike = sorted(each for each in theirs if len(each) == len(chosen[0]))
    if alike and draw.random() < 0.5:
        return _put(statement, chosen, draw.choice(alike))
    digits = [at for at, letter in enumerate(chosen[0]) if letter.isdigit()]
    at = draw.choice(digits)
    digit = draw.choice([each for each in "123456789" if each != chosen[0][at]])
    return _put(statement, chosen, chosen[0][:at] + digit + chosen[0][at + 1 :])


def _name(statement: str, source: str, draw: random.Random) -> str | None:
    """Another name of the text, of about as many words."""
    mine = _names(statement)
    theirs = {match[0] for match in _names(source)}
    theirs = {each for each in theirs if each.lower() not in statement.lower()}
    for chosen in draw.sample(mine, len(mine)):
        alike = sorted(each for each in theirs if abs(each.count(" ") - chosen[0].count(" ")) <= 1)
        if alike:
            return _put(statement, chosen, draw.choice(alike))
    return None


def _swap(statement: str, source: str, draw: random.Random) -> str | None:
    """Two numbers or two names of the statement in each other's place, where that says something else.

    "A and B came" and "A met B" are as true the other way round, and are left alone.
    """
    numbers, names = list(_NUMBER.finditer(statement)), _names(statement)
    pairs = []
    for found in (numbers, names):
        pairs += [
            (one, other)
            for at, one in enumerate(found)
            for other in found[at + 1 :]
            if one[0] != other[0] and not _is_symmetric(statement, one, other, found)
        ]
    if not pairs:
        return None
    one, other = draw.choice(pairs)
    between = statement[one.end() : other.start()]
    return statement[: one.start()] + other[0] + between + one[0] + statement[other.end() :]


def _is_symmetric(statement: str, one: re.Match[str], other: re.Match[str], found: Sequence[re.Match[str]]) -> bool:
    """Whether a statement may be as true with two of its names or numbers in each other's place."""
    between = list(statement)
    for each in found:  # the others of a list are a part of it
        between[each.start() : each.end()] = " " * (each.end() - each.start())
    gap = "".join(between[one.end() : other.start()])
    if _COORDINATED.fullmatch(gap) and _COORDINATOR.search(gap):
        return True
    return bool(
        _OF_A_KIND.fullmatch(gap) or _SYMMETRIC.search(gap) or _SYMMETRIC_NOUN.search(statement[: other.start()])
    )


def _opposite(statement: str, source: str, draw: random.Random) -> str | None:
    """A word turned into its opposite."""
    return _by_table(statement, wider_opposites(), draw)


def _unit(statement: str, source: str, draw: random.Random) -> str | None:
    """Another unit of the same kind."""
    return _by_table(statement, other_units(), draw)


def _by_table(statement: str, table: dict[str, tuple[str, ...]], draw: random.Random) -> str | None:
    places = [match for match in _WORD.finditer(statement) if match[0].lower() in table]
    if not places:
        return None
    chosen = draw.choice(places)
    word = draw.choice(table[chosen[0].lower()])
    return _put(statement, chosen, word.capitalize() if chosen[0][0].isupper() else word)


def _negate(statement: str, source: str, draw: random.Random) -> str | None:
    """With "not" after its first auxiliary verb, or without the one it has."""
    if negated := _NEGATION.search(statement):
        return _put(statement, negated, f"{negated['verb'] or 'can'} ")
    found = _AUXILIARY.search(statement)
    return _put(statement, found, "cannot" if found[0] == "can" else f"{found[0]} not") if found else None


def _names(text: str) -> list[re.Match[str]]:
    """Names; a single word that begins a sentence may be any word."""
    return [
        match
        for match in _NAME.finditer(text)
        if match[0] not in _NOT_NAMES and (" " in match[0] or not _begins_sentence(text, match.start()))
    ]


def _begins_sentence(text: str, at: int) -> bool:
    before = text[:at].rstrip(" \"'([“")
    return not before or before[-1] in ".!?:\n"


def _put(text: str, place: re.Match[str], word: str) -> str:
    return text[: place.start()] + word + text[place.end() :]
