"""Shapes in which servers stream, beyond those of the table in docs/servers.md, and what is read of them."""

import itertools
import json
import threading
import time
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from assistant.errors import GenerationError
from assistant.generation.server import ServerGenerator
from assistant.generation.server.chunks import ChunkReader, NotTheApiError
from assistant.generation.server.generator import Timing
from assistant.generation.server.thinking import ThinkingSplitter, without_thinking
from assistant.generation.stream import Sampling
from tests.assistant.generation.server.loopback import DONE, Asked, delta, event, serving
from tests.assistant.generation.server.test_habits import QUESTION, ask
from tests.trust.servers import piece

YES = [piece("Yes"), piece("."), delta("stop")]
JSON_LINES = b"".join(each.removeprefix(b"data: ").replace(b"\n\n", b"\n") for each in YES)
WHOLE = {"id": "1", "choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}]}


def choice(**fields: Any) -> bytes:
    """One event with a choice of these fields."""
    return event({"id": "1", "choices": [{"index": 0, **fields}]})


@pytest.mark.parametrize(
    "events",
    [
        [*YES[:2], choice(finish_reason=None, content_filter_results={}), YES[2], DONE],
        [choice(delta=None, finish_reason=None), *YES, DONE],
        [b"data: ping\n\n", b"data: \n\n", b"data: null\n\n", *YES, DONE],
        [b'event: ping\ndata: {"type": "ping"}\n\n', *YES, DONE],
    ],
    ids=["a note on the filter", "no delta", "signs of life", "an event that is none of this API"],
)
def test_what_says_nothing_is_passed_over(events: list[bytes]) -> None:
    outcome = ask(lambda asked: asked.stream(events))
    assert (outcome.text, outcome.stream.finish, outcome.error) == ("Yes.", "end", None)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (JSON_LINES, "application/x-ndjson"),
        (JSON_LINES, "application/json"),
        (b": hi\n\n" + b"".join(YES) + DONE, "application/json"),
        (b"".join(YES) + DONE, "text/plain"),
        (json.dumps(WHOLE, indent=2).encode(), "text/plain"),
        (json.dumps(WHOLE, indent=2).encode(), "Application/JSON"),
    ],
)
def test_the_stated_type_of_an_answer_does_not_matter(body: bytes, kind: str) -> None:
    outcome = ask(lambda asked: asked.raw(body, 200, {"Content-Type": kind}))
    assert (outcome.text, outcome.stream.finish) == ("Yes.", "end")


@pytest.mark.parametrize("finish", ["", "null", "None"])
def test_an_empty_reason_on_each_piece_is_no_end(finish: str) -> None:
    broken = ask(lambda asked: asked.stream([delta(finish, content="Half")]))
    assert (broken.text, broken.stream.finish) == ("Half", "broken")
    whole = ask(lambda asked: asked.stream([delta(finish, content="All"), DONE]))
    assert (whole.text, whole.stream.finish) == ("All", "end")


def test_of_several_choices_one_is_taken() -> None:
    events = [
        event({"id": "1", "choices": [{"index": at, "delta": {"content": text}} for at, text in pair]})
        for pair in (((0, "A"),), ((1, "X"),), ((1, "Y"), (0, "B")))
    ]
    assert ask(lambda asked: asked.stream([*events, delta("stop"), DONE])).text == "AB"


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning": {"content": "Hm."}},
        {"reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "Hm."}]},
        {"reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
    ],
)
def test_thinking_may_come_as_objects(fields: dict[str, Any]) -> None:
    outcome = ask(lambda asked: asked.stream([delta(**fields), *YES, DONE]))
    assert (outcome.thinking, outcome.text) == ("Hm.", "Yes.")


@pytest.mark.parametrize(
    "said",
    [
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.",
        "<|start|>assistant<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.",
        "◁think▷Hm.◁/think▷Yes.",
        "<seed:think>Hm.</seed:think>Yes.",
        "<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Yes.",
    ],
)
@pytest.mark.parametrize("size", [1, 3, 8, 200])
def test_the_marks_of_thinking_of_other_models_are_known(said: str, size: int) -> None:
    splitter = ThinkingSplitter()
    pieces = (said[at : at + size] for at in range(0, len(said), size))
    parts = [part for each in pieces for part in splitter.add(each)]
    parts += splitter.finish()
    text = "".join(part.text for part in parts if part.kind == "text")
    assert (text, "".join(part.text for part in parts if part.kind == "thinking")) == ("Yes.", "Hm.")


@pytest.mark.parametrize("text", ["a <b> [c] x<y", "array[0", "the <|end|", "if a <", "<|channel|>news"])
def test_what_only_looks_like_a_mark_is_said(text: str) -> None:
    assert without_thinking(text) == text


def test_many_marks_in_one_piece_are_read_in_good_time() -> None:
    began = time.monotonic()
    assert without_thinking("<think>a</think>\n" * 20_000 + "So.").endswith("So.")
    assert time.monotonic() - began < 5


