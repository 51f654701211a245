"""Names of columns that are written up the page above them, set upright so that they head their columns."""

import itertools
from collections.abc import Sequence
from statistics import median

from assistant.documents.pdf_words import PageWords, Word, turned_point

_LEAST = 2  # names: a single line up the page is a note at its edge
_LEVEL = 3.0  # points: names of columns begin, or end, so exactly on one level
_REACH = 3.0  # times the size: how far above the first row they end


def set_heads_upright(page: PageWords) -> None:
    """Move words that name columns from the turned ones of a page to its upright ones, each above its column."""
    for number, words in enumerate(page.turned):
        lines = _lines(words)
        boxes = [_box(line, page.turns[number]) for line in lines]
        if len(lines) < _LEAST or not page.words:
            continue
        aligned = []
        for edge in (1, 3):  # their upper ends, or their lower ones
            level = median([box[edge] for box in boxes])
            aligned.append([at for at, box in enumerate(boxes) if abs(box[edge] - level) < _LEVEL])
        heads = max(aligned, key=len)
        if len(heads) < _LEAST:
            continue
        bottom = max(boxes[at][3] for at in heads)
        size = median([lines[at][0].size for at in heads])
        below = [word for word in page.words if bottom < word.y < bottom + _REACH * size + word.size]
        over = [at for at in heads if any(_stands_over(boxes[at], word, size) for word in below)]
        if _are_apart([boxes[at] for at in heads], size) and len(over) >= max(_LEAST, 0.6 * len(heads)):
            _move(page, number, [(lines[at], boxes[at]) for at in heads], bottom, size)
    page.turned = [words for words in page.turned if words]


def _move(
    page: PageWords,
    number: int,
    heads: Sequence[tuple[list[Word], tuple[float, float, float, float]]],
    bottom: float,
    size: float,
) -> None:
    taken: set[int] = set()
    for line, (x0, _, x1, _) in heads:
        text = " ".join(word.text for word in line)
        middle = (x0 + x1) / 2
        page.words.append(Word(text, middle - 0.5 * size, middle + 0.5 * size, bottom - 0.2 * size, size))
        taken.update(map(id, line))
    page.turned[number] = [word for word in page.turned[number] if id(word) not in taken]


def _lines(words: Sequence[Word]) -> list[list[Word]]:
    found: list[list[Word]] = []
    for word in sorted(words, key=lambda word: (word.y, word.x0)):
        if found and abs(found[-1][0].y - word.y) < 0.3 * word.size:
            found[-1].append(word)
        else:
            found.append([word])
    for line in found:
        line.sort(key=lambda word: word.x0)
    return found


def _box(line: Sequence[Word], turn: int) -> tuple[float, float, float, float]:
    """The box of a turned line as the page is held."""
    x0, x1 = line[0].x0, max(word.x1 for word in line)
    y0, y1 = line[0].y - 0.8 * line[0].size, line[0].y + 0.2 * line[0].size
    corners = [turned_point(turn, x, y) for x, y in ((x0, y0), (x1, y1))]
    (left, top), (right, bottom) = (min(corners), max(corners))
    return min(left, right), min(top, bottom), max(left, right), max(top, bottom)


def _are_apart(boxes: Sequence[tuple[float, float, float, float]], size: float) -> bool:
    """Whether lines stand as far from each other as columns do: lines of a note stand nearer."""
    lefts = sorted(box[0] for box in boxes)
    return all(after - before > 1.5 * size for before, after in itertools.pairwise(lefts))


def _stands_over(box: tuple[float, float, float, float], word: Word, size: float) -> bool:
    return word.x0 - 2 * size < (box[0] + box[2]) / 2 < word.x1 + 2 * size
