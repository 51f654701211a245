"""Habits of servers after public reports, from 61 on in docs/servers.md; those before are in the two files beside."""

import itertools
import json
import random
import threading
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.answering.writing import about_end
from assistant.errors import ContextFullError, GenerationError
from assistant.events import TextTakenBack
from assistant.generation.server import ServerGenerator, list_models, resolve
from assistant.generation.server.errors import Kind, refusal
from assistant.generation.server.generator import Timing
from assistant.generation.server.whole_chunks import WholeChunks
from assistant.generation.stream import Sampling
from tests.assistant.generation.server.loopback import DONE, Asked, delta, event, serving
from tests.assistant.generation.server.test_habits import LONG, QUESTION, ask, list_of_habits
from tests.trust.servers import piece

HABITS, habit = list_of_habits()
CAPITAL = "The capital of France is Paris, and Paris is its capital."


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.generation.server.pace.FIRST_WAIT", 0.01)


def grown(text: str, size: int = 7) -> list[str]:
    """All beginnings of a text, each longer than the one before."""
    return [text[:end] for end in range(size, len(text) + size, size)]


@habit("all of the answer so far in every chunk")
def _() -> None:
    for finish in ([delta("stop")], [delta("stop", content=CAPITAL)]):
        outcome = ask(lambda asked, finish=finish: asked.stream([*map(piece, grown(CAPITAL)), *finish, DONE]))
        assert (outcome.text, outcome.stream.finish) == (CAPITAL, "end")
        assert sum(isinstance(each, TextTakenBack) for each in outcome.events) == 1
    thought = [delta(reasoning_content=said) for said in grown("Hm, let me see whether it is so.")]
    outcome = ask(lambda asked: asked.stream([*thought, *map(piece, grown(CAPITAL)), delta("stop"), DONE]))
    assert outcome.text == CAPITAL
    assert outcome.thinking.count("whether") == 1


@habit("all of the answer once more as its last piece")
def _() -> None:
    pieces = [piece(CAPITAL[at : at + 6]) for at in range(0, len(CAPITAL), 6)]
    for last in ([piece(CAPITAL), delta("stop")], [delta("stop", content=CAPITAL)], [piece(CAPITAL)]):
        outcome = ask(lambda asked, last=last: asked.stream([*pieces, *last, DONE]))
        assert (outcome.text, outcome.stream.finish) == (CAPITAL, "end")


