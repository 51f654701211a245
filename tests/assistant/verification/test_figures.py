import pytest

from assistant.verification.figures import missing_figures


@pytest.mark.parametrize(
    ("claim", "source", "missing"),
    [
        ("It rose to 6.5 million.", "It rose to 5.6 million.", ["6.5 million"]),
        ("It rose to 5.6 billion.", "It rose to 5.6 million.", ["5.6 billion"]),
        ("It rose to 5,600,000.", "It rose to 5.6 million.", []),
        ("Elle couvre 5,5 millions de km2.", "It covers 5.5 million km2.", []),
        ("It was opened in 1931.", "It was opened in 1913.", ["1931"]),
    ],
)
def test_a_figure_that_the_source_does_not_state_is_missing(claim: str, source: str, missing: list[str]) -> None:
    assert [figure.text for figure in missing_figures(claim, source)] == missing
