"""Answers held against their paragraph, right and wrong: what a verifier of answers is trained on and measured by.

A claim is a question with an answer (`assistant.verification.claims.span_claim`), a premise the sentences around a
place of the paragraph. From SQuAD's questions these kinds are made (after Chen et al., 2021, who train NLI models on
pairs made from QA data):

- right: the gold answer, with its place: entailment;
- wrong_span: another span of the paragraph, of the answer's own type;
- misread: a wrong span that a reader proposed;
- altered_answer: the gold answer with a number or name changed to one that the paragraph does not hold;
- altered_question: the gold answer to a question that asks for something else (see `unanswerable`);
- removed, moved: the gold answer, with the paragraph without its sentences, or with another paragraph;
- statement, wrong_statement: the gold answer, or a wrong span, made one sentence with the question where a rule can.

A wrong answer is contradicted where the premise holds the right one, and else the premise says nothing on it.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from assistant.documents.sentences import split_sentences
from assistant.metrics import token_f1
from assistant.reading.reader import Question, Reader
from assistant.types import Document, Label
from assistant.verification.claims import span_claim
from finetune.data.grounded import statement
from finetune.data.pairs import Pair
from finetune.data.squad import QAExample
from finetune.data.unanswerable import make_unanswerable

_MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December|janvier|février|mars|avril|"
    "mai|juin|juillet|août|septembre|octobre|novembre|décembre"
)
_DATE = re.compile(rf"\b(?:(?:\d{{1,2}} )?(?:{_MONTHS})(?: \d{{1,2}})?(?:,? \d{{3,4}})?|1\d{{3}}s?|20\d\ds?)\b")
_NUMBER = re.compile(
    r"(?<![\w.,])[$€£]?\d+(?:[.,]\d+)*(?: (?:million|billion|percent|hundred|thousand)\b|%)?"
    r"|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"\b[A-ZÀ-Þ][\w'’-]+(?: (?:(?:of|de|la|le|the|du|des) )?[A-ZÀ-Þ][\w'’-]+)*")
_PLAIN = re.compile(r"\b[a-zà-þ][\w'’-]*\b")
_SMALL_WORDS = frozenset(
    "a an and are as at be been but by can could did do does for from had has have he her his how if in into is it its "
    "may more most much not of on one or other she should so some such than that the their them then there these they "
    "this those to was were what when where which while who will with would also after before during between".split()
)
_DIFFERENT = 0.3
"""Below this token F1 with every gold answer a span is another answer."""

_SPANS_OF_A_READER = 12


@dataclass(frozen=True, slots=True)
class AnswerCheck:
    """A question with a span of its paragraph, the characters `[start, end)`, and whether it is the right one."""

    example: QAExample
    start: int
    end: int
    right: bool

    @property
    def claim(self) -> str:
        """The hypothesis that the verifier checks."""
        return span_claim(self.example.question, self.example.context[self.start : self.end])


def answer_type(text: str) -> str:
    """Which kind of thing an answer is: a date, a number, a name or a phrase."""
    if _DATE.search(text):
        return "date"
    if _NUMBER.search(text):
        return "number"
    words = [word for word in re.findall(r"[^\W\d_][\w'’-]*", text) if word.lower() not in _SMALL_WORDS]
    return "name" if words and all(word[0].isupper() for word in words) else "phrase"


def is_wrong(text: str, example: QAExample) -> bool:
    """Whether a span is another answer than every gold one: little in common, and none within the other."""
    low = text.lower().strip()
    return (
        bool(low)
        and token_f1(text, example.answers) < _DIFFERENT
        and not any(low in gold.lower() or gold.lower() in low for gold in example.answers)
    )


def wrong_readings(
    reader: Reader, examples: Sequence[QAExample], on_progress: Callable[[int, int], None] | None = None
) -> dict[str, list[tuple[int, int]]]:
    """The wrong spans among each question's best ones, by the question's id, best first."""
    readings = reader.read(
        [Question(example.question, Document(example.title or example.id, example.context)) for example in examples],
        on_progress=on_progress,
    )
    found: dict[str, list[tuple[int, int]]] = {}
    for example, reading in zip(examples, readings, strict=True):
        spans = [(span.start, span.end) for span in reading.spans[:_SPANS_OF_A_READER]]
        found[example.id] = [span for span in spans if is_wrong(example.context[slice(*span)], example)]
    return found


def wrong_spans(example: QAExample, others: Sequence[QAExample]) -> list[tuple[int, int]]:
    """Spans of the paragraph that have the answer's type and are other answers.

    Args:
        example: the question.
        others: the questions of the same paragraph, whose gold answers are among the spans.
    """
    kind = answer_type(example.answers[0])
    spans = {(other.start, other.end or 0) for other in others if other.start is not None}
    if kind != "phrase":
        pattern = {"date": _DATE, "number": _NUMBER, "name": _NAME}[kind]
        spans |= {match.span() for match in pattern.finditer(example.context)}
    found = _wrong_of_type(example, spans, kind)
    if not found and kind == "phrase":
        found = _wrong_of_type(example, set(_phrases(example.context, len(example.answers[0].split()))), kind)
    return found


def _wrong_of_type(example: QAExample, spans: set[tuple[int, int]], kind: str) -> list[tuple[int, int]]:
    texts = {span: example.context[slice(*span)] for span in sorted(spans)}
    return [span for span, text in texts.items() if answer_type(text) == kind and is_wrong(text, example)]


def _phrases(text: str, words: int) -> Iterator[tuple[int, int]]:
    """Runs of plain words without small ones among them, up to the length asked for."""
    run: list[re.Match[str]] = []
    for match in _PLAIN.finditer(text):
        joined = run and text[run[-1].end() : match.start()] == " "
        if match[0] in _SMALL_WORDS:
            run = []
            continue
        run = [*run, match] if joined else [match]
        run = run[-max(1, min(words, 4)) :]
        yield run[0].start(), run[-1].end()


def answer_checks(
    examples: Sequence[QAExample], misread: Mapping[str, Sequence[tuple[int, int]]], count: int, seed: int
) -> list[AnswerCheck]:
    """A yardstick for verifiers: half right answers, half wrong spans of the same type from the same paragraph.

    Half of the wrong ones, where there are enough, are a reader's own.

    Args:
        examples: answerable questions.
        misread: a reader's wrong spans of these questions (`wrong_readings`).
        count: how many checks; each is of another question.
        seed: the same seed gives the same checks.
    """
    generator = random.Random(seed)
    paragraphs = _by_paragraph(examples)
    drawn = [example for example in examples if example.start is not None]
    generator.shuffle(drawn)
    theirs = count // 4 if misread else 0
    wanted = {"right": count // 2, "misread": theirs, "wrong_span": count - count // 2 - theirs}
    checks = []
    for example in drawn:
        kind = answer_type(example.answers[0])
        spans = {
            "right": [(example.start or 0, example.end or 0)],
            "misread": [
                span for span in misread.get(example.id, ()) if answer_type(example.context[slice(*span)]) == kind
            ][:1],
            "wrong_span": wrong_spans(example, paragraphs[example.context]),
        }
        possible = [name for name, left in wanted.items() if left and spans[name]]
        if possible:
            name = generator.choices(possible, [wanted[each] for each in possible])[0]
            wanted[name] -= 1
            checks.append(AnswerCheck(example, *generator.choice(spans[name]), right=name == "right"))
    return checks


def make_answer_pairs(
    examples: Sequence[QAExample],
    counts: Mapping[str, int],
    seed: int,
    misread: Mapping[str, Sequence[tuple[int, int]]] | None = None,
) -> list[Pair]:
    """Training pairs: so many of each kind as `counts` says, or fewer where no more can be made.

    Args:
        examples: answerable ones are drawn from these.
        counts: by the names of the kinds.
        seed: the same seed gives the same pairs.
        misread: a reader's wrong spans (`wrong_readings`), needed for the kind `misread`.
    """
    paragraphs = _by_paragraph(examples)
    pool = [example for example in examples if example.start is not None]

    def right(example: QAExample, _: random.Random) -> tuple[int, int]:
        return example.start or 0, example.end or 0

    def wrong_span(example: QAExample, generator: random.Random) -> tuple[int, int] | None:
        return _any(wrong_spans(example, paragraphs[example.context]), generator)

    def misread_span(example: QAExample, generator: random.Random) -> tuple[int, int] | None:
        return _any((misread or {}).get(example.id, ())[:4], generator)

    spans = {"right": right, "wrong_span": wrong_span, "misread": misread_span}
    told = {"statement": right, "wrong_statement": wrong_span}
    made: list[Pair] = []
    for kind, count in counts.items():
        generator = random.Random(f"{seed} {kind}")
        if kind in ("altered_question", "removed", "moved"):
            made += _unanswered(pool, kind, count, seed, generator)
            continue
        drawn = pool.copy()
        generator.shuffle(drawn)
        if kind in told:
            made += islice(_told(drawn, told[kind], generator), count)
        else:
            made += islice(_made(drawn, spans.get(kind), generator), count)
    return made


def _made(
    examples: Sequence[QAExample],
    span_of: Callable[[QAExample, random.Random], tuple[int, int] | None] | None,
    generator: random.Random,
) -> Iterator[Pair]:
    """The pairs that can be made with the span that `span_of` gives; without it, with an altered answer."""
    for example in examples:
        if span_of is not None:
            pair = _with_span(example, span_of(example, generator), generator)
        else:
            pair = _altered_answer(example, generator)
        if pair is not None:
            yield pair


def _told(
    examples: Sequence[QAExample],
    span_of: Callable[[QAExample, random.Random], tuple[int, int] | None],
    generator: random.Random,
) -> Iterator[Pair]:
    """Pairs whose hypothesis is question and answer as one sentence, where the question is of a form that allows it."""
    for example in examples:
        span = span_of(example, generator)
        told = statement(example.question, example.context[slice(*span)]) if span else None
        pair = _with_span(example, span, generator)
        if told is not None and pair is not None:
            yield Pair(pair.premise, told, pair.label)


def _any(spans: Sequence[tuple[int, int]], generator: random.Random) -> tuple[int, int] | None:
    return generator.choice(spans) if spans else None


def _with_span(example: QAExample, span: tuple[int, int] | None, generator: random.Random) -> Pair | None:
    """A span of the paragraph as the answer, with sentences around its place."""
    if span is None:
        return None
    start, end = around(example.context, *span, generator)
    premise, answer = example.context[start:end], example.context[slice(*span)]
    gold = (example.start or 0, example.end or 0)
    label = Label.CONTRADICTION if start <= gold[0] and gold[1] <= end else Label.NEUTRAL
    return Pair(premise, span_claim(example.question, answer), Label.ENTAILMENT if span == gold else label)


def _altered_answer(example: QAExample, generator: random.Random) -> Pair | None:
    """The gold answer with a digit changed, or with a word of another name in it."""
    gold = example.answers[0]
    digits = [at for at, letter in enumerate(gold) if letter.isdigit()]
    if digits:
        at = generator.choice(digits)
        answer = gold[:at] + generator.choice([digit for digit in "123456789" if digit != gold[at]]) + gold[at + 1 :]
    elif answer_type(gold) == "name":
        words = gold.split()
        names = [match[0] for match in _NAME.finditer(example.context) if is_wrong(match[0], example)]
        if len(words) < 2 or not names:
            return None
        words[generator.randrange(len(words))] = generator.choice(names).split()[-1]
        answer = " ".join(words)
    else:
        return None
    if answer.lower() in example.context.lower() or answer in example.answers:
        return None
    start, end = around(example.context, example.start or 0, example.end or 0, generator)
    return Pair(example.context[start:end], span_claim(example.question, answer), Label.CONTRADICTION)


def _unanswered(
    pool: Sequence[QAExample], kind: str, count: int, seed: int, generator: random.Random
) -> Iterator[Pair]:
    """The gold answer beside a question or a text that it does not belong to."""
    by_id = {example.id: example for example in pool}
    way = "altered" if kind == "altered_question" else kind
    for example in make_unanswerable(pool, {way: count}, seed):
        origin = by_id[example.id.removesuffix(f"-{way}")]
        at = (origin.start or 0, origin.end or 0)
        if way != "altered":
            place = generator.randrange(len(example.context))
            at = (place, place + 1)
        start, end = around(example.context, *at, generator)
        label = Label.CONTRADICTION if way == "altered" else Label.NEUTRAL
        yield Pair(example.context[start:end], span_claim(example.question, origin.answers[0]), label)


def around(context: str, start: int, end: int, generator: random.Random) -> tuple[int, int]:
    """The sentences that hold the characters `[start, end)`, with none, a few or all of their neighbours."""
    sentences = split_sentences(context)
    last = len(sentences) - 1
    if last < 0:
        return 0, len(context)
    holding = next((at for at, sentence in enumerate(sentences) if start < sentence.end), last)
    until = next((at for at, sentence in enumerate(sentences) if end <= sentence.end), last)
    reach = generator.choice([1, 3, len(sentences)])
    first = max(0, holding - generator.randint(0, reach))
    until = min(last, until + generator.randint(0, reach))
    return sentences[first].start, sentences[until].end


def _by_paragraph(examples: Sequence[QAExample]) -> dict[str, list[QAExample]]:
    paragraphs: dict[str, list[QAExample]] = {}
    for example in examples:
        paragraphs.setdefault(example.context, []).append(example)
    return paragraphs
