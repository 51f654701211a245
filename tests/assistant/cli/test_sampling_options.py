"""What the generator is asked for: sampled in a chat, the likeliest elsewhere, and told what the user says."""

from pathlib import Path
from typing import Any

import pytest

from assistant.answering.assistant import Assistant
from assistant.generation.generator import OwnSampling, own_sampling
from assistant.generation.stream import Sampling, TextStream
from assistant.settings import Settings
from assistant.types import Document, Role, Route, Turn

TEXT = Document("lamp.txt", "The lamp of the lighthouse was lit by gas until the year 1932. " * 3)


class Recording:
    """A generator that notes what it is asked for."""

    name = "recording"

    def __init__(self) -> None:
        self.asked: list[tuple[list[Any], Sampling]] = []

    def stream(self, messages: Any, *, sampling: Sampling, cancel: Any = None) -> TextStream:
        self.asked.append((list(messages), sampling))
        return TextStream(lambda stream: iter(["Yes."]))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Asks a turn of an assistant with such settings, and gives the messages and the sampling that came of it."""

    def ask(turn: Turn, *, conversing: bool = False, **settings: Any) -> tuple[list[Any], Sampling]:
        generator = Recording()
        assistant = Assistant(Settings(verify=False, **settings), conversing=conversing)
        monkeypatch.setattr(assistant.models, "generator", lambda listener: generator)
        monkeypatch.setattr(assistant.models, "embedder", lambda listener: None)
        list(assistant.respond(turn))
        return generator.asked[0]

    return ask


def test_the_same_question_gets_the_likeliest_answer_outside_of_a_chat(asked: Any) -> None:
    _, sampling = asked(Turn("How do I sort a list in Python?"))
    assert (sampling.temperature, sampling.seed) == (0.0, 0)


def test_a_chat_draws_open_answers_as_the_model_is_meant_to_be_drawn_from(asked: Any) -> None:
    _, sampling = asked(Turn("How do I sort a list in Python?"), conversing=True)
    assert (sampling.temperature, sampling.seed) == (None, None)


def test_what_is_written_about_a_document_keeps_to_the_likeliest_in_a_chat_too(asked: Any) -> None:
    _, sampling = asked(Turn("Summarise it.", (TEXT,), route=Route.GROUNDED), conversing=True)
    assert (sampling.temperature, sampling.seed) == (0.0, 0)


def test_the_settings_have_the_last_word(asked: Any) -> None:
    settings = {"temperature": 0.3, "top_p": 0.5, "max_new_tokens": 7, "seed": 5}
    for conversing in (True, False):
        _, sampling = asked(Turn("Hello"), conversing=conversing, **settings)
        assert (sampling.temperature, sampling.top_p, sampling.max_new_tokens, sampling.seed) == (0.3, 0.5, 7, 5)


def test_the_model_is_told_what_the_turn_says_or_else_the_settings(asked: Any) -> None:
    messages, _ = asked(Turn("Hello"), system="Answer in rhyme.")
    assert [(message.role, message.text) for message in messages[:1]] == [(Role.SYSTEM, "Answer in rhyme.")]
    messages, _ = asked(Turn("Hello", system="Answer in prose."), system="Answer in rhyme.")
    assert messages[0].text == "Answer in prose."


def test_what_a_document_asks_for_stays_behind_what_the_user_says(asked: Any) -> None:
    messages, _ = asked(Turn("Summarise it.", (TEXT,), route=Route.GROUNDED), system="Answer in rhyme.")
    assert messages[0].text.startswith("Answer in rhyme.\n\n") and "passages" in messages[0].text
    assert [message.role for message in messages] == [Role.SYSTEM, Role.USER]


def test_a_penalty_for_drawing_is_not_one_for_the_likeliest(tmp_path: Path) -> None:
    config = tmp_path / "generation_config.json"
    config.write_text('{"do_sample": true, "temperature": 0.7, "top_p": 0.8, "top_k": 20, "repetition_penalty": 1.1}')
    own = own_sampling(tmp_path, None)
    drawn, likeliest = own.complete(Sampling(temperature=None)), own.complete(Sampling())
    assert (drawn.temperature, drawn.top_p, drawn.top_k, drawn.repetition_penalty) == (0.7, 0.8, 20, 1.1)
    assert (likeliest.temperature, likeliest.repetition_penalty) == (0.0, OwnSampling().greedy_penalty)
