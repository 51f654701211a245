"""What servers do, each after public reports of it, and what becomes of it. docs/servers.md has the same list."""

import itertools
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from assistant.errors import ContextFullError, GenerationError
from assistant.events import Event, Notice, TextDelta, TextTakenBack, ThinkingDelta, Waiting
from assistant.generation.server import ServerGenerator, list_models, resolve
from assistant.generation.server.generator import Timing
from assistant.generation.server.stream import ServerStream
from assistant.generation.stream import Sampling
from assistant.types import Message, Role
from tests.assistant.generation.server.loopback import DONE, Asked, Reply, Server, delta, event, serving
from tests.trust.servers import piece

QUESTION = [Message(Role.USER, "Write a loop")]
LONG = [Message(role, f"{number} " + "word " * 60) for number in range(9) for role in (Role.USER, Role.ASSISTANT)]
LONG = [*LONG, Message(Role.USER, "And then?")]
DOCS = Path(__file__).parents[4] / "docs" / "servers.md"


@dataclass
class Outcome:
    """What came of asking: all that was told, and the error, if it ended in one."""

    stream: ServerStream
    server: Server
    events: list[Event] = field(default_factory=list)
    error: GenerationError | None = None

    @property
    def text(self) -> str:
        said = ""
        for each in self.events:
            said = "" if isinstance(each, TextTakenBack) else said + (each.text if isinstance(each, TextDelta) else "")
        return said

    @property
    def thinking(self) -> str:
        return "".join(each.text for each in self.events if isinstance(each, ThinkingDelta))

    @property
    def notices(self) -> str:
        return " ".join(each.text for each in self.events if isinstance(each, Notice))

    @property
    def waits(self) -> list[str]:
        return [each.stage for each in self.events if isinstance(each, Waiting)]


def ask(
    reply: Reply,
    messages: list[Message] = QUESTION,
    sampling: Sampling | None = None,
    *,
    unattended: bool = False,
    timing: Timing | None = None,
    key: str | None = None,
) -> Outcome:
    """Put a question to a server with a habit."""
    with serving(reply) as server:
        address = resolve(server.url)
        generator = ServerGenerator(type(address)(address.url, key) if key else address, "m", timing=timing)
        generator.unattended = unattended
        outcome = Outcome(generator.stream(messages, sampling=sampling), server)
        try:
            for each in outcome.stream.events():
                outcome.events.append(each)
        except GenerationError as error:
            outcome.error = error
            assert len(str(error)) <= 200
            assert str(error).isprintable()
    return outcome


Habit = Callable[[], None]


def list_of_habits() -> tuple[dict[str, Habit], Callable[[str], Callable[[Habit], Habit]]]:
    """A list of tests, by the words that the table of the docs has for each, and the decorator that puts one there."""
    habits: dict[str, Habit] = {}

    def habit(name: str) -> Callable[[Habit], Habit]:
        def put(test: Habit) -> Habit:
            habits[name] = test
            return test

        return put

    return habits, habit


HABITS, habit = list_of_habits()


# --- thinking


@habit("thinking in `reasoning_content`")
def _() -> None:
    thought = [delta(reasoning_content="Let me "), delta(reasoning_content="see.", content=None)]
    outcome = ask(lambda asked: asked.stream([*thought, delta(content="for x in y:"), delta("stop"), DONE]))
    assert (outcome.text, outcome.thinking) == ("for x in y:", "Let me see.")
    assert outcome.stream.thinking_tokens == 2


@habit("thinking in `reasoning`, its tokens counted in the usage")
def _() -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 40, "completion_tokens_details": {"reasoning_tokens": 32}}
    events = [delta(reasoning="Hm."), delta(content="Done."), delta("stop"), event({"choices": [], "usage": usage})]
    outcome = ask(lambda asked: asked.stream([*events, DONE]))
    assert (outcome.text, outcome.thinking) == ("Done.", "Hm.")
    stream = outcome.stream
    assert (stream.prompt_tokens, stream.completion_tokens, stream.thinking_tokens) == (7, 40, 32)


