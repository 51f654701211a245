"""Claims that tie a figure, a name or a word to another subject than their source does."""

import json
from pathlib import Path

import pytest

from assistant.verification.exchanges import find_exchange

ROWS = [json.loads(line) for line in Path("tests/data/statements.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("row", [row for row in ROWS if row["want"] == "entailment"], ids=lambda row: row["id"])
def test_no_true_statement_is_turned_down(row: dict[str, str]) -> None:
    assert find_exchange(row["hypothesis"], row["premise"]) is None


@pytest.mark.parametrize(
    ("identifier", "reason"),
    [
        ("sea-5", "212 is said of maximum, not of average"),
        ("sea-6", "560 is said of outflow, not of inflow"),
        ("sea-9", "after, not before"),
        ("firm-7", "430, not 1,150"),
        ("firm-8", "2008, not 2019"),
        ("trip-5", "3, not 11"),
        ("trip-6", "Hart and Pryce are exchanged"),
        ("trip-7", "26, not 31"),
        ("trip-8", "Aurora and Meridian are exchanged"),
    ],
)
def test_an_exchange_is_named(identifier: str, reason: str) -> None:
    row = next(row for row in ROWS if row["id"] == identifier)
    fault = find_exchange(row["hypothesis"], row["premise"])
    assert fault is not None
    assert (fault.reason, fault.opposed) == (reason, True)


def test_a_name_in_the_place_of_the_one_who_did_it_is_named_within_a_sentence() -> None:
    source = "Anna Berg designed the bridge and Otto Lind painted the rails."
    fault = find_exchange("Otto Lind designed the bridge.", source)
    assert fault is not None
    assert (fault.reason, fault.opposed) == ("Anna Berg, not Otto Lind", True)
    assert find_exchange("Otto Lind designed the bridge.", source.replace(" and ", ". ")) is None
    assert find_exchange("Otto Lind painted the rails.", source) is None


def test_things_without_a_name_may_change_sides() -> None:
    assert find_exchange("The dog chased the cat.", "The cat chased the dog.") is None


def test_a_list_of_figures_and_what_is_shared_are_no_exchange() -> None:
    source = "Matches were held in 1947, 1961 and 1973. Jews live in Israel (43 percent) and America (40 percent)."
    assert find_exchange("Matches were held in 1961.", source) is None
    assert find_exchange("Anna met Otto.", "Otto met Anna in 1903.") is None
