"""How long a failing server is tried again, how many are asked at once, and what a hostile one can cost."""

import itertools
import random
import threading
import time
from collections.abc import Iterator

import pytest

from assistant.errors import GenerationError
from assistant.events import ServerNotice
from assistant.generation.server import ServerGenerator, list_models, listing, resolve
from assistant.generation.server.address import ServerAddress
from assistant.generation.server.connection import Call, open_client
from assistant.generation.server.end_marks import EndMarks
from assistant.generation.server.generator import Timing
from assistant.generation.server.pace import Pace
from assistant.generation.server.thinking import ThinkingSplitter
from tests.assistant.generation.server.loopback import Asked, serving
from tests.assistant.generation.server.test_habits import QUESTION, ask
from tests.trust.servers import piece


def test_a_line_that_was_refused_for_itself_leaves_those_after_it_all_patience() -> None:
    def reply(asked: Asked) -> None:
        if asked.number == 0:
            asked.refuse(400, "Invalid request")
        elif asked.number == 1:
            asked.refuse(503, "Overloaded")
        else:
            asked.say("Yes.")

    with serving(reply) as server:
        generator = ServerGenerator(server.url, "m", timing=Timing(patience=2.0))
        generator.unattended = True
        with pytest.raises(GenerationError):
            "".join(generator.stream(QUESTION))
        time.sleep(1.5)
        assert "".join(generator.stream(QUESTION)) == "Yes."


@pytest.mark.parametrize("unattended", [True, False])
def test_patience_counts_from_the_first_failure_and_not_from_a_long_answer_before_it(
    monkeypatch: pytest.MonkeyPatch, unattended: bool
) -> None:
    monkeypatch.setattr("assistant.generation.server.pace.FIRST_WAIT", 0.01)
    monkeypatch.setattr("assistant.generation.server.generator.ATTENDED_PATIENCE", 0.5)

    def reply(asked: Asked) -> None:
        if asked.number == 0:
            time.sleep(0.7)
            asked.stream([piece("So ")] if unattended else [], cut=True)
        else:
            asked.say("All.")

    outcome = ask(reply, unattended=unattended, timing=Timing(patience=0.5))
    assert (outcome.text, outcome.error) == ("All.", None)


def test_requests_that_time_out_together_halve_the_number_at_once_and_say_so_once() -> None:
    together = threading.Barrier(8)
    told: list[str] = []

    def reply(asked: Asked) -> None:
        if asked.number < 8:
            together.wait(20)
            asked.refuse(503, "maximum pending requests exceeded")
        else:
            asked.say("Yes.")

    with serving(reply) as server:
        generator = ServerGenerator(server.url, "m", timing=Timing(5, 5, patience=60, requests=8))
        generator.unattended = True

        def work() -> None:
            told.extend(each.text for each in generator.stream(QUESTION).events() if isinstance(each, ServerNotice))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert generator._pace.limit == 4
        assert len(told) == 1
    later = Pace(8, 1)
    assert later.narrow(8, 8) and not later.narrow(7, 8) and later.narrow(4, 4)
    assert later.limit == 2


def test_a_list_that_is_limited_for_a_moment_is_not_asked_for_in_a_flood() -> None:
    asked_for = [0]

    def models(asked: Asked) -> None:
        asked_for[0] += 1
        asked.json({"error": {"message": "Rate limit reached"}}, 429, {"retry-after-ms": "1"})

    with serving(lambda asked: asked.say("Yes."), models) as server:
        with pytest.raises(GenerationError, match="Rate limit reached"):
            list_models(resolve(server.url), patience=1.5)
        assert asked_for[0] <= 2


def test_a_list_that_breaks_off_or_trickles_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "LIST_SECONDS", 0.5)
    with serving(lambda asked: None, lambda asked: asked.stream([b'{"data": [\n'], cut=True)) as server:
        with pytest.raises(GenerationError, match="broke off") as raised:
            list_models(resolve(server.url))
        assert raised.value.passing

    def trickles(asked: Asked) -> None:
        asked.stream((time.sleep(0.1) or b"\n" for _ in range(40)), cut=True)

    with serving(lambda asked: None, trickles) as server:
        began = time.monotonic()
        with pytest.raises(GenerationError, match="did not answer within"):
            list_models(resolve(server.url))
        assert time.monotonic() - began < 3


def test_a_page_in_the_place_of_a_list_does_not_repeat_the_key() -> None:
    page = b"<html><title>No sk-secret-123 here</title></html>"
    with serving(lambda asked: None, lambda asked: asked.raw(page, 200, {"Content-Type": "text/html"})) as server:
        with pytest.raises(GenerationError) as raised:
            list_models(ServerAddress(server.url, "sk-secret-123"))
        assert "sk-secret-123" not in str(raised.value)
    with (
        serving(lambda asked: None, lambda asked: asked.json({"error": True})) as server,
        pytest.raises(GenerationError, match=r"does not list its models \(no reason given\)"),
    ):
        list_models(resolve(server.url))


def test_a_key_in_a_header_of_its_own_does_not_go_where_another_server_is_named() -> None:
    seen: list[dict[str, str]] = []

    def elsewhere(asked: Asked) -> None:
        seen.append({name.lower(): value for name, value in asked.handler.headers.items()})
        asked.json({"data": [{"id": "m"}]})

    with serving(lambda asked: None, elsewhere) as other:
        moved = {"Location": f"{other.url}/models"}
        with serving(lambda asked: None, lambda asked: asked.raw(b"", 307, moved)) as server:
            client = open_client(ServerAddress(server.url, "sk-secret-123"))
            client.headers["api-key"] = "sk-secret-123"  # as for Azure
            call = Call(client, "GET", "models")
            call.take(10)
            call.leave()
    assert "sk-secret-123" not in str(seen)


def test_thinking_blanks_and_lines_in_many_pieces_cost_no_more_than_their_length() -> None:
    def thinking(pieces: int) -> None:
        splitter = ThinkingSplitter(inside=True)
        for _ in range(pieces):
            list(splitter.add("a"))

    def blanks(pieces: int) -> None:
        marks, draw = EndMarks(), random.Random(1)
        assert marks.add("Yes.</s>") == "Yes."
        assert not any(marks.add(draw.choice(" \n\t")) for _ in range(pieces))
        assert marks.finish() == ""
        assert marks.over

    class Pieces:
        def __init__(self, count: int) -> None:
            self.count = count

        def iter_bytes(self) -> Iterator[bytes]:
            return itertools.repeat(b"aaaa", self.count)

    def line(pieces: int) -> None:
        with serving(lambda asked: None) as server:
            call = Call(open_client(ServerAddress(server.url)), "GET", "models")
            call.leave()
            call._lines(Pieces(pieces))  # type: ignore[arg-type]  # of a response, what is read

    for work, fewest in ((thinking, 5_000), (blanks, 5_000), (line, 10_000)):
        seconds = []
        for pieces in (fewest, 8 * fewest):
            began = time.process_time()
            work(pieces)
            seconds.append(time.process_time() - began)
        assert seconds[1] < 24 * seconds[0]  # of the square, sixty-four times
