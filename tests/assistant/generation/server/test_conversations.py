"""Conversations on a server, from the first turn to far beyond its context, and shapes that clients keep for tests."""

import json
from pathlib import Path
from typing import Any

import pytest

from assistant.answering.assistant import Assistant
from assistant.events import Event, Notice, RouteChosen, TextDelta, ThinkingDelta, TurnFailed, TurnFinished
from assistant.generation.server import ServerGenerator
from assistant.models.store import ModelStore
from assistant.settings import Settings
from assistant.types import Document, Message, Role, Route, Turn
from tests.assistant.generation.server.loopback import DONE, Asked, delta, event, serving

QUESTION = [Message(Role.USER, "Write a loop")]


def _context(tokens: int, characters_a_token: int = 4) -> Any:
    """A server that counts as a tokenizer would, and refuses what has no room with what it may answer."""

    def reply(asked: Asked) -> None:
        prompt = asked.characters // characters_a_token + 8 * len(asked.body["messages"])
        if prompt + asked.body.get("max_tokens", 60) > tokens:
            message = (
                f"This model's maximum context length is {tokens} tokens. However, your messages resulted in {prompt}."
            )
            asked.refuse(400, message, code="context_length_exceeded")
        else:
            asked.say(f"Answer {asked.number}: " + "so it is and no other way " * 8, prompt_tokens=prompt)

    return reply


def test_a_conversation_of_a_hundred_turns_against_a_small_context_is_never_dead(tmp_path: Path) -> None:
    said: list[Message] = []
    with serving(_context(1024)) as server:
        assistant = Assistant(Settings(server=server.url, server_model="m", max_new_tokens=200), ModelStore(tmp_path))
        shortened = 0
        for number in range(100):
            question = f"Question {number}: write a loop in Python that counts to {number}"
            events = list(assistant.respond(Turn(question, history=tuple(said))))
            end = events[-1]
            assert isinstance(end, TurnFinished), end
            shortened += any("oldest" in each.text for each in events if isinstance(each, Notice))
            assert sum("oldest" in each.text for each in events if isinstance(each, Notice)) <= 1
            said += [Message(Role.USER, question), Message(Role.ASSISTANT, end.answer.text or "")]
        assert shortened > 80
        # It learns what fits: far fewer questions are put twice than once.
        assert len(server.asked) < 140
        assert all(body["messages"][0]["role"] == "system" for body in server.asked)


def test_a_question_about_a_document_is_answered_in_a_small_context_too(
    tmp_path: Path, tiny_settings: dict[str, str]
) -> None:
    document = Document("d", "\n\n".join(f"Section {n}. " + "The forest is large and old. " * 60 for n in range(20)))
    with serving(_context(400)) as server:
        settings = Settings(**{**tiny_settings, "generator": None}, server=server.url, server_model="m")
        turn = Turn("Explain the forest", (document,), route=Route.GROUNDED)
        answer = Assistant(settings, ModelStore(tmp_path)).answer(turn)
        assert answer.text
        assert answer.evidence
        assert server.asked[-1]["messages"][-1]["content"].endswith("Question: Explain the forest")
        assert len(server.asked) > 1


def test_thinking_is_no_part_of_answer_history_claims_or_code_check(
    tmp_path: Path, tiny_settings: dict[str, str]
) -> None:
    thought = "<think>The forest is blue.\n```python\nnot python (\n```\n</think>\n"
    document = Document("d", "The forest covers 5.5 million square kilometers. It is old.")
    with serving(lambda asked: asked.say(f"{thought}The forest is old.")) as server:
        settings = Settings(**{**tiny_settings, "generator": None}, server=server.url, server_model="m")
        assistant = Assistant(settings, ModelStore(tmp_path))
        old = (Message(Role.USER, "Hello"), Message(Role.ASSISTANT, f"{thought}Hello."))
        events: list[Event] = list(
            assistant.respond(Turn("Explain the forest", (document,), history=old, route=Route.GROUNDED))
        )
    [end] = [each for each in events if isinstance(each, TurnFinished)]
    assert end.answer.text == "The forest is old."
    assert end.answer.verdict is not None
    assert [claim.text for claim in end.answer.verdict.claims] == ["The forest is old."]
    assert "blue" in "".join(each.text for each in events if isinstance(each, ThinkingDelta))
    assert not [each for each in events if isinstance(each, Notice) and "parsed" in each.text]
    assert "blue" not in json.dumps(server.asked)
    assert end.answer.usage.thinking_tokens > 0
    assert end.answer.models.generator == "m"


