"""Lines that are drawn on a page, and what they say of the rows between them."""

from collections.abc import Sequence

from assistant.documents.pdf_rows import Row
from assistant.documents.pdf_words import Rule


def is_ruled(run: list[Row], rules: Sequence[Rule]) -> bool:
    """Whether drawn lines lie between the rows of a run, as in a table."""
    return len(rule_levels(run, rules)) >= 3


def rule_levels(run: list[Row], rules: Sequence[Rule]) -> list[float]:
    """The heights of horizontal rules over most of a run's width."""
    left, right = min(row.x0 for row in run), max(row.x1 for row in run)
    top, bottom = run[0].y - 2.5 * run[0].size, run[-1].y + 2.5 * run[-1].size
    levels: list[tuple[float, list[tuple[float, float]]]] = []
    for rule in sorted((rule for rule in rules if rule.y0 == rule.y1), key=lambda rule: rule.y0):
        if not top <= rule.y0 <= bottom:
            continue
        if not levels or rule.y0 - levels[-1][0] >= 1.5:
            levels.append((rule.y0, []))
        levels[-1][1].append((max(rule.x0, left), min(rule.x1, right)))
    return [level for level, spans in levels if _covered(spans) >= 0.6 * (right - left)]


def _covered(spans: list[tuple[float, float]]) -> float:
    """How far stretches reach together; where they lie over each other it counts once."""
    total, end = 0.0, float("-inf")
    for x0, x1 in sorted(spans):
        total += max(0.0, x1 - max(x0, end))
        end = max(end, x1)
    return total


def is_boxed(run: list[Row], rules: Sequence[Rule]) -> bool:
    """Whether lines are drawn between the columns of a run, too."""
    top, bottom = run[0].y - run[0].size, run[-1].y
    left, right = min(row.x0 for row in run), max(row.x1 for row in run)
    upright = [rule for rule in rules if rule.x0 == rule.x1 and left - 1 < rule.x0 < right + 1]
    return any(min(rule.y1, bottom) - max(rule.y0, top) > 0.5 * (run[0].size) for rule in upright)
