import pytest

from assistant.verification.faults import find_fault
from assistant.verification.figures import figures, missing_figures, whole_sentences


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


REPORT = (
    "Revenue rose from 4.2 million euros to 5.6 million euros, but operating costs fell by 12 percent. The pump moves "
    "18 litres per minute. The company has nine factories, the oldest of 1903, and employs 340 people."
)


def sentence_with(words: str) -> str:
    return next(sentence for sentence in REPORT.split(". ") if words in sentence)


@pytest.mark.parametrize(
    "claim, words, reason",
    [
        ("Revenue rose to 6.5 million euros.", "Revenue", "4.2 million, not 6.5 million"),
        ("The pump moves 18 gallons per minute.", "pump", "18 is in another unit in the document"),
        ("The pump moves 18 litres per second.", "pump", "18 is in another unit in the document"),
        ("Revenue fell to 5.6 million euros.", "Revenue", "rose, not fell"),
        ("Yes, revenue fell in the third quarter.", "Revenue", "rose, not fell"),
        ("Operating costs rose by 12 percent.", "Revenue", "fell, not rose"),
        ("How many work there? 430", "factories", "1903, not 430"),
    ],
)
def test_what_the_source_does_not_bear_out_is_named(claim: str, words: str, reason: str) -> None:
    fault = find_fault(claim, sentence_with(words), REPORT)
    assert fault is not None
    assert (fault.reason, fault.opposed) == (reason, True)


@pytest.mark.parametrize(
    "claim, words",
    [
        ("Revenue rose to 5.6 million euros.", "Revenue"),
        ("Operating costs fell by 12 percent.", "Revenue"),
        ("Costs did not rise; they fell by 12 percent.", "Revenue"),
        ("The pump moves 18 litres.", "pump"),
        ("It has 9 factories.", "factories"),
        ("How many of the 77 factories are left? nine", "factories"),
        ("The company is old.", "factories"),
    ],
)
def test_nothing_is_held_against_what_the_source_bears_out_or_does_not_decide(claim: str, words: str) -> None:
    assert find_fault(claim, sentence_with(words), REPORT) is None


def test_a_figure_that_is_nowhere_and_has_no_like_is_only_missing() -> None:
    fault = find_fault(
        "It was built in 1871.", "It was built long ago.", "It was built long ago. Nobody knows by whom."
    )
    assert fault is not None
    assert not fault.opposed


@pytest.mark.parametrize(
    "claim, source",
    [
        ("The profit was $8.2 million.", "A net profit of $8.2m was made."),
        ("Some $14 billion went missing.", "About $14bn went missing."),
        ("It costs 499 dollars a month.", "The price is $499/month."),
        ("The pandemic of COVID-19 went on.", "The pandemic of COVID went on."),
        ("Over 9,000 people came.", "9,061 people came."),
        ("Nearly 500 people came.", "492 people came."),
        ("About 3,000 books were lost.", "The fire took 2,980 books."),
        ("The beam is 8 metres long.", "The beam is 8m long."),
    ],
)
def test_a_figure_in_another_spelling_or_rounded_is_there(claim: str, source: str) -> None:
    assert find_fault(claim, source, source) is None


@pytest.mark.parametrize(
    "claim, source",
    [
        ("The profit was $8.2 billion.", "A net profit of $8.2m was made."),
        ("Over 9,000 people came.", "8,061 people came."),
        ("Nearly 500 people came.", "512 people came."),
        ("About 3,000 books were lost.", "The fire took 2,380 books."),
    ],
)
def test_rounding_does_not_make_another_figure_right(claim: str, source: str) -> None:
    assert find_fault(claim, source, source) is not None


def test_the_sentence_that_decides_is_among_those_compared_however_the_text_goes_on() -> None:
    match = "Brazil beat Chile in 1990. The match was dull. It rained. Four years on Chile beat Brazil in a final.\n"
    listed = match + "\n".join(f"- line {number} of the list" for number in range(600))
    assert find_fault("Chile beat Brazil in a final.", "Four years on Chile beat Brazil in a final.", listed) is None
    assert "Four years on" in whole_sentences(listed, listed.index("Four years"), listed.index("final."))


def test_a_long_s_in_a_scale_breaks_nothing() -> None:
    assert [figure.text for figure in figures("It cost 5 thou\u017fand pounds.")]


def test_of_a_sentence_that_stands_twice_the_place_that_decides_is_looked_at() -> None:
    source = "In spring: Sales rose. " + "It was warm and dry, said the board. " * 24 + "\n\nIn autumn: Sales"
    source += " fell."
    claim = "Sales rose."
    assert find_fault(claim, "Sales", source, source.rindex("Sales")) is not None
    assert find_fault(claim, "Sales", source, source.index("Sales")) is None
