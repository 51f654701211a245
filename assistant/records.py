"""The JSON that scripts rely on: answers and verdicts as `ask`, `batch`, `verify` and the history write them."""

import json
import re
from dataclasses import asdict
from typing import Any

from assistant.errors import AssistantError
from assistant.text import FLOOD
from assistant.types import (
    Answer,
    Claim,
    Draft,
    Evidence,
    Label,
    ModelNames,
    Probabilities,
    Route,
    Support,
    Usage,
    Verdict,
)

# What JSON may hold and a terminal should not be shown: DEL, C1 (escape sequences live there), line separators, marks
# that reorder text, and lone surrogates, which no file can hold.
_TO_ESCAPE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]")


def json_line(record: object) -> str:
    """A record as JSON on one line: readable in any language, and safe to print and to write whatever its texts hold.

    Raises:
        RecursionError: the record is nested too deep.
        ValueError: it holds a number that JSON has not (infinity, not a number).
    """
    return inert_json(json.dumps(record, ensure_ascii=False, allow_nan=False))


def inert_json(text: str) -> str:
    """JSON with what a terminal should not be shown written as escapes; it means the same."""
    text = FLOOD.sub(lambda match: match[1] + json.dumps(match[0][len(match[1]) :])[1:-1], text)
    return _TO_ESCAPE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def answer_to_json(question: str, answer: Answer, id: str) -> dict[str, Any]:  # noqa: A002  (its name in the JSON)
    """An answer as the JSON object that `docs/answer.schema.json` describes."""
    record: dict[str, Any] = {
        "id": id,
        "question": question,
        "route": str(answer.route),
        "answer": answer.text,
        "score": answer.score,
        "evidence": [_evidence(evidence) for evidence in answer.evidence],
        "verdict": verdict_to_json(answer.verdict) if answer.verdict else None,
        "closest": _evidence(answer.closest) if answer.closest else None,
        "models": asdict(answer.models),
        "usage": {key: value for key, value in asdict(answer.usage).items() if value or key != "thinking_tokens"},
    }
    if answer.verdict_reason is not None:
        record["verdict_reason"] = answer.verdict_reason
    if answer.stopped:
        record["stopped"] = True
    if answer.asked is not None:
        record["asked"] = answer.asked
    if answer.incomplete is not None:
        record["incomplete"] = answer.incomplete
    if answer.tried:
        record["tried"] = [str(route) for route in answer.tried]
    if answer.support not in (None, Support.SUPPORTED):
        record["support"] = str(answer.support)
    if (draft := answer.draft) is not None:
        record["draft"] = {
            "text": draft.text,
            "evidence": [_evidence(place) for place in draft.evidence],
            "verdict": verdict_to_json(draft.verdict) if draft.verdict else None,
        }
    if answer.notices:
        record["notices"] = list(answer.notices)
    return record


def answer_from_json(record: dict[str, Any]) -> Answer:
    """The answer of such a JSON object; what may be null there may be lacking.

    Raises:
        KeyError, ValueError, TypeError: the object has another form.
    """
    closest = record.get("closest")
    return Answer(
        route=Route(record["route"]),
        text=record["answer"],
        score=record.get("score"),
        evidence=tuple(Evidence(**evidence) for evidence in record["evidence"]),
        closest=Evidence(**closest) if closest else None,
        verdict=_verdict(record.get("verdict")),
        verdict_reason=record.get("verdict_reason"),
        models=ModelNames(**record["models"]),
        usage=Usage(**record["usage"]),
        stopped=bool(record.get("stopped", False)),
        asked=record.get("asked"),
        incomplete=record.get("incomplete"),
        tried=tuple(Route(route) for route in record.get("tried", ())),
        draft=_draft(record.get("draft")),
        notices=tuple(record.get("notices", ())),
    )


def verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON: the worst claim's label and probabilities, then all claims."""
    return {
        "label": str(verdict.label),
        **asdict(verdict.probabilities),
        "claims": [_claim_to_json(claim) for claim in verdict.claims],
    }


def error_to_json(error: AssistantError) -> dict[str, Any]:
    """An error as the `error` object of a batch line; `passing` stands there where a later run may well succeed."""
    record: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    return {**record, "passing": True} if error.passing else record


def _evidence(evidence: Evidence) -> dict[str, Any]:
    """Evidence as JSON; `place` stands in it where there is one."""
    record = asdict(evidence)
    if evidence.place is None:
        del record["place"]
    return record


def _claim_to_json(claim: Claim) -> dict[str, Any]:
    return {
        "text": claim.text,
        "label": str(claim.label),
        **asdict(claim.probabilities),
        "evidence": _evidence(claim.evidence) if claim.evidence else None,
        **({"reason": claim.reason} if claim.reason is not None else {}),
    }


def _verdict(record: dict[str, Any] | None) -> Verdict | None:
    return Verdict(tuple(_claim(claim) for claim in record["claims"])) if record else None


def _draft(record: dict[str, Any] | None) -> Draft | None:
    if not record:
        return None
    places = tuple(Evidence(**place) for place in record["evidence"])
    return Draft(record["text"], places, _verdict(record["verdict"]))


def _claim(record: dict[str, Any]) -> Claim:
    probabilities = Probabilities(record["entailment"], record["neutral"], record["contradiction"])
    evidence = record.get("evidence")
    place = Evidence(**evidence) if evidence else None
    return Claim(record["text"], Label(record["label"]), probabilities, place, record.get("reason"))
