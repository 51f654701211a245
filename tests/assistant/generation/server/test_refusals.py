"""What a server's refusal is taken for, in the words of many servers, and what is done about it."""

import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import trustme

from assistant.errors import GenerationError, SettingsError, UsageError
from assistant.events import Notice, TextDelta
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
        (400, "Unsupported value: 'messages[0].role' does not support 'system' with this model.", Kind.ROLES),
        (400, "Developer instruction is not enabled for models/m", Kind.ROLES),
        (400, "After the (optional) system message(s), user and assistant roles should be alternating.", Kind.ROLES),
        (400, "Please ensure that multiturn requests alternate between user and model", Kind.ROLES),
        (400, "Conversation roles must alternate user/assistant/user/assistant/...", Kind.ROLES),
        (400, "This model does not support system messages", Kind.ROLES),
        (400, "The alternative messages are invalid", Kind.REFUSED),
        (422, "Input should be 'user' or 'assistant'", Kind.ROLES),
        (498, "Flex tier capacity exceeded", Kind.RATE),
        (403, "Country, region, or territory not supported", Kind.REFUSED),
        (403, 'm requires moderation on P. Your input was flagged for "violence".', Kind.REFUSED),
        (403, "Access denied due to Virtual Network/Firewall rules.", Kind.REFUSED),
        (403, "The API has not been used in project 123 before or it is disabled.", Kind.REFUSED),
        (401, "Your IP address 192.0.2.4 is not authorized.", Kind.REFUSED),
        (401, "Your account has been deactivated. Check your email.", Kind.QUOTA),
        (400, "/chat/completions: Invalid model name passed in model=m", Kind.MODEL),
        (400, "The model `m` has been decommissioned and is no longer supported.", Kind.MODEL),
        (403, "This key has no leave for that", Kind.KEY),
        (400, "API key not valid. Please pass a valid API key.", Kind.KEY),
    ],
)
def test_a_sentence_is_taken_for_what_it_means(status: int, sentence: str, kind: Kind) -> None:
    sent = ["max_tokens", "temperature"] if kind is not Kind.CONTEXT else []
    assert refusal(status, {"error": {"message": sentence}}, sent).kind is kind


@pytest.mark.parametrize(
    "error",
    [
        {"message": "Your organization must be verified to stream this model.", "param": "stream"},
        {"message": "Streaming is not supported for this model"},
        {"message": "Unsupported parameter: stream"},
        {"message": "This model does not support streaming"},
    ],
)
def test_a_server_that_does_not_stream_is_asked_for_the_whole_answer(error: dict[str, str]) -> None:
    def reply(asked: Asked) -> None:
        if asked.body["stream"]:
            asked.json({"error": error}, 400)
        else:
            choice = {"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}
            asked.json({"id": "1", "choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 2}})

    outcome = ask(reply, sampling=Sampling(max_new_tokens=9))
    assert (outcome.text, outcome.stream.finish, outcome.stream.prompt_tokens) == ("Yes.", "end", 3)
    assert "does not stream; its answers come all at once" in outcome.notices
    assert "stream_options" not in outcome.server.asked[-1]
    assert outcome.server.asked[-1]["max_tokens"] == 9
    assert len(outcome.server.asked) == 2


def test_a_server_that_speaks_of_its_stream_whatever_is_asked_is_not_asked_for_ever() -> None:
    sentence = "Streaming is not supported for this model"
    outcome = ask(lambda asked: asked.refuse(400, sentence, param="stream") if asked.number < 9 else asked.say("No."))
    assert sentence in str(outcome.error)
    assert [body["stream"] for body in outcome.server.asked] == [True, False]


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "max_tokens: Field required"}},
        {"detail": [{"type": "missing", "loc": ["body", "max_tokens"], "msg": "Field required"}]},
    ],
)
def test_a_server_that_wants_the_length_of_an_answer_is_told_it(error: dict[str, object]) -> None:
    def reply(asked: Asked) -> None:
        if "max_tokens" in asked.body:
            asked.say("Yes.")
        else:
            asked.json(error, 422)

    with serving(reply) as server:
        generator = ServerGenerator(server.url, "m")
        assert ["".join(generator.stream(QUESTION)) for _ in range(2)] == ["Yes.", "Yes."]
        assert [body.get("max_tokens") for body in server.asked] == [None, 512, 512]


