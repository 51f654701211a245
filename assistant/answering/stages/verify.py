"""Third stage: the answer's claims are held against the places it came from."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from assistant.answering.citations import only_cited, with_citations
from assistant.answering.in_thread import run_in_thread
from assistant.answering.shared_work import Shared, Steps, Tell
from assistant.answering.state import Resources, TurnState
from assistant.answering.structure_answers import language_notice, placed, premise_of, uncheckable
from assistant.answering.weighing import weighed
from assistant.errors import UsageError
from assistant.events import Notice, Progress, VerdictReached
from assistant.types import Answer, Route, Verdict
from assistant.verification.premises import best_of

if TYPE_CHECKING:
    from assistant.verification.candidates import Check
    from assistant.verification.verifier import Verifier

_STOPPED = "The answer was stopped before it was checked."


def verify(state: TurnState, resources: Resources) -> Steps:
    """The verdict on an answer, or the reason why there is none."""
    if state.cancel.is_set() or state.answer.stopped:
        state.answer = replace(state.answer, verdict_reason=_STOPPED)
        return
    documents = state.sources
    if not state.claims or not documents:
        state.answer = replace(state.answer, verdict_reason="The answer holds no statement that could be checked.")
        return
    from assistant.verification.candidates import Check

    verifier = yield from run_in_thread(resources.models.verifier)
    known = verifier.languages
    reason = next(filter(None, (uncheckable(each, state.claims, known) for each in documents)), None)
    if reason is not None:
        state.answer = replace(state.answer, verdict_reason=reason)
        return
    if (notice := language_notice(state.turn.question, documents, known, "verifier")) is not None:
        state.answer = replace(state.answer, notices=(*state.answer.notices, notice))
        yield Notice(notice)
    yield Progress("Checking", 0, len(state.claims))
    premise = premise_of(state.found) if state.found is not None else None
    verdicts: list[Verdict] = []
    try:
        for document in [premise] if premise is not None else documents:
            near = [place for place in state.near if place.document == document.name] if premise is None else ()
            # What a model has written is checked by itself: its figures are then the same whichever other lines of
            # a batch failed, or were written in an earlier run.
            verdict = yield Shared(
                "verify",
                Check(document, state.claims, near),
                partial(_judge, verifier, state.cancel),
                len(state.claims),
                independent=state.answer.route is Route.GROUNDED,
            )
            if verdict is None:
                reason = _STOPPED
                break
            verdicts.append(verdict)
    except UsageError as error:
        reason = str(error)
    models = replace(state.answer.models, verifier=verifier.name)
    state.answer = replace(state.answer, verdict_reason=reason, models=models)
    if reason is None:
        verdict = best_of(verdicts)
        if state.found is not None and premise is not None:
            verdict = placed(verdict, state.found)
        elif state.joint is not None and state.document is not None and state.answer.score is not None:
            verdict, score = weighed(verdict, state.joint, state.answer.score, state.document)
            first, *others = state.answer.evidence
            state.answer = replace(state.answer, score=score, evidence=(replace(first, score=score), *others))
        state.answer = _with_verdict(state, verdict)
        yield VerdictReached(verdict)


def _with_verdict(state: TurnState, verdict: Verdict) -> Answer:
    """The answer with its verdict, what was written with citations of the passages that entail it."""
    answer = replace(state.answer, verdict=verdict)
    if answer.route is not Route.GROUNDED or answer.text is None:
        return answer
    text, places = with_citations(answer.text, verdict, answer.evidence, state.turn.question), answer.evidence
    if state.noted:
        text, places = only_cited(text, places)
    return replace(answer, text=text, evidence=places)


def _judge(verifier: "Verifier", cancel: threading.Event, checks: Sequence["Check"], _: Tell) -> list[Verdict | None]:
    return verifier.verify(checks, cancel=cancel)