@habit("a request that is only put into a queue")
def _() -> None:
    bodies = [b'{"requestId": "1", "status": "pending-evaluation"}', b'{"id": "1", "status": "queued"}', b""]
    for kind, body in itertools.product(("application/json", "text/plain"), bodies):
        outcome = ask(lambda asked, kind=kind, body=body: asked.raw(body, 202, {"Content-Type": kind}))
        assert "only put the request into a queue (status 202)" in str(outcome.error)
        assert outcome.error is not None
        assert outcome.error.passing
    done = {"id": "1", "choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}]}
    assert ask(lambda asked: asked.json(done if asked.number else {"status": "queued"}, 202)).text == "Yes."


@habit("an answer that failed on the way, told with a status of 424")
def _() -> None:
    error = {"error": "Request failed during generation: Server error: out of memory", "error_type": "generation"}
    outcome = ask(lambda asked: asked.say("Yes.") if asked.number else asked.json(error, 424))
    assert outcome.text == "Yes."


@habit("a context that is too small for one short question")
def _() -> None:
    for status, sentence in ((413, "Request body too large. Max size: 128 tokens."), (400, "The context is full: 64")):
        outcome = ask(
            lambda asked, status=status, sentence=sentence: asked.refuse(
                status, sentence, code="context_length_exceeded"
            )
        )
        assert isinstance(outcome.error, ContextFullError)
        assert "its context or limit is too small; start it with a larger one" in str(outcome.error)
    outcome = ask(lambda asked: asked.refuse(413, "Too large."), [type(QUESTION[0])(QUESTION[0].role, "word " * 900)])
    assert "shorten the message" in str(outcome.error)


@habit("escape sequences in an error")
def _() -> None:
    outcome = ask(
        lambda asked: asked.refuse(400, "\x1b[1;31mError\x1b[0m: \x1b]8;;http://a.b\x07odd\x1b]8;;\x07 prompt")
    )
    assert "says: Error: odd prompt (status 400)" in str(outcome.error)


@habit("a refusal in a field of its own")
def _() -> None:
    words = "I cannot help with that."
    refuses = [delta(refusal=words[:9]), delta(refusal=words[9:]), delta("stop"), DONE]
    whole = {"id": "1", "choices": [{"message": {"content": None, "refusal": words}, "finish_reason": "stop"}]}
    for reply in (lambda asked: asked.stream(refuses), lambda asked: asked.json(whole)):
        outcome = ask(reply)
        assert (outcome.text, outcome.stream.finish) == (words, "filtered")
        assert "refused" in str(about_end(outcome.stream))
    plain = [delta(content="Yes.", refusal=None), delta("stop", refusal=""), DONE]
    assert ask(lambda asked: asked.stream(plain)).stream.finish == "end"


@habit("an end for want of context, by another name")
def _() -> None:
    for name in ("model_context_window_exceeded", "MAX_TOKENS", {"type": "length", "length": 512}):
        choice = {"index": 0, "delta": {"content": "So it"}, "finish_reason": name}
        assert ask(lambda asked, choice=choice: asked.stream([event({"choices": [choice]})])).stream.finish == "length"


@habit("faults of parameters as a list below the message")
def _() -> None:
    fault = {"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}
    for message in ({"detail": [fault]}, [fault], json.dumps({"detail": [fault]}), str([fault])):
        refused = {"object": "error", "message": message, "type": "invalid_request_error", "param": None, "code": 3001}
        outcome = ask(
            lambda asked, refused=refused: (
                asked.json(refused, 422) if "stream_options" in asked.body else asked.say("Yes.")
            )
        )
        assert outcome.text == "Yes.", message


@habit("a limit of use for hours or days, without a word on when it ends")
def _() -> None:
    for sentence in (
        "you (jo) have reached your weekly usage limit, upgrade for higher limits: https://example.org/upgrade",
        "you've reached your hourly usage limit, please wait or upgrade to continue",
        "you have reached your session usage limit, please wait or upgrade to continue",
    ):
        outcome = ask(lambda asked, sentence=sentence: asked.json({"error": sentence}, 429), unattended=True)
        assert len(outcome.server.asked) == 1
        assert outcome.error is not None
        assert outcome.error.passing
        assert sentence[:20] in str(outcome.error)
    told = refusal(429, {"error": "You have reached your hourly usage limit; try again in 20s."})
    assert (told.kind, told.retry_after) == (Kind.RATE, 20)


@habit("a model that was unloaded meanwhile")
def _() -> None:
    for sentence in ("Model is unloaded.", "Model unloaded.", "Error: Channel Error", "unexpected EOF"):
        outcome = ask(
            lambda asked, sentence=sentence: asked.say("Yes.") if asked.number else asked.json({"error": sentence}, 400)
        )
        assert outcome.text == "Yes.", sentence


@habit("a length that is more than the model may write")
def _() -> None:
    sentence = (
        "`max_tokens` must be less than or equal to `16384`, the maximum value for `max_tokens` is less than the "
        "`context_window` for this model"
    )
    outcome = ask(
        lambda asked: (
            asked.refuse(400, sentence, param="max_tokens") if "max_tokens" in asked.body else asked.say("So.")
        ),
        LONG,
        Sampling(max_new_tokens=30_000),
    )
    assert (outcome.text, outcome.stream.turns_left_out) == ("So.", 0)
    assert len(outcome.server.asked) == 2


@habit("an end that is told before the end")
def _() -> None:
    def reply(asked: Asked) -> None:
        def events() -> list[bytes] | itertools.chain[bytes]:
            yield delta("stop", reasoning_content="Hm.")
            time.sleep(0.8)
            yield delta("stop", content="It is ")
            yield delta("stop", content="so")
            time.sleep(0.8)
            yield from (delta("stop", content="."), DONE)

        asked.stream(events())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("assistant.generation.server.attempt._AFTER_END_SECONDS", 0.3)
        outcome = ask(reply)
    assert (outcome.text, outcome.stream.finish) == ("It is so.", "end")
    late = [piece("It is "), delta("length"), piece("so"), DONE]
    assert ask(lambda asked: asked.stream(late)).stream.finish == "length"
    cut = ask(lambda asked: asked.stream([delta("stop", content="It "), delta("stop", content="is")], cut=True))
    assert cut.stream.finish == "broken"


@habit("an error of a gateway's own form, with a status of 200")
def _() -> None:
    error = {"result": None, "success": False, "errors": [{"code": 7009, "message": "Upstream service unavailable"}]}
    outcome = ask(lambda asked: asked.json({**error, "messages": []}))
    assert "says: Upstream service unavailable" in str(outcome.error)
    with (
        serving(lambda asked: None, lambda asked: asked.json({**error, "messages": []})) as server,
        pytest.raises(GenerationError, match="says: Upstream service unavailable"),
    ):
        list_models(resolve(server.url))


@habit("an account that has to be paid for or looked after")
def _() -> None:
    for status, sentence in (
        (403, "The free tier of the model has been exhausted. Disable the use of the free tier only to go on."),
        (400, "The free tier of the model has been exhausted."),
        (400, "Access denied, please make sure your account is in good standing."),
        (403, "Quota exceeded and account balance is $0.0, please pay."),
    ):
        outcome = ask(lambda asked, status=status, sentence=sentence: asked.refuse(status, sentence), unattended=True)
        assert len(outcome.server.asked) == 1
        assert outcome.error is not None
        assert outcome.error.passing
        assert "key" not in str(outcome.error), sentence


@habit("a model that the account's own rules leave out")
def _() -> None:
    sentence = "No endpoints found matching your data policy (Free model publication). Configure: https://example.org/p"
    outcome = ask(lambda asked: asked.refuse(404, sentence, code=404))
    assert "No endpoints found matching your data policy" in str(outcome.error)
    assert "names its models" not in str(outcome.error)
    assert "address" not in str(outcome.error)


@habit("the reason of the end under another name")
def _() -> None:
    for reason, finish in (("stop", "end"), ("length", "length"), ("SAFETY", "filtered")):
        last = {"index": 0, "delta": {"content": "so"}, "finish_reason": None, "finishReason": reason}
        outcome = ask(lambda asked, last=last: asked.stream([piece("It is "), event({"choices": [last]})]))
        assert (outcome.text, outcome.stream.finish) == ("It is so", finish)


@habit("a list of models that fails though the server answers")
def _() -> None:
    def fails(asked: Asked) -> None:
        asked.refuse(500, "Internal error")

    with serving(lambda asked: asked.say("Yes."), fails) as server:
        assert "".join(ServerGenerator(server.url, "m").stream(QUESTION)) == "Yes."
        with pytest.raises(GenerationError, match=r"Internal error \(status 500\); name a model with --model"):
            ServerGenerator(server.url)


@pytest.mark.parametrize("name", HABITS)
def test_habit(name: str) -> None:
    HABITS[name]()


@given(st.lists(st.text(st.sampled_from("1\n a0"), min_size=1, max_size=4), max_size=12))
def test_of_no_text_anything_is_lost_that_is_said_in_pieces(pieces: list[str]) -> None:
    chunks = WholeChunks()
    news = [chunks.add(each) for each in pieces]
    if not any(again for _, again in news):
        assert "".join(new for new, _ in news) == "".join(pieces)


@pytest.mark.parametrize(
    "pieces",
    [
        ["1", "10", "100", " and so on"],
        ["\n", "\n\n", "\n\n\n", "Yes"],
        ["no", "no", "no", "nono"],
        ["ha", "haha", "!"],
        ["I", "It", " is"],
        ["-", "--", "---", "----", "|a|"],
        ["The cat. ", "The cat. ", "Again."],
        ["Yes", "Yes"],
    ],
)
def test_a_stream_of_pieces_that_look_alike_is_left_as_it_is(pieces: list[str]) -> None:
    outcome = ask(lambda asked: asked.stream([*map(piece, pieces), delta("stop"), DONE]))
    assert outcome.text == "".join(pieces)


def test_a_compressed_answer_that_is_spoilt_is_told_in_one_line_and_asked_for_again() -> None:
    packed = bytearray(zlib.compress(b"".join([*map(piece, CAPITAL), DONE]), wbits=31))
    packed[40:60] = b"\xff" * 20

    def reply(asked: Asked, kind: str = "text/event-stream") -> None:
        asked.raw(bytes(packed), 200, {"Content-Type": kind, "Content-Encoding": "gzip"})

    for kind in ("text/event-stream", "application/json"):
        outcome = ask(lambda asked, kind=kind: reply(asked, kind))
        assert outcome.error is not None
        assert outcome.error.passing
        assert "sent an answer whose compression is spoilt; try again" in str(outcome.error)
    anew = ask(lambda asked: asked.say("All.") if asked.number else reply(asked), unattended=True)
    assert anew.text == "All."
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    limited = ask(lambda asked: asked.say("Yes.") if asked.number else asked.raw(bytes(packed), 429, headers))
    assert limited.text == "Yes."


def test_a_length_is_told_where_the_server_has_counted_it() -> None:
    told = ask(lambda asked: asked.say("for x in", finish="length", completion_tokens=9)).stream
    assert "reached 9 tokens and" in str(about_end(told))
    untold = ask(lambda asked: asked.say("for x in", finish="length")).stream
    assert "reached its limit of tokens and" in str(about_end(untold))
    thought = [delta(reasoning_content="Hm."), delta("length"), DONE]
    assert "only thought;" in str(ask(lambda asked: asked.stream(thought)).error)


def test_what_failed_long_ago_takes_no_patience_from_a_question_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.generation.server.pace.LONGEST_WAIT", 0.5)

    def reply(asked: Asked) -> None:
        if asked.number in (0, 1, 2, 3, 4, 5, 6):
            asked.refuse(500, "Down")
        else:
            asked.say("Yes.")

    with serving(reply) as server:
        generator = ServerGenerator(server.url, "m", timing=Timing(patience=1.5))
        generator.unattended = True
        with pytest.raises(GenerationError):
            "".join(generator.stream(QUESTION))
        time.sleep(1.6)
        assert "".join(generator.stream(QUESTION)) == "Yes."


def test_requests_are_let_in_as_they_came_and_those_that_are_cancelled_stand_in_nobodys_way() -> None:
    from assistant.generation.server.pace import Pace

    pace, never = Pace(1, 60), threading.Event()
    assert list(pace.enter(never)) == []
    order: list[int] = []
    cancels = [threading.Event() for _ in range(8)]

    def work(number: int) -> None:
        for _ in pace.enter(cancels[number]):
            pass
        if not cancels[number].is_set():
            order.append(number)
        time.sleep(random.random() / 100)
        pace.leave()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    cancels[0].set()
    cancels[5].set()
    threads[0].join(10)
    threads[5].join(10)
    pace.leave()
    for thread in threads:
        thread.join(10)
    assert order == [1, 2, 3, 4, 6, 7]


def test_whoever_waits_and_is_not_asked_for_more_holds_up_nobody() -> None:
    from assistant.generation.server.pace import Pace

    pace, never = Pace(2, 60), threading.Event()
    pace.hold(0.3, "rate")
    left = pace.enter(never)
    next(left)  # told that it waits, and not gone on with
    assert all(wait.stage == "rate" for wait in pace.enter(never))
    left.close()
    assert not pace._waiting