@pytest.mark.parametrize("named", [None, "m"])
def test_what_keeps_a_connection_from_being_made_is_told(named: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    def asked_at(url: str) -> str:
        return "".join(ServerGenerator(url, named).stream(QUESTION))

    with serving(lambda asked: asked.say("Yes."), certificate=context) as server:
        with pytest.raises(GenerationError, match=r"certificate that is not trusted here .*SSL_CERT_FILE"):
            asked_at(server.url)
        with pytest.raises(
            GenerationError, match=r"broke off before it answered; is the port right, or does it want https://\?"
        ):
            asked_at(server.url.replace("https", "http"))
        with authority.cert_pem.tempfile() as file:
            monkeypatch.setenv("SSL_CERT_FILE", file)
            assert asked_at(server.url) == "Yes."
        with pytest.raises(SettingsError, match=r"SSL_CERT_FILE names .* cannot be read as certificates"):
            asked_at(server.url)
        monkeypatch.delenv("SSL_CERT_FILE")
    with (
        serving(lambda asked: asked.say("Yes.")) as server,
        pytest.raises(GenerationError, match="does not speak TLS there; write http://"),
    ):
        asked_at(server.url.replace("http", "https"))


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
    for status in (502, 503, 504, 522):

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


@pytest.mark.parametrize(
    ("status", "kind", "body", "told"),
    [
        (500, "text/html", b"<html><title>Oops &amp; sorry</title></html>", "says: Oops & sorry (status 500)"),
        (404, "text/html", b"<h1>Not Found</h1>", "says: Not Found (status 404); is the address right"),
        (405, "text/html", b"", "not the OpenAI API; is the address right"),
        (400, "text/plain; charset=iso-8859-1", "Requête refusée".encode("latin-1"), "says: Requête refusée"),
        (407, "text/html", b"<title>Access Denied</title>", "Access Denied (status 407); HTTPS_PROXY takes a name"),
    ],
)
def test_a_page_in_the_place_of_an_error_is_told_as_a_person_would_read_it(
    status: int, kind: str, body: bytes, told: str
) -> None:
    outcome = ask(lambda asked: asked.raw(body, status, {"Content-Type": kind}))
    assert told in str(outcome.error)


def test_what_only_claims_to_be_compressed_is_not_asked_for_again() -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    outcome = ask(lambda asked: asked.raw(b'{"choices": []}', 200, headers))
    assert "not the OpenAI API" in str(outcome.error)
    assert len(outcome.server.asked) == 1


@pytest.mark.parametrize(
    "error", [{"errors": [{"message": "No such route", "code": 7003}]}, {"Message": "No such route"}]
)
def test_a_sentence_is_found_where_gateways_put_it(error: dict[str, object]) -> None:
    assert refusal(400, error).sentence == "No such route"


def _together(reply: Callable[[Asked], None], sampling: Sampling | None = None) -> tuple[list[str], str]:
    """What four requests become that are refused before any of them has learned from it, and the notices."""
    at_once = threading.Barrier(4)

    def first_together(asked: Asked) -> None:
        if asked.number < 4:
            at_once.wait(10)
        reply(asked)

    notices: list[str] = []
    with serving(first_together) as server:
        generator = ServerGenerator(server.url, "m")
        generator.unattended = True

        def text(_: int) -> str:
            said = ""
            for each in generator.stream(QUESTION, sampling=sampling).events():
                said += each.text if isinstance(each, TextDelta) else ""
                if isinstance(each, Notice):
                    notices.append(each.text)
            return said

        with ThreadPoolExecutor(4) as threads:
            said = list(threads.map(text, range(4)))
        assert len(server.asked) >= 8
    return said, " ".join(notices)


def test_requests_that_are_refused_together_all_learn_the_new_name() -> None:
    def reply(asked: Asked) -> None:
        if "max_tokens" in asked.body:
            sentence = "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
            asked.refuse(400, f"Unsupported parameter: {sentence}", param="max_tokens")
        else:
            asked.say(f"At most {asked.body.get('max_completion_tokens')}.")

    said, notices = _together(reply, Sampling(max_new_tokens=9))
    assert said == ["At most 9."] * 4
    assert notices.count("is sent as max_completion_tokens") == 1
    assert "left out" not in notices


def test_requests_that_are_refused_together_all_leave_it_out() -> None:
    def reply(asked: Asked) -> None:
        for name in ("max_tokens", "temperature"):
            if name in asked.body:
                asked.refuse(400, f"Unsupported parameter: {name}", param=name)
                return
        asked.say("Yes.")

    assert _together(reply, Sampling(max_new_tokens=9, temperature=0.5))[0] == ["Yes."] * 4


def test_requests_that_are_refused_together_all_go_without_a_system_message() -> None:
    def reply(asked: Asked) -> None:
        if asked.body["messages"][0]["role"] == "system":
            asked.refuse(400, "System role not supported")
        else:
            asked.say("Yes.")

    assert _together(reply)[0] == ["Yes."] * 4


def test_requests_that_are_refused_together_all_tell_the_length_that_is_wanted() -> None:
    def reply(asked: Asked) -> None:
        if "max_tokens" in asked.body:
            asked.say("Yes.")
        else:
            asked.refuse(400, "max_tokens: Field required")

    assert _together(reply, Sampling(max_new_tokens=9, chosen=frozenset()))[0] == ["Yes."] * 4


def test_a_single_request_is_not_said_to_be_too_many_at_once() -> None:
    outcome = ask(
        lambda asked: asked.refuse(503, "maximum pending requests exceeded") if not asked.number else asked.say("Yes.")
    )
    assert (outcome.text, outcome.notices) == ("Yes.", "")
