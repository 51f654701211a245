"""Further habits of servers after public reports, beyond those of `test_habits`; docs/servers.md has them, too."""

import json
import re
import threading
import time

import pytest

from assistant.errors import GenerationError
from assistant.generation.server import ServerGenerator, list_models, resolve
from assistant.generation.server.address import ServerAddress
from assistant.generation.server.connection import open_client
from assistant.generation.server.end_marks import EndMarks
from assistant.generation.server.errors import Kind, refusal
from assistant.generation.server.generator import Timing
from assistant.types import Message, Role
from tests.assistant.generation.server import test_further_habits, test_habits
from tests.assistant.generation.server.loopback import DONE, Asked, delta, event, serving
from tests.assistant.generation.server.test_habits import DOCS, QUESTION, ask, list_of_habits
from tests.trust.servers import piece

HABITS, habit = list_of_habits()


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.generation.server.pace.FIRST_WAIT", 0.01)


@habit("a router's error without the provider's own words")
def _() -> None:
    raw = {"error": {"message": "At most 1 image is taken in a prompt.", "type": "invalid_request_error"}}
    error = {
        "message": "Provider returned error", "code": 400,
        "metadata": {"raw": json.dumps(raw), "provider_name": "Crucible"},
    }  # fmt: skip
    for reply in (lambda asked: asked.json({"error": error}, 400), lambda asked: asked.json({"error": error})):
        outcome = ask(reply)
        assert "says: Crucible: At most 1 image is taken in a prompt (status 400)" in str(outcome.error)
    whole = {"message": json.dumps(raw), "code": 400}
    assert "says: At most 1 image" in str(ask(lambda asked: asked.json({"error": whole}, 400)).error)
    waits = {"message": "Provider returned error", "metadata": {"raw": "m is temporarily rate-limited upstream."}}
    outcome = ask(lambda asked: asked.json({"error": waits}, 429) if asked.number == 0 else asked.say("Yes."))
    assert outcome.text == "Yes."


@habit("an error within a choice")
def _() -> None:
    choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "error", "error": {"message": "Out of memory"}}
    outcome = ask(lambda asked: asked.stream([piece("So "), event({"id": "1", "choices": [choice]}), DONE]))
    assert (outcome.text, outcome.stream.finish) == ("So ", "broken")
    assert "Out of memory" in str(outcome.stream.trouble)


