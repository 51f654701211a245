"""What one question, one header or one odd page must not do to the questions after it."""

import email.utils
import threading
import time

import pytest

from assistant.errors import GenerationError
from assistant.events import TextDelta, TextTakenBack
from assistant.generation.server import ServerGenerator
from assistant.generation.server.errors import Kind, line_of, refusal
from assistant.generation.server.told_waits import wait_told
from assistant.generation.stream import Sampling
from assistant.types import Message, Role
from tests.assistant.generation.server.loopback import DONE, Asked, delta, event, serving


def asked_of(server: ServerGenerator, *texts: str, sampling: Sampling | None = None) -> tuple[str, int]:
    """The answer to the last of texts that are said in turn, and how many turns were left out for it."""
    roles = (Role.USER, Role.ASSISTANT)
    stream = server.stream([Message(roles[at % 2], text) for at, text in enumerate(texts)], sampling=sampling)
    said = ""
    for happened in stream.events():
        said = "" if isinstance(happened, TextTakenBack) else said
        said += happened.text if isinstance(happened, TextDelta) else ""
    return said, stream.turns_left_out


def test_a_length_that_leaves_the_conversation_no_room_goes_before_its_turns() -> None:
    def reply(asked: Asked) -> None:
        prompt, wanted = asked.characters // 4, asked.body.get("max_tokens", 0)
        if prompt + wanted > 4096:
            asked.refuse(
                400,
                "This model's maximum context length is 4096 tokens. However, you requested "
                f"{prompt + wanted} tokens ({prompt} in the messages, {wanted} in the completion).",
            )
        else:
            asked.say("ok")

    sampling = Sampling(max_new_tokens=4000, chosen=frozenset(("max_new_tokens",)))
    with serving(reply) as server:
        generator = ServerGenerator(server.url, "m")
        assert asked_of(generator, *["word " * 20] * 8, "and now?", sampling=sampling) == ("ok", 0)


def test_what_a_script_with_few_characters_taught_shortens_no_conversation_in_another() -> None:
    def reply(asked: Asked) -> None:
        texts = [message["content"] for message in asked.body["messages"]]
        tokens = sum(len(text) // 4 if text.isascii() else len(text) for text in texts)
        if tokens > 1024:
            asked.refuse(400, "This model's maximum context length is 1024 tokens")
        else:
            asked.say("ok")

    with serving(reply) as server:
        generator = ServerGenerator(server.url, "m")
        assert asked_of(generator, "问" * 550, "答" * 550, "问?")[1] == 1
        assert asked_of(generator, *["word " * 120] * 4, "what?") == ("ok", 0)


def test_a_short_call_is_given_room_though_its_model_is_seen_to_think_only_in_it() -> None:
    def reply(asked: Asked) -> None:
        room = asked.body["max_tokens"] - 10
        words = [delta(content=f"w{number} ") for number in range(min(40, room))]
        finish = delta(finish="length" if room < 40 else "stop")
        asked.stream([delta(reasoning_content="so ") for _ in range(10)] + [*words, finish, DONE])

    sampling = Sampling(max_new_tokens=30, room_for_thinking=100, chosen=frozenset(("max_new_tokens",)))
    with serving(reply) as server:
        generator = ServerGenerator(server.url, "m")
        first, second = (asked_of(generator, "q", sampling=sampling)[0] for _ in range(2))
    assert first == second
    assert len(first.split()) == 40


def test_the_wait_in_words_goes_before_the_time_until_all_of_a_limit_is_back() -> None:
    sentence = "Rate limit reached: Limit 30000, Used 29500. Please try again in 0.8s."
    assert wait_told({"x-ratelimit-reset-tokens": "6m0s"}, {}, sentence) == pytest.approx(0.8)


def test_a_date_to_wait_for_is_by_the_servers_own_clock() -> None:
    now = time.time() + 7200
    headers = {
        name: email.utils.formatdate(now + later, usegmt=True) for name, later in (("Date", 0), ("Retry-After", 2))
    }
    assert wait_told(headers, {}, "") == pytest.approx(2)


def test_thinking_that_is_counted_apart_from_the_answer_is_counted_in() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 312}
    usage_of_all = {**usage, "completion_tokens_details": {"reasoning_tokens": 300}}
    events = [delta(content="Four."), delta(finish="stop"), event({"choices": [], "usage": usage_of_all}), DONE]
    with serving(lambda asked: asked.stream(events)) as server:
        stream = ServerGenerator(server.url, "m").stream([Message(Role.USER, "q")])
        list(stream)
    assert (stream.completion_tokens, stream.thinking_tokens) == (302, 300)


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"404 page not found\n", 404, "text/plain"),
        (b"<html><title>Maintenance</title></html>", 200, "text/html"),
    ],
)
def test_a_page_in_place_of_an_answer_passes_where_the_server_has_answered_before(
    body: bytes, status: int, kind: str
) -> None:
    def reply(asked: Asked) -> None:
        if asked.number == 1:
            asked.raw(body, status, {"Content-Type": kind})
        else:
            asked.say("ok")

    with serving(reply) as server:
        generator = ServerGenerator(server.url, "m")
        assert [asked_of(generator, "q")[0] for _ in range(2)] == ["ok", "ok"]


