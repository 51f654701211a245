"""What a server's refusal is taken for, in the words of many servers, and what is done about it."""

import time

import pytest

from assistant.errors import GenerationError, UsageError
from assistant.generation.server import ServerGenerator, list_models, resolve
from assistant.generation.server.address import base_url
from assistant.generation.server.errors import Kind, refusal
from assistant.generation.server.generator import Timing
from assistant.generation.stream import Sampling
from tests.assistant.generation.server.loopback import Asked, serving
from tests.assistant.generation.server.test_habits import LONG, QUESTION, ask


@pytest.mark.parametrize(
    ("status", "sentence", "kind"),
    [
        (400, "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000", Kind.CONTEXT),
        (422, "`inputs` tokens + `max_new_tokens` must be <= 2048. Given: 2000 `inputs` tokens", Kind.CONTEXT),
        (400, "This model's maximum prompt length is 131072 but the request contains 200000", Kind.CONTEXT),
        (400, "Range of input length should be [1, 30720]", Kind.CONTEXT),
        (400, "Invalid request: Your request exceeded model token limit: 8192", Kind.CONTEXT),
        (400, "Prompt exceeds max length", Kind.CONTEXT),
        (400, "the input length exceeds the context length", Kind.CONTEXT),
        (400, "Requested tokens (2345) exceed context window of 2048", Kind.CONTEXT),
        (429, "Request too large for m on tokens per min (TPM): Limit 30000, Requested 40000.", Kind.CONTEXT),
        (429, "Too many tokens, please wait before trying again.", Kind.RATE),
        (429, "You exceeded your current quota, please check billing. Please retry in 34.07s.", Kind.RATE),
        (429, "You exceeded your current quota, please check your plan and billing details.", Kind.QUOTA),
        (400, "Your credit balance is too low to access the API", Kind.QUOTA),
        (403, "This API key has exceeded its monthly spending limit", Kind.QUOTA),
        (404, "model 'credit-scorer' not found", Kind.MODEL),
        (400, "The prompt was flagged: credit card numbers", Kind.REFUSED),
        (422, "inputs must be a list", Kind.REFUSED),
        (503, "Model m is currently loading", Kind.LOADING),
        (500, "llama runner process has terminated: error loading model: unable to allocate a buffer", Kind.BUSY),
        (400, "Failed to load model m. Error: Model loading aborted for lack of resources", Kind.REFUSED),
    ],
)
def test_a_sentence_is_taken_for_what_it_means(status: int, sentence: str, kind: Kind) -> None:
    sent = ["max_tokens", "temperature"] if kind is not Kind.CONTEXT else []
    assert refusal(status, {"error": {"message": sentence}}, sent).kind is kind


def test_a_quota_of_a_minute_is_a_rate_limit_where_the_details_say_when_it_ends() -> None:
    error = {"message": "You exceeded your current quota", "details": [{"retryDelay": "34s"}]}
    found = refusal(429, [{"error": error}])
    assert (found.kind, found.retry_after) == (Kind.RATE, 34.0)


def test_a_wait_of_no_time_at_all_does_not_make_a_flood_of_requests() -> None:
    outcome = ask(
        lambda asked: asked.json({"error": {"message": "Rate limit"}}, 429, {"Retry-After": "0"}),
        timing=Timing(patience=1.5),
        unattended=True,
    )
    assert outcome.error is not None and outcome.error.passing
    assert len(outcome.server.asked) < 10


def test_a_proxy_whose_server_is_down_is_waited_for_by_time_not_by_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.generation.server.pace.FIRST_WAIT", 0.001)
    for status in (502, 503, 504):

        def reply(asked: Asked, status: int = status) -> None:
            if asked.number < 9:
                asked.raw(b"", status, {})
            else:
                asked.say("Yes.")

        outcome = ask(reply, unattended=True)
        assert outcome.text == "Yes."
    failing = ask(lambda asked: asked.refuse(500, "of this question"), unattended=True)
    assert len(failing.server.asked) == 6


