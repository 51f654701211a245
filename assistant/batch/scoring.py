"""Answers against the ones that were expected, as SQuAD scores them."""

from collections.abc import Sequence


def scores(answer: str | None, expected: Sequence[str]) -> dict[str, float]:
    """Exact match and token F1 of an answer (None: there is none), 0 to 1, with the best of those expected.

    No expected answer means that none is right, and so does not to give one.
    """
    # The one place where the product needs what training is measured by; imported here, not on the way to --help.
    from assistant.metrics import exact_match, token_f1

    given = answer or ""
    return {"exact_match": exact_match(given, expected), "f1": round(token_f1(given, expected), 4)}
