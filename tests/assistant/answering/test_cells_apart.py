"""An answer that reaches over several cells of a row says which column each is of."""

import pytest

from assistant.answering.structure_answers import cells_apart
from assistant.types import Document

FARES = "| Passenger | Single | Return |\n|---|---|---|\n| Adult | 85 | 150 |\n| Child | 40 | 70 |\n\nOr | so.\n"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("40 | 70", "40 (Single); 70 (Return)"),
        ("Child | 40", "40 (Single)"),
        ("Child | 40 | 70", "40 (Single); 70 (Return)"),
        ("40", None),
        ("150 |\n| Child", None),  # of two rows
        ("Or | so", None),  # of no table
    ],
)
def test_cells_are_named_by_their_columns(text: str, named: str | None) -> None:
    document = Document("fares.md", FARES)
    at = FARES.index(text)
    assert cells_apart(document, document.evidence(at, at + len(text))) == named