@habit("`<think>` in the content, its tags in pieces")
def _() -> None:
    for size in (1, 2, 3, 7, 100):
        outcome = ask(lambda asked, size=size: asked.say("<think>\nI see.\n</think>\n\nUse a loop.", size))
        assert (outcome.text, outcome.thinking.strip()) == ("Use a loop.", "I see.")


@habit("`<think>` that is never closed")
def _() -> None:
    outcome = ask(lambda asked: asked.say("<think>I see, and I see"))
    assert outcome.text == ""
    assert "only thought" in str(outcome.error)


@habit("`</think>` without an opening tag")
def _() -> None:
    replies = ["I see.\n</think>\n\nUse a loop.", "Hm.</think>Use two.", "No thinking now."]
    with serving(lambda asked: asked.say(replies[asked.number], 3)) as server:
        generator = ServerGenerator(server.url, "m")
        first = Outcome(generator.stream(QUESTION), server)
        first.events += first.stream.events()
        assert (first.text, TextTakenBack() in first.events) == ("Use a loop.", True)
        second = Outcome(generator.stream(QUESTION), server)
        second.events += second.stream.events()
        # By now it is known: nothing is shown as an answer that is none.
        assert (second.text, second.thinking, TextTakenBack() in second.events) == ("Use two.", "Hm.", False)
        third = Outcome(generator.stream(QUESTION), server)
        third.events += third.stream.events()
        assert third.text == "No thinking now."


@habit("content as a list of parts, thinking among them")
def _() -> None:
    thought = delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}])
    outcome = ask(lambda asked: asked.stream([thought, delta(content=[{"type": "text", "text": "Yes."}]), DONE]))
    assert (outcome.text, outcome.thinking) == ("Yes.", "Hm.")


@habit("all thinking, cut at the limit of tokens")
def _() -> None:
    outcome = ask(lambda asked: asked.stream([delta(reasoning_content="Hm. "), delta("length"), DONE]))
    assert "only thought; raise max_new_tokens" in str(outcome.error)
    told = event({"choices": [], "usage": {"completion_tokens": 1}})
    outcome = ask(lambda asked: asked.stream([delta(reasoning_content="Hm. "), delta("length"), told, DONE]))
    assert "only thought, for 1 token; raise max_new_tokens" in str(outcome.error)


@habit("an answer about `<think>` tags")
def _() -> None:
    text = "The tag `<think>` opens it and `</think>` closes it:\n\n```html\n<think>\nx\n</think>\n```\nSo."
    for size in (1, 4, 1000):
        outcome = ask(lambda asked, size=size: asked.say(text, size))
        assert (outcome.text, outcome.thinking) == (text, "")


# --- a context that is full


def full(limit: int, refuse: Reply) -> Reply:
    """A server that takes so many characters."""
    return lambda asked: refuse(asked) if asked.characters > limit else asked.say("So it is.")


@habit("a full context, as vLLM and OpenAI word it")
def _() -> None:
    sentence = (
        "This model's maximum context length is 512 tokens. However, you requested 1100 tokens (588 in the messages, "
        "512 in the completion). Please reduce the length of the messages or completion."
    )
    outcome = ask(full(1500, lambda asked: asked.refuse(400, sentence, code="context_length_exceeded")), LONG)
    assert outcome.text == "So it is."
    assert "oldest" in outcome.notices
    assert outcome.server.asked[-1]["messages"][0]["role"] == "system"
    assert outcome.server.asked[-1]["messages"][-1]["content"] == "And then?"
    alone = ask(full(5, lambda asked: asked.refuse(400, sentence)), sampling=Sampling(max_new_tokens=512))
    assert isinstance(alone.error, ContextFullError)
    assert ["max_tokens" in body for body in alone.server.asked] == [True, False]


@habit("a full context, as llama.cpp words it")
def _() -> None:
    error = {
        "code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": 1407, "n_ctx": 256,
        "message": "the request exceeds the available context size, try increasing it",
    }  # fmt: skip
    outcome = ask(full(1500, lambda asked: asked.json({"error": error}, 400)), LONG)
    assert outcome.text == "So it is."


