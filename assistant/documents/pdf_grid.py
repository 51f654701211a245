"""Tables whose cells are drawn as boxes: what stands in a box is a cell, and a box over several places a merged one."""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from assistant.documents.blocks import TableBlock, table_block
from assistant.documents.pdf_rows import rows_of
from assistant.documents.pdf_words import BREAK, Rule, Word

_TOUCH = 3.5  # points: lines so near meet, and two lines so near are the borders of neighbouring cells
_MAX_LINES = 2_000  # that are drawn through in either direction; a drawing with more is no table
_MAX_PLACES = 50_000
_NEAR_LINES = 8  # looked at before a line for one that it continues; they are in order
_MAX_WORDS = 150  # in a cell: more are columns or a frame round a page
_FILLED = 0.3  # of the cells of a table hold something


@dataclass(slots=True)
class _Line:
    """A drawn line: at `at` across, from `begin` to `end` along."""

    at: float
    begin: float
    end: float


@dataclass(slots=True)
class _Grid:
    """Lines that meet, and the places between them."""

    upright: list[_Line]
    level: list[_Line]
    xs: list[float] = field(default_factory=list)
    ys: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.xs = _levels(self.upright, self.level)
        self.ys = _levels(self.level, self.upright)


def with_grids(words: Sequence[Word], rules: Sequence[Rule]) -> list[Word]:
    """The words of a page, those in the cells of a drawn grid replaced by one that stands for the whole table."""
    left = list(words)
    for grid in _grids(rules):
        inside = [
            word
            for word in left
            if word.block is None
            and grid.xs[0] < (word.x0 + word.x1) / 2 < grid.xs[-1]
            and grid.ys[0] < word.y - 0.3 * word.size < grid.ys[-1]
        ]
        block = _table(grid, inside) if len(inside) >= 4 else None
        if block is None:
            continue
        size = median([word.size for word in inside])
        taken = set(map(id, inside))
        left = [word for word in left if id(word) not in taken]
        left.append(Word(block.rows[0][0] or "|", grid.xs[0], grid.xs[-1], grid.ys[0] + size, size, block=block))
    return left


def _grids(rules: Sequence[Rule]) -> Iterator[_Grid]:
    """Groups of lines that meet each other and have at least two columns and two rows between them."""
    level = _drawn_through([_Line(rule.y0, rule.x0, rule.x1) for rule in rules if rule.y0 == rule.y1])
    upright = _drawn_through([_Line(rule.x0, rule.y0, rule.y1) for rule in rules if rule.x0 == rule.x1])
    if len(level) > _MAX_LINES or len(upright) > _MAX_LINES:
        return
    parents = list(range(len(level) + len(upright)))

    def root(at: int) -> int:
        while parents[at] != at:
            parents[at] = parents[parents[at]]
            at = parents[at]
        return at

    for number, line in enumerate(level):
        for other, across in enumerate(upright, len(level)):
            if (
                line.begin - _TOUCH <= across.at <= line.end + _TOUCH
                and across.begin - _TOUCH <= line.at <= across.end + _TOUCH
            ):
                parents[root(number)] = root(other)
    groups: dict[int, tuple[list[_Line], list[_Line]]] = defaultdict(lambda: ([], []))
    for number, line in enumerate(level):
        groups[root(number)][1].append(line)
    for number, line in enumerate(upright, len(level)):
        groups[root(number)][0].append(line)
    for pair in groups.values():
        if not all(pair):
            continue
        grid = _Grid(*pair)
        if min(len(grid.xs), len(grid.ys)) > 2 and len(grid.xs) * len(grid.ys) <= _MAX_PLACES:
            yield grid


def _drawn_through(lines: list[_Line]) -> list[_Line]:
    """Lines, those that continue each other as one."""
    found: list[_Line] = []
    for line in sorted(lines, key=lambda line: (round(line.at), line.begin)):
        for other in found[-_NEAR_LINES:]:
            if abs(other.at - line.at) <= 1.0 and line.begin <= other.end + _TOUCH:
                other.end = max(other.end, line.end)
                other.begin = min(other.begin, line.begin)
                break
        else:
            found.append(line)
    return found


