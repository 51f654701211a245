import pytest

from assistant.errors import UsageError, did_you_mean
from tui.chat.commands import COMMANDS, matching, parse


def test_a_command_is_its_name_and_what_follows():
    assert parse("/open my file.txt ") == ("open", "my file.txt")
    assert parse("/QUIT") == ("quit", "")


@pytest.mark.parametrize("text", ["What is /open?", "/etc/passwd holds what?", "/ hello", "/2 is a half?", "//comment"])
def test_other_texts_are_questions(text: str):
    assert parse(text) is None


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("/opne x", "/open"),
        ("/exprot a", "/export"),
        ("/q", "/quit"),
        ("/exit", "/quit"),
        ("/clear", "/new"),
        ("/save", "/export"),
        ("/resume", "/history"),
    ],
)
def test_an_unknown_command_names_the_nearest_right_one(typed: str, right: str):
    with pytest.raises(UsageError, match=right):
        parse(typed)


def test_an_unknown_command_without_a_neighbour_points_to_the_help():
    with pytest.raises(UsageError, match="/help"):
        parse("/zzzzzz")


def test_a_beginning_lists_what_it_may_become():
    assert [command.name for command in matching("/re")] == ["retry", "rename"]
    assert len(matching("/")) == len(COMMANDS)
    assert matching("/open x") == []
    assert matching("hello") == []


def test_a_wrong_word_falls_back_to_all_choices():
    assert did_you_mean("Extrakt", ["open", "extract"]) == "did you mean extract?"
    assert did_you_mean("", ["open", "extract"]) == "choose one of open, extract."
