"""Where the reader found nothing likely enough: its likeliest span, given if the verifier's word makes it so."""

from dataclasses import replace

from assistant.answering.shared_work import Steps, silently
from assistant.answering.stages.verify import verify
from assistant.answering.state import Resources, TurnState
from assistant.events import EvidenceFound, TextDelta, VerdictReached
from assistant.types import Support, document_of
from assistant.verification.claims import span_claim


def second_look(state: TurnState, resources: Resources) -> Steps:
    """The span that came closest, where reader and verifier together hold it for right."""
    nothing, closest, joint = state.answer, state.answer.closest, state.joint
    if joint is None or closest is None or closest.score is None or nothing.stopped or any(state.looked.barred):
        return
    if joint(closest.score, 1.0) < 0.5:  # whatever the verifier says
        return
    found = replace(nothing, text=closest.text, score=closest.score, evidence=(closest,), closest=None)
    trial = TurnState(state.turn, state.cancel, found, joint=joint, quiet=True)
    trial.claims = [span_claim(state.turn.question, closest.text)]
    trial.document, trial.near = document_of(closest, state.turn.documents), (closest,)
    yield from silently(verify(trial, resources))
    if trial.answer.verdict is None or trial.answer.support is not Support.SUPPORTED:
        return
    state.answer = trial.answer
    yield EvidenceFound(trial.answer.evidence)
    yield TextDelta(closest.text)
    yield VerdictReached(trial.answer.verdict)
