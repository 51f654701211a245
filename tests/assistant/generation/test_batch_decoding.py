"""Answers decoded together are what they are alone."""

import threading
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from assistant.generation import batch_decoding as rows_module
from assistant.generation import generator as module
from assistant.generation.decoding import LocalStream
from assistant.generation.engines.base import TransformersEngine
from assistant.generation.engines.prepared import prepare_network
from assistant.generation.generator import LocalGenerator, Sampling
from assistant.types import Message, Role

pytest.importorskip("onnxruntime")

from assistant.generation.engines.onnx import OnnxEngine

QUESTIONS = [
    "How do I sort a dictionary by value?",
    "def add(left, right)",
    "Le chat dort près de la fenêtre, l'été est là. " * 3,
    "sorted",
    "Use dict() of the pairs",
    "system user assistant",
    "return left + right",
]


@pytest.fixture
def generator(llama: PreTrainedModel, chat_tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> LocalGenerator:
    prepare_network(llama, 512, tmp_path)
    # Most answers end by themselves at tokens of their own, so that rows become free at different steps.
    return LocalGenerator(OnnxEngine(tmp_path), chat_tokenizer, "tiny", ends=frozenset(range(3, 24)))


def _streams(generator: LocalGenerator, sampling: Sampling, cancel: threading.Event | None = None) -> list[LocalStream]:
    return [
        generator.stream([Message(Role.USER, question)], sampling=sampling, cancel=cancel) for question in QUESTIONS
    ]


def _texts(generator: LocalGenerator, streams: list[LocalStream]) -> list[str]:
    texts = [""] * len(streams)
    for at, piece in generator.together(streams):
        texts[at] += piece
    return texts


@pytest.mark.parametrize("rows", [2, 3, 16])
@pytest.mark.parametrize(
    "sampling",
    [Sampling(max_new_tokens=40), Sampling(max_new_tokens=25, temperature=1.2, seed=5, repetition_penalty=1.3)],
    ids=["greedy", "drawn"],
)
def test_answers_written_together_are_those_written_alone(
    generator: LocalGenerator, sampling: Sampling, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_module, "ROWS", rows)
    monkeypatch.setattr(module, "PREFILL_TOKENS", 16)
    alone = _streams(generator, sampling)
    expected = ["".join(stream) for stream in alone]
    together = _streams(generator, sampling)
    assert _texts(generator, together) == expected
    assert [(each.finish, each.completion_tokens, each.generated_ids) for each in together] == [
        (each.finish, each.completion_tokens, each.generated_ids) for each in alone
    ]
    assert len({len(each.generated_ids) for each in alone}) > 2, "all answers are of one length: nothing is tested"


def test_they_go_through_the_model_together_and_a_free_row_is_taken_at_once(
    generator: LocalGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_module, "ROWS", 3)
    rows = generator.engine.rows(3, 300)
    assert rows is not None
    steps: list[int] = []
    step = rows.step
    monkeypatch.setattr(rows, "step", lambda tokens: steps.append(len(tokens)) or step(tokens))
    monkeypatch.setattr(generator.engine, "rows", lambda count, tokens: rows)
    streams = _streams(generator, Sampling(max_new_tokens=40))
    _texts(generator, streams)
    assert sum(steps) == sum(max(len(each.generated_ids) - (each.finish != "end"), 0) for each in streams)
    # As long as an answer waits, no row is empty.
    assert steps == sorted(steps, reverse=True)
    assert steps[0] == 3


def test_of_long_conversations_fewer_are_decoded_at_a_time(
    generator: LocalGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = _streams(generator, Sampling(max_new_tokens=40))
    longest = max(len(each.prompt) for each in streams) + 40
    monkeypatch.setattr(rows_module, "TOKENS_OF_ALL_ROWS", 2 * longest)
    assert rows_module.rows_for(streams) == (2, longest)
    monkeypatch.setattr(rows_module, "TOKENS_OF_ALL_ROWS", 1)
    assert rows_module.rows_for(streams) == (1, longest)


def test_stopping_ends_all_as_far_as_they_came(generator: LocalGenerator) -> None:
    cancel = threading.Event()
    streams = _streams(generator, Sampling(max_new_tokens=200), cancel)
    for count, _ in enumerate(generator.together(streams)):
        if count == len(QUESTIONS):
            cancel.set()
    assert "cancelled" in {each.finish for each in streams}
    assert all(each.finish is not None and each.completion_tokens <= 3 for each in streams)
    stopped = _streams(generator, Sampling(), cancel)
    assert _texts(generator, stopped) == [""] * len(QUESTIONS)
    assert {each.finish for each in stopped} == {"cancelled"}


def test_an_engine_without_rows_writes_one_after_the_other(
    llama: PreTrainedModel, chat_tokenizer: PreTrainedTokenizerBase
) -> None:
    generator = LocalGenerator(TransformersEngine(llama), chat_tokenizer, "tiny", ends=frozenset())
    sampling = Sampling(max_new_tokens=6)
    expected = ["".join(stream) for stream in _streams(generator, sampling)]
    assert _texts(generator, _streams(generator, sampling)) == expected


def test_what_was_begun_and_failed_can_be_begun_again(
    generator: LocalGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when memory does not suffice for so many: they are then written in smaller groups."""
    streams = _streams(generator, Sampling(max_new_tokens=30))
    expected = ["".join(stream) for stream in _streams(generator, Sampling(max_new_tokens=30))]
    pieces = generator.together(streams)
    for _ in range(12):
        next(pieces)
    pieces.close()
    assert _texts(generator, streams[:3]) + _texts(generator, streams[3:]) == expected


def test_rows_beyond_their_room_are_refused(generator: LocalGenerator) -> None:
    rows = generator.engine.rows(2, 4)
    assert rows is not None
    first = rows.forward(0, [1, 2, 3]).clone()
    with pytest.raises(ValueError, match="cache of 4"):
        rows.forward(1, [1, 2, 3, 4, 5])
    rows.begin(0)
    assert torch.equal(rows.forward(0, [1, 2, 3]), first)