def signs() -> Iterator[bytes]:
    """Comments for six seconds."""
    for _ in range(300):
        time.sleep(0.02)
        yield b": alive\n\n"


def test_signs_of_life_do_not_put_off_the_end_of_patience() -> None:
    def lives(asked: Asked, begun: list[bytes]) -> None:
        asked.stream(itertools.chain(begun, signs()))

    silent = ask(lambda asked: lives(asked, []), timing=Timing(0.5, 5))
    assert "did not answer within 0.5 seconds" in str(silent.error)
    stalled = ask(lambda asked: lives(asked, [piece("begins ")]), timing=Timing(5, 0.5))
    assert (stalled.text, stalled.stream.finish) == ("begins ", "broken")
    assert "did not go on within 0.5 seconds" in str(stalled.stream.trouble)


def test_an_answer_that_has_ended_is_not_kept_waiting_by_an_open_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.generation.server.attempt._AFTER_END_SECONDS", 0.3)

    def stays(asked: Asked) -> None:
        asked.stream(YES, cut=True)
        time.sleep(3)

    began = time.monotonic()
    outcome = ask(stays, timing=Timing(60, 60))
    assert (outcome.text, outcome.stream.finish) == ("Yes.", "end")
    assert time.monotonic() - began < 6  # the server's own three seconds are waited for on leaving


def test_thinking_that_is_cut_here_is_no_answer() -> None:
    goes_round = ask(lambda asked: asked.stream(delta(reasoning_content="on and on, ") for _ in itertools.count()))
    assert "only thought" in str(goes_round.error)
    tagged = itertools.chain([piece("<think>")], (piece("on and on, ") for _ in itertools.count()))
    assert "only thought" in str(ask(lambda asked: asked.stream(tagged)).error)
    thoughts = (delta(reasoning_content=f"word{number} ") for number in itertools.count())
    too_long = ask(lambda asked: asked.stream(thoughts), sampling=Sampling(max_new_tokens=8))
    assert "raise max_new_tokens" in str(too_long.error)


def test_thinking_whose_opening_mark_is_in_the_prompt_is_no_answer_where_it_is_cut() -> None:
    replies = [("Hm.</think>Yes.", "stop"), ("Hm, and hm", "length")]
    with serving(lambda asked: asked.say(replies[asked.number][0], finish=replies[asked.number][1])) as server:
        generator = ServerGenerator(server.url, "m")
        "".join(generator.stream(QUESTION))
        with pytest.raises(GenerationError, match="only thought"):
            "".join(generator.stream(QUESTION))


def test_an_answer_without_thinking_is_counted_as_one_and_ends_the_expectation_of_thinking() -> None:
    replies = ["Hm.</think>Yes.", "No thoughts.", "Half of an ans"]
    with serving(
        lambda asked: asked.say(replies[asked.number]) if asked.number < 2 else asked.stream([piece(replies[2])])
    ) as server:
        generator = ServerGenerator(server.url, "m")
        "".join(generator.stream(QUESTION))
        second, third = generator.stream(QUESTION), generator.stream(QUESTION)
        assert ("".join(second), second.thinking_tokens, second.finish) == ("No thoughts.", 0, "end")
        assert ("".join(third), third.thinking_tokens, third.finish) == ("Half of an ans", 0, "broken")


@pytest.mark.parametrize("size", [1, 4, 100])
def test_thinking_that_says_where_it_begins_is_no_answer_where_it_is_never_closed(size: int) -> None:
    replies = ["Hm.</think>Yes.", "\n<think>Hm, and hm"]
    with serving(lambda asked: asked.say(replies[asked.number], size)) as server:
        generator = ServerGenerator(server.url, "m")
        "".join(generator.stream(QUESTION))
        with pytest.raises(GenerationError, match="only thought"):
            "".join(generator.stream(QUESTION))


def test_what_was_held_back_for_a_mark_is_said_where_the_stream_breaks() -> None:
    outcome = ask(lambda asked: asked.stream([piece("if a <")], cut=True))
    assert (outcome.text, outcome.stream.finish) == ("if a <", "broken")


def test_what_was_held_back_for_a_mark_is_said_where_the_connection_breaks_after_the_end() -> None:
    outcome = ask(lambda asked: asked.stream([piece("if a <"), delta("stop")], cut=True))
    assert (outcome.text, outcome.stream.finish) == ("if a <", "end")


def test_an_event_that_never_ends_is_not_kept() -> None:
    reader = ChunkReader()
    with pytest.raises(NotTheApiError):
        for _ in range(100):
            reader.line("data: " + "x" * 100_000)