def test_an_answer_that_breaks_off_keeps_what_came_and_says_that_it_is_not_complete(tmp_path: Path) -> None:
    with serving(lambda asked: asked.stream([delta(content="Half of ")], cut=True)) as server:
        assistant = Assistant(Settings(server=server.url, server_model="m"), ModelStore(tmp_path))
        events = list(assistant.respond(Turn("Write a loop")))
    end = events[-1]
    assert isinstance(end, TurnFinished)
    assert (end.answer.text, end.answer.incomplete) == ("Half of", "broken")
    [notice] = [each.text for each in events if isinstance(each, Notice)]
    assert notice.startswith("The answer is not complete: The server 127.0.0.1")


def test_the_servers_own_sentence_ends_a_turn(tmp_path: Path) -> None:
    with serving(lambda asked: asked.refuse(404, "The model `m` does not exist", code="model_not_found")) as server:
        assistant = Assistant(Settings(server=server.url, server_model="m"), ModelStore(tmp_path))
        events = list(assistant.respond(Turn("Write a loop")))
    assert isinstance(events[0], RouteChosen)
    assert isinstance(events[-1], TurnFailed)
    assert "The model `m` does not exist" in str(events[-1].error)


# Of the form in which OpenAI's clients keep what the API has answered, for their own tests.
_HEAD = {
    "id": "chatcmpl-ABfw1", "object": "chat.completion.chunk", "created": 1727346161, "model": "gpt-4o-2024-08-06",
    "service_tier": "default", "system_fingerprint": "fp_b40fb1c6fb",
}  # fmt: skip


def _recorded(
    delta: dict[str, Any], finish: str | None = None, *, index: int = 0, logprobs: Any = None, **fields: Any
) -> bytes:
    choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
    return event({**_HEAD, "choices": [choice], "usage": None, **fields})


def _logprobs(token: str, kind: str) -> dict[str, Any]:
    said = [{"token": token, "logprob": -0.0012038043, "bytes": list(token.encode()), "top_logprobs": []}]
    return {"content": None, "refusal": None, kind: said if token else []}


RECORDED = {
    "text": [
        _recorded({"role": "assistant", "content": "", "refusal": None}),
        _recorded({"content": "I'm"}), _recorded({"content": " unable"}), _recorded({}, "stop"),
        event({**_HEAD, "choices": [], "usage": {
            "prompt_tokens": 14, "completion_tokens": 30, "total_tokens": 44,
            "completion_tokens_details": {"reasoning_tokens": 0, "accepted_prediction_tokens": 0},
        }}),
        DONE,
    ],
    "a refusal": [
        _recorded({"role": "assistant", "content": None, "refusal": ""}),
        _recorded({"refusal": "I'm"}), _recorded({"refusal": " unable"}), _recorded({}, "stop"), DONE,
    ],
    "logprobs": [
        _recorded({"role": "assistant", "content": "I'm", "tool_calls": None}),
        _recorded({"content": " unable"}, "stop", obfuscation="x7Gh"), DONE,
    ],
    "a refusal with logprobs and its usage": [
        _recorded({"role": "assistant", "content": None, "refusal": ""}, logprobs=_logprobs("", "refusal")),
        _recorded({"refusal": "I'm"}, logprobs=_logprobs("I'm", "refusal")),
        _recorded({"refusal": " unable"}, logprobs=_logprobs(" unable", "refusal")), _recorded({}, "stop"),
        event({**_HEAD, "choices": [], "usage": {"prompt_tokens": 79, "completion_tokens": 12, "total_tokens": 91}}),
        DONE,
    ],
    "three choices in turns": [
        *(_recorded({"role": "assistant", "content": "", "refusal": None}, index=index) for index in range(3)),
        _recorded({"content": "I'm"}), _recorded({"content": "You"}, index=1), _recorded({"content": "He"}, index=2),
        _recorded({"content": " unable"}), _recorded({"content": " too"}, index=1),
        *(_recorded({}, "stop", index=index) for index in range(3)), DONE,
    ],
    "events with names and data over lines": [
        b"event: completion\n" + _recorded({"content": "I'm"}), b": keep-alive\n\n",
        b'data: {"choices": [{"index": 0,\ndata: "delta": {"content": " unable"}}]}\n\n', DONE,
    ],
}  # fmt: skip