@habit("an error of another form, with a status of 200")
def _() -> None:
    base = {"status_code": 1008, "status_msg": "insufficient balance"}
    outcome = ask(lambda asked: asked.json({"id": "1", "choices": None, "base_resp": base}))
    assert "says: insufficient balance" in str(outcome.error)
    assert len(outcome.server.asked) == 1
    fine = {"id": "1", "choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}]}
    fine |= {"base_resp": {"status_code": 0, "status_msg": ""}}
    assert ask(lambda asked: asked.json(fine)).text == "Yes."


@habit("an error of status 400 as an event of a stream")
def _() -> None:
    body = b'event: error\ndata: {"error": {"message": "The prompt is too odd."}}\n\ndata: [DONE]\n\n'
    outcome = ask(lambda asked: asked.raw(body, 400, {"Content-Type": "text/event-stream"}))
    assert "says: The prompt is too odd (status 400)" in str(outcome.error)


@habit("a page of a proxy in the middle of a stream")
def _() -> None:
    page = b"<html><head><title>502 Bad Gateway</title></head></html>\n\n"
    outcome = ask(lambda asked: asked.stream([piece("So it "), page]))
    assert (outcome.text, outcome.stream.finish) == ("So it ", "broken")
    anew = ask(
        lambda asked: asked.stream([piece("So "), page]) if asked.number == 0 else asked.say("All."), unattended=True
    )
    assert anew.text == "All."


@habit("the page of a firewall")
def _() -> None:
    page = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>"
    outcome = ask(lambda asked: asked.raw(page, 403, {"Content-Type": "text/html"}))
    assert str(outcome.error).endswith("says: Just a moment... (status 403).".replace("...", ""))
    assert "key" not in str(outcome.error)


@habit("an end mark in the text, or talk of the model with itself")
def _() -> None:
    for size in (1, 3, 7, 200):
        for said in (
            "Use a loop.<|im_end|>",
            "Use a loop.<|eot_id|>\n",
            "Use a loop.<|im_end|>\n<|im_start|>user\nAnd then?<|im_end|>\n<|im_start|>assistant\nThen",
            "Use a loop.<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nUse two.",
            "Use a loop.<end_of_turn>\n<start_of_turn>user\nAnd?",
        ):
            outcome = ask(lambda asked, said=said, size=size: asked.say(said, size))
            assert (outcome.text.strip(), outcome.stream.finish) == ("Use a loop.", "end"), (said, size)


@habit("a limit of requests at once")
def _() -> None:
    slot = threading.Semaphore(2)

    def reply(asked: Asked) -> None:
        if not slot.acquire(blocking=False):
            asked.json({"error": "server busy, please try again.  maximum pending requests exceeded"}, 503)
            return
        time.sleep(0.05)
        asked.say("Yes.")
        slot.release()

    with serving(reply) as server:
        generator = ServerGenerator(server.url, "m", timing=Timing(5, 5, patience=60, requests=8))
        generator.unattended = True
        texts: list[str] = []
        told: list[str] = []

        def work(number: int) -> None:
            stream = generator.stream([Message(Role.USER, str(number))])
            events = list(stream.events())
            texts.append("".join(each.text for each in events if type(each).__name__ == "TextDelta"))
            told.extend(each.text for each in events if "Notice" in type(each).__name__)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert texts == ["Yes."] * 16
        assert generator._pace.limit < 8
        assert "requests at once; it is now asked for" in " ".join(told)


@habit("a rate limit until a moment, or for hours")
def _() -> None:
    metadata = {
        "headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(round(1000 * time.time()) + 7_200_000)}
    }
    error = {"message": "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock more", "metadata": metadata}
    outcome = ask(lambda asked: asked.json({"error": error}, 429))
    assert re.search(r"try again in 7,(200|19\d) s", str(outcome.error))
    assert outcome.error is not None and outcome.error.passing
    assert len(outcome.server.asked) == 1
    for words, seconds in (
        ("Rate limit reached. Please try again in 1h13m26.4s.", 4406.4),
        ("Please retry after 2 hours", 7200),
        ("Please wait 90 seconds before retrying", 90),
        ("Please try again in 7m59.5s", 479.5),
        ("Please try again in 700ms", 0.7),
        ("Try again in 1 minute and 30 seconds", 90),
    ):
        assert refusal(429, {"error": {"message": words}}).retry_after == pytest.approx(seconds)


@habit("credit for a shorter answer alone")
def _() -> None:
    def reply(asked: Asked) -> None:
        if asked.body.get("max_tokens", 65_536) > 3919:
            sentence = "This request requires more credits, or fewer max_tokens. You requested up to 65536 tokens, "
            sentence += "but can only afford 3919."
            asked.refuse(402, sentence, code=402)
        else:
            asked.say("Yes.")

    outcome = ask(reply)
    assert outcome.text == "Yes."
    assert [body.get("max_tokens") for body in outcome.server.asked] == [None, 3919]
    assert "enough for 3,919 tokens" in outcome.notices
    none = ask(lambda asked: asked.refuse(402, "This request requires more credits. You can only afford 0."))
    assert "requires more credits" in str(none.error)
    assert len(none.server.asked) == 1


@habit("a model that the machine has no memory for")
def _() -> None:
    sentence = "model requires more system memory (8.7 GiB) than is available (5.4 GiB)"
    outcome = ask(lambda asked: asked.json({"error": sentence}, 500), unattended=True)
    assert sentence in str(outcome.error)
    assert len(outcome.server.asked) == 1
    assert outcome.error is not None and not outcome.error.passing


@habit("a server that was not started for conversations")
def _() -> None:
    error = {"code": 501, "message": "This server does not support completions. Start it without `--embeddings`"}
    outcome = ask(lambda asked: asked.json({"error": error | {"type": "not_supported_error"}}, 501), unattended=True)
    assert "Start it without `--embeddings` (status 501)" in str(outcome.error)
    assert len(outcome.server.asked) == 1


@habit("a model that crashes, told with a status of 400")
def _() -> None:
    sentence = "The model has crashed without additional information. (Exit code: 18446744072635812000)"
    outcome = ask(lambda asked: asked.json({"error": sentence}, 400) if asked.number < 2 else asked.say("Yes."))
    assert outcome.text == "Yes."


@habit("a wrong name of a model in other words")
def _() -> None:
    for status, sentence in (
        (400, "gpt-9 is not a valid model ID"),
        (400, "The requested model is not supported."),
        (404, "No models loaded. Please load a model in the developer page or use the `lms load` command."),
        (404, "The API deployment for this resource does not exist."),
    ):
        outcome = ask(lambda asked, status=status, sentence=sentence: asked.refuse(status, sentence))
        assert "`assistant models list --server` names its models" in str(outcome.error), sentence


@habit("a version of the API in the address, and a key in a header of its own")
def _() -> None:
    seen: list[str] = []

    def reply(asked: Asked) -> None:
        seen.append(asked.handler.path)
        asked.say("Yes.")

    with serving(reply) as server:
        root = server.url.removesuffix("/v1")
        pasted = f"{root}/openai/deployments/gpt-4o/chat/completions?api-version=2024-06-01&x=1"
        generator = ServerGenerator(pasted)
        assert "".join(generator.stream(QUESTION)) == "Yes."
        assert generator.name == "gpt-4o"
    assert seen == ["/openai/deployments/gpt-4o/chat/completions?api-version=2024-06-01"]
    assert resolve("https://x.openai.azure.com/").url == "https://x.openai.azure.com/openai/v1"
    with open_client(ServerAddress("https://x.openai.azure.com/openai/v1", "the-key")) as client:
        assert client.headers["api-key"] == "the-key"
    with open_client(ServerAddress("https://api.example.org/v1", "the-key")) as client:
        assert "api-key" not in client.headers


@habit("a rate limit on the list of models")
def _() -> None:
    asked_before = [0]

    def models(asked: Asked) -> None:
        asked_before[0] += 1
        if asked_before[0] == 1:
            asked.json({"error": {"message": "Rate limit reached"}}, 429, {"Retry-After": "1"})
        else:
            asked.json({"data": [{"id": "m"}]})

    with serving(lambda asked: asked.say("Yes."), models) as server:
        assert ServerGenerator(server.url).name == "m"
        asked_before[0] = 0
        with pytest.raises(GenerationError, match="Rate limit reached"):
            list_models(resolve(server.url))


@pytest.mark.parametrize("name", HABITS)
def test_a_further_habit_of_servers(name: str) -> None:
    HABITS[name]()


def test_the_docs_tell_of_all_habits_and_of_no_others() -> None:
    rows = re.findall(r"^\| \d+ \| (.+?) \|", DOCS.read_text("utf-8"), re.M)
    assert rows == [*test_habits.HABITS, *HABITS, *test_further_habits.HABITS]


@pytest.mark.parametrize(
    "text",
    [
        "The mark <|im_end|> ends a turn in ChatML.",
        'tokenizer.eos_token = "<|im_end|>"\nprint(1)',
        "```html\n<s>old</s>\n```\nand <s>old</s>",
        "if a </s",
        "A <|im_end|> <b>bold</b> word",
    ],
)
@pytest.mark.parametrize("size", [1, 4, 100])
def test_what_is_said_of_end_marks_stays(text: str, size: int) -> None:
    marks = EndMarks()
    assert "".join([*(marks.add(text[at : at + size]) for at in range(0, len(text), size)), marks.finish()]) == text
    assert not marks.over


def test_a_provider_that_is_over_its_budget_is_no_passing_trouble_of_one_request() -> None:
    words = "Budget has been exceeded! Current cost: 10.2, Max budget: 10.0"
    assert refusal(400, {"error": {"message": words, "type": "budget_exceeded"}}).kind is Kind.QUOTA


def test_an_end_mark_alone_is_no_answer() -> None:
    outcome = ask(
        lambda asked: asked.stream([delta(reasoning_content="Hm."), piece("<|im_end|>"), delta("stop"), DONE])
    )
    assert "only thought" in str(outcome.error)