@pytest.mark.parametrize(
    ("status", "sentence", "kind"),
    [
        (403, "You are being rate limited", Kind.RATE),
        (404, "The model is temporarily unavailable", Kind.BUSY),
        (422, "Model too busy, unable to get response", Kind.BUSY),
        (400, "no healthy upstream", Kind.BUSY),
    ],
)
def test_what_passes_by_its_words_is_not_final_by_its_status(status: int, sentence: str, kind: Kind) -> None:
    assert refusal(status, {"error": {"message": sentence}}, ["max_tokens"]).kind is kind


def test_a_key_that_is_cut_short_by_many_blanks_is_not_shown_in_part() -> None:
    key = "sk-" + "abcdef" * 8
    told = refusal(500, {"error": {"message": "bad" + " " * 1980 + key}})
    assert "sk-a" not in line_of("h", "status 500", told.sentence, secret=key)


def test_what_was_cancelled_while_it_waited_is_not_asked() -> None:
    cancel = threading.Event()
    cancel.set()
    with serving(lambda asked: asked.say("x")) as server:
        generator = ServerGenerator(server.url, "m")
        for _ in range(5):
            stream = generator.stream([Message(Role.USER, "q")], cancel=cancel)
            assert list(stream) == []
            assert stream.finish == "cancelled"
        time.sleep(0.3)
        assert server.asked == []


def test_a_refusal_that_repeats_the_question_takes_no_parameter_out() -> None:
    def reply(asked: Asked) -> None:
        if "boil" in asked.body["messages"][-1]["content"]:
            asked.refuse(400, "Invalid request: At what temperature does water boil?")
        else:
            asked.say(f"at {asked.body.get('temperature')}")

    sampling = Sampling(temperature=0.5, chosen=frozenset(("temperature",)))
    with serving(reply) as server:
        generator = ServerGenerator(server.url, "m")
        with pytest.raises(GenerationError, match="Invalid request"):
            asked_of(generator, "At what temperature does water boil?", sampling=sampling)
        assert asked_of(generator, "Hello", sampling=sampling)[0] == "at 0.5"


def test_where_nobody_watches_an_empty_answer_is_asked_for_again_and_then_told_as_passing() -> None:
    with serving(lambda asked: asked.say("" if asked.number < 2 else "ok")) as server:
        generator = ServerGenerator(server.url, "m")
        generator.unattended = True
        assert asked_of(generator, "Hello")[0] == "ok"
    with serving(lambda asked: asked.say("")) as server:
        generator = ServerGenerator(server.url, "m")
        generator.unattended = True
        with pytest.raises(GenerationError, match="empty answer") as raised:
            asked_of(generator, "Hello")
        assert raised.value.passing and len(server.asked) == 3