@pytest.mark.parametrize("shape", RECORDED)
def test_recorded_streams_are_read(shape: str) -> None:
    with serving(lambda asked: asked.stream(RECORDED[shape])) as server:
        stream = ServerGenerator(server.url, "gpt-4o").stream(QUESTION)
        assert "".join(stream) == "I'm unable"
    assert stream.finish == ("filtered" if "refusal" in shape else "end")
    if shape == "text":
        assert (stream.model, stream.prompt_tokens, stream.completion_tokens) == ("gpt-4o-2024-08-06", 14, 30)


@pytest.mark.parametrize("shape", RECORDED)
def test_openais_own_client_reads_the_same(shape: str) -> None:
    import openai

    with serving(lambda asked: asked.stream(RECORDED[shape])) as server:
        client = openai.OpenAI(base_url=server.url, api_key="none", max_retries=0)
        chunks = client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "Write a loop"}], stream=True
        )
        firsts = [choice for chunk in chunks for choice in chunk.choices if choice.index == 0]
        assert "".join(each.delta.content or each.delta.refusal or "" for each in firsts) == "I'm unable"


ERRORS: dict[str, tuple[int, dict[str, Any], str]] = {
    "a request": (
        400,
        {"message": "Invalid 'messages'.", "type": "invalid_request_error", "param": "messages", "code": None},
        "Invalid 'messages'",
    ),
    "a key": (
        401,
        {"message": "Incorrect API key provided: nope.", "type": "invalid_request_error", "code": "invalid_api_key"},
        "Incorrect API key",
    ),
    "a country": (
        403,
        {"message": "Country, region, or territory not supported", "code": "unsupported_country_region_territory"},
        "Country",
    ),
    "a model": (
        404,
        {"message": "The model `x` does not exist or you do not have access to it.", "code": "model_not_found"},
        "does not exist",
    ),
    "content": (
        400,
        {"message": "The response was filtered due to the prompt.", "code": "content_filter"},
        "filtered",
    ),
}


@pytest.mark.parametrize("shape", ERRORS)
def test_recorded_errors_are_told_in_their_own_words(shape: str, tmp_path: Path) -> None:
    status, error, words = ERRORS[shape]
    with serving(lambda asked: asked.json({"error": error}, status)) as server:
        assistant = Assistant(Settings(server=server.url, server_model="x"), ModelStore(tmp_path))
        *_, end = assistant.respond(Turn("Write a loop"))
    assert isinstance(end, TurnFailed)
    assert words in str(end.error)
    assert len(str(end.error)) <= 200
    assert not end.error.passing


def test_text_comes_as_it_is_written() -> None:
    import threading

    go_on = threading.Event()

    def slowly(asked: Asked) -> None:
        def events() -> Any:
            yield delta(content="first ")
            assert go_on.wait(30)
            yield delta("stop", content="second")
            yield DONE

        asked.stream(events())

    with serving(slowly) as server:
        events = ServerGenerator(server.url, "m").stream(QUESTION).events()
        assert next(each for each in events if isinstance(each, TextDelta)).text == "first "
        go_on.set()
        assert [each.text for each in events if isinstance(each, TextDelta)] == ["second"]
