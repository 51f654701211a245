"""Long documents of real text, made from the paragraphs of a SQuAD file, with questions whose answers are in them."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import UsageError
from finetune.data.files import evenly
from finetune.data.squad import QAExample, read_squad

BREAK = "\n\n"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph and the questions on it that it answers."""

    text: str
    questions: tuple[QAExample, ...]


@dataclass(frozen=True, slots=True)
class LongDocument:
    """A text of a given number of words and the paragraphs that it holds whole."""

    text: str
    paragraphs: tuple[Paragraph, ...]

    @property
    def words(self) -> int:
        """How many words, separated by white space, the text has."""
        return len(self.text.split())

    def questions(self, limit: int) -> list[QAExample]:
        """At most `limit` questions, drawn at even distances over the document."""
        return evenly([question for paragraph in self.paragraphs for question in paragraph.questions], limit)


def read_paragraphs(path: Path, seed: int) -> list[Paragraph]:
    """The distinct paragraphs of a SQuAD file that answer a question, in an order that the seed decides.

    Raises:
        UsageError: the file is not in SQuAD format.
    """
    by_text: dict[str, list[QAExample]] = {}
    for example in read_squad(path):
        if example.start is not None:
            by_text.setdefault(example.context, []).append(example)
    paragraphs = [Paragraph(text, tuple(questions)) for text, questions in by_text.items()]
    random.Random(seed).shuffle(paragraphs)
    return paragraphs


def build_document(paragraphs: Sequence[Paragraph], words: int) -> LongDocument:
    """Join paragraphs until the document has exactly `words` words; the last one may be cut.

    Where the paragraphs have fewer words than that, they are repeated from the first on.
    """
    if words < 1 or not any(paragraph.text.split() for paragraph in paragraphs):
        raise ValueError("a document needs at least one word")
    texts: list[str] = []
    whole: list[Paragraph] = []
    missing = words
    while missing > 0:
        for paragraph in paragraphs:
            count = len(paragraph.text.split())
            if count > missing:
                texts.append(_first_words(paragraph.text, missing))
            else:
                texts.append(paragraph.text)
                whole.append(paragraph)
            missing -= count
            if missing <= 0:
                break
    return LongDocument(BREAK.join(texts), tuple(dict.fromkeys(whole)))


def one_question_each(paragraphs: Iterable[Paragraph], seed: int) -> list[QAExample]:
    """One question of each paragraph, drawn by the seed."""
    draw = random.Random(seed)
    return [draw.choice(paragraph.questions) for paragraph in paragraphs]


def needle_document(paragraphs: Sequence[Paragraph], needles: int, words: int, seed: int) -> LongDocument:
    """A document of about `words` words whose `paragraphs` are the first `needles` of those given.

    Other paragraphs are added until there are enough words, and all are shuffled by the seed. None is cut, so a
    document may have up to a paragraph more than `words` words.

    Raises:
        UsageError: there are not that many paragraphs.
    """
    chosen = tuple(paragraphs[:needles])
    if len(chosen) < needles:
        raise UsageError(f"{needles} paragraphs are needed and the data has {len(chosen)}; ask for fewer needles.")
    texts = [paragraph.text for paragraph in chosen]
    total = sum(len(text.split()) for text in texts)
    for paragraph in paragraphs[needles:]:
        if total >= words:
            break
        texts.append(paragraph.text)
        total += len(paragraph.text.split())
    random.Random(seed).shuffle(texts)
    return LongDocument(BREAK.join(texts), chosen)


def _first_words(text: str, count: int) -> str:
    """The text up to the end of its `count`-th word."""
    position = 0
    for word in text.split()[:count]:
        position = text.index(word, position) + len(word)
    return text[:position]
