"""Boxes of a form, `[x]` where they are ticked: what is chosen, and what stands beside it and is not."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from assistant.reading.list_lookup import ListHit
from assistant.reading.question_words import ParsedQuestion
from assistant.reading.table_columns import forgiven
from assistant.reading.text_lists import Span
from assistant.reading.vocabulary import vocabulary
from assistant.reading.words import split_words

_MAX_SEARCHED = 1_000_000  # characters
_MAX_GROUPS = 2_000
_LONGEST_LABEL = 160
_LINE = re.compile(r"[^\r\n]+")
_BOX = re.compile(r"\[([ xX])\][ \t]+(?=[^\s|\[])([^|\r\n\[]*[^\s|\[])")
# Words of those who ask which box is ticked, and of those who ask what boxes there are.
_ASK_TICKED = frozenset("apply applied chose chosen choose select selected tick ticked mark marked want wanted".split())
_ASK_FOR_ALL = frozenset("choose options option possible available offered choices choice kinds types either".split())


@dataclass(frozen=True, slots=True)
class Option:
    """What stands beside a box: its place, the place with the box, and whether it is ticked."""

    span: Span
    whole: Span
    ticked: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """The boxes of one line, or of lines below each other, and the words before the first of them."""

    label: str
    options: tuple[Option, ...]

    @property
    def ticked(self) -> tuple[Option, ...]:
        """What is chosen."""
        return tuple(option for option in self.options if option.ticked)


@lru_cache(maxsize=8)
def choices_of(text: str) -> tuple[Choice, ...]:
    """The choices of a text of several boxes each, in one pass over its lines."""
    return tuple(choice for choice in _choices(text[:_MAX_SEARCHED]) if len(choice.options) > 1)[:_MAX_GROUPS]


def _choices(text: str) -> Iterator[Choice]:
    label, options = "", list[Option]()
    above = ""
    for line in _LINE.finditer(text):
        start = line.start()
        boxes = list(_BOX.finditer(line[0]))
        before = line[0][: boxes[0].start()].strip(" \t|:-*•") if boxes else ""
        if options and (not boxes or before):
            yield Choice(label, tuple(options))
            options = []
        if not boxes:
            above = line[0].strip(" \t|:#*")
            continue
        if not options:
            label = (before or above)[:_LONGEST_LABEL]
        options += [
            Option((start + box.start(2), start + box.end(2)), (start + box.start(), start + box.end()), box[1] != " ")
            for box in boxes
        ]
    if options:
        yield Choice(label, tuple(options))


def find_ticked(question: ParsedQuestion, text: str) -> ListHit | None:
    """The option that is ticked where a question names what the boxes are for; None where none is, or several fit."""
    if question.asks_many or question.explains or not _asks_which(question) or _asks_for_all(question):
        return None
    found = []
    for choice in choices_of(text):
        label = _stems(choice.label)
        own = frozenset(at for at in question.content if question.words[at].stem in label)
        rest = question.content - own - forgiven(question, frozenset())
        rest = frozenset(at for at in rest if question.words[at].text not in _ASK_TICKED)
        if label and len(choice.ticked) == 1 and label <= {question.words[at].stem for at in own} and not rest:
            [option] = choice.ticked
            found.append(ListHit(option.span, option.whole, label=text[slice(*option.span)], lead=choice.label))
    return found[0] if len(found) == 1 else None


def not_chosen(question: ParsedQuestion, text: str) -> tuple[Span, ...]:
    """What stands beside empty boxes where another one is ticked: no answer, but for who names it or asks for all."""
    if _asks_for_all(question):
        return ()
    asked = {question.words[at].stem for at in question.content}
    spans = []
    for choice in choices_of(text):
        if choice.ticked:
            shared = _stems(choice.label).union(*(_stems(text[slice(*option.span)]) for option in choice.ticked))
            spans += [
                option.whole
                for option in choice.options
                if not option.ticked and not (_stems(text[slice(*option.span)]) - shared) & asked
            ]
    return tuple(spans)


def _asks_which(question: ParsedQuestion) -> bool:
    return bool(question.words) and any(
        word.text in ("what", "which", "who", "quel", "quelle") for word in question.words
    )


def _asks_for_all(question: ParsedQuestion) -> bool:
    return any(word.text in _ASK_FOR_ALL for word in question.words)


def _stems(text: str) -> frozenset[str]:
    known = vocabulary()
    return frozenset(word.stem for word in split_words(text) if word.stem not in known.function_words)
