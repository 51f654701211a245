"""What a question says of the columns of a table: by words of their headers, and by the kind of cell it asks for."""

from dataclasses import dataclass

from assistant.reading.question_words import ParsedQuestion
from assistant.reading.table_grid import Grid
from assistant.reading.vocabulary import vocabulary
from assistant.reading.words import split_words

_HEADER, _GENERAL = 4, 2


@dataclass(frozen=True, slots=True)
class Columns:
    """What a question says of each column of a grid.

    Args:
        named: positions of words that stand in its header.
        asked: positions of words that ask for its kind.
        scores: how surely it is asked for; 0 for not at all.
    """

    named: tuple[frozenset[int], ...]
    asked: tuple[frozenset[int], ...]
    scores: tuple[int, ...]

    def positions(self, column: int) -> frozenset[int]:
        """The positions of all words that a column accounts for."""
        return self.named[column] | self.asked[column]

    @property
    def all_positions(self) -> frozenset[int]:
        """The positions of all words that some column accounts for."""
        return frozenset().union(*self.named, *self.asked)


def columns_of(question: ParsedQuestion, grid: Grid) -> Columns:
    """What a question says of the columns of a grid."""
    named, asked, scores = [], [], []
    specific = {
        name
        for name, asks in question.kinds.items()
        if asks.kind.general and any(asks.kind.headers & words for words in grid.header_words)
    }
    priced = "price" in question.kinds and "many" not in {word.text for word in question.words}
    priced = priced and any(question.kinds["price"].kind.headers & words for words in grid.header_words)
    timed = None if specific else question.kinds.get("time")
    for words in grid.header_words:
        by_header = frozenset(at for at in question.content if question.words[at].stem in words)
        by_kind: frozenset[int] = frozenset()
        score = _HEADER * len(by_header)
        for asks in question.kinds.values():
            if priced and asks.kind.name == "quantity" and asks.weight == 1:
                continue  # "how much is it?" asks for the price where there is one
            if asks.kind.headers & words:
                by_kind |= asks.positions
                score += asks.weight
            elif (
                asks.kind.general and timed is not None and timed.kind.headers & words
            ):  # a year where "built" is asked for
                by_kind |= asks.positions
                score += _GENERAL
        named.append(by_header)
        asked.append(by_kind)
        scores.append(score)
    return Columns(tuple(named), tuple(asked), tuple(scores))


def forgiven(question: ParsedQuestion, context: frozenset[str]) -> frozenset[int]:
    """The positions of words that need not be accounted for: common ones, and those of the table's title."""
    known = vocabulary()
    titled = [
        asks.positions for asks in question.kinds.values() if asks.kind.headers & context
    ]  # a table called "Fares" says what it costs
    return frozenset().union(*titled) | frozenset(
        at
        for at in question.content
        if question.words[at].stem in context
        or (question.words[at].stem in known.generic_words and not (at and question.words[at].names))
    )


def unit_positions(question: ParsedQuestion, *texts: str) -> frozenset[int]:
    """The positions of units that stand in one of the texts, under any of their names."""
    groups = vocabulary().unit_groups
    words = {word.stem for text in texts for word in split_words(text[:200])}
    said = frozenset().union(*(group for group in groups if group & words)) if words else frozenset()
    return question.positions_of(said)
