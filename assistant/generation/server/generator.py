"""A model on a server as a generator, and what is done about a server's troubles."""

import re
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

from assistant.errors import GenerationError
from assistant.events import Event, Listener, Notice, ServerNotice, TextTakenBack
from assistant.generation.server.address import ServerAddress, base_url, resolve
from assistant.generation.server.attempt import NO_CONTENT, Attempt, Limits
from assistant.generation.server.connection import open_client
from assistant.generation.server.conversation import Conversation
from assistant.generation.server.error_words import affordable, wants_fewer_at_once
from assistant.generation.server.errors import PASSING, Kind, Reply
from assistant.generation.server.job import Job
from assistant.generation.server.listing import choose, list_models
from assistant.generation.server.pace import ATTENDED_PATIENCE, Pace, next_wait, wait
from assistant.generation.server.parameters import Parameters
from assistant.generation.server.stream import ServerStream
from assistant.generation.server.wording import error_of
from assistant.generation.stream import Sampling, turns_left_out
from assistant.settings import Settings
from assistant.text import counted
from assistant.types import Message

_CHARACTERS_A_TOKEN = 32  # more than any tokenizer makes of one on the average
_MAX_CHARACTERS = 2_000_000  # of an answer whose length nothing else limits
_SHORTENED = 8, 4000  # more characters a token than tokenizers read, of prompts at least so long
_WAITS = {
    Kind.RATE: "Waiting for the server's rate limit",
    Kind.LOADING: "Waiting for the server, which loads the model",
    Kind.UNREACHABLE: "Waiting for the server, which cannot be reached",
    Kind.TIMEOUT: "Waiting for the server, which was too slow",
    Kind.BUSY: "Waiting for the server, which failed",
    Kind.BROKEN: "Waiting for the server, which broke off",
    Kind.SILENT: "Waiting for the server, which answered with nothing",
    Kind.EMPTY: "Waiting for the server, which gave an empty answer",
}
_TOO_MUCH_WANTED = re.compile(
    r"max_(completion_|new_)?tokens\W.{0,40}\b(too large|must be less than or equal)", re.IGNORECASE
)
_OF_BOTH = re.compile(r"\((\d{1,9}) in (?:the |your )?(?:messages|prompt)\D{0,40}?(\d{1,9}) (?:in|for) the completion")
_FAILINGS = (Kind.BROKEN, Kind.SILENT)
_LEAST_SHARE = 0.1
"""At least so much of a wait of our own is waited, however short the server's is: some say 0 and refuse again."""


@dataclass(frozen=True, slots=True)
class Timing:
    """For how long and how often a server is asked; the settings of the same names say what each is."""

    first_token_timeout: float = 600.0
    token_timeout: float = 120.0
    patience: float = 900.0
    requests: int = 8


