"""The reader: finds the span of a document that answers a question, however long the document is."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.conversation import Document
from assistant.encoding import EncodedPair, PairEncoder, TokenizedText, length_bucketed, longest_input
from assistant.errors import UsageError
from assistant.reading.calibration import Calibration
from assistant.reading.spans import N_BEST, Span, decode_spans, merge_spans
from assistant.reading.windows import MAX_LENGTH, STRIDE, Window, plan_windows

if TYPE_CHECKING:
    import torch

DOCUMENTS_KEPT = 64


@dataclass(frozen=True, slots=True)
class Question:
    """A question put to one document."""

    text: str
    document: Document


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader found: the distinct spans, best first, and how many windows it read.

    `answered` says whether the best span is good enough to be given; `score` is the probability that what is
    given is right (DESIGN's `score`), `span_score` the same for any span of the list.
    """

    spans: tuple[Span, ...]
    windows: int
    calibration: Calibration

    @property
    def best(self) -> Span | None:
        """The best span, whether or not it is good enough to be the answer."""
        return self.spans[0] if self.spans else None

    @property
    def answered(self) -> bool:
        """Whether the best span beats "no answer"."""
        return self.best is not None and self.best.score >= self.calibration.threshold

    @property
    def score(self) -> float:
        """The probability that the answer given is right, or when there is none, that the document holds none."""
        if self.best is None:
            return 1.0
        calibrated = self.calibration.right if self.answered else self.calibration.absent
        return calibrated(self.best.score)

    def span_score(self, span: Span) -> float:
        """The probability that one of the spans is right."""
        return self.calibration.right(span.score)


@dataclass(frozen=True, slots=True)
class _Job:
    """One window of one question, ready for the model."""

    question: int
    pair: EncodedPair
    window: Window
    text: TokenizedText


class Reader:
    """An extractive question answering model over sliding windows.

    Windows of all questions go through the model together, in batches of similar length; a document is tokenised
    once and kept for the next question.
    """

    def __init__(
        self,
        model: Any,
        encoder: PairEncoder,
        *,
        name: str,
        calibration: Calibration | None = None,
        max_length: int = MAX_LENGTH,
        stride: int = STRIDE,
        tokens_per_batch: int = 16 * MAX_LENGTH,
    ) -> None:
        self.model = model
        self.encoder = encoder
        self.name = name
        self.calibration = calibration or Calibration()
        self.max_length = longest_input(model, max_length)
        self.stride = stride
        self.tokens_per_batch = tokens_per_batch
        self._documents: OrderedDict[str, TokenizedText] = OrderedDict()

    def read(
        self,
        questions: Sequence[Question],
        *,
        cancel: threading.Event | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> list[Reading]:
        """Answer questions, each from its own document.

        Args:
            questions: any number; their windows share batches.
            cancel: once set, reading ends before the next batch and what was read so far is returned.
            on_progress: called with windows done and windows in all, after each batch.

        Raises:
            UsageError: a question is empty, or too long to leave room for the document.
        """
        jobs = self._plan(questions)
        found: list[list[Span]] = [[] for _ in questions]
        read = [0] * len(questions)
        done = 0
        for batch in length_bucketed([len(job.pair) for job in jobs], self.tokens_per_batch):
            if cancel is not None and cancel.is_set():
                break
            chosen = [jobs[index] for index in batch]
            for job, spans in zip(chosen, self._spans(chosen), strict=True):
                found[job.question] = list(merge_spans([*found[job.question], *spans]))
                read[job.question] += 1
            done += len(batch)
            if on_progress is not None:
                on_progress(done, len(jobs))
        return [Reading(tuple(spans), windows, self.calibration) for spans, windows in zip(found, read, strict=True)]

    def _plan(self, questions: Sequence[Question]) -> list[_Job]:
        """All windows of all questions."""
        self._tokenize([question.document for question in questions])
        asked = self.encoder.tokenize([question.text.strip() for question in questions])
        jobs = []
        for index, (question, tokens) in enumerate(zip(questions, asked, strict=True)):
            if not len(tokens):
                raise UsageError("The question is empty; type what you want to know.")
            text = self._documents[question.document.id]
            capacity = self.max_length - self.encoder.overhead - len(tokens)
            for window in plan_windows(len(text), capacity, self.stride):
                pair = self.encoder.encode(tokens.ids, text.ids[window.first : window.last])
                jobs.append(_Job(index, pair, window, text))
        self._forget()
        return jobs

    def _tokenize(self, documents: Sequence[Document]) -> None:
        new = {document.id: document for document in documents if document.id not in self._documents}
        tokenized = self.encoder.tokenize([document.text for document in new.values()])
        self._documents.update(zip(new, tokenized, strict=True))
        for document in documents:
            self._documents.move_to_end(document.id)

    def _forget(self) -> None:
        while len(self._documents) > DOCUMENTS_KEPT:
            self._documents.popitem(last=False)

    def _spans(self, jobs: Sequence[_Job]) -> list[list[Span]]:
        """The spans of each window of one batch, in characters of its document."""
        import torch

        inputs, begins = self.encoder.collate([job.pair for job in jobs])
        offsets = begins + np.array([job.pair.second for job in jobs])
        lengths = np.array([job.window.last - job.window.first for job in jobs])
        columns = np.arange(inputs["input_ids"].shape[1])
        readable = (columns >= offsets[:, None]) & (columns < (offsets + lengths)[:, None])
        null = begins + np.array([job.pair.null for job in jobs])
        with torch.inference_mode():
            output = self.model(**{name: tensor.to(self.model.device) for name, tensor in inputs.items()})
            decoded = decode_spans(
                output.start_logits.cpu(), output.end_logits.cpu(), torch.from_numpy(readable), torch.from_numpy(null)
            )
        return [
            _to_characters(job, int(offset), [column[row] for column in decoded])
            for row, (job, offset) in enumerate(zip(jobs, offsets, strict=True))
        ]


def _to_characters(job: _Job, offset: int, decoded: list["torch.Tensor"]) -> list[Span]:
    first, last, score = (tensor.numpy() for tensor in decoded)
    kept = np.isfinite(score)
    base = job.window.first - offset
    starts = job.text.starts[first[kept] + base]
    ends = job.text.ends[last[kept] + base]
    return [
        Span(int(start), int(end), float(value))
        for start, end, value in zip(starts, ends, score[kept], strict=True)
        if end > start
    ][:N_BEST]
