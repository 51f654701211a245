"""Last stage, where the reader found nothing: the generator's answer, given if the verifier finds it entailed."""

from dataclasses import replace

from assistant.answering.in_thread import run_in_thread
from assistant.answering.shared_work import Steps, silently
from assistant.answering.stages.verify import verify
from assistant.answering.stages.write import write
from assistant.answering.state import Resources, TurnState
from assistant.errors import GenerationError, ModelError
from assistant.events import EvidenceFound, Notice, Progress, RouteChosen, TextDelta, VerdictReached
from assistant.types import Answer, Draft, Label, Route, Support, Turn, Verdict, document_of
from assistant.verification.claims import span_claim, states_yes_or_no
from assistant.verification.faults import turn_down
from assistant.verification.figures import Fault
from assistant.verification.names import name_fault

SURE_OF_NOTHING = 0.95
"""So sure of it, the reader's word that a document holds no answer is taken without asking the generator."""
_CLOSE = 150  # characters: the sentence before may hold the name that a pronoun stands for


def try_again(state: TurnState, resources: Resources) -> Steps:
    """What the generator makes of the passages, if it is entailed; else it stays a draft beside the reader's word.

    The question is part of what is checked: a true sentence that does not answer it is no answer. Since the reader
    found nothing, the verifier has to be surer than the reader was, and the names of the question have to stand closer
    to the deciding sentence than elsewhere.
    """
    nothing, turn = state.answer, state.turn
    # Where a table lacks the row that is asked for, the generator would take the value of another one.
    if turn.route is not None or any(state.looked.barred):
        return
    if nothing.score is not None and nothing.score >= SURE_OF_NOTHING:
        return
    if resources.models.unattended and resources.no_generator is not None:
        return
    if not (yield from run_in_thread(lambda _: resources.models.generator_has_come(state.cancel))):
        return
    yield Progress("Writing from passages")
    written = TurnState(turn, state.cancel, Answer(Route.GROUNDED, None, asked=nothing.asked), quiet=True)
    try:
        yield from silently(write(written, resources, near=state.near))
    except (ModelError, GenerationError) as error:
        if isinstance(error, ModelError):  # which stays so; an answer that failed says nothing of the next one
            resources.no_generator = error
        elif resources.models.unattended and error.passing:
            raise  # later it may well find an answer, so this is not the document's word
        yield Notice(f"The reader found nothing, and the generator could not be asked: {error}")
        return
    text = written.answer.text
    if text is not None and not written.answer.stopped:
        # A yes or no is among the claims as the statement it makes.
        if not states_yes_or_no(turn.question, text):
            written.claims = list(dict.fromkeys([span_claim(turn.question, text), *written.claims]))
        yield from silently(verify(written, resources))
    usage = nothing.usage
    answer = replace(
        written.answer,
        tried=(Route.EXTRACT, Route.GROUNDED),
        notices=(*nothing.notices, *written.answer.notices),
        models=replace(written.answer.models, reader=nothing.models.reader),
        usage=replace(written.answer.usage, windows=usage.windows, windows_in_all=usage.windows_in_all),
    )
    if answer.verdict is not None:
        answer = replace(answer, verdict=_weighed(answer.verdict, turn, nothing.score))
    if answer.support is Support.SUPPORTED and text is not None and answer.verdict is not None:
        state.answer = answer
        yield RouteChosen(
            Route.GROUNDED, "The reader found nothing; the generator did, and it is checked.", answer.asked
        )
        yield EvidenceFound(answer.evidence)
        yield TextDelta(text)
        yield VerdictReached(answer.verdict)
        return
    unsupported = Draft(text, answer.evidence, answer.verdict) if text is not None else None
    state.answer = replace(
        nothing, tried=answer.tried, models=answer.models, usage=answer.usage, draft=unsupported,
        stopped=answer.stopped,
    )  # fmt: skip


def _weighed(verdict: Verdict, turn: Turn, absent: float | None) -> Verdict:
    """The verdict beside the reader's word, which was that there is no answer; what it outweighs is turned down.

    Both probabilities are calibrated, each on as many answers as none. So an answer that the verifier finds entailed
    with p, where the reader finds none with q, is likelier than not where p (1 - q) > (1 - p) q, which is p > q.

    Args:
        verdict: of what was written; the first claim is the question with it.
        turn: the question.
        absent: the reader's probability that there is no answer.
    """
    worst, first = verdict.worst, verdict.claims[0]
    if worst.label is not Label.ENTAILMENT:
        return verdict
    if absent is not None and worst.probabilities.entailment < absent:
        doubt = Fault(f"the reader is surer ({absent:.0%}) that there is no answer", opposed=False)
        return Verdict(tuple(turn_down(claim, doubt) if claim is worst else claim for claim in verdict.claims))
    document = document_of(first.evidence, turn.documents) if first.evidence is not None else None
    if first.evidence is None or document is None:
        return verdict
    fault = name_fault(turn.question, document.text, first.evidence.start, first.evidence.end, _CLOSE)
    return verdict if fault is None else Verdict((turn_down(first, fault), *verdict.claims[1:]))
