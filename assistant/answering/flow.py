"""The flow of a turn: route, reading or generation, and verification, told in events."""

import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from assistant.answering.citations import only_cited, with_citations, without_citations
from assistant.answering.forms import answer_form
from assistant.answering.live import live
from assistant.answering.passages import (
    Context,
    choose_passages,
    fits,
    passage_tokens,
    whole_context,
)
from assistant.answering.shared_work import Shared, Steps, Tell, silently
from assistant.answering.standalone import MOST_TOKENS, leans_on_before, rewriting_messages, standalone
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
from assistant.answering.whole_text import (
    NOTE_TOKENS,
    Notes,
    beginning_of,
    in_prompt,
    joined_context,
    note_messages,
    parts_of,
)
from assistant.answering.writing import about_end, write_silently, write_together, written_aloud, written_silently
from assistant.documents.splitting import split_passages
from assistant.errors import EmptyAnswerError, GenerationError, ModelError, UsageError
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
from assistant.routing.followups import exchanges, without_lead
from assistant.routing.intents import asks_of_one, asks_of_the_whole, is_about_assistant
from assistant.routing.router import Choice, choose_route
from assistant.settings import Settings
from assistant.types import (
    Answer,
    Document,
    Draft,
    Evidence,
    Message,
    ModelNames,
    Role,
    Route,
    Support,
    Turn,
    Usage,
    Verdict,
)
from assistant.verification.claims import answer_claims, span_claim, states_yes_or_no, together
from assistant.verification.premises import best_of
from assistant.verification.python_code import unparsable_python
from assistant.verification.refusals import is_refusal

if TYPE_CHECKING:
    from assistant.generation.stream import Generator as TextGenerator
    from assistant.generation.stream import Sampling, TextStream
    from assistant.reading.reader import Question, Reader, Reading
    from assistant.verification.verifier import Check, Verifier

SURE_OF_NOTHING = 0.95
"""So sure of it, the reader's word that a document holds no answer is taken without asking the generator."""
_PLACES = 8  # places of the reader that rank passages
_ROOM_FOR_THINKING = 2048
_NEAR = 10  # passages: a claim is held against each of them, or against what it shares most words with
_STOPPED = "The answer was stopped before it was checked."


