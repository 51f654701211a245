"""Exchanges: what a claim ties to another subject than its source does.

Two dates swapped, the average given as the maximum, inflow for outflow, "A beat B" where B beat A: every word of such a
claim is in the source, so a model of sentences finds it entailed. The clauses that state its parts are compared here.
An exchange is named only where the clause that says what the claim says has another figure or name in its place and
none of those that hold the claim's own allows it. Whatever is not certain is left to the model.
"""

import re
from collections.abc import Iterable, Sequence

from assistant.verification.clauses import (
    FUNCTION_WORDS,
    WORD,
    Clause,
    Clauses,
    cut,
    lowercase_words,
    read_clause,
    stem,
)
from assistant.verification.figures import Fault, Figure, in_words

_NEGATION = re.compile(
    r"\b(?:not|no|never|neither|nor|without|except|rather|instead|\w+n['’]t|pas|aucune?|jamais|sans)\b", re.IGNORECASE
)
_LISTED = re.compile(r"\b(?:respectively|in turn|each|respectivement)\b", re.IGNORECASE)
# Of two words of one line, in different groups, a clause that says one does not say the other.
_OPPOSITES = (
    ("average mean moyenne moyen", "maximum highest greatest most deepest maximal", "minimum lowest least minimal",
     "total sum"),
    ("inflow", "outflow"), ("import", "export"), ("before prior earlier avant", "after later après"),
    ("oldest eldest", "youngest newest"), ("largest biggest", "smallest"), ("longest", "shortest"),
    ("larger bigger greater", "smaller"), ("higher", "lower"), ("longer", "shorter"), ("older", "younger newer"),
    ("heavier", "lighter"), ("faster", "slower"), ("warmer hotter", "colder cooler"), ("deeper", "shallower"),
    ("more", "fewer less"), ("upper", "lower"), ("length", "width breadth", "height", "depth"),
    ("north northern", "south southern", "east eastern", "west western"),
    ("summer", "winter", "spring", "autumn"), ("birth born", "death died"), ("opening opened",
    "closing closed closure"),
    ("began begun started", "ended finished"), ("first", "second", "third", "fourth", "last final"),
    ("men male males", "women female females"), ("arrival arrived", "departure departed left"),
    ("income revenue", "expenditure costs expenses"), ("profit", "loss"), ("buyer bought", "seller sold"),
    ("upstream", "downstream"), ("above", "below"), ("entry entered", "exit exited"), ("left", "right"),
    ("won victory", "lost defeat"), ("day", "night"), ("morning", "evening", "afternoon"), ("inner", "outer"),
    ("import imports imported", "export exports exported"), ("surface", "bottom"),
)  # fmt: skip
_GROUPS: list[list[frozenset[str]]] = [[frozenset(names.split()) for names in line] for line in _OPPOSITES]
# What holds of two names in either order.
_MUTUAL = frozenset(
    map(
        stem,
        "met meet married marry wed border borders joined join equals resembles divorced cousin brother sister friend "
        "neighbour neighbor partner ally allied merged linked connected connects between with "
        "shared versus adjacent near "
        "tied same alike rivals related coexist contemporary".split(),
    )
)
_NAMED = r"((?:[A-ZÀ-Þ][\w-]*\s+)*[A-ZÀ-Þ][\w-]*)(?!['’]s\b)\b"
_NAMES_FIRST = re.compile(rf"(?:[Tt]he\s+|[Ll]a\s+|[Ll]e\s+)?{_NAMED}\s+(?!of\b|de\b)")
_BY_NAMES = re.compile(rf"\b(?:by|par)\s+(?:the\s+)?{_NAMED}")
_ARTICLES = frozenset("a an the le la les un une des".split())
_LONGEST = 60_000  # characters of a source that are compared
_AGREED = 1  # words of a claim that its source may put otherwise


def find_exchange(claim: str, source: str) -> Fault | None:
    """What a claim ties to another subject than its source does; None where nothing certain can be said.

    Args:
        claim: a statement, without the question that it answers.
        source: the text around what decides; of a longer one the first 60,000 characters are read.
    """
    source = source[:_LONGEST]
    held = cut(source)
    stated = read_clause(claim, -1, lowercase_words(f"{claim} {source}"))
    if not stated.stems:
        return None
    for check in (_figure_fault, _role_fault, _order_fault, _opposite_fault):
        if (fault := check(stated, held)) is not None:
            return fault
    return None


def _figure_fault(claim: Clause, held: Clauses) -> Fault | None:
    """A figure that the source states of another thing, where it states another figure of the claim's."""
    if _LISTED.search(claim.text):
        return None
    for figure in claim.figures:
        if figure.value in in_words(" ".join(each.text for each in held.sentences)) and _kind(figure) != -1:
            continue
        holding = [clause for clause in held.clauses if _states(clause, figure)]
        if not holding:
            continue
        faults = [_belongs_elsewhere(claim, figure, clause, held) for clause in holding]
        if all(faults):
            return faults[0]
    return None