WHOLE_AGAIN = {"message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}


@pytest.mark.parametrize(
    "events",
    [
        [*YES[:2], choice(delta={}, **WHOLE_AGAIN), DONE],
        [*YES[:2], choice(**WHOLE_AGAIN)],
        [b"data: " + each for each in (*YES, DONE)],
        [*YES[:2], b'data: "[DONE]"\n\n'],
        [b"".join([*YES, DONE]).replace(b"\n", b"\r")],
        [bytes([byte]) for byte in b"".join([*YES, DONE]).replace(b"\n", b"\r\n")],
        [event({"choices": [], "usage": {"prompt_tokens": 1}}), *YES, event({"usage": {"completion_tokens": 2}}), DONE],
    ],
    ids=[
        "all of it once more at its end", "the same without a delta", "events within events", "an end in quotes",
        "lines that end as the standard allows, too", "byte by byte", "events of usage alone",
    ],
)  # fmt: skip
def test_what_is_odd_in_a_stream_is_read_as_it_is_meant(events: list[bytes]) -> None:
    outcome = ask(lambda asked: asked.stream(events))
    assert (outcome.text, outcome.stream.finish, outcome.error) == ("Yes.", "end", None)


@pytest.mark.parametrize("method", ["gzip", "deflate"])
def test_a_compressed_stream_is_read_as_it_comes(method: str) -> None:
    go_on = threading.Event()

    def reply(asked: Asked) -> None:
        packer = zlib.compressobj(wbits=31 if method == "gzip" else 15)
        handler = asked.handler
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Content-Encoding", method)
        handler.end_headers()
        handler.wfile.write(packer.compress(YES[0]) + packer.flush(zlib.Z_SYNC_FLUSH))
        handler.wfile.flush()
        assert go_on.wait(30)
        handler.wfile.write(packer.compress(b"".join([*YES[1:], DONE])) + packer.flush())

    with serving(reply) as server:
        pieces = ServerGenerator(server.url, "m").stream(QUESTION)
        assert next(pieces) == "Yes"
        go_on.set()
        assert "".join(pieces) == "."


def test_what_is_said_before_a_tool_is_asked_for_is_no_whole_answer() -> None:
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    events = [piece("Let me look."), delta(tool_calls=[call]), delta("tool_calls"), DONE]
    watched = ask(lambda asked: asked.stream(events))
    assert (watched.text, watched.stream.finish) == ("Let me look.", "broken")
    assert "asked for a tool" in str(watched.stream.trouble)
    in_a_batch = ask(lambda asked: asked.stream(events), unattended=True)
    assert "asked for a tool" in str(in_a_batch.error)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_question_is_sent_on_to_where_the_server_has_moved(status: int) -> None:
    def reply(asked: Asked) -> None:
        if asked.handler.path.startswith("/new/"):
            asked.say("Yes.")
        else:
            asked.raw(b"", status, {"Location": "/new/chat/completions"})

    outcome = ask(reply)
    assert outcome.text == "Yes."
    assert outcome.server.asked[0] == outcome.server.asked[1]


def test_a_question_is_not_sent_on_to_another_server() -> None:
    outcome = ask(lambda asked: asked.raw(b"", 307, {"Location": "http://localhost:9/v1/chat/completions"}))
    assert "moved to http://localhost:9/v1/chat/completions (status 307)" in str(outcome.error)
    endless = ask(lambda asked: asked.raw(b"", 307, {"Location": "/v1/chat/completions"}))
    assert len(endless.server.asked) == 5


def test_a_character_cut_in_two_between_pieces_is_whole() -> None:
    halves = [delta(content="A smile: \ud83d"), delta(content="\ude00, and half: \ud83d"), delta(content=" of one.")]
    outcome = ask(lambda asked: asked.stream([*halves, delta("stop"), DONE]))
    assert outcome.text == "A smile: \U0001f600, and half: \ufffd of one."
    assert len(outcome.text.encode()) > 0


def test_a_compressed_stream_that_is_spoilt_in_the_middle_keeps_what_came() -> None:
    def reply(asked: Asked) -> None:
        packer = zlib.compressobj(wbits=31)
        asked.handler.send_response(200)
        asked.handler.send_header("Content-Type", "text/event-stream")
        asked.handler.send_header("Content-Encoding", "gzip")
        asked.handler.end_headers()
        asked.handler.wfile.write(packer.compress(delta(content="Half")) + packer.flush(zlib.Z_SYNC_FLUSH))
        asked.handler.wfile.flush()
        time.sleep(0.3)
        asked.handler.wfile.write(b"no gzip at all")

    outcome = ask(reply)
    assert (outcome.text, outcome.stream.finish) == ("Half", "broken")


@pytest.mark.parametrize(
    ("told", "finish"),
    [
        ("content_filter: RECITATION", "filtered"),
        ("incomplete", "broken"),
        ("timeout", "broken"),
        ("MALFORMED_FUNCTION_CALL", "broken"),
    ],
)
def test_an_end_that_is_none_by_its_name_is_not_taken_for_a_whole_answer(told: str, finish: str) -> None:
    outcome = ask(lambda asked: asked.stream([piece("Half"), delta(told), DONE]))
    assert (outcome.text, outcome.stream.finish) == ("Half", finish)


def test_the_tags_of_coheres_models_are_no_part_of_an_answer() -> None:
    text = "<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Use a loop.<|END_RESPONSE|>"
    assert ask(lambda asked: asked.say(text)).text == "Use a loop."