@dataclass
class _Draft:
    """The answer as it grows, with what the last step has to say of it."""

    answer: Answer
    claims: Sequence[str] = ()
    document: Document | None = None
    near: Sequence[Evidence] = ()
    found: Found | None = None
    noted: bool = False  # the generator was given notes, so that its own citations are of these


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
        self._no_generator: Exception | None = None
        self._notes = Notes()

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
        if choice.asked == turn.question and choice.route is not Route.OPEN and turn.documents:
            choice = yield from self._completed(turn, choice, cancel)
        asked = choice.asked if choice.asked != turn.question else None
        looked = look_up_turn(replace(turn, question=choice.asked), choice.route)
        if looked.found is not None:
            choice = replace(choice, route=Route.EXTRACT, reason=REASON[looked.found.kind])
        yield RouteChosen(choice.route, choice.reason, asked)
        draft = _Draft(Answer(choice.route, None, asked=asked))
        turn = replace(turn, question=choice.asked)
        checked = turn.verify and self._settings.verify
        if choice.route is Route.EXTRACT:
            yield from self._extract(turn, draft, cancel, looked)
        else:
            yield from self._generate(turn, draft, cancel)
        if checked and choice.route is not Route.OPEN and draft.answer.text is not None:
            yield from self._verify(turn, draft, cancel)
        nothing = draft.answer.route is Route.EXTRACT and draft.answer.found_nothing
        # Where a table lacks the row that is asked for, the generator would take the value of another one.
        if nothing and checked and turn.route is None and not any(looked.barred):
            yield from self._write_instead(turn, draft, cancel)
        yield TurnFinished(replace(draft.answer, tried=draft.answer.tried or (draft.answer.route,)))

    def _completed(self, turn: Turn, choice: Choice, cancel: threading.Event) -> Generator[Any, Any, Choice]:
        """The choice for a question that leans on what was said before, completed by the generator where rules fail."""
        before = exchanges(turn.history)
        if not before or not leans_on_before(turn.question) or self._no_generator is not None:
            return choice
        try:
            generator = yield from live(self._models.generator)
            stream = generator.stream(
                rewriting_messages(turn.question, before),
                sampling=self._brief(MOST_TOKENS),
                cancel=cancel,
            )
            written = yield from self._written(generator, stream, silently=True)
        except ModelError as error:
            self._no_generator = error
            return choice
        except GenerationError:  # it may pass: the question stays as it is
            return choice
        made = standalone(turn.question, written, before)
        if made is None or cancel.is_set():
            return choice
        return choose_route(replace(turn, question=made, history=()))

    def _write_instead(self, turn: Turn, draft: _Draft, cancel: threading.Event) -> Steps:
        """Where the reader found nothing: what the generator makes of the passages, if the verifier finds it entailed.

        The question is part of what is checked: a true sentence that does not answer it is no answer.
        """
        nothing = draft.answer
        if nothing.score is not None and nothing.score >= SURE_OF_NOTHING:
            return
        if self._models.unattended and self._no_generator is not None:
            return
        yield Progress("Writing from passages")
        written = _Draft(Answer(Route.GROUNDED, None, asked=nothing.asked))
        try:
            yield from silently(self._generate(turn, written, cancel, near=draft.near, silently=True))
        except (ModelError, GenerationError) as error:
            if isinstance(error, ModelError):  # which stays so; an answer that failed says nothing of the next one
                self._no_generator = error
            elif self._models.unattended and error.passing:
                raise  # later it may well find an answer, so this is not the document's word
            yield Notice(f"The reader found nothing, and the generator could not be asked: {error}")
            return
        text = written.answer.text
        if text is not None and not written.answer.stopped:
            # A yes or no is among the claims as the statement it makes.
            if not states_yes_or_no(turn.question, text):
                written.claims = list(dict.fromkeys([span_claim(turn.question, text), *written.claims]))
            yield from silently(self._verify(turn, written, cancel))
        answer = replace(
            written.answer,
            tried=(Route.EXTRACT, Route.GROUNDED),
            notices=(*nothing.notices, *written.answer.notices),
            models=replace(written.answer.models, reader=nothing.models.reader),
            usage=replace(
                written.answer.usage, windows=nothing.usage.windows, windows_in_all=nothing.usage.windows_in_all
            ),
        )
        if answer.support is Support.SUPPORTED and text is not None and answer.verdict is not None:
            draft.answer = answer
            yield RouteChosen(
                Route.GROUNDED, "The reader found nothing; the generator did, and it is checked.", answer.asked
            )
            yield EvidenceFound(answer.evidence)
            yield TextDelta(text)
            yield VerdictReached(answer.verdict)
            return
        unsupported = Draft(text, answer.evidence, answer.verdict) if text is not None else None
        draft.answer = replace(
            nothing, tried=answer.tried, models=answer.models, usage=answer.usage, draft=unsupported,
            stopped=answer.stopped,
        )  # fmt: skip

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

    def _brief(self, tokens: int) -> "Sampling":
        """How something short is written that is no answer: a model that thinks may do so first."""
        sampling = self._sampling(Route.GROUNDED)
        return replace(sampling, max_new_tokens=tokens, room_for_thinking=_ROOM_FOR_THINKING)

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
            zip(turn.documents, readings, strict=True),
            key=lambda pair: (pair[1].answered, pair[1].best.score) if pair[1].best else (False, -1e9),
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
        draft.near = tuple(
            document.evidence(span.start, span.end) for span in distinct_answers(reading.spans, document.text, _PLACES)
        )
        if draft.answer.text is not None:
            yield TextDelta(draft.answer.text)
            draft.claims = [span_claim(turn.question, draft.answer.text)]
            draft.document, draft.near = document, draft.answer.evidence[:1]

    def _generate(
        self,
        turn: Turn,
        draft: _Draft,
        cancel: threading.Event,
        *,
        near: Sequence[Evidence] = (),
        silently: bool = False,
    ) -> Steps:
        """The generator's answer, from passages of the documents on the grounded route.

        Args:
            turn: the question, completed.
            draft: gets the answer.
            cancel: ends it.
            near: places that the reader thought of, the likeliest first.
            silently: nothing is told of the text as it grows.
        """
        from assistant.generation.prompts import answered_turns, grounded_messages, with_system

        generator = yield from live(self._models.generator)
        history = answered_turns(turn.history)
        messages = [*history, Message(Role.USER, turn.question)]
        closest = None
        if draft.answer.route is Route.GROUNDED:
            budget = passage_tokens(self._settings, generator, turn.documents)
            context = yield from self._context(turn, near, budget, generator, cancel)
            closest, evidence = context.best, context.passages
            draft.answer = replace(draft.answer, evidence=evidence)
            draft.near = context.parts if len(context.parts) <= _NEAR else ()
            yield EvidenceFound(evidence)
            shown, draft.noted = in_prompt(context), bool(context.notes)
            characters = sum(len(place.text) for place in shown)
            said = history[-2:] if draft.answer.asked is None else []
            messages = grounded_messages(turn.question, shown, said, characters, form=answer_form(turn.question))
        if draft.answer.route is Route.OPEN and is_about_assistant(without_lead(turn.question)[0]):
            yield Notice(
                "The model knows nothing of the program that runs it: F1 in the chat, or --help, says what it can do."
            )
        if system := self._system(turn):
            messages = with_system(messages, system)
        stream = generator.stream(messages, sampling=self._sampling(draft.answer.route), cancel=cancel)
        if stream.turns_left_out:
            yield Notice(turns_left_out(stream.turns_left_out))
        text = yield from self._written(generator, stream, silently=silently)
        if (notice := about_end(stream)) is not None:
            yield Notice(notice)
        if (fault := unparsable_python(text)) is not None:
            yield Notice(f"The Python of this answer does not run as it is: it cannot be parsed ({fault}).")
        if draft.noted:
            text = without_citations(text)
        if draft.answer.route is Route.GROUNDED and is_refusal(text):
            text = ""
            yield TextTakenBack()
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
        if draft.answer.route is Route.GROUNDED:
            claims = answer_claims(text, turn.question)
            whole = together(turn.question, text) if claims and not silently else None
            draft.claims = list(dict.fromkeys([whole, *claims])) if whole else claims

    def _whole_text(
        self, document: Document, tokens: int, generator: "TextGenerator", cancel: threading.Event
    ) -> Generator[Any, Any, Context]:
        """Notes on each part of a long document, taken now or when it was asked about before."""
        index = yield from live(lambda _: self._models.ranker.index(document, cancel=cancel))
        parts = parts_of(index.passages, index.embeddings, tokens)
        notes = list(self._notes.get(document.id, generator.name, tokens) or ())
        for number, part in enumerate(parts[len(notes) :], len(notes) + 1):
            yield Progress(f"Reading part {number} of {len(parts)}")
            stream = generator.stream(note_messages(part), sampling=self._brief(NOTE_TOKENS), cancel=cancel)
            try:
                note = yield from self._written(generator, stream, silently=True)
            except EmptyAnswerError:
                note = ""
            if cancel.is_set():
                break
            notes.append(note or beginning_of(part))
        else:
            self._notes.keep(document.id, generator.name, tokens, notes)
        context = joined_context(parts, notes)
        share = f"{len(context.parts):,} of its {context.total:,} passages"
        read = "all of it was read" if len(context.parts) == context.total else f"{share} were read"
        yield Notice(f"Written from notes on the {len(parts)} parts of {document.name}; {read}.")
        return context

    def _written(self, generator: "TextGenerator", stream: "TextStream", *, silently: bool) -> Generator[Any, Any, str]:
        """What a stream gives, told as it grows or not."""
        from assistant.generation.generator import LocalGenerator

        write = written_silently if silently else written_aloud
        if isinstance(generator, LocalGenerator):
            run = partial(write_silently if silently else write_together, generator)
            text: str = yield Shared(("write", silently), stream, run, alone=write)
        else:
            text = yield Shared("ask", stream, alone=write, at_a_server=self._settings.server_requests)
        return text

    def _context(
        self,
        turn: Turn,
        near: Sequence[Evidence],
        budget: tuple[int, int],
        generator: "TextGenerator",
        cancel: threading.Event,
    ) -> Generator[Any, Any, Context]:
        """What of the documents the generator is given; `budget` is for a question of a part, and of the whole."""
        question = turn.question
        of_the_whole = asks_of_the_whole(question)
        tokens = budget[of_the_whole]
        # "Summarise it" is asked of the document that was opened last.
        documents = turn.documents[-1:] if asks_of_one(question) else turn.documents
        if fits(documents, tokens):
            return whole_context(documents)
        yield from self._index(documents, cancel)
        if of_the_whole and len(documents) == 1:
            return (yield from self._whole_text(documents[0], budget[0], generator, cancel))
        if not near:
            near = yield from self._places(turn, documents, cancel)
        ranked = yield from live(lambda _: self._models.ranker.rank(question, documents, cancel=cancel))
        return choose_passages(ranked, near, tokens)

    def _places(
        self, turn: Turn, documents: Sequence[Document], cancel: threading.Event
    ) -> Generator[Any, Any, list[Evidence]]:
        """Where the reader would look for an answer, the likeliest place first."""
        from assistant.reading.reader import Question

        most = self._settings.windows
        reader = yield from live(self._models.reader)
        questions = [Question(turn.question, document) for document in documents]
        size = sum(len(document.text) for document in documents)
        readings = yield Shared(("read", most), questions, partial(_read, reader, most, cancel), size)
        spans = [
            (span.score, document.evidence(span.start, span.end))
            for document, reading in zip(documents, readings, strict=True)
            for span in distinct_answers(reading.spans, document.text, _PLACES)
        ]
        return [place for _, place in sorted(spans, key=lambda pair: -pair[0])[:_PLACES]]

    def _verify(self, turn: Turn, draft: _Draft, cancel: threading.Event) -> Steps:
        """Hold the answer's claims against the places it came from."""
        if cancel.is_set() or draft.answer.stopped:
            draft.answer = replace(draft.answer, verdict_reason=_STOPPED)
            return
        documents = _documents_of(draft, turn)
        if not draft.claims or not documents:
            draft.answer = replace(draft.answer, verdict_reason="The answer holds no statement that could be checked.")
            return
        from assistant.verification.verifier import Check

        verifier = yield from live(self._models.verifier)
        known = verifier.languages
        if (
            reason := next(filter(None, (uncheckable(each, draft.claims, known) for each in documents)), None)
        ) is not None:
            draft.answer = replace(draft.answer, verdict_reason=reason)
            return
        if (notice := language_notice(turn.question, documents, known, "verifier")) is not None:
            draft.answer = replace(draft.answer, notices=(*draft.answer.notices, notice))
            yield Notice(notice)
        yield Progress("Checking", 0, len(draft.claims))
        premise = premise_of(draft.found) if draft.found is not None else None
        verdicts: list[Verdict] = []
        try:
            for document in [premise] if premise is not None else documents:
                near = [place for place in draft.near if place.document == document.name] if premise is None else ()
                # What a model has written is checked by itself: its figures are then the same whichever other lines of
                # a batch failed, or were written in an earlier run.
                verdict = yield Shared(
                    "verify",
                    Check(document, draft.claims, near),
                    partial(_judge, verifier, cancel),
                    len(draft.claims),
                    independent=draft.answer.route is Route.GROUNDED,
                )
                if verdict is None:
                    reason = _STOPPED
                    break
                verdicts.append(verdict)
        except UsageError as error:
            reason = str(error)
        answer = replace(
            draft.answer, verdict_reason=reason, models=replace(draft.answer.models, verifier=verifier.name)
        )
        if reason is None:
            verdict = best_of(verdicts)
            if draft.found is not None and premise is not None:
                verdict = placed(verdict, draft.found)
            answer = replace(answer, verdict=verdict)
            if answer.route is Route.GROUNDED and answer.text is not None:
                text, places = with_citations(answer.text, verdict, answer.evidence, turn.question), answer.evidence
                if draft.noted:
                    text, places = only_cited(text, places)
                answer = replace(answer, text=text, evidence=places)
            yield VerdictReached(verdict)
        draft.answer = answer


def _documents_of(draft: _Draft, turn: Turn) -> list[Document]:
    """The documents that an answer is from."""
    if draft.document is not None:
        return [draft.document]
    named = {place.document for place in draft.answer.evidence}
    return [document for document in turn.documents if document.name in named]


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