def _levels(lines: Sequence[_Line], across: Sequence[_Line]) -> list[float]:
    """Where lines lie, neighbouring borders as one; where the lines across reach further, their ends are borders."""
    levels: list[list[float]] = []
    for at in sorted(line.at for line in lines):
        if levels and at - levels[-1][0] <= _TOUCH:
            levels[-1].append(at)
        else:
            levels.append([at])
    found = [sum(group) / len(group) for group in levels]
    begin, end = min(line.begin for line in across), max(line.end for line in across)
    if begin < found[0] - 2 * _TOUCH:
        found.insert(0, begin)
    if end > found[-1] + 2 * _TOUCH:
        found.append(end)
    return found


def _walls(lines: Sequence[_Line], levels: Sequence[float], places: Sequence[float]) -> set[tuple[int, int]]:
    """Which borders are drawn: the numbers of a level and of a place along it."""
    middles = [(begin + end) / 2 for begin, end in itertools.pairwise(places)]
    drawn = {(level, place) for level in (0, len(levels) - 1) for place in range(len(middles))}
    for line in lines:
        level = min(range(len(levels)), key=lambda number: abs(levels[number] - line.at))
        drawn.update((level, place) for place, middle in enumerate(middles) if line.begin < middle < line.end)
    return drawn


def _table(grid: _Grid, words: Sequence[Word]) -> TableBlock | None:
    """The table of a grid; None where its boxes are not those of a table."""
    columns, rows = len(grid.xs) - 1, len(grid.ys) - 1
    upright = _walls(grid.upright, grid.xs, grid.ys)
    level = _walls(grid.level, grid.ys, grid.xs)
    owner: dict[tuple[int, int], tuple[int, int]] = {}
    spans: dict[tuple[int, int], tuple[int, int]] = {}
    for row in range(rows):
        for column in range(columns):
            if (row, column) in owner:
                continue
            right = column + 1
            while right < columns and (right, row) not in upright and (row, right) not in owner:
                right += 1
            below = row + 1
            while below < rows and not any((below, across) in level for across in range(column, right)):
                below += 1
            places = [(down, across) for down in range(row, below) for across in range(column, right)]
            if any(place in owner for place in places):
                return None
            owner.update(dict.fromkeys(places, (row, column)))
            spans[row, column] = (right - column, below - row)
    held: dict[tuple[int, int], list[Word]] = defaultdict(list)
    for word in words:
        middle = (word.x0 + word.x1) / 2
        column = sum(x <= middle for x in grid.xs[1:-1])
        row = sum(y <= word.y - 0.3 * word.size for y in grid.ys[1:-1])
        held[owner[row, column]].append(word)
    if len(held) < max(4, _FILLED * len(spans)) or max(map(len, held.values())) > _MAX_WORDS:
        return None
    lines = {place: [row.text for row in rows_of(inside)] for place, inside in held.items()}
    if _holds_several_rows(lines, rows):
        return None
    own: list[list[tuple[str, int, int]]] = [[] for _ in range(rows)]
    for (row, column), (wide, high) in sorted(spans.items()):
        own[row].append((_one(lines.get((row, column), [])), wide, high))
    block = table_block(own)
    return block if block is not None and len(block.rows) > 1 and len(block.rows[0]) > 1 else None


def _holds_several_rows(lines: dict[tuple[int, int], list[str]], rows: int) -> bool:
    """Whether a table's rows are not divided by lines: neighbouring boxes hold as many lines each, three or more."""
    if rows > 3:
        return False
    for row in range(rows):
        counts = [len(texts) for (at, _), texts in lines.items() if at == row]
        if len(counts) > 1 and min(counts) == max(counts) > 2:
            return True
    return False


def _one(lines: Sequence[str]) -> str:
    """The lines of a cell as one; a word that a line's end broke is made whole later."""
    text = ""
    for line in lines:
        text = text + line if text.endswith(BREAK) else f"{text} {line}".strip()
    return text
