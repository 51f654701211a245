"""Several tokens checked at once, where an answer goes on as the text before it does."""

import threading
from collections.abc import Sequence

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from assistant.generation.decoding import DRAFT_TOKENS, draft
from assistant.generation.engines.base import Engine, TransformersEngine
from assistant.generation.generator import LocalGenerator, Sampling
from assistant.types import Message, Role

GREEDY = Sampling(max_new_tokens=60)
DRAWN = Sampling(temperature=0.4, top_k=0, top_p=1.0, seed=5, max_new_tokens=60)
QUESTIONS = [
    "How do I sort a dictionary by value?",
    "sort sort sort sort sort sort sort sort",
    "def add(left, right):\n    return left + right\n\ndef add(left, right):\n    return left",
    "Le chat dort.",
]


class Steps:
    """An engine that counts its steps, with drafts or without, and with a cache that can be cut or not."""

    def __init__(self, engine: Engine, *, drafts: bool = True, cuts: bool = True) -> None:
        self._engine, self._drafts, self._cuts = engine, drafts, cuts
        self.context_tokens, self.device = engine.context_tokens, engine.device
        self.steps = 0

    @property
    def length(self) -> int:
        return self._engine.length

    def forward(self, tokens: Sequence[int]) -> torch.Tensor:
        self.steps += 1
        return self._engine.forward(tokens)

    def forward_each(self, tokens: Sequence[int]) -> torch.Tensor | None:
        self.steps += self._drafts
        return self._engine.forward_each(tokens) if self._drafts else None

    def rewind(self, length: int) -> int:
        return self._engine.rewind(length if self._cuts else 0)


def generator_of(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, **how: bool) -> LocalGenerator:
    return LocalGenerator(Steps(TransformersEngine(model), **how), tokenizer, "tiny", ends=frozenset())  # type: ignore[arg-type]


def answer(generator: LocalGenerator, question: str, sampling: Sampling = GREEDY) -> str:
    return "".join(generator.stream([Message(Role.USER, question)], sampling=sampling))


def test_a_draft_is_what_came_after_the_same_tokens_the_last_time() -> None:
    assert draft([1, 2, 3, 4, 5, 1, 2, 3, 6, 7, 1, 2, 3]) == [6, 7, 1, 2, 3, 6, 7, 1]
    assert draft([1, 2, 3, *range(10, 40), 1, 2, 3]) == list(range(10, 10 + DRAFT_TOKENS))
    assert draft([9, 9, 9, 9]) == [9] * DRAFT_TOKENS
    assert draft([1, 2, 3, 4]) == []
    assert draft([1, 2]) == []
    assert draft([]) == []


@pytest.mark.parametrize("sampling", [GREEDY, DRAWN], ids=["greedy", "drawn"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_is_the_same_with_drafts_and_takes_fewer_steps(
    llama: PreTrainedModel, chat_tokenizer: PreTrainedTokenizerBase, question: str, sampling: Sampling
) -> None:
    one_by_one = generator_of(llama, chat_tokenizer, drafts=False)
    drafting = generator_of(llama, chat_tokenizer)
    assert answer(drafting, question, sampling) == answer(one_by_one, question, sampling)
    assert drafting.engine.steps <= one_by_one.engine.steps  # type: ignore[attr-defined]


def test_an_answer_that_repeats_itself_takes_a_fraction_of_the_steps(
    gpt2: PreTrainedModel, plain_tokenizer: PreTrainedTokenizerBase
) -> None:
    with torch.no_grad():
        for parameter in gpt2.parameters():
            parameter.zero_()  # the likeliest token is the first of the vocabulary, for ever
    generator = generator_of(gpt2, plain_tokenizer)
    answer(generator, "Why?")
    assert generator.engine.steps < 60 / 3  # type: ignore[attr-defined]


def test_a_cache_that_cannot_be_cut_gives_the_same_answer_and_drafts_no_more(
    llama: PreTrainedModel, chat_tokenizer: PreTrainedTokenizerBase
) -> None:
    stubborn = generator_of(llama, chat_tokenizer, cuts=False)
    plain = generator_of(llama, chat_tokenizer, drafts=False)
    assert [answer(stubborn, question) for question in QUESTIONS] == [answer(plain, question) for question in QUESTIONS]


def test_streams_that_take_turns_give_what_each_gives_alone(
    llama: PreTrainedModel, chat_tokenizer: PreTrainedTokenizerBase
) -> None:
    generator = generator_of(llama, chat_tokenizer)
    alone = [answer(generator, question) for question in QUESTIONS]
    streams = [generator.stream([Message(Role.USER, question)], sampling=GREEDY) for question in QUESTIONS]
    told = [""] * len(streams)
    waiting = set(range(len(streams)))
    while waiting:
        for at in sorted(waiting):
            piece = next(streams[at], None)
            if piece is None:
                waiting.discard(at)
            else:
                told[at] += piece
    assert told == alone


def test_stopping_amid_a_draft_leaves_the_next_answer_as_it_was(
    llama: PreTrainedModel, chat_tokenizer: PreTrainedTokenizerBase
) -> None:
    generator = generator_of(llama, chat_tokenizer)
    whole = answer(generator, QUESTIONS[1])
    for pieces in range(1, 12):
        cancel = threading.Event()
        stream = generator.stream([Message(Role.USER, QUESTIONS[1])], sampling=GREEDY, cancel=cancel)
        begun = "".join(next(stream, "") for _ in range(pieces))
        cancel.set()
        begun += "".join(stream)
        assert whole.startswith(begun)
        assert answer(generator, QUESTIONS[1]) == whole