@habit("a full context, told inside a stream of status 200")
def _() -> None:
    words = "The number of tokens to keep from the initial prompt is greater than the context length. Try to load more"
    outcome = ask(
        full(
            1500,
            lambda asked: asked.stream([b"event: error\ndata: " + json.dumps({"error": words}).encode() + b"\n\n"]),
        ),
        LONG,
    )
    assert outcome.text == "So it is."


@habit("a full context, answered with nothing at all")
def _() -> None:
    outcome = ask(full(2600, lambda asked: asked.stream([delta("stop"), DONE])), LONG)
    assert outcome.text == "So it is."
    short = ask(lambda asked: asked.stream([delta("stop"), DONE]))
    assert "empty answer" in str(short.error)


@habit("a prompt cut short without a word")
def _() -> None:
    many = [Message(Role.USER, "word " * 3000)]
    outcome = ask(lambda asked: asked.say("So.", prompt_tokens=512, completion_tokens=3), many)
    assert "seems to have cut it short" in outcome.notices


# --- not now


@habit("a model that is still loading")
def _() -> None:
    loading = {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}
    outcome = ask(lambda asked: asked.json(loading, 503) if asked.number < 1 else asked.say("Yes."))
    assert outcome.text == "Yes."
    assert any("loads the model" in stage for stage in outcome.waits)


@habit("a rate limit, with Retry-After")
def _() -> None:
    def reply(asked: Asked) -> None:
        if asked.number == 0:
            asked.json({"error": {"message": "Rate limit reached"}}, 429, {"Retry-After": "1"})
        else:
            asked.say("Yes.")

    outcome = ask(reply)
    assert outcome.text == "Yes."
    assert any("rate limit" in stage for stage in outcome.waits)
    assert outcome.server.times[1] - outcome.server.times[0] >= 1


@habit("a rate limit, the wait in words or in the details")
def _() -> None:
    told: list[dict[str, object]] = [
        {"message": "Rate limit reached for m in organization x on requests per min. Please try again in 700ms."},
        {"message": "Resource has been exhausted", "details": [{"@type": "RetryInfo", "retryDelay": "0.7s"}]},
    ]
    for each in told:
        outcome = ask(
            lambda asked, each=each: asked.json({"error": each}, 429) if asked.number == 0 else asked.say("Yes.")
        )
        assert outcome.text == "Yes."
        assert 0.7 <= outcome.server.times[1] - outcome.server.times[0] < 5


@habit("a rate limit that is far away")
def _() -> None:
    outcome = ask(lambda asked: asked.json({"error": {"message": "Too many requests"}}, 429, {"Retry-After": "3600"}))
    assert "Too many requests" in str(outcome.error)
    assert "try again in 3,600 s" in str(outcome.error)
    assert outcome.error is not None and outcome.error.passing


@habit("a quota that is used up")
def _() -> None:
    sentence = "You exceeded your current quota, please check your plan and billing details."
    outcome = ask(lambda asked: asked.refuse(429, sentence, code="insufficient_quota"))
    assert "exceeded your current quota" in str(outcome.error)
    assert len(outcome.server.asked) == 1


@habit("a status of 500 once in a while")
def _() -> None:
    outcome = ask(lambda asked: asked.refuse(500, "Internal error") if asked.number < 1 else asked.say("Yes."))
    assert outcome.text == "Yes."
    never = ask(lambda asked: asked.refuse(400, "Invalid request \x1b[31m in red"))
    assert "Invalid request in red (status 400)" in str(never.error)


@habit("a page of a proxy in the place of an answer")
def _() -> None:
    page = b"<html><head><title>403 Forbidden</title></head><body>...</body></html>"
    outcome = ask(lambda asked: asked.raw(page, 403, {"Content-Type": "text/html"}))
    assert "says: 403 Forbidden" in str(outcome.error)
    other = ask(lambda asked: asked.raw(b"<html>hello</html>", 200, {"Content-Type": "text/html"}))
    assert "not the OpenAI API" in str(other.error)


# --- parameters and messages


