"""What is kept between the turns of a conversation, and that nobody can tell from the answers."""

import threading
from collections.abc import Sequence

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from assistant.generation import generator as module
from assistant.generation.engines.base import Engine, TransformersEngine
from assistant.generation.generator import LocalGenerator, Sampling
from assistant.generation.prompts import fit
from assistant.types import Message, Role

SHORT = Sampling(max_new_tokens=12)
DRAWN = Sampling(temperature=1.0, top_k=0, top_p=1.0, seed=3, max_new_tokens=12)


class Counted:
    """An engine that counts the tokens it is given."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.context_tokens, self.device = engine.context_tokens, engine.device
        self.given: list[int] = []

    @property
    def length(self) -> int:
        return self._engine.length

    def forward(self, tokens: Sequence[int]) -> torch.Tensor:
        self.given.append(len(tokens))
        return self._engine.forward(tokens)

    def forward_each(self, tokens: Sequence[int]) -> None:
        """One by one, so that what is counted beside the answer is the prompt."""

    def rewind(self, length: int) -> int:
        return self._engine.rewind(length)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PREFILL_TOKENS", 8)


@pytest.fixture
def engine(llama: PreTrainedModel) -> Counted:
    return Counted(TransformersEngine(llama))


@pytest.fixture
def generator(engine: Counted, chat_tokenizer: PreTrainedTokenizerBase) -> LocalGenerator:
    return LocalGenerator(engine, chat_tokenizer, "tiny", ends=frozenset())


def asked(*texts: str) -> list[Message]:
    return [Message(Role.USER if at % 2 == 0 else Role.ASSISTANT, text) for at, text in enumerate(texts)]


def answer(generator: LocalGenerator, messages: list[Message], sampling: Sampling = SHORT) -> str:
    return "".join(generator.stream(messages, sampling=sampling))


def prefilled(engine: Counted) -> int:
    """Tokens given since the last time, without those of the answer, which come one by one."""
    given, engine.given = engine.given, []
    return sum(given) - (SHORT.max_new_tokens - 1)


def test_a_follow_up_pays_for_the_last_turn_and_not_for_the_conversation(
    generator: LocalGenerator, engine: Counted
) -> None:
    texts = ["How do I sort a list?"]
    costs = []
    for _ in range(6):
        said = answer(generator, asked(*texts))
        costs.append(prefilled(engine))
        texts += [said, "And a dictionary?"]
    assert max(costs[1:]) < 12 * 4 + 60  # the answer, as its text is tokenised again, and the new question
    assert costs[-1] <= 1.5 * costs[1]


def test_the_same_prompt_again_costs_less_than_one_piece(generator: LocalGenerator, engine: Counted) -> None:
    answer(generator, asked("How do I sort a list?"))
    prefilled(engine)
    answer(generator, asked("How do I sort a list?"))
    assert prefilled(engine) <= 8


def said(generator: LocalGenerator, *texts: str) -> tuple[list[Message], list[Message]]:
    """A conversation with the answer to its last question, and the same with one more question."""
    conversation = asked(*texts, answer(generator, asked(*texts)))
    return conversation, [*conversation, Message(Role.USER, "And a dictionary?")]


def test_a_follow_up_that_was_looked_ahead_to_does_not_pay_for_the_answer_before(
    generator: LocalGenerator, engine: Counted
) -> None:
    costs = []
    for looks_ahead in (False, True):
        conversation, follow_up = said(generator, f"How do I sort a {looks_ahead} list?")
        if looks_ahead:
            generator.look_ahead(conversation, sampling=SHORT, cancel=threading.Event())
        prefilled(engine)
        answer(generator, follow_up)
        costs.append(prefilled(engine))
    assert costs[1] <= costs[0] - 2 * 8


@pytest.mark.parametrize("pieces", [0, 1, 2, 100])
def test_looking_ahead_changes_no_answer_however_far_it_came(
    llama: PreTrainedModel,
    chat_tokenizer: PreTrainedTokenizerBase,
    generator: LocalGenerator,
    engine: Counted,
    pieces: int,
) -> None:
    class AfterSome(threading.Event):
        def is_set(self) -> bool:
            return len(engine.given) >= pieces

    conversation, follow_up = said(generator, "How do I sort a list?")
    engine.given.clear()
    generator.look_ahead(conversation, sampling=SHORT, cancel=AfterSome())
    fresh = LocalGenerator(TransformersEngine(llama), chat_tokenizer, "tiny", ends=frozenset())
    assert answer(generator, follow_up) == answer(fresh, follow_up)


def test_a_running_answer_goes_on_after_looking_ahead(
    llama: PreTrainedModel, chat_tokenizer: PreTrainedTokenizerBase, generator: LocalGenerator
) -> None:
    fresh = LocalGenerator(TransformersEngine(llama), chat_tokenizer, "tiny", ends=frozenset())
    expected = answer(fresh, asked("How do I sort a list?"))
    stream = generator.stream(asked("How do I sort a list?"), sampling=SHORT)
    text = next(stream) + next(stream)
    generator.look_ahead(asked("Le chat", "dort."), sampling=SHORT, cancel=threading.Event())
    assert text + "".join(stream) == expected


@pytest.mark.parametrize("sampling", [SHORT, DRAWN])
def test_an_answer_is_the_same_whatever_was_asked_before(
    llama: PreTrainedModel, chat_tokenizer: PreTrainedTokenizerBase, generator: LocalGenerator, sampling: Sampling
) -> None:
    conversation = asked("How do I sort a list?", "Use sorted().", "And a dictionary?")
    fresh = LocalGenerator(TransformersEngine(llama), chat_tokenizer, "tiny", ends=frozenset())
    expected = answer(fresh, conversation, sampling)
    for before in (asked("How do I sort a list?"), asked("Le chat dort."), conversation):
        answer(generator, before)
        assert answer(generator, conversation, sampling) == expected


@pytest.mark.parametrize("pieces", [0, 1, 5])
def test_after_an_answer_was_stopped_the_next_is_right(
    llama: PreTrainedModel, chat_tokenizer: PreTrainedTokenizerBase, generator: LocalGenerator, pieces: int
) -> None:
    cancel = threading.Event()
    stream = generator.stream(asked("How do I sort a list?"), cancel=cancel)
    for _ in range(pieces):
        next(stream)
    cancel.set()
    list(stream)
    fresh = LocalGenerator(TransformersEngine(llama), chat_tokenizer, "tiny", ends=frozenset())
    follow_up = asked("How do I sort a list?", "Use", "Go on.")
    assert answer(generator, follow_up) == answer(fresh, follow_up)


def test_stopping_within_a_long_prompt_keeps_what_was_done_of_it(generator: LocalGenerator, engine: Counted) -> None:
    class AfterThree(threading.Event):
        def is_set(self) -> bool:
            return len(engine.given) >= 3

    question = asked("sort " * 60)
    assert list(generator.stream(question, cancel=AfterThree())) == []
    engine.given.clear()
    answer(generator, question)
    whole = len(fit(question, generator.tokenizer, 10_000).ids)
    assert prefilled(engine) == whole - 3 * 8


def test_streams_that_take_turns_do_not_mix(
    llama: PreTrainedModel, chat_tokenizer: PreTrainedTokenizerBase, generator: LocalGenerator
) -> None:
    questions = [asked("How do I sort a list?"), asked("Le chat dort près de la fenêtre.")]
    fresh = LocalGenerator(TransformersEngine(llama), chat_tokenizer, "tiny", ends=frozenset())
    expected = [answer(fresh, question) for question in questions]
    streams = [generator.stream(question, sampling=SHORT) for question in questions]
    texts = ["", ""]
    for _ in range(13):
        for at, stream in enumerate(streams):
            texts[at] += next(stream, "")
    assert texts == expected


def test_an_error_in_the_model_leaves_the_cache_usable(
    llama: PreTrainedModel, generator: LocalGenerator, engine: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = answer(generator, asked("How do I sort a list?"))
    layer = llama.model.layers[1]

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr(layer.mlp, "forward", fail)
        with pytest.raises(MemoryError):
            answer(generator, asked("How do I sort a dictionary?"))
    assert answer(generator, asked("How do I sort a list?")) == expected


def test_a_model_that_forgets_its_beginning_starts_over(chat_tokenizer: PreTrainedTokenizerBase) -> None:
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(7)
    config = MistralConfig(
        vocab_size=len(chat_tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512, sliding_window=16,
        initializer_range=0.4,
    )  # fmt: skip
    model = MistralForCausalLM(config).eval()
    generator, fresh = (
        LocalGenerator(TransformersEngine(model), chat_tokenizer, "tiny", ends=frozenset()) for _ in range(2)
    )
    answer(generator, asked("How do I sort a list?"))
    follow_up = asked("How do I sort a list?", "Use sorted().", "And a dictionary?")
    assert answer(generator, follow_up) == answer(fresh, follow_up)
