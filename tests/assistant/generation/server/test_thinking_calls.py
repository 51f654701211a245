"""What the product asks a server for on the way to an answer: a model that thinks has room to do so there, too."""

from pathlib import Path
from typing import Any

import pytest

from assistant.answering.assistant import Assistant
from assistant.errors import GenerationError
from assistant.events import Event, Notice, RouteChosen, TextDelta, TurnFinished
from assistant.generation.server import ServerGenerator, resolve
from assistant.generation.stream import Sampling
from assistant.models.store import ModelStore
from assistant.settings import Settings
from assistant.types import Document, Message, Role, Route, Turn
from tests.assistant.generation.server.loopback import DONE, Asked, delta, serving

THOUGHTS = 300  # tokens
LONG = Document(
    "mill.txt", "\n\n".join(f"In {1700 + n} the mill ground {n} sacks. " + "It stood. " * 60 for n in range(60))
)


def thinks(words: str) -> Any:
    """A server whose model thinks before it writes these words, and spends its limit of tokens on both."""

    def reply(asked: Asked) -> None:
        limit = asked.body.get("max_tokens", 1 << 20)
        thought = [delta(reasoning_content="hm ")] * 3
        if limit <= THOUGHTS:
            asked.stream([*thought, delta("length"), DONE])
            return
        asked.stream([*thought, delta(content=words), delta("stop"), DONE])

    return reply


def test_a_short_call_is_given_room_for_thinking_once_the_model_is_seen_to_think() -> None:
    sampling = Sampling(max_new_tokens=48, room_for_thinking=1000)
    with serving(thinks("Who led them?")) as server:
        generator = ServerGenerator(resolve(server.url), "m")
        for _ in range(2):
            events = list(generator.stream([Message(Role.USER, "and who?")], sampling=sampling).events())
            assert "".join(each.text for each in events if isinstance(each, TextDelta)) == "Who led them?"
    assert [body["max_tokens"] for body in server.asked] == [48, 1048, 1048]


def test_an_answer_itself_keeps_to_the_limit_that_was_chosen() -> None:
    with serving(thinks("Never.")) as server:
        generator = ServerGenerator(resolve(server.url), "m")
        with pytest.raises(GenerationError, match="raise max_new_tokens"):
            list(generator.stream([Message(Role.USER, "Why?")], sampling=Sampling(max_new_tokens=48)).events())
    assert [body["max_tokens"] for body in server.asked] == [48]


def test_a_follow_up_is_completed_by_a_model_that_thinks(tmp_path: Path, tiny_settings: dict[str, str]) -> None:
    said = (
        Message(Role.USER, "Tell me about the Norman conquest."),
        Message(Role.ASSISTANT, "The Norman conquest of England began in 1066."),
    )
    document = Document("d", "The Norman conquest of England began in 1066. William led the Norman conquest.")
    turn = Turn("and who led them?", (document,), history=said, route=Route.GROUNDED)
    with serving(thinks("Who led the Norman conquest?")) as server:
        events = _told(turn, server.url, tmp_path, tiny_settings)
    [route] = [each for each in events if isinstance(each, RouteChosen)]
    assert route.asked == "Who led the Norman conquest?"


def test_notes_are_taken_by_a_model_that_thinks(tmp_path: Path, tiny_settings: dict[str, str]) -> None:
    with serving(thinks("The mill ground 7 sacks.")) as server:
        _told(Turn("Summarise the document", (LONG,), route=Route.GROUNDED), server.url, tmp_path, tiny_settings)
    assert "The mill ground 7 sacks." in server.asked[-1]["messages"][-1]["content"]


def test_where_a_model_only_thinks_the_text_itself_stands_for_the_notes(
    tmp_path: Path, tiny_settings: dict[str, str]
) -> None:
    def reply(asked: Asked) -> None:
        if "What does this part" in asked.body["messages"][-1]["content"]:
            asked.stream([delta(reasoning_content="hm "), delta("stop"), DONE])
        else:
            asked.say("The mill ground sacks.")

    with serving(reply) as server:
        turn = Turn("Summarise the document", (LONG,), route=Route.GROUNDED)
        events = _told(turn, server.url, tmp_path, tiny_settings)
    [end] = [each for each in events if isinstance(each, TurnFinished)]
    assert end.answer.text == "The mill ground sacks."
    assert "In 1700 the mill ground 0 sacks." in server.asked[-1]["messages"][-1]["content"]
    assert not [each for each in events if isinstance(each, Notice) and "thought" in each.text]


def _told(turn: Turn, url: str, cache: Path, tiny_settings: dict[str, str]) -> list[Event]:
    settings = Settings(**{**tiny_settings, "generator": None}, server=url, server_model="m", max_new_tokens=400)
    return list(Assistant(settings, ModelStore(cache)).respond(turn))