@habit("`max_tokens` refused for `max_completion_tokens`")
def _() -> None:
    def reply(asked: Asked) -> None:
        if "max_tokens" in asked.body:
            sentence = (
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens'."
            )
            asked.refuse(400, sentence, param="max_tokens", code="unsupported_parameter")
        else:
            asked.say("Yes.")

    outcome = ask(reply, sampling=Sampling(max_new_tokens=50, chosen=frozenset({"max_new_tokens"})))
    assert outcome.text == "Yes."
    assert outcome.server.asked[1]["max_completion_tokens"] == 50
    assert "max_completion_tokens" in outcome.notices


@habit("a value of `temperature` refused")
def _() -> None:
    def reply(asked: Asked) -> None:
        if "temperature" in asked.body:
            sentence = (
                "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value."
            )
            asked.refuse(400, sentence, param="temperature", code="unsupported_value")
        else:
            asked.say("Yes.")

    outcome = ask(reply, sampling=Sampling(temperature=0, chosen=frozenset({"temperature"})))
    assert outcome.text == "Yes."
    assert "refuses temperature" in outcome.notices


@habit("an unknown parameter refused by a list of faults")
def _() -> None:
    def reply(asked: Asked) -> None:
        if "seed" in asked.body:
            fault = {"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}
            asked.json({"detail": [fault]}, 422)
        else:
            asked.say("Yes.")

    outcome = ask(reply, sampling=Sampling(seed=3, temperature=1, chosen=frozenset({"seed", "temperature"})))
    assert outcome.text == "Yes."
    assert outcome.server.asked[1]["temperature"] == 1


@habit("`stream_options` refused")
def _() -> None:
    def reply(asked: Asked) -> None:
        if "stream_options" in asked.body:
            asked.refuse(400, "Unrecognized request argument supplied: stream_options")
        else:
            asked.say("Yes.")

    outcome = ask(reply)
    assert (outcome.text, outcome.notices) == ("Yes.", "")


@habit("a chat template that takes no system message")
def _() -> None:
    for sentence in (
        "System role not supported",
        "Conversation roles must alternate user/assistant/user/assistant/...",
        "Only user, assistant and tool roles are supported, got system.",
    ):

        def reply(asked: Asked, sentence: str = sentence) -> None:
            if asked.body["messages"][0]["role"] == "system":
                asked.refuse(500, f"Jinja Exception: {sentence}")
            else:
                asked.say("Yes.")

        outcome = ask(reply)
        assert outcome.text == "Yes."
        [message] = outcome.server.asked[-1]["messages"]
        assert message["role"] == "user" and message["content"].endswith("Write a loop")


@habit("defaults of its own for temperature and length")
def _() -> None:
    outcome = ask(lambda asked: asked.say("Yes."))
    assert set(outcome.server.asked[0]) == {"model", "messages", "stream", "stream_options"}


# --- names and keys


@habit("a model that it does not have")
def _() -> None:
    outcome = ask(lambda asked: asked.refuse(404, 'model "m" not found, try pulling it first'))
    assert "try pulling it first" in str(outcome.error)
    assert "assistant models list" in str(outcome.error)


@habit("a key that is wrong, repeated in the error")
def _() -> None:
    key = "sk-the-secret-key"
    outcome = ask(lambda asked: asked.refuse(401, f"Incorrect API key provided: {key}."), key=key)
    assert "Incorrect API key provided" in str(outcome.error)
    assert key not in str(outcome.error)


@habit("embedding models at the head of its list")
def _() -> None:
    names = ["nomic-embed-text:latest", "BAAI/bge-m3", "text-embedding-3-small", "qwen3:8b", "llama3"]
    with serving(lambda asked: asked.say("Yes."), {"data": [{"id": name} for name in names]}) as server:
        assert ServerGenerator(server.url).name == "qwen3:8b"
        listed = list_models(resolve(server.url))
        assert [model.name for model in listed if model.converses] == ["qwen3:8b", "llama3"]
    only = {"data": [{"id": "bge-m3"}, {"id": "x", "type": "embeddings"}]}
    with (
        serving(lambda asked: asked.say("Yes."), only) as server,
        pytest.raises(GenerationError, match="no conversation"),
    ):
        ServerGenerator(server.url)


@habit("no list of models")
def _() -> None:
    with serving(lambda asked: asked.say("Yes."), lambda asked: asked.refuse(404, "Not Found")) as server:
        assert "".join(ServerGenerator(server.url, "m").stream(QUESTION)) == "Yes."
        with pytest.raises(GenerationError, match="--model"):
            ServerGenerator(server.url)


@habit("another name of the model in its answers")
def _() -> None:
    dated = {"id": "1", "model": "m-2024-08-06", "choices": [{"delta": {"content": "Yes."}, "finish_reason": "stop"}]}
    outcome = ask(lambda asked: asked.stream([event(dated), DONE]))
    assert outcome.stream.model == "m-2024-08-06"


# --- streams


@habit("a stream that breaks off")
def _() -> None:
    for events, cut in (([piece("Half an ans")], True), ([piece("Half an ans")], False)):
        outcome = ask(lambda asked, events=events, cut=cut: asked.stream(events, cut=cut))
        assert (outcome.text, outcome.stream.finish) == ("Half an ans", "broken")
        assert "broke off in the middle" in str(outcome.stream.trouble)
    anew = ask(
        lambda asked: asked.stream([piece("Half")]) if asked.number == 0 else asked.say("All of it."), unattended=True
    )
    assert (anew.text, anew.stream.finish) == ("All of it.", "end")


@habit("[DONE] without a reason")
def _() -> None:
    outcome = ask(lambda asked: asked.say("Yes.", finish=None))
    assert (outcome.text, outcome.stream.finish) == ("Yes.", "end")


@habit("an end by `content_filter`")
def _() -> None:
    outcome = ask(lambda asked: asked.say("I will not", finish="content_filter"))
    assert (outcome.text, outcome.stream.finish) == ("I will not", "filtered")
    empty = ask(lambda asked: asked.stream([delta("content_filter"), DONE]))
    assert "content filter" in str(empty.error)


@habit("an error in the middle of a stream")
def _() -> None:
    error = {"error": {"message": "CUDA out of memory", "type": "server_error", "code": 500}}
    outcome = ask(lambda asked: asked.stream([piece("So "), b"data: " + json.dumps(error).encode() + b"\n\n", DONE]))
    assert (outcome.text, outcome.stream.finish) == ("So ", "broken")
    assert "CUDA out of memory" in str(outcome.stream.trouble)


@habit("comments, CRLF, no blanks, events of several lines, lines of bare JSON")
def _() -> None:
    begun = [
        b": PROCESSING\r\n\r\n",
        b"event: message\r\n",
        piece("a").replace(b"data: ", b"data:").replace(b"\n", b"\r\n"),
    ]
    several = b'data: {"choices": [{"delta":\ndata: {"content": "b"}}]}\n\n'
    bare = piece("c").removeprefix(b"data: ").replace(b"\n\n", b"\n")
    outcome = ask(lambda asked: asked.stream([*begun, several, bare, b"id: 7\nretry: 3\n\n", piece(None, "stop")]))
    assert (outcome.text, outcome.stream.finish) == ("abc", "end")


@habit("characters cut in two between pieces")
def _() -> None:
    whole = b"".join([piece("déjà vu 😀"), DONE]).replace(b"\\u00e9", "é".encode())
    outcome = ask(lambda asked: asked.stream([whole[at : at + 1] for at in range(len(whole))]))
    assert outcome.text == "déjà vu 😀"


@habit("one object in the place of a stream")
def _() -> None:
    choice = {"message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}
    whole = {"id": "1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": {"prompt_tokens": 5}}
    outcome = ask(lambda asked: asked.json(whole))
    assert (outcome.text, outcome.stream.finish, outcome.stream.prompt_tokens) == ("Yes.", "end", 5)


@habit("chunks without choices")
def _() -> None:
    events = [event({"id": "", "choices": [], "prompt_filter_results": []}), delta(role="assistant", content="")]
    outcome = ask(lambda asked: asked.stream([*events, piece("Yes."), delta("stop"), DONE]))
    assert outcome.text == "Yes."


@habit("a call of a tool in the place of an answer")
def _() -> None:
    call = {"index": 0, "id": "x", "function": {"name": "search", "arguments": "{}"}}
    outcome = ask(lambda asked: asked.stream([delta(tool_calls=[call]), delta("tool_calls"), DONE]))
    assert "asked for a tool" in str(outcome.error)


@habit("an answer that goes round in circles")
def _() -> None:
    for text in ("and so on and on, ", "x"):
        outcome = ask(lambda asked, text=text: asked.stream(piece(text) for _ in itertools.count()))
        assert outcome.stream.finish == "loop"


@habit("an answer that does not keep to `max_tokens`")
def _() -> None:
    outcome = ask(
        lambda asked: asked.stream(piece(f"word{number} ") for number in itertools.count()),
        sampling=Sampling(max_new_tokens=8),
    )
    assert outcome.stream.finish == "length"
    assert len(outcome.text) < 8 * 32 + 100


# --- slow ones


@habit("one slot, and a queue before it")
def _() -> None:
    slot = threading.Lock()

    def reply(asked: Asked) -> None:
        with slot:
            time.sleep(0.15)
            asked.say(f"Answer to {asked.body['messages'][-1]['content']}")

    with serving(reply) as server:
        generator = ServerGenerator(server.url, "m", timing=Timing(0.4, 5, patience=60, requests=6))
        generator.unattended = True
        streams = [generator.stream([Message(Role.USER, str(number))]) for number in range(6)]
        texts: dict[int, str] = {}
        threads = [
            threading.Thread(target=lambda at=at, stream=stream: texts.update({at: "".join(stream)}))
            for at, stream in enumerate(streams)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert all(texts[at].endswith(f"Answer to {at}") for at in range(6))
        assert generator._pace.limit < 6


@habit("nothing for too long")
def _() -> None:
    outcome = ask(lambda asked: time.sleep(1.5), timing=Timing(0.3, 0.3))
    assert "did not answer within 0.3 seconds; server_first_token_timeout" in str(outcome.error)

    def trickles(asked: Asked) -> None:
        asked.stream([piece("begins ")], cut=True)
        time.sleep(1.5)

    later = ask(trickles, timing=Timing(5, 0.3))
    assert (later.text, later.stream.finish) == ("begins ", "broken")
    assert "did not go on within 0.3 seconds" in str(later.stream.trouble)


@pytest.mark.parametrize("name", HABITS)
def test_a_habit_of_servers(name: str) -> None:
    HABITS[name]()


def test_the_docs_tell_of_these_habits() -> None:  # and of those of test_more_habits after them
    rows = re.findall(r"^\| \d+ \| (.+?) \|", DOCS.read_text("utf-8"), re.M)
    assert rows[: len(HABITS)] == list(HABITS)
    assert len(HABITS) >= 30


def test_what_was_waited_for_as_told_leaves_a_failing_server_all_its_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.generation.server.pace.FIRST_WAIT", 0.01)

    def reply(asked: Asked) -> None:
        if asked.number < 9:
            asked.json({"error": {"message": "Rate limit"}}, 429, {"retry-after-ms": "10"})
        elif asked.number < 14:
            asked.refuse(500, "Internal error")
        else:
            asked.say("Yes.")

    assert ask(reply, unattended=True).text == "Yes."


def test_stopping_does_not_wait_for_the_server() -> None:
    left = threading.Event()

    def reply(asked: Asked) -> None:
        try:
            for _ in range(100):
                asked.handler.connection.settimeout(0.1)
                try:
                    if asked.handler.connection.recv(1) == b"":
                        break
                except TimeoutError:
                    continue
        finally:
            left.set()

    with serving(reply) as server:
        cancel = threading.Event()
        stream = ServerGenerator(server.url, "m").stream(QUESTION, cancel=cancel)
        threading.Timer(0.3, cancel.set).start()
        began = time.monotonic()
        assert "".join(stream) == ""
        assert time.monotonic() - began < 2
        assert stream.finish == "cancelled"
        assert left.wait(5), "the connection stayed open"
