"""The reader: finds the span of a document that answers a question, however long the document is."""

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from assistant.documents.passages import Passage
from assistant.encoders.cores import batch_tokens, cores_of, on_each_core
from assistant.encoders.pairs import Frame, PairEncoder, TokenizedText, length_bucketed, longest_input
from assistant.encoders.token_cache import TokenCache
from assistant.errors import UsageError
from assistant.reading.calibration import Calibration
from assistant.reading.selection import select_windows
from assistant.reading.spans import Span, decode_spans, distinct_spans
from assistant.reading.windows import MAX_LENGTH, STRIDE, Ints, plan_windows
from assistant.retrieval.ranking import Ranker
from assistant.types import Document

CASCADE_WINDOWS = 8
"""How many windows of a long text are read after a smaller reader has looked at it."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question put to one document."""

    text: str
    document: Document


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader found: the distinct spans, best first, and how many of the document's windows were looked at.

    `places` are the best span of each window that was read, best first. `answered` says whether the best span is good
    enough to be given; `score` is the probability that what is given is right, `span_score` the same for any span.
    """

    spans: tuple[Span, ...]
    windows: int
    calibration: Calibration
    windows_in_all: int = 0
    places: tuple[Span, ...] = ()

    @property
    def best(self) -> Span | None:
        """The best span, whether or not it is good enough to be the answer."""
        return self.spans[0] if self.spans else None

    @property
    def answered(self) -> bool:
        """Whether the best span beats "no answer"."""
        return self.best is not None and self.best.score >= self.calibration.bar(self.windows_in_all)

    @property
    def score(self) -> float:
        """The probability that the answer given is right, or when there is none, that the document holds none."""
        if self.best is None:
            return 1.0
        calibrated = self.calibration.right if self.answered else self.calibration.absent
        return calibrated(self.best.score, self.windows_in_all)

    def span_score(self, span: Span) -> float:
        """The probability that one of the spans is right."""
        return self.calibration.right(span.score, self.windows_in_all)


@dataclass(frozen=True, slots=True)
class _PlannedQuestion:
    """A question with the windows of its document that are read for it."""

    frame: Frame
    document: Document
    text: TokenizedText
    windows: Ints
    in_all: int
    looked_at: int


@dataclass(frozen=True, slots=True)
class _Spans:
    """Spans of one question in one batch: offsets and scores, each of shape (spans,), found in so many windows.

    `first_of_window` says where among them each window's best stands.
    """

    starts: Ints
    ends: Ints
    scores: npt.NDArray[np.float32]
    windows: int
    first_of_window: Ints


class Reader:
    """An extractive question answering model over sliding windows.

    Windows of all questions go through the model together, in batches of similar length; a document is tokenised
    once and kept for the next question, in `tokens`, which a verifier may share. Of a long document the windows that
    hold its most promising passages are read; where there is a smaller reader, `first`, it reads those, and this one
    what it found in them (a cascade, Viola and Jones, 2001). `languages` are the codes of those that the model's card
    names.
    """

    def __init__(
        self,
        model: Any,
        encoder: PairEncoder,
        *,
        name: str,
        calibration: Calibration | None = None,
        ranker: Ranker | None = None,
        first: "Reader | None" = None,
        languages: frozenset[str] = frozenset(),
        max_length: int = MAX_LENGTH,
        stride: int = STRIDE,
        tokens_per_batch: int | None = None,
    ) -> None:
        self.model = model
        self.encoder = encoder
        self.name = name
        self.calibration = calibration or Calibration()
        self.ranker = ranker or Ranker()
        self.first = first
        self.languages = languages
        self.max_length = longest_input(model, max_length)
        self.stride = stride
        self.tokens_per_batch = tokens_per_batch or batch_tokens(model)
        self.tokens = TokenCache()

    def read(
        self,
        questions: Sequence[Question],
        *,
        windows: int | None = None,
        cancel: threading.Event | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> list[Reading]:
        """Answer questions, each from its own document.

        Args:
            questions: any number; their windows share batches.
            windows: the most windows of a document to look at for a question, the most promising ones; with a `first`
                reader this one then reads at most CASCADE_WINDOWS of them. None reads all, without a `first` reader.
            cancel: once set, reading ends before the next batch and what was read so far is returned.
            on_progress: called with windows done and windows in all, after each batch.

        Raises:
            UsageError: a question is empty, or too long to leave room for the document.
        """
        before = 0

        def tell_first(done: int, total: int) -> None:
            nonlocal before
            before = done
            if on_progress is not None:
                on_progress(done, total + CASCADE_WINDOWS * len(questions))

        planned = self._plan(questions, windows, cancel, tell_first)
        spans: list[list[_Spans]] = [[] for _ in questions]
        owner = np.repeat(np.arange(len(planned)), [len(plan.windows) for plan in planned])
        number = np.concatenate([np.arange(len(plan.windows)) for plan in planned]) if planned else owner
        lengths = [int(size) for plan in planned for size in np.diff(plan.windows).ravel() + len(plan.frame)]

        def read_batch(batch: list[int]) -> list[tuple[int, _Spans]]:
            # Windows of one question stand together, so that each question's rows are filled at once.
            rows = sorted(batch)
            return self._read_batch(planned, owner[rows], number[rows], max(lengths[row] for row in rows))

        batches: Iterable[list[int]] = length_bucketed(lengths, self.tokens_per_batch, cores_of(self.model))
        if cancel is not None:
            batches = itertools.takewhile(lambda _: not cancel.is_set(), batches)
        done = 0
        for batch, batch_spans in on_each_core(read_batch, batches, cores_of(self.model)):
            for at, span_columns in batch_spans:
                spans[at].append(span_columns)
            done += len(batch)
            if on_progress is not None:
                on_progress(before + done, before + len(lengths))
        return [self._reading(plan, found) for plan, found in zip(planned, spans, strict=True)]

    def windows_of(self, document: Document) -> int:
        """How many windows a document has for a question of usual length."""
        text = self.tokens.tokenized(self.encoder, [document])[0]
        return len(plan_windows(len(text), max(self.max_length - 32, self.max_length // 2), self.stride))

    def _plan(
        self,
        questions: Sequence[Question],
        count: int | None,
        cancel: threading.Event | None,
        on_progress: Callable[[int, int], None],
    ) -> list[_PlannedQuestion]:
        texts = self.tokens.tokenized(self.encoder, [question.document for question in questions])
        tokens = self.encoder.tokenize([question.text.strip() for question in questions])
        planned = []
        for question, ids, text in zip(questions, tokens, texts, strict=True):
            if not len(ids):
                raise UsageError("The question is empty; type what you want to know.")
            frame = self.encoder.frame(ids.ids)
            windows = plan_windows(len(text), self.max_length - len(frame), self.stride)
            planned.append(_PlannedQuestion(frame, question.document, text, windows, len(windows), len(windows)))
        if count is None:
            return planned
        max_windows = count if self.first is None else min(count, CASCADE_WINDOWS)
        long = [at for at, plan in enumerate(planned) if plan.in_all > max_windows]
        promising = self._promising([questions[at] for at in long], count, cancel, on_progress)
        for at, (passages, looked_at) in zip(long, promising, strict=True):
            plan = planned[at]
            chosen = plan.windows[select_windows(plan.windows, plan.text, passages, max_windows)]
            planned[at] = replace(plan, windows=chosen, looked_at=max(len(chosen), min(looked_at, plan.in_all)))
        return planned

    def _promising(
        self,
        questions: Sequence[Question],
        count: int,
        cancel: threading.Event | None,
        on_progress: Callable[[int, int], None],
    ) -> Iterator[tuple[list[Passage], int]]:
        """For each question the passages to read, the most promising first, and how many windows were looked at."""
        if self.first is None or not questions:
            for question in questions:
                yield self.ranker.rank(question.text, [question.document], cancel=cancel), 0
            return
        readings = self.first.read(questions, windows=count, cancel=cancel, on_progress=on_progress)
        for question, reading in zip(questions, readings, strict=True):
            spans = [Passage(question.document, span.start, span.end) for span in reading.places]
            complete = reading.windows >= reading.windows_in_all
            yield spans, len(question.document.text) if complete else reading.windows

    def _read_batch(
        self, planned: Sequence[_PlannedQuestion], owner: Ints, number: Ints, length: int
    ) -> list[tuple[int, _Spans]]:
        """Read one batch of windows: `number` of the question `owner`, both of shape (windows,)."""
        import torch

        groups = list(_groups(owner))
        parts = [
            self.encoder.encode_windows(
                planned[at].frame, planned[at].text.ids, planned[at].windows[number[rows]], length
            )
            for at, rows in groups
        ]
        ids, types, mask = (np.concatenate(part) for part in zip(*parts, strict=True))
        windows = np.concatenate([planned[at].windows[number[rows]] for at, rows in groups])
        begins = np.repeat([len(planned[at].frame.before[0]) for at, _ in groups], [len(part[0]) for part in parts])
        nulls = np.repeat([planned[at].frame.null for at, _ in groups], [len(part[0]) for part in parts])
        nulls = np.where(nulls < 0, mask.sum(axis=1) + nulls, nulls)
        columns = np.arange(length)
        readable = (columns >= begins[:, None]) & (columns < (begins + windows[:, 1] - windows[:, 0])[:, None])
        with torch.inference_mode():
            inputs = self.encoder.inputs(ids, types, mask)
            output = self.model(**{name: tensor.to(self.model.device) for name, tensor in inputs.items()})
            first, last, score = (
                tensor.numpy()
                for tensor in decode_spans(
                    output.start_logits.cpu(),
                    output.end_logits.cpu(),
                    torch.from_numpy(readable),
                    torch.from_numpy(nulls),
                )
            )
        to_document = (windows[:, 0] - begins)[:, None]
        found = []
        for at, rows in groups:
            text, kept = planned[at].text, np.isfinite(score[rows])
            shift = np.broadcast_to(to_document[rows], kept.shape)[kept]
            starts, ends = text.starts[first[rows][kept] + shift], text.ends[last[rows][kept] + shift]
            whole = ends > starts
            _, firsts = np.unique(np.nonzero(kept)[0][whole], return_index=True)
            found.append((at, _Spans(starts[whole], ends[whole], score[rows][kept][whole], len(kept), firsts)))
        return found

    def _reading(self, planned: _PlannedQuestion, batches: Sequence[_Spans]) -> Reading:
        spans: tuple[Span, ...] = ()
        if batches:
            spans = distinct_spans(
                np.concatenate([batch.starts for batch in batches]),
                np.concatenate([batch.ends for batch in batches]),
                np.concatenate([batch.scores for batch in batches]),
                planned.document.text,
            )
        read = sum(batch.windows for batch in batches)
        looked_at = planned.looked_at if read == len(planned.windows) else read
        best = [
            Span(int(batch.starts[at]), int(batch.ends[at]), float(batch.scores[at]))
            for batch in batches
            for at in batch.first_of_window
        ]
        places = tuple(sorted(best, key=lambda span: (-span.score, span.start, span.end)))
        return Reading(spans, looked_at, self.calibration, planned.in_all, places)


def _groups(owner: Ints) -> Iterator[tuple[int, slice]]:
    """The runs of equal values: the value and the rows it stands in."""
    cuts = [0, *(np.flatnonzero(np.diff(owner)) + 1), len(owner)]
    for begin, end in itertools.pairwise(cuts):
        yield int(owner[begin]), slice(int(begin), int(end))