def _belongs_elsewhere(claim: Clause, figure: Figure, clause: Clause, held: Clauses) -> Fault | None:
    """Whether a clause with a figure of the claim states it of another thing."""
    sentence = held.sentences[clause.sentence]
    if _LISTED.search(sentence.text) or _NEGATION.search(sentence.text):
        return None
    kind = _kind(figure)
    if sum(_kind(each) == kind for each in clause.figures) > 1:
        return None
    said = claim.words
    own = clause.words | _inherited(clause, held)
    for rival in _near(clause, held):
        figures = [each for each in rival.figures if _kind(each) == kind]
        if len(figures) != 1 or any(each.value == figures[0].value for each in claim.figures):
            continue
        theirs = rival.words | (_inherited(rival, held) if rival.leans else frozenset())
        beyond = said - theirs  # what the rival does not say
        only_theirs, only_own = (said & theirs) - own, (said & own) - theirs
        if not only_theirs:
            continue
        if pair := _opposed(claim.text, clause.text, rival.text):
            if len(beyond - sentence.words) <= _AGREED and not _names(only_own, claim):
                return Fault(f"{figure.text} is said of {pair[1]}, not of {pair[0]}", opposed=True)
            continue
        if only_own or beyond - sentence.words:
            # Where two things share a verb it stands beside the first one alone.
            named = only_theirs & claim.names and not only_own & claim.names and clause.names - claim.names
            if not (named and clause.sentence == rival.sentence and len(beyond - sentence.words) == 0):
                continue
        if clause.leans and clause.sentence != rival.sentence and not only_theirs - _inherited(clause, held):
            continue
        return Fault(f"{figures[0].text}, not {figure.text}", opposed=True)
    return None


def _role_fault(claim: Clause, held: Clauses) -> Fault | None:
    """A name in the place of another, which the clause has that says the rest."""
    if _NEGATION.search(claim.text):
        return None
    for run in _name_runs(claim):
        rest = claim.words - run
        doing = rest - claim.names
        if len(rest) < 2 or not doing:
            continue
        saying = [clause for clause in held.clauses if rest <= clause.words]
        if not saying or any(run & clause.words or clause.leans for clause in saying):
            continue
        sentence = held.sentences[saying[0].sentence]
        others = [clause for clause in held.of(saying[0].sentence) if run <= clause.words]
        if len(saying) > 1 or not others or _NEGATION.search(sentence.text) or _LISTED.search(sentence.text):
            continue
        rivals = _agents(saying[0]) - claim.names
        only = rest - frozenset().union(*(clause.words for clause in held.clauses if run & clause.words))
        if rivals and only & doing and all(_has_own_verb(clause, run) for clause in others):
            name = _written(saying[0], rivals)
            return Fault(f"{name}, not {_written(claim, run)}", opposed=True)
    return None


def _agents(clause: Clause) -> frozenset[str]:
    """The names that a clause says something of: those it begins with, or that "by" stands before."""
    opened = _NAMES_FIRST.match(clause.text) or _BY_NAMES.search(clause.text)
    return clause.names & frozenset(map(stem, WORD.findall(opened[1]))) if opened else frozenset()


def _has_own_verb(clause: Clause, run: frozenset[str]) -> bool:
    """Whether a clause says something of a name by itself, so that it does not share what the one beside it says."""
    return len(clause.words - clause.names - run) >= 1 and not clause.leans


def _order_fault(claim: Clause, held: Clauses) -> Fault | None:
    """Two names or things on the wrong sides of what is said of them: "A beat B" where B beat A.

    The words in between have to be the same ones in the same order, so that neither side is in another voice.
    """
    if _NEGATION.search(claim.text):
        return None
    compares = re.search(r"\bthan\b", claim.text) is not None
    words = _plain(claim.text)
    if _MUTUAL & set(words):
        return None
    for left, first in enumerate(words):
        for right in range(left + 2, min(left + 9, len(words))):
            second, between = words[right], words[left + 1 : right]
            things = {first, second} <= (claim.words if compares else claim.names)
            if not things or first == second or words.count(first) > 1 or words.count(second) > 1:
                continue
            if "and" in between or not any(word in claim.words and word not in claim.names for word in between):
                continue
            turned = [each for each in held.sentences if _holds_run(_plain(each.text), [second, *between, first])]
            straight = any(_holds_run(_plain(each.text), [first, *between, second]) for each in held.sentences)
            if turned and not straight and not any(_NEGATION.search(each.text) for each in turned):
                return Fault(f"{_written(turned[0], {second})} and {_written(turned[0], {first})} are exchanged",
                             opposed=True)  # fmt: skip
    return None


def _plain(text: str) -> list[str]:
    """All words of a text by their stems, without articles."""
    words = (word for word in WORD.findall(text) if word.lower() not in _ARTICLES)
    return [word.lower() if word.lower() in FUNCTION_WORDS else stem(word) for word in words]


