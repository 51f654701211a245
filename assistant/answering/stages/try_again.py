"""Last stage, where the reader found nothing that holds: the generator's answer, if the verifier finds it entailed."""

from dataclasses import replace

from assistant.answering.in_thread import run_in_thread
from assistant.answering.shared_work import Steps, silently
from assistant.answering.stages.verify import verify
from assistant.answering.stages.write import write
from assistant.answering.state import Resources, TurnState
from assistant.errors import GenerationError, ModelError
from assistant.events import EvidenceFound, Notice, Progress, RouteChosen, TextDelta, TextTakenBack, VerdictReached
from assistant.types import Answer, Draft, Route, Support
from assistant.verification.claims import span_claim, states_yes_or_no

SURE_OF_NOTHING = 0.95
"""So sure of it, the reader's word that a document holds no answer is taken without asking the generator."""


def try_again(state: TurnState, resources: Resources) -> Steps:
    """What the generator makes of the passages, if it is entailed; else it stays a draft beside the reader's word.

    The reader's word is that there is no answer, or a span that the verifier has turned down.

    The question is part of what is checked: a true sentence that does not answer it is no answer.
    """
    before, turn = state.answer, state.turn
    # Where a table lacks the row that is asked for, the generator would take the value of another one.
    if turn.route is not None or any(state.looked.barred):
        return
    if before.found_nothing and before.score is not None and before.score >= SURE_OF_NOTHING:
        return
    if resources.models.unattended and resources.no_generator is not None:
        return
    if not (yield from run_in_thread(lambda _: resources.models.generator_has_come(state.cancel))):
        return
    yield Progress("Writing from passages")
    written = TurnState(turn, state.cancel, Answer(Route.GROUNDED, None, asked=before.asked), quiet=True)
    try:
        yield from silently(write(written, resources, near=state.near))
    except (ModelError, GenerationError) as error:
        if isinstance(error, ModelError):  # which stays so; an answer that failed says nothing of the next one
            resources.no_generator = error
        elif resources.models.unattended and error.passing:
            raise  # later it may well find an answer, so this is not the document's word
        yield Notice(f"{_reason(before)}, and the generator could not be asked: {error}")
        return
    text = written.answer.text
    if text is not None and not written.answer.stopped:
        # A yes or no is among the claims as the statement it makes.
        if not states_yes_or_no(turn.question, text):
            written.claims = list(dict.fromkeys([span_claim(turn.question, text), *written.claims]))
        yield from silently(verify(written, resources))
    usage = before.usage
    answer = replace(
        written.answer,
        tried=(Route.EXTRACT, Route.GROUNDED),
        notices=(*before.notices, *written.answer.notices),
        models=replace(written.answer.models, reader=before.models.reader),
        usage=replace(written.answer.usage, windows=usage.windows, windows_in_all=usage.windows_in_all),
    )
    if answer.support is Support.SUPPORTED and text is not None and answer.verdict is not None:
        state.answer = answer
        if before.text is not None:
            yield TextTakenBack()
        yield RouteChosen(Route.GROUNDED, f"{_reason(before)}; what the generator wrote is entailed.", answer.asked)
        yield EvidenceFound(answer.evidence)
        yield TextDelta(text)
        yield VerdictReached(answer.verdict)
        return
    drafted = text is not None and before.found_nothing  # else the reader's span is what is shown below
    unsupported = Draft(text, answer.evidence, answer.verdict) if drafted and text is not None else None
    state.answer = replace(
        before, tried=answer.tried, models=answer.models, usage=answer.usage, draft=unsupported,
        stopped=answer.stopped,
    )  # fmt: skip


def _reason(before: Answer) -> str:
    return "The reader found nothing" if before.found_nothing else "The reader's answer is not supported"
