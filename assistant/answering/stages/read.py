"""Second stage on the way `extract`: what the structure of a document says, else the reader's span."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from assistant.answering.shared_work import Shared, Steps, Tell
from assistant.answering.stages.index import prepare
from assistant.answering.state import Resources, TurnState
from assistant.answering.structure_answers import answer_of, cells_apart, language_notice, near_of, without_barred
from assistant.documents.splitting import split_passages
from assistant.events import EvidenceFound, Notice, Progress, TextDelta, unheard
from assistant.reading.spans import distinct_answers
from assistant.reading.structure import StructureAnswer
from assistant.types import Answer, Document, Evidence, ModelNames, Usage
from assistant.verification.claims import span_claim

if TYPE_CHECKING:
    import threading

    from assistant.reading.reader import Question, Reader, Reading

MOST_PLACES = 8
"""Places of the reader that rank passages."""


def read(state: TurnState, resources: Resources) -> Steps:
    """The answer that is likeliest to be right in any document, with its evidence; without an answer what came near."""
    if state.looked.found is not None:
        yield from _give_found(state, state.looked.found)
        return
    turn = state.turn
    max_windows = resources.settings.windows if turn.windows is None else turn.windows
    yield from prepare(turn.documents, resources, state.cancel, windows=max_windows)
    reader = resources.models.reader(unheard)
    foreign = language_notice(turn.question, turn.documents, reader.languages, "reader")
    for notice in filter(None, (state.looked.notice, foreign)):
        state.answer = replace(state.answer, notices=(*state.answer.notices, notice))
        yield Notice(notice)
    readings = yield from read_documents(reader, turn.question, turn.documents, max_windows, state.cancel)
    readings = [without_barred(reading, state.looked, at) for at, reading in enumerate(readings)]
    usage = Usage(
        windows=sum(reading.windows for reading in readings),
        windows_in_all=sum(reading.windows_in_all for reading in readings),
    )
    stopped = state.cancel.is_set()
    state.answer = replace(state.answer, models=ModelNames(reader=reader.name), usage=usage, stopped=stopped)
    if stopped:
        return
    document, reading = max(
        zip(turn.documents, readings, strict=True),
        key=lambda pair: (pair[1].answered, pair[1].best.score) if pair[1].best else (False, -1e9),
    )
    state.answer = _with_spans(state.answer, document, reading, turn.top_k)
    if state.answer.text is None and usage.windows < usage.windows_in_all:
        yield Notice(
            f"Read the {usage.windows:,} most promising of {usage.windows_in_all:,} windows; "
            "--windows 0 (in the chat: /windows all) reads everything."
        )
    yield EvidenceFound(state.answer.evidence, state.answer.closest)
    state.joint = reading.calibration.joint
    if state.answer.text is None:
        state.near = tuple(evidence for _, evidence in _places(document, reading))
        return
    yield TextDelta(state.answer.text)
    state.claims = [span_claim(turn.question, state.answer.text)]
    state.document, state.near = document, state.answer.evidence[:1]


def places_of(
    reader: "Reader", question: str, documents: Sequence[Document], max_windows: int, cancel: "threading.Event"
) -> Generator[Any, Any, list[Evidence]]:
    """Where the reader would look for an answer, the likeliest place first."""
    readings = yield from read_documents(reader, question, documents, max_windows, cancel)
    spans = [place for pair in zip(documents, readings, strict=True) for place in _places(*pair)]
    return [place for _, place in sorted(spans, key=lambda pair: -pair[0])[:MOST_PLACES]]


def read_documents(
    reader: "Reader", question: str, documents: Sequence[Document], max_windows: int, cancel: "threading.Event"
) -> Generator[Any, Any, list["Reading"]]:
    """What a question finds in each document, read together with what other turns ask.

    Args:
        reader: reads.
        question: what is asked.
        documents: of whom.
        max_windows: windows of a document; 0 for all.
        cancel: ends it.
    """
    from assistant.reading.reader import Question

    questions = [Question(question, document) for document in documents]
    size = sum(len(document.text) for document in documents)
    readings: list[Reading] = yield Shared(
        ("read", max_windows), questions, partial(_read, reader, max_windows, cancel), size
    )
    return readings


def _read(
    reader: "Reader", max_windows: int, cancel: "threading.Event", items: Sequence[Sequence["Question"]], tell: Tell
) -> list[list["Reading"]]:
    """The readings of the questions of each turn."""
    readings = iter(
        reader.read(
            [question for questions in items for question in questions],
            windows=max_windows or None,
            cancel=cancel,
            on_progress=lambda done, total: tell(0, Progress("Reading", done, total)),
        )
    )
    return [list(islice(readings, len(questions))) for questions in items]


def _give_found(state: TurnState, found: StructureAnswer) -> Steps:
    """The answer that structure gave."""
    state.answer, state.document, state.found = answer_of(state.answer, found), found.document, found
    state.claims, state.near = [span_claim(state.turn.question, found.text)], near_of(found)
    yield EvidenceFound(state.answer.evidence)
    yield TextDelta(found.text)


def _places(document: Document, reading: "Reading") -> list[tuple[float, Evidence]]:
    """The places of distinct answers with their scores."""
    spans = distinct_answers(reading.spans, document.text, MOST_PLACES)
    return [(span.score, document.evidence(span.start, span.end)) for span in spans]


def _with_spans(answer: Answer, document: Document, reading: "Reading", top_k: int) -> Answer:
    """The answer with what a reading found: its best spans as evidence, or as the closest place if it is no answer."""
    score = round(reading.score, 4)
    if reading.best is None:
        # Nothing in the document is a word to the reader; its beginning is as close as any other place.
        return replace(answer, score=score, closest=split_passages(document)[0].evidence())
    places = [
        document.evidence(span.start, span.end, round(reading.span_score(span), 4))
        for span in distinct_answers(reading.spans, document.text, top_k)
    ]
    if not reading.answered:
        return replace(answer, score=score, closest=places[0])
    text = cells_apart(document, places[0]) or places[0].text
    return replace(answer, text=text, score=score, evidence=tuple(places))
