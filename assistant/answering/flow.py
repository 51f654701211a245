"""The flow of a turn: route, reading or generation, and verification, told in events."""

import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from assistant.answering.live import live
from assistant.answering.shared_work import Early, Shared, Steps, Tell
from assistant.answering.structure_answers import (
    REASON,
    answer_of,
    language_notice,
    look_up_turn,
    near_of,
    placed,
    premise_of,
    uncheckable,
    without_barred,
)
from assistant.documents.passages import Passage
from assistant.documents.splitting import split_passages
from assistant.errors import ModelError, UsageError
from assistant.events import (
    Event,
    EvidenceFound,
    Listener,
    Notice,
    Progress,
    RouteChosen,
    TextDelta,
    TextTakenBack,
    TurnFinished,
    VerdictReached,
    unheard,
)
from assistant.generation.stream import turns_left_out
from assistant.loading.models import LoadedModels
from assistant.reading.spans import distinct_answers
from assistant.reading.structure import Found, LookUp
from assistant.retrieval.ranking import Ranker
from assistant.routing.followups import without_lead
from assistant.routing.intents import asks_of_the_whole, is_about_assistant
from assistant.routing.router import choose_route
from assistant.settings import Settings
from assistant.text import counted
from assistant.types import (
    Answer,
    Document,
    Evidence,
    Message,
    ModelNames,
    Role,
    Route,
    Turn,
    Usage,
    Verdict,
)
from assistant.verification.claims import span_claim, text_claims
from assistant.verification.python_code import unparsable_python

if TYPE_CHECKING:
    from assistant.generation.decoding import LocalStream
    from assistant.generation.generator import LocalGenerator
    from assistant.generation.stream import Sampling, TextStream
    from assistant.reading.reader import Question, Reader, Reading
    from assistant.verification.verifier import Check, Verifier

PASSAGES_FOR_GENERATOR = 3
_STOPPED = "The answer was stopped before it was checked."


@dataclass
class _Draft:
    """The answer as it grows, with what the last step has to say of it."""

    answer: Answer
    claims: Sequence[str] = ()
    document: Document | None = None
    near: Sequence[Evidence] = ()
    found: Found | None = None


