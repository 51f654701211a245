import pytest

from assistant.verification.names import name_fault

FILLER = "The herds wander with the rain, and nobody counts them. " * 40
TEXT = (
    "Kenya lies on the coast. Half of all Kenyans live on less than a dollar a day.\n\n"
    f"{FILLER}\n\nUganda sent a team of runners in 1968. Émile Durand trained it."
)
PLACE = "Half of all Kenyans live on less than a dollar a day."


def fault(question: str, place: str = PLACE) -> str | None:
    start = TEXT.index(place)
    found = name_fault(question, TEXT, start, start + len(place))
    return None if found is None else found.reason


def test_what_is_asked_about_one_country_is_not_answered_where_another_is_told_of() -> None:
    assert fault("What part of the people of Uganda lives on less than a dollar") == "Uganda is not named there"


@pytest.mark.parametrize(
    "question",
    [
        "What part of the people of Kenya lives on less than a dollar",
        "How many of Kenya's people were poor last June",
        "Half of whom live on less than a dollar",
        "WHO LIVES ON LESS THAN A DOLLAR",
    ],
)
def test_names_of_the_place_months_and_first_words_are_no_fault(question: str) -> None:
    assert fault(question) is None


def test_a_name_that_is_written_without_its_accent_is_no_fault() -> None:
    place = "Émile Durand trained it."
    assert fault("Was it Emile Durand who trained the team", place) is None


def test_what_all_of_a_text_is_about_need_not_stand_at_the_place() -> None:
    text = f"Warsaw grew. {'Warsaw is large. ' * 16}{FILLER}It has 12 % of the income."
    start = text.index("It has 12")
    assert name_fault("What share of the income comes from Warsaw", text, start, len(text)) is None


def test_a_name_that_a_text_mentions_a_few_times_has_to_stand_near_the_place() -> None:
    text = f"Warsaw grew. {'Łódź is near. ' * 6}{FILLER}Warsaw has 12 % of the income."
    start = text.index("Warsaw has 12")
    found = name_fault("What share of the income comes from Łódź", text, start, len(text))
    assert found is not None and found.reason == "Łódź is not named there"
