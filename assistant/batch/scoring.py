"""Answers against the ones that were expected, as SQuAD scores them."""

from collections.abc import Sequence


def scores(answer: str | None, expected: Sequence[str], *, written: bool = False) -> dict[str, float]:
    """Exact match and token F1 of an answer (None: there is none), 0 to 1, with the best of those expected.

    No expected answer means that none is right, and so does not to give one. A `written` answer is a sentence or more,
    of which the expected one is a part: `contains` is 1 where one of the expected stands in it word for word.
    """
    # The one place where the product needs what training is measured by; imported here, not on the way to --help.
    from assistant.metrics import exact_match, normalize_answer, token_f1

    text = answer or ""
    figures = {"exact_match": exact_match(text, expected), "f1": round(token_f1(text, expected), 4)}
    if not written:
        return figures
    normalized = f" {normalize_answer(text)} "
    right = [normal for normal in map(normalize_answer, expected) if normal]
    contains = any(f" {normal} " in normalized for normal in right) if right else answer is None
    return {**figures, "contains": float(contains)}