class Flow:
    """Takes turns through their steps with the models at hand.

    Args:
        models: loaded as steps need them.
        settings: what a turn leaves unsaid.
        conversing: see `Assistant`.
    """

    def __init__(self, models: LoadedModels, settings: Settings, *, conversing: bool = False) -> None:
        self._models = models
        self._settings = settings
        self._conversing = conversing

    def prepare(
        self, documents: Sequence[Document], cancel: threading.Event | None = None, *, windows: int | None = None
    ) -> Iterator[Event]:
        """See `Assistant.prepare`."""
        reader = yield from live(self._models.reader)
        most = self._settings.windows if windows is None else windows
        # A token stands for at least one character, so that of a short text nothing need be counted.
        short = most * max(1, reader.max_length // 2 - reader.stride)
        large = [each for each in documents if len(each.text) > short]
        long = (yield from live(lambda _: [each for each in large if reader.windows_of(each) > most])) if large else []
        if most:
            yield from self._index(long, cancel or threading.Event())

    def _index(self, documents: Sequence[Document], cancel: threading.Event) -> Iterator[Event]:
        """Make ready what ranks the passages of documents, telling how far it is."""
        if not documents:
            return
        try:
            yield from live(self._models.embedder)
        except ModelError as error:
            yield Notice(f"Passages are ranked by the words they share with the question alone: {error}")
        for document in documents:
            if not self._models.ranker.knows(document):
                yield from live(partial(_index_document, self._models.ranker, document, cancel))

    def steps(self, turn: Turn, cancel: threading.Event) -> Steps:
        """A turn's events and the work it shares with others; the last event is TurnFinished.

        Raises:
            AssistantError: the turn cannot be answered.
        """
        _check(turn)
        choice = choose_route(turn)
        asked = choice.asked if choice.asked != turn.question else None
        looked = look_up_turn(replace(turn, question=choice.asked), choice.route)
        if looked.found is not None:
            choice = replace(choice, route=Route.EXTRACT, reason=REASON[looked.found.kind])
        yield RouteChosen(choice.route, choice.reason, asked)
        draft = _Draft(Answer(choice.route, None, asked=asked))
        turn = replace(turn, question=choice.asked)
        if choice.route is Route.EXTRACT:
            yield from self._extract(turn, draft, cancel, looked)
        else:
            yield from self._generate(turn, draft, cancel)
        if turn.verify and self._settings.verify and choice.route is not Route.OPEN and draft.answer.text is not None:
            yield from self._verify(turn, draft, cancel)
        yield TurnFinished(draft.answer)

    def look_ahead(self, turn: Turn, answer: Answer, cancel: threading.Event) -> None:
        """See `Assistant.look_ahead`."""
        from assistant.generation.generator import LocalGenerator
        from assistant.generation.prompts import answered_turns, with_system

        generator = self._models.loaded_generator
        if isinstance(generator, LocalGenerator) and answer.route is Route.OPEN and answer.text is not None:
            said = [Message(Role.USER, turn.question), Message(Role.ASSISTANT, answer.text)]
            messages = answered_turns([*turn.history, *said])
            if system := self._system(turn):
                messages = with_system(messages, system)
            generator.look_ahead(messages, sampling=self._sampling(Route.OPEN), cancel=cancel)

    def _system(self, turn: Turn) -> str | None:
        return self._settings.system if turn.system is None else turn.system

    def _sampling(self, route: Route) -> "Sampling":
        """How an answer is sampled: what is written about a document keeps to the likeliest, in a chat too."""
        from assistant.generation.generator import Sampling

        settings = self._settings
        drawn = self._conversing and route is Route.OPEN
        return Sampling(
            temperature=None if drawn and settings.temperature is None else settings.temperature or 0.0,
            top_p=settings.top_p,
            max_new_tokens=settings.max_new_tokens,
            seed=0 if settings.seed is None and not drawn else settings.seed,
            chosen=frozenset(self._settings.model_fields_set),
        )

    def _extract(self, turn: Turn, draft: _Draft, cancel: threading.Event, looked: LookUp) -> Steps:
        """What structure says, else the reader's answer: the span that is likeliest to be right in any document."""
        from assistant.reading.reader import Question

        if looked.found is not None:
            draft.answer, draft.document = answer_of(draft.answer, looked.found), looked.found.document
            draft.claims, draft.near = [span_claim(turn.question, looked.found.text)], near_of(looked.found)
            draft.found = looked.found
            yield EvidenceFound(draft.answer.evidence)
            yield TextDelta(looked.found.text)
            return
        most = self._settings.windows if turn.windows is None else turn.windows
        yield from self.prepare(turn.documents, cancel, windows=most)
        reader = self._models.reader(unheard)
        foreign = language_notice(turn.question, turn.documents, reader.languages, "reader")
        for notice in filter(None, (looked.notice, foreign)):
            draft.answer = replace(draft.answer, notices=(*draft.answer.notices, notice))
            yield Notice(notice)
        questions = [Question(turn.question, document) for document in turn.documents]
        size = sum(len(document.text) for document in turn.documents)
        readings = yield Shared(("read", most), questions, partial(_read, reader, most, cancel), size)
        readings = [without_barred(reading, looked, at) for at, reading in enumerate(readings)]
        stopped = cancel.is_set()
        document, reading = max(
            zip(turn.documents, readings, strict=True), key=lambda pair: pair[1].best.score if pair[1].best else -1e9
        )
        answer = replace(
            draft.answer,
            models=ModelNames(reader=reader.name),
            usage=Usage(
                windows=sum(reading.windows for reading in readings),
                windows_in_all=sum(reading.windows_in_all for reading in readings),
            ),
            stopped=stopped,
        )
        if stopped:
            draft.answer = answer
            return
        draft.answer = _with_spans(answer, document, reading, turn.top_k)
        if draft.answer.text is None and answer.usage.windows < answer.usage.windows_in_all:
            yield Notice(
                f"Read the {answer.usage.windows:,} most promising of {answer.usage.windows_in_all:,} windows; "
                "--windows 0 (in the chat: /windows all) reads everything."
            )
        yield EvidenceFound(draft.answer.evidence, draft.answer.closest)
        if draft.answer.text is not None:
            yield TextDelta(draft.answer.text)
            draft.claims = [span_claim(turn.question, draft.answer.text)]
            draft.document, draft.near = document, draft.answer.evidence[:1]

    def _generate(self, turn: Turn, draft: _Draft, cancel: threading.Event) -> Steps:
        """The generator's answer, from passages of the documents on the grounded route."""
        from assistant.generation.generator import LocalGenerator
        from assistant.generation.prompts import answered_turns, grounded_messages, with_system

        generator = yield from live(self._models.generator)
        history = answered_turns(turn.history)
        messages = [*history, Message(Role.USER, turn.question)]
        closest = None
        if draft.answer.route is Route.GROUNDED:
            yield from self._index([each for each in turn.documents if _has_to_choose(each)], cancel)
            passages = yield from live(lambda _: self._relevant_passages(turn, cancel))
            closest, draft.document = passages[0].evidence(), passages[0].document
            evidence = tuple(sorted((each.evidence() for each in passages), key=lambda place: place.start))
            draft.answer = replace(draft.answer, evidence=evidence)
            yield EvidenceFound(evidence)
            messages = grounded_messages(turn.question, evidence, history)
        if draft.answer.route is Route.OPEN and is_about_assistant(without_lead(turn.question)[0]):
            yield Notice(
                "The model knows nothing of the program that runs it: F1 in the chat, or --help, says what it can do."
            )
        if system := self._system(turn):
            messages = with_system(messages, system)
        stream = generator.stream(messages, sampling=self._sampling(draft.answer.route), cancel=cancel)
        if stream.turns_left_out:
            yield Notice(turns_left_out(stream.turns_left_out))
        if isinstance(generator, LocalGenerator):
            text = yield Shared("write", stream, partial(_write_together, generator), alone=_written)
        else:
            text = yield Shared("ask", stream, alone=_written, at_a_server=self._settings.server_requests)
        if (notice := _about_end(stream)) is not None:
            yield Notice(notice)
        if (fault := unparsable_python(text)) is not None:
            yield Notice(f"The Python of this answer does not run as it is: it cannot be parsed ({fault}).")
        if not text:
            # No answer leaves no evidence for one: what was read is what came closest.
            draft.answer = replace(draft.answer, evidence=(), closest=closest)
        draft.answer = replace(
            draft.answer,
            text=text or None,
            models=ModelNames(generator=stream.model or generator.name),
            usage=Usage(
                prompt_tokens=stream.prompt_tokens,
                completion_tokens=stream.completion_tokens,
                thinking_tokens=stream.thinking_tokens,
            ),
            stopped=stream.finish == "cancelled",
            incomplete=stream.finish if stream.finish in ("length", "filtered", "broken") else None,
        )
        if draft.answer.route is Route.GROUNDED and text:
            draft.claims, draft.near = text_claims(text), draft.answer.evidence

    def _relevant_passages(self, turn: Turn, cancel: threading.Event) -> list[Passage]:
        """The passages that bear most on the question, all of the document of which the first one is.

        No passage bears more than others on "summarise it": that is asked of the document that was opened last.
        """
        documents = turn.documents[-1:] if asks_of_the_whole(turn.question) else turn.documents
        ranked = self._models.ranker.rank(turn.question, documents, cancel=cancel)
        best = ranked[0].document
        return [passage for passage in ranked if passage.document is best][:PASSAGES_FOR_GENERATOR]

    def _verify(self, turn: Turn, draft: _Draft, cancel: threading.Event) -> Steps:
        """Hold the answer's claims against the places it came from."""
        if cancel.is_set() or draft.answer.stopped:
            draft.answer = replace(draft.answer, verdict_reason=_STOPPED)
            return
        if not draft.claims or draft.document is None:
            draft.answer = replace(draft.answer, verdict_reason="The answer holds no statement that could be checked.")
            return
        from assistant.verification.verifier import Check

        verifier = yield from live(self._models.verifier)
        if (reason := uncheckable(draft.document, draft.claims, verifier.languages)) is not None:
            draft.answer = replace(draft.answer, verdict_reason=reason)
            return
        if (notice := language_notice(turn.question, [draft.document], verifier.languages, "verifier")) is not None:
            draft.answer = replace(draft.answer, notices=(*draft.answer.notices, notice))
            yield Notice(notice)
        yield Progress("Checking", 0, len(draft.claims))
        premise = premise_of(draft.found) if draft.found is not None else None
        check = Check(premise, draft.claims) if premise else Check(draft.document, draft.claims, draft.near)
        try:
            # What a model has written is checked by itself: its figures are then the same whichever other lines of a
            # batch failed, or were written in an earlier run.
            verdict = yield Shared(
                "verify",
                check,
                partial(_judge, verifier, cancel),
                len(draft.claims),
                independent=draft.answer.route is Route.GROUNDED,
            )
            reason = _STOPPED if verdict is None else None
        except UsageError as error:
            verdict, reason = None, str(error)
        names = replace(draft.answer.models, verifier=verifier.name)
        draft.answer = replace(draft.answer, verdict=verdict, verdict_reason=reason, models=names)
        if verdict is not None and draft.found is not None and premise is not None:
            verdict = placed(verdict, draft.found)
            draft.answer = replace(draft.answer, verdict=verdict)
        if verdict is not None:
            yield VerdictReached(verdict)


def _read(
    reader: "Reader", most: int, cancel: threading.Event, items: Sequence[Sequence["Question"]], tell: Tell
) -> list[list["Reading"]]:
    """The readings of the questions of each turn."""
    readings = iter(
        reader.read(
            [question for questions in items for question in questions],
            windows=most or None,
            cancel=cancel,
            on_progress=lambda done, total: tell(0, Progress("Reading", done, total)),
        )
    )
    return [list(islice(readings, len(questions))) for questions in items]


def _written(stream: "TextStream") -> Generator[Event, None, str]:
    """What a stream gives, with its pieces as events."""
    pieces: list[str] = []
    try:
        for event in stream.events():
            if isinstance(event, TextDelta):
                pieces.append(event.text)
            elif isinstance(event, TextTakenBack):
                pieces.clear()
            yield event
    finally:
        stream.close()
    return "".join(pieces).strip()


def _about_end(stream: "TextStream") -> str | None:
    """What there is to say of how a stream ended."""
    match stream.finish:
        case "loop":
            return "The model began to repeat itself and was stopped."
        case "length":
            tokens = counted(stream.completion_tokens, "token")
            return f"The answer reached {tokens} and was cut; ask it to go on."
        case "filtered":
            return "The server's content filter ended the answer: it is not complete."
        case "broken":
            return f"The answer is not complete: {getattr(stream, 'trouble', None) or 'the connection broke off.'}"
    return None


def _write_together(generator: "LocalGenerator", streams: Sequence["LocalStream"], tell: Tell) -> list[str]:
    """What the streams of a local generator give."""
    pieces: list[list[str]] = [[] for _ in streams]
    told: set[int] = set()
    for at, piece in generator.together(streams):
        if piece:
            pieces[at].append(piece)
            tell(at, TextDelta(piece))
        for over in [each for each, stream in enumerate(streams) if stream.finish is not None and each not in told]:
            if over != at:  # the last piece of the one at hand may be yet to come
                told.add(over)
                tell(over, Early("".join(pieces[over]).strip()))
    return ["".join(each).strip() for each in pieces]


def _judge(verifier: "Verifier", cancel: threading.Event, checks: Sequence["Check"], _: Tell) -> list[Verdict | None]:
    return verifier.verify(checks, cancel=cancel)


def _check(turn: Turn) -> None:
    if not turn.question.strip():
        raise UsageError("The question is empty; type what you want to know.")
    try:
        turn.question.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(f"The question is not valid Unicode (character {error.start}).") from error
    if turn.route in (Route.EXTRACT, Route.GROUNDED) and not turn.documents:
        raise UsageError(f"The {turn.route} route needs a document; name one with --document or paste it.")


def _has_to_choose(document: Document) -> bool:
    """Whether a document has more passages than the generator is given."""
    return len(split_passages(document)) > PASSAGES_FOR_GENERATOR


def _index_document(ranker: Ranker, document: Document, cancel: threading.Event, tell: Listener) -> None:
    ranker.index(document, cancel=cancel, on_progress=lambda done, total: tell(Progress("Indexing", done, total)))


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
    return replace(answer, text=places[0].text, score=score, evidence=tuple(places))
