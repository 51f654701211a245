"""Second stage on the other ways: the generator's answer, from passages of the documents on the grounded route."""

from collections.abc import Sequence
from dataclasses import replace

from assistant.answering.citations import without_citations
from assistant.answering.forms import answer_form
from assistant.answering.in_thread import run_in_thread
from assistant.answering.shared_work import Steps
from assistant.answering.stages.context import find_context
from assistant.answering.state import Resources, TurnState
from assistant.answering.whole_text import in_prompt
from assistant.answering.writing import about_end, write_stream
from assistant.events import EvidenceFound, Notice, TextTakenBack
from assistant.generation.stream import turns_left_out
from assistant.routing.followups import without_lead
from assistant.routing.intents import is_about_assistant
from assistant.types import Evidence, Message, ModelNames, Role, Route, Usage
from assistant.verification.claims import answer_claims, together
from assistant.verification.destructive import destructive_commands
from assistant.verification.python_code import unparsable_python
from assistant.verification.refusals import is_refusal

_NEAR = 10  # passages: a claim is held against each of them, or against what it shares most words with


def write(state: TurnState, resources: Resources, near: Sequence[Evidence] = ()) -> Steps:
    """What the generator makes of a question.

    Args:
        state: the turn, which gets the answer and its claims.
        resources: the models.
        near: places that the reader thought of, the likeliest first.
    """
    from assistant.generation.prompts import answered_turns, grounded_messages, with_system

    turn, grounded = state.turn, state.answer.route is Route.GROUNDED
    generator = yield from run_in_thread(resources.models.generator)
    history = answered_turns(turn.history)
    messages = [*history, Message(Role.USER, turn.question)]
    closest = None
    if grounded:
        context = yield from find_context(state, near, generator, resources)
        closest = context.best
        state.answer = replace(state.answer, evidence=context.passages)
        state.near = context.parts if len(context.parts) <= _NEAR else ()
        yield EvidenceFound(context.passages)
        shown, state.noted = in_prompt(context), bool(context.notes)
        characters = sum(len(place.text) for place in shown)
        said = history[-2:] if state.answer.asked is None else []
        messages = grounded_messages(turn.question, shown, said, characters, form=answer_form(turn.question))
    elif is_about_assistant(without_lead(turn.question)[0]):
        yield Notice(
            "The model knows nothing of the program that runs it: F1 in the chat, or --help, says what it can do."
        )
    if system := resources.system_prompt(turn):
        messages = with_system(messages, system)
    sampling = resources.sampling(state.answer.route).with_choice(turn.sampling)
    stream = generator.stream(messages, sampling=sampling, cancel=state.cancel)
    if stream.turns_left_out:
        yield Notice(turns_left_out(stream.turns_left_out))
    text = yield from write_stream(generator, stream, resources.settings, quiet=state.quiet)
    if (notice := about_end(stream)) is not None:
        yield Notice(notice)
    if (fault := unparsable_python(text)) is not None:
        yield Notice(f"The Python of this answer does not run as it is: it cannot be parsed ({fault}).")
    if destroys := destructive_commands(text):
        yield Notice(f"This deletes or overwrites for good: {', '.join(destroys)}. Read it before you run it.")
    if state.noted:
        text = without_citations(text)
    if grounded and is_refusal(text):
        text = ""
        yield TextTakenBack()
    if not text:
        # No answer leaves no evidence for one: what was read is what came closest.
        state.answer = replace(state.answer, evidence=(), closest=closest)
    state.answer = replace(
        state.answer,
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
    if grounded:
        claims = answer_claims(text, turn.question)
        whole = together(turn.question, text) if claims and not state.quiet else None
        state.claims = list(dict.fromkeys([whole, *claims])) if whole else claims