def _holds_run(words: Sequence[str], run: Sequence[str]) -> bool:
    """Whether words stand in a row, names of the two things may have more than one word."""
    size = len(run)
    return any(list(words[at : at + size]) == list(run) for at in range(len(words) - size + 1))


def _opposite_fault(claim: Clause, held: Clauses) -> Fault | None:
    """A word where the clause that says all the rest has its opposite."""
    if _NEGATION.search(claim.text):
        return None
    mine = _words(claim.text)
    for line in _GROUPS:
        for group in line:
            said = mine & group
            if len(said) != 1 or any(mine & other for other in line if other is not group):
                continue
            fault = _turned(claim, next(iter(said)), group, line, held)
            if fault is not None:
                return fault
    return None


def _turned(
    claim: Clause, word: str, group: frozenset[str], line: Sequence[frozenset[str]], held: Clauses
) -> Fault | None:
    against = [other for other in line if other is not group]
    rest = claim.words - {stem(word)}
    values = {figure.value for figure in claim.figures}
    saying = [
        clause
        for clause in held.clauses
        if rest <= clause.words and values <= {figure.value for figure in clause.figures}
    ]
    if len(rest) < 2 or not saying:
        return None
    for clause in saying:
        words = _words(clause.text)
        if words & group or _NEGATION.search(clause.text):
            return None
        theirs = [each for each in WORD.findall(clause.text.lower()) if any(each in other for other in against)]
        if len(theirs) != 1 or not _same_sides(claim, word, clause, theirs[0]):
            return None
        if any(_words(other.text) & group and len(rest & other.words) for other in held.of(clause.sentence)):
            return None
    return Fault(f"{theirs[0]}, not {word}", opposed=True)


def _same_sides(claim: Clause, word: str, clause: Clause, opposite: str) -> bool:
    """Whether what stands before and after a word in a claim stands so around its opposite in a clause."""
    before, _, after = claim.text.lower().partition(word)
    left, _, right = clause.text.lower().partition(opposite)
    mine = _meaning(before), _meaning(after)
    theirs = _meaning(left), _meaning(right)
    return not mine[0] & theirs[1] - theirs[0] and not mine[1] & theirs[0] - theirs[1]


def _meaning(text: str) -> frozenset[str]:
    return read_clause(text, -1, frozenset()).words


def _opposed(claim: str, clause: str, rival: str) -> tuple[str, str] | None:
    """A word of the claim that the rival has too, and the opposite that the clause with the figure has."""
    mine, theirs, others = _words(claim), _words(clause), _words(rival)
    for line in _GROUPS:
        for group in line:
            against = frozenset().union(*(other for other in line if other is not group))
            if mine & group and not mine & against and theirs & against and not theirs & group and others & group:
                return min(mine & group), min(theirs & against)
    return None


def _words(text: str) -> frozenset[str]:
    return frozenset(WORD.findall(text.lower()))


def _near(clause: Clause, held: Clauses) -> Iterable[Clause]:
    """The other clauses of a sentence and of those beside it."""
    return (other for other in held.clauses if other is not clause and abs(other.sentence - clause.sentence) <= 1)


def _inherited(clause: Clause, held: Clauses) -> frozenset[str]:
    """What a clause may be speaking of without saying so: the sentence before it, where it has no name of its own."""
    if clause.sentence == 0 or (clause.names and not clause.leans):
        return frozenset()
    before = held.sentences[clause.sentence - 1]
    verb = re.search(r"\b(?:is|are|was|were|has|have|had|est|sont|était|\w+ed|began|rose|fell|grew)\b", before.text)
    return _meaning(before.text[: verb.start()] if verb else before.text)


def _name_runs(claim: Clause) -> list[frozenset[str]]:
    """The names of a claim, those of several words together."""
    runs: list[set[str]] = []
    last = None
    for at, word in enumerate(claim.stems):
        if word in claim.names:
            if last == at - 1:
                runs[-1].add(word)
            else:
                runs.append({word})
            last = at
    return [frozenset(run) for run in runs]


def _written(clause: Clause, stems: Iterable[str]) -> str:
    """Some stems as a clause writes them."""
    wanted = set(stems)
    return " ".join(word for word in WORD.findall(clause.text) if stem(word) in wanted)


def _names(stems: frozenset[str], claim: Clause) -> frozenset[str]:
    return stems & claim.names


def _states(clause: Clause, figure: Figure) -> bool:
    return any(each.value == figure.value and _kind(each) == _kind(figure) for each in clause.figures)


def _kind(figure: Figure) -> int | str:
    """What figures it can be taken for: a unit's kind, a year, or a plain number."""
    if figure.units:
        return figure.units[0][0]
    return "year" if re.fullmatch(r"1\d{3}|20\d\d", figure.text) else "plain"