def test_an_old_failure_leaves_a_person_all_patience_for_a_model_that_loads() -> None:
    def reply(asked: Asked) -> None:
        if asked.number == 0:
            asked.refuse(400, "Invalid request")
        elif asked.number == 1:
            asked.refuse(503, "Loading model")
        else:
            asked.say("Yes.")

    with serving(reply) as server:
        generator = ServerGenerator(server.url, "m", timing=Timing(patience=2.0))
        with pytest.raises(GenerationError):
            "".join(generator.stream(QUESTION))
        time.sleep(1.5)
        assert "".join(generator.stream(QUESTION)) == "Yes."


def test_where_the_wanted_length_is_what_is_too_much_no_turn_goes_for_it() -> None:
    def reply(asked: Asked) -> None:
        if "max_tokens" in asked.body:
            sentence = "'max_tokens' or 'max_completion_tokens' is too large: 5000. The maximum context length is 4096."
            asked.refuse(400, sentence)
        else:
            asked.say("Yes.")

    outcome = ask(reply, LONG, Sampling(max_new_tokens=5000))
    assert (outcome.text, outcome.stream.turns_left_out) == ("Yes.", 0)


@pytest.mark.parametrize(
    ("listed", "names"),
    [
        ({"object": "list", "data": None}, []),
        ({"data": ["a", "b"]}, ["a", "b"]),
        (["a"], ["a"]),
        ({"data": [{"id": "org/a b"}, {"note": 1}]}, ["org/a b"]),
        ({"data": {"models": [{"model": "z"}]}}, ["z"]),
    ],
)
def test_lists_of_models_of_other_shapes_are_read(listed: object, names: list[str]) -> None:
    with serving(lambda asked: asked.say("Yes."), listed) as server:
        assert [model.name for model in list_models(resolve(server.url))] == names
        if not names:
            with pytest.raises(GenerationError, match="lists no model"):
                ServerGenerator(server.url)


def test_a_key_is_sent_without_what_it_was_copied_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_API_KEY", " the-key\r\n")
    assert resolve("http://127.0.0.1:1").key == "the-key"
    monkeypatch.setenv("ASSISTANT_API_KEY", "  ")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert resolve("http://127.0.0.1:1").key is None
    monkeypatch.setenv("ASSISTANT_API_KEY", "“the-key”")
    with pytest.raises(UsageError, match="copy it again"):
        resolve("http://127.0.0.1:1")


@pytest.mark.parametrize("name", ["lmstudio", "LM Studio", "lm-studio"])
def test_a_program_that_does_not_run_now_may_do_so_later(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("assistant.generation.server.address.USUAL_PORTS", {"lmstudio": (9,)})
    with pytest.raises(GenerationError, match="LM Studio does not answer at 127") as caught:
        resolve(name)
    assert caught.value.passing


@pytest.mark.parametrize("own", [":{port}", "[::1]:{port}", "0.0.0.0:{port}", "http://127.0.0.1:{port}"])
def test_ollama_is_found_where_its_own_variable_says(monkeypatch: pytest.MonkeyPatch, own: str) -> None:
    asked: list[tuple[str, int]] = []

    class Connection:
        def __enter__(self) -> "Connection":
            return self

        def __exit__(self, *_: object) -> None:
            """Nothing to close."""

    def connect(place: tuple[str, int], timeout: float) -> Connection:
        asked.append(place)
        return Connection()

    monkeypatch.setattr("socket.create_connection", connect)
    monkeypatch.setenv("OLLAMA_HOST", own.format(port=11500))
    url = resolve("ollama").url
    host = "[::1]" if "::1" in own else "127.0.0.1"
    assert url == base_url(url) == f"http://{host}:11500/v1"
    assert asked == [(host.strip("[]"), 11500)]
