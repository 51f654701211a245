"""Which script a text is written in, by the share of its letters; a script of one language is named by it."""

from collections import Counter
from dataclasses import dataclass
from itertools import chain

_LETTERS = 4_000  # looked at, spread over the text
_PIECES = 8
_FOREIGN_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Script:
    """A script: the ranges of its letters, the codes of languages written in it, and how a sentence names them."""

    name: str
    ranges: tuple[tuple[int, int], ...]
    languages: frozenset[str]


_SCRIPTS = tuple(
    Script(name, ranges, frozenset(languages.split()))
    for name, ranges, languages in (
        ("a language in Latin script", ((0x41, 0x5A), (0x61, 0x7A), (0xAA, 0x24F), (0x1E00, 0x1EFF), (0xFF21, 0xFF5A)),
         "en fr de es it pt nl sv da no nb nn fi pl cs sk hu ro hr sl et lv lt tr vi id ms sw ca eu gl af ga is sq"),
        ("Japanese", ((0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9D)), "ja"),
        ("Chinese", ((0x2E80, 0x2FDF), (0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF)), "zh ja"),
        ("Korean", ((0x1100, 0x11FF), (0x3130, 0x318F), (0xAC00, 0xD7AF)), "ko"),
        ("a language in Cyrillic script", ((0x400, 0x52F), (0x1C80, 0x1C8F)), "ru uk be bg sr mk kk ky mn tg"),
        ("Greek", ((0x370, 0x3FF), (0x1F00, 0x1FFF)), "el"),
        ("a language in Arabic script", ((0x600, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8FF), (0xFB50, 0xFDFF),
         (0xFE70, 0xFEFC)), "ar fa ur ps ku"),
        ("Hebrew", ((0x590, 0x5FF),), "he yi"),
        ("a language in Devanagari script", ((0x900, 0x97F),), "hi mr ne sa"),
        ("Bengali", ((0x980, 0x9FF),), "bn as"),
        ("Punjabi", ((0xA00, 0xA7F),), "pa"),
        ("Gujarati", ((0xA80, 0xAFF),), "gu"),
        ("Tamil", ((0xB80, 0xBFF),), "ta"),
        ("Telugu", ((0xC00, 0xC7F),), "te"),
        ("Kannada", ((0xC80, 0xCFF),), "kn"),
        ("Malayalam", ((0xD00, 0xD7F),), "ml"),
        ("Sinhala", ((0xD80, 0xDFF),), "si"),
        ("Thai", ((0xE00, 0xE7F),), "th"),
        ("Lao", ((0xE80, 0xEFF),), "lo"),
        ("Tibetan", ((0xF00, 0xFFF),), "bo"),
        ("Burmese", ((0x1000, 0x109F),), "my"),
        ("Georgian", ((0x10A0, 0x10FF), (0x1C90, 0x1CBF), (0x2D00, 0x2D2F)), "ka"),
        ("Amharic", ((0x1200, 0x139F),), "am ti"),
        ("Armenian", ((0x530, 0x58F),), "hy"),
        ("Khmer", ((0x1780, 0x17FF),), "km"),
    )
)  # fmt: skip


def main_script(text: str) -> Script | None:
    """The script of at least half of a text's letters; None where it has no letters, or no script has so many.

    Chinese characters among Japanese ones are Japanese.
    """
    counts = _counts(text)
    japanese, chinese = _SCRIPTS[1], _SCRIPTS[2]
    if counts[japanese] > 0.05 * counts[chinese]:
        counts[japanese] += counts.pop(chinese, 0)
    if not counts:
        return None
    script, count = counts.most_common(1)[0]
    return script if count >= _FOREIGN_SHARE * sum(counts.values()) else None


def _counts(text: str) -> Counter[Script]:
    if text.isascii():
        return (
            Counter({_SCRIPTS[0]: sum(map(str.isalpha, text[:_LETTERS]))}) if any(map(str.isalpha, text)) else Counter()
        )
    size = _LETTERS // _PIECES
    step = max(size, len(text) // _PIECES)
    pieces = (text[at : at + size] for at in range(0, len(text), step))
    characters = Counter(character for character in chain.from_iterable(pieces) if character.isalpha())
    counts: Counter[Script] = Counter()
    for character, count in characters.items():
        script = next((each for each in _SCRIPTS if any(a <= ord(character) <= b for a, b in each.ranges)), None)
        if script is not None:
            counts[script] += count
    return counts
