"""Measuring a verifier the way the product uses it: claims against whole documents, and answers in their place."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.errors import UsageError
from assistant.types import Document, Label, Verdict
from assistant.verification.candidates import Check
from assistant.verification.claims import text_claims
from assistant.verification.verifier import Verifier
from finetune.data.answer_pairs import AnswerCheck
from finetune.data.files import read_json_lines
from finetune.data.source_claims import (
    BLANK,
    holds_source_claims,
    is_blank,
    is_held_out,
    read_source_claims,
    read_source_texts,
)  # fmt: skip
from finetune.tasks.needs import of_the_extra

CHECKS_AT_ONCE = 256
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class DocumentClaim:
    """A statement on a document, or several, and whether people found the document to support all of it."""

    document: Document
    text: str
    supported: bool


def holds_document_claims(path: Path) -> bool:
    """Whether a file is one that `read_document_claims` reads."""
    first = _first_row(path)
    return {"claim", "evidence"} <= set(first) or {"article", "summary_sentences"} <= set(first)


def holds_source_texts(path: Path) -> bool:
    """Whether a file is one that `read_source_documents` reads."""
    return holds_source_claims(_first_row(path))


def _first_row(path: Path) -> dict[str, Any]:
    return next(iter(read_json_lines(path)), {}) if path.suffix == ".jsonl" else {}


def read_source_documents(
    path: Path, held_out: float = 1.0, left_out: Counter[str] | None = None
) -> tuple[list[DocumentClaim], list[DocumentClaim]]:
    """What was written on sources (`finetune.data.source_claims`): whole texts, and their sentences.

    Args:
        path: the file.
        held_out: only of this share of the sources, those that a training with this share has not seen.
        left_out: counts the texts and sentences whose source is blank, which cannot be measured.

    Raises:
        UsageError: the file is of another kind.
    """
    documents: dict[str, Document] = {}

    def document(source: str) -> Document:
        return documents.setdefault(source, Document(f"source {len(documents) + 1}", source))

    def is_measured(source: str) -> bool:
        if left_out is not None and is_blank(source):
            left_out[BLANK] += 1
        return not is_blank(source) and is_held_out(source, held_out)

    texts = [
        DocumentClaim(document(each.source), each.text, each.supported)
        for each in read_source_texts(path)
        if is_measured(each.source)
    ]
    sentences = [
        DocumentClaim(document(each.source), each.text, each.label is Label.ENTAILMENT)
        for each in read_source_claims(path)
        if is_measured(each.source)
    ]
    return texts, sentences


def read_document_claims(path: Path) -> list[DocumentClaim]:
    """The claims of WiCE (Kamoi et al., 2023) or the summary sentences of QAGS (Wang et al., 2020), as JSON lines.

    A claim of WiCE counts as supported only where all of it is; a sentence of QAGS where most of its judges say so.

    Raises:
        UsageError: the file is neither.
    """
    claims = []
    try:
        for number, row in enumerate(read_json_lines(path), 1):
            if "summary_sentences" in row:
                article = Document(f"article {number}", row["article"])
                for sentence in row["summary_sentences"]:
                    said = [response["response"] == "yes" for response in sentence["responses"]]
                    claims.append(DocumentClaim(article, sentence["sentence"], 2 * sum(said) > len(said)))
            else:
                evidence = Document(f"evidence {number}", "\n".join(row["evidence"]))
                claims.append(DocumentClaim(evidence, row["claim"], row["label"] == "supported"))
    except (KeyError, TypeError) as error:
        raise UsageError(f"{path}: neither WiCE claims nor QAGS summaries: {error!r} is missing.") from error
    return claims


def evaluate_document_claims(
    verifier: Verifier, claims: Sequence[DocumentClaim], on_progress: OnProgress | None = None
) -> dict[str, Any]:
    """How well a verifier tells supported claims from others (see `_report`)."""
    checks = [Check(claim.document, [claim.text]) for claim in claims]
    return _report(verifier, checks, [claim.supported for claim in claims], on_progress)


def evaluate_source_texts(
    verifier: Verifier,
    texts: Sequence[DocumentClaim],
    sentences: Sequence[DocumentClaim],
    on_progress: OnProgress | None = None,
) -> dict[str, Any]:
    """How well a verifier tells texts that are supported whole from others, and `sentences` one by one."""
    checks = [Check(text.document, text_claims(text.text) or [text.text]) for text in texts]
    report = _report(verifier, checks, [text.supported for text in texts], on_progress)
    return report | {"sentences": evaluate_document_claims(verifier, sentences, on_progress)}


def evaluate_answer_checks(
    verifier: Verifier, answers: Sequence[AnswerCheck], on_progress: OnProgress | None = None
) -> dict[str, Any]:
    """How well a verifier tells right answers from wrong ones, each in its place in the paragraph (see `_report`)."""
    checks = []
    for answer in answers:
        paragraph = Document(answer.example.title or answer.example.id, answer.example.context)
        checks.append(Check(paragraph, [answer.claim], [paragraph.evidence(answer.start, answer.end)]))
    return _report(verifier, checks, [answer.right for answer in answers], on_progress)


def _report(
    verifier: Verifier, checks: Sequence[Check], supported: Sequence[bool], on_progress: OnProgress | None
) -> dict[str, Any]:
    """Balanced accuracy of the verdict "entailment" and AUROC of its probability, in percent.

    What cannot be checked (a text too long for the model, an empty one) is counted under `left_out`, not measured.
    """
    with of_the_extra("scikit-learn"):
        from sklearn.metrics import balanced_accuracy_score, roc_auc_score

    total, left_out = len(checks), Counter[str]()
    readable = [_can_be_checked(verifier, check, left_out) for check in checks]
    checks = [check for check, can_be in zip(checks, readable, strict=True) if can_be]
    supported = [label for label, can_be in zip(supported, readable, strict=True) if can_be]
    if not checks:
        raise UsageError(f"None of {total} claims can be checked: {', '.join(left_out)}.")
    began = time.perf_counter()
    verdicts = list(_verdicts(verifier, checks, on_progress))
    seconds = time.perf_counter() - began
    entailed = [verdict.label is Label.ENTAILMENT for verdict in verdicts]
    return {
        "balanced_accuracy": 100 * float(balanced_accuracy_score(supported, entailed)),
        "auroc": 100 * float(roc_auc_score(supported, [verdict.probabilities.entailment for verdict in verdicts])),
        "supported": sum(supported),
        "called_entailed": sum(entailed),
        "total": len(checks),
        "seconds": round(seconds, 1),
        **({"left_out": dict(left_out)} if left_out else {}),
    }


def _can_be_checked(verifier: Verifier, check: Check, left_out: Counter[str]) -> bool:
    """Whether a check can be made whole; if not it is counted by what is wrong with it."""
    if not any(claim.strip() for claim in check.claims):
        left_out["an empty claim"] += 1
        return False
    try:
        verifier.check_lengths(check)
    except UsageError:
        left_out["a claim or source that cannot be read whole"] += 1
        return False
    return True


def _verdicts(verifier: Verifier, checks: Sequence[Check], on_progress: OnProgress | None) -> Iterable[Verdict]:
    for at in range(0, len(checks), CHECKS_AT_ONCE):
        some = checks[at : at + CHECKS_AT_ONCE]
        for verdict in verifier.verify(some):
            if verdict is None:
                raise UsageError("A claim has no statement that could be checked.")
            yield verdict
        if on_progress is not None:
            on_progress(at + len(some), len(checks))