class ServerGenerator:
    """Continues conversations on a server.

    Args:
        server: its address, or the API's base, such as http://127.0.0.1:8000/v1.
        model: the model to ask for; by default the first for conversations that the server lists.
        timing: for how long and how often it is asked.
        on_event: hears that it is waited for, and which model was chosen.

    Raises:
        GenerationError: the server cannot be asked for its models.
        UsageError: the address is none.
    """

    def __init__(
        self,
        server: ServerAddress | str,
        model: str | None = None,
        *,
        timing: Timing | None = None,
        on_event: Listener | None = None,
    ) -> None:
        self.address = server if isinstance(server, ServerAddress) else resolve(server)
        self.unattended = False
        """Nobody watches: passing troubles are waited out, and an answer that broke off is asked for anew."""
        timing = timing or Timing()
        self._timing = timing
        self._client = open_client(self.address)
        self._pace = Pace(timing.requests, timing.patience)
        self._parameters = Parameters()
        self._plain_roles = self._thinks_from_start = self._wants_length = self._thinks = False
        self._has_answered = False
        self._longest: int | None = None
        self._notices: set[str] = set()
        self.name = model or self.address.model or self._listed_model(on_event)

    def stream(
        self, messages: Sequence[Message], *, sampling: Sampling | None = None, cancel: threading.Event | None = None
    ) -> ServerStream:
        """The answer to a conversation; see `Generator.stream`. Cancelling cuts the connection at once."""
        sampling = sampling or Sampling(chosen=frozenset())
        chosen = self._parameters.of(sampling)
        if self._wants_length:
            chosen.setdefault("max_tokens", sampling.max_new_tokens)
        limited = "max_tokens" in chosen
        limits = Limits(
            self._timing.first_token_timeout,
            self._timing.token_timeout,
            (sampling.max_new_tokens + sampling.room_for_thinking) * _CHARACTERS_A_TOKEN
            if limited
            else _MAX_CHARACTERS,
        )
        stream = ServerStream()
        job = Job(Conversation(messages), chosen, limits, sampling.max_new_tokens, cancel or threading.Event())
        job.room = sampling.room_for_thinking
        if self._thinks:
            job.give_room()
        stream.begin(self._answer(stream, job))
        return stream

    def _listed_model(self, on_event: Listener | None) -> str:
        models = list_models(self.address, on_event, patience=self._timing.patience)
        name = choose(models, self.address)
        self._pace.succeeded()
        able = sum(model.converses for model in models)
        if able > 1 and on_event is not None:
            on_event(ServerNotice(f"{name} answers, one of {able} models of {self.address.shown}; --model chooses."))
        return name

    def _answer(self, stream: ServerStream, job: Job) -> Generator[Event, None, None]:
        """Ask until there is an answer, or a trouble that asking again does not cure."""
        conversation = job.conversation
        self._pace.begin()
        if self._longest is not None and conversation.size >= self._longest:
            conversation.shorten(self._longest * 0.6)
        while True:
            yield from self._pace.enter(job.cancel)
            job.allowed = self._pace.limit
            try:
                attempt = yield from self._attempt(stream, job)
            finally:
                self._pace.leave()
            stream.turns_left_out = conversation.turns_left_out
            if attempt.finish == "length" and attempt.thinking_pieces and job.give_room():
                yield TextTakenBack()  # as for those that come once the model is seen to think
                continue
            if attempt.trouble is None:
                self._longest = job.silent_at or self._longest
                self._has_answered = self._has_answered or attempt.finish != "cancelled"
                break
            attempt.trouble = self._as_passing(attempt.trouble)
            if attempt.trouble.kind in PASSING:
                self._pace.failed()
            elif attempt.trouble.kind is not Kind.NOT_THE_API:
                self._pace.succeeded()
            broken = attempt.spoken and attempt.trouble.kind is not Kind.PARAMETER
            if broken and not self.unattended:
                stream.finish, stream.trouble = "broken", self._error(job, attempt.trouble, attempt)
                break
            if attempt.spoken or attempt.text_pieces:
                yield TextTakenBack()
            yield from self._recover(job, attempt)
        yield from self._say_at_end(stream, job)

    def _as_passing(self, trouble: Reply) -> Reply:
        """A page in place of an answer, where the address is known to be right: a proxy whose server is away."""
        if trouble.kind is Kind.NOT_THE_API and self._has_answered and trouble.status not in NO_CONTENT:
            return replace(trouble, kind=Kind.BUSY)
        return trouble

    def _attempt(self, stream: ServerStream, job: Job) -> Generator[Event, None, Attempt]:
        job.plain_roles = self._plain_roles
        body = {
            "model": self.name,
            "messages": job.conversation.payload(plain_roles=job.plain_roles),
            **self._parameters.as_sent(job.parameters),
        }
        attempt = Attempt(self._client, body, job.limits, job.cancel, begins_inside=self._thinks_from_start)
        stream.completion_tokens = stream.thinking_tokens = 0
        for event in attempt.events():
            stream.completion_tokens = attempt.text_pieces + attempt.thinking_pieces
            stream.thinking_tokens = attempt.thinking_pieces
            yield event
        counts = attempt.reader.counts
        stream.prompt_tokens = counts.prompt or 0
        stream.tokens_are_known = bool(counts.completion)
        stream.completion_tokens = counts.completion or attempt.text_pieces + attempt.thinking_pieces
        told = counts.thinking if counts.thinking else attempt.thinking_pieces
        stream.thinking_tokens = min(told, stream.completion_tokens)
        stream.model = attempt.reader.model or self.name
        self._thinks_from_start = (self._thinks_from_start or attempt.taken_back) and not attempt.was_answer
        self._thinks = self._thinks or bool(attempt.thinking_pieces)
        if attempt.trouble is None:
            stream.finish = attempt.finish
            if attempt.finish != "cancelled":
                self._pace.succeeded()
        return attempt

    def _say_at_end(self, stream: ServerStream, job: Job) -> Iterator[Event]:
        if stream.turns_left_out:
            yield Notice(turns_left_out(stream.turns_left_out))
        if job.cut:
            yield Notice("The server has no room for all passages that were chosen: it was given the first of them.")
        characters, (rate, least) = job.conversation.characters_of_words, _SHORTENED
        if stream.prompt_tokens and characters > max(least, rate * stream.prompt_tokens):
            yield Notice(
                f"The server read {counted(stream.prompt_tokens, 'token')} of a prompt of {characters:,} characters: "
                "it seems to have cut it short without a word; give it a larger context."
            )

    def _recover(self, job: Job, attempt: Attempt) -> Iterator[Event]:
        """Change what is asked, or wait, so that asking again makes sense.

        Raises:
            GenerationError: it does not.
        """
        trouble = attempt.trouble
        if trouble is None:
            return
        # An answer that broke off is a failing of the server as any other; what it had asked to wait for is none.
        own = Kind.BUSY if trouble.kind in _FAILINGS else trouble.kind
        job.tries[own] += 1
        match trouble.kind:
            case Kind.CONTEXT:
                self._make_room(job, attempt)
            case Kind.PARAMETER if trouble.parameter == "max_tokens" not in job.parameters and not job.told_length:
                self._wants_length = job.told_length = True  # which most leave to themselves
                job.parameters["max_tokens"] = job.length
            case Kind.PARAMETER if (notice := self._parameters.refuse(trouble, attempt.optional)) is not None:
                if notice:
                    yield from self._once(f"{self.address.shown}: {notice}")
            case Kind.ROLES if not job.plain_roles:  # whoever else has learned it meanwhile
                self._plain_roles = True
            case Kind.EMPTY if trouble.sentence == "length" and attempt.thinking_pieces and job.give_room():
                pass
            case Kind.EMPTY if job.may_be_too_long(attempt):
                job.silences += 1
                job.silent_at = job.conversation.size
                job.conversation.shorten()
            case Kind.QUOTA if (tokens := affordable(trouble.sentence)) and tokens < job.max_tokens:
                job.parameters["max_tokens"] = tokens
                yield from self._once(f"{self.address.shown}: the credit is enough for {tokens:,} tokens of an answer.")
            case _ if job.may_pass(trouble, unattended=self.unattended, reached=self._pace.reached):
                yield from self._ask_less_at_once(job, trouble)
                yield from self._wait(job, attempt, trouble)
            case _:
                raise self._error(job, trouble, attempt)

    def _ask_less_at_once(self, job: Job, trouble: Reply) -> Iterator[Event]:
        if trouble.kind is not Kind.TIMEOUT and not wants_fewer_at_once(trouble.sentence):
            return
        why = "was too slow for" if trouble.kind is Kind.TIMEOUT else "does not take"
        at_once = self._pace.active + 1
        if self._pace.narrow(at_once, job.allowed) and self._pace.limit < at_once:
            yield from self._once(
                f"{self.address.shown} {why} {counted(at_once, 'request')} at once; it is now asked for "
                f"{self._pace.limit} at a time."
            )

    def _make_room(self, job: Job, attempt: Attempt) -> None:
        """Leave out the oldest turns; of a single one, leave the length of the answer to the server.

        So it is first where the server says that this length is what is too much: the turns would go in vain.
        """
        conversation = job.conversation
        sentence = attempt.trouble.sentence if attempt.trouble is not None else ""
        if "max_tokens" in job.parameters and _wants_too_much(sentence):
            del job.parameters["max_tokens"]
            return
        if conversation.turns > 1:
            self._longest = min(self._longest or conversation.size, conversation.size)
        if conversation.shorten():
            return
        if "max_tokens" in job.parameters:
            del job.parameters["max_tokens"]
            return
        if conversation.cut_passages():
            job.cut = True
            return
        raise self._error(job, attempt.trouble or Reply(Kind.CONTEXT), attempt)

    def _wait(self, job: Job, attempt: Attempt, trouble: Reply) -> Iterator[Event]:
        own = Kind.BUSY if trouble.kind in _FAILINGS else trouble.kind
        seconds = next_wait(job.tries[own] - 1)
        if trouble.retry_after is not None:
            seconds = max(trouble.retry_after, seconds * _LEAST_SHARE)
        if trouble.kind is Kind.LOADING:
            seconds = min(seconds, 5.0)
        job.failing = job.failing or time.monotonic()
        left = self._pace.seconds_left(job.failing, shared=self.unattended)
        if not self.unattended and trouble.kind is not Kind.LOADING:
            left = min(left, ATTENDED_PATIENCE - (time.monotonic() - job.failing))
        if seconds > left:
            raise self._error(job, trouble, attempt, waits=seconds)
        reason = _WAITS[trouble.kind]
        if trouble.kind is Kind.RATE:
            self._pace.hold(seconds, reason)  # for all requests; it is waited for when asking again
        else:
            yield from wait(seconds, reason, job.cancel)

    def _once(self, text: str) -> Iterator[Event]:
        if text not in self._notices:
            self._notices.add(text)
            yield ServerNotice(text)

    def _error(self, job: Job, trouble: Reply, attempt: Attempt, *, waits: float | None = None) -> GenerationError:
        return error_of(self.address, trouble, attempt, job.limits, reached=self._pace.reached, waits=waits)


def _wants_too_much(sentence: str) -> bool:
    """Whether a context is full for the length of the answer that is asked for, rather than for the conversation."""
    both = _OF_BOTH.search(sentence)
    return _TOO_MUCH_WANTED.search(sentence) is not None or (both is not None and int(both[2]) > int(both[1]))


def server_generator(settings: Settings, on_event: Listener | None = None) -> ServerGenerator:
    """The generator behind the server of the settings.

    Raises:
        GenerationError: the server cannot be asked for its models.
        UsageError: the settings name none, or what they name is no address.
    """
    timing = Timing(
        settings.server_first_token_timeout,
        settings.server_token_timeout,
        settings.server_patience,
        settings.server_requests,
    )
    address = resolve(settings.server or base_url(""), settings.servers)
    return ServerGenerator(address, settings.server_model, timing=timing, on_event=on_event)
