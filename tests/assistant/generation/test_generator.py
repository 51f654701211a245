import threading

import numpy as np
import pytest
import torch
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from assistant.errors import GenerationError
from assistant.generation.decoding import LOOP_TOKENS, repeats_itself
from assistant.generation.engines.base import TransformersEngine
from assistant.generation.generator import (
    LocalGenerator,
    Sampling,
    TextStream,
    stop_token_ids,
)
from assistant.generation.prompts import fit
from assistant.generation.sampling import Sampler
from assistant.types import Message, Role

QUESTION = [Message(Role.USER, "How do I sort a dictionary by value?")]


def greedy_of_transformers(model: PreTrainedModel, prompt: list[int], count: int) -> list[int]:
    ids = torch.tensor([prompt])
    made = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=count)
    return made[0, len(prompt) :].tolist()


def a_generator(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, ends: set[int], **settings):
    return LocalGenerator(TransformersEngine(model), tokenizer, "tiny", ends=frozenset(ends), **settings)


def ending_as_transformers(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> LocalGenerator:
    return a_generator(model, tokenizer, {tokenizer.eos_token_id})  # a random model says any control token


def never_ending(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, **settings) -> LocalGenerator:
    return a_generator(model, tokenizer, set(), **settings)


def test_greedy_text_is_that_of_transformers_generate(llama, chat_tokenizer):
    generator = ending_as_transformers(llama, chat_tokenizer)
    prompt = fit(QUESTION, chat_tokenizer, 400).ids
    expected = greedy_of_transformers(llama, prompt, 40)
    stream = generator.stream(QUESTION, sampling=Sampling(max_new_tokens=40))
    assert "".join(stream) == chat_tokenizer.decode(expected, skip_special_tokens=True).rstrip("�")
    assert stream.prompt_tokens == len(prompt)
    assert stream.completion_tokens == len(expected)


def test_a_prompt_longer_than_one_prefill_gives_the_same_text(llama, chat_tokenizer, monkeypatch):
    whole = "".join(never_ending(llama, chat_tokenizer).stream(QUESTION, sampling=Sampling(max_new_tokens=20)))
    monkeypatch.setattr("assistant.generation.generator.PREFILL_TOKENS", 7)
    parts = "".join(never_ending(llama, chat_tokenizer).stream(QUESTION, sampling=Sampling(max_new_tokens=20)))
    assert parts == whole


def test_it_stops_at_a_token_that_the_generation_config_names_and_does_not_show_it(llama, chat_tokenizer, tmp_path):
    prompt = fit(QUESTION, chat_tokenizer, 400).ids
    tokens = greedy_of_transformers(llama, prompt, 12)
    ending = next(token for token in tokens[4:] if token not in tokens[:4])
    llama.generation_config.eos_token_id = [ending, chat_tokenizer.eos_token_id]
    llama.generation_config.save_pretrained(tmp_path)
    stream = a_generator(llama, chat_tokenizer, stop_token_ids(tmp_path, chat_tokenizer)).stream(QUESTION)
    shown = tokens[: tokens.index(ending)]
    assert "".join(stream) == chat_tokenizer.decode(shown).rstrip("�")
    assert (stream.finish, stream.completion_tokens) == ("end", len(shown) + 1)


def test_control_tokens_of_the_chat_format_end_an_answer_whatever_the_model_names(chat_tokenizer, tmp_path):
    ends = stop_token_ids(tmp_path, chat_tokenizer)
    assert {chat_tokenizer.convert_tokens_to_ids(token) for token in ("<|im_end|>", "<|im_start|>")} <= ends


def test_it_stops_at_the_limit_of_tokens(llama, chat_tokenizer):
    stream = never_ending(llama, chat_tokenizer).stream(QUESTION, sampling=Sampling(max_new_tokens=9))
    list(stream)
    assert (stream.finish, stream.completion_tokens) == ("length", 9)


def test_cancelling_stops_at_the_next_token(llama, chat_tokenizer):
    cancel = threading.Event()
    stream = never_ending(llama, chat_tokenizer).stream(QUESTION, cancel=cancel)
    next(stream)
    cancel.set()
    before = stream.completion_tokens
    list(stream)
    assert stream.finish == "cancelled"
    assert stream.completion_tokens <= before + 1


def test_cancelled_before_it_began_it_computes_nothing(llama, chat_tokenizer):
    cancel = threading.Event()
    cancel.set()
    stream = never_ending(llama, chat_tokenizer).stream(QUESTION, cancel=cancel)
    assert list(stream) == []
    assert (stream.finish, stream.completion_tokens) == ("cancelled", 0)


def test_a_closed_stream_gives_no_more(llama, chat_tokenizer):
    stream = never_ending(llama, chat_tokenizer).stream(QUESTION)
    next(stream)
    stream.close()
    assert list(stream) == []
    assert stream.finish == "cancelled"


def test_closing_a_stream_lets_go_what_its_producer_holds():
    held = ["open"]

    def produce(stream: TextStream):
        try:
            yield "one"
            yield "two"
        finally:
            held.clear()

    stream = TextStream(produce)
    next(stream)
    stream.close()
    assert held == []


def test_decoding_leaves_the_callers_gradient_mode_alone(llama, chat_tokenizer):
    stream = never_ending(llama, chat_tokenizer).stream(QUESTION)
    next(stream)
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize("seed", [1, 2])
def test_sampling_is_reproducible_under_a_seed(llama, chat_tokenizer, seed):
    sampling = Sampling(temperature=1.0, top_k=0, top_p=1.0, seed=seed, max_new_tokens=24)
    generator = never_ending(llama, chat_tokenizer)
    first, second = ("".join(generator.stream(QUESTION, sampling=sampling)) for _ in range(2))
    other = "".join(generator.stream(QUESTION, sampling=Sampling(1.0, 1.0, 0, 1.0, 24, seed + 10)))
    assert first == second
    assert first != other


def test_top_k_of_one_is_greedy_at_any_temperature(llama, chat_tokenizer):
    generator = never_ending(llama, chat_tokenizer)
    greedy = "".join(generator.stream(QUESTION, sampling=Sampling(max_new_tokens=16)))
    drawn = "".join(generator.stream(QUESTION, sampling=Sampling(temperature=2.0, top_k=1, max_new_tokens=16)))
    assert drawn == greedy


def test_a_repetition_penalty_makes_answers_repeat_less(llama, chat_tokenizer):
    generator = never_ending(llama, chat_tokenizer)

    def different(penalty: float) -> int:
        stream = generator.stream(QUESTION, sampling=Sampling(repetition_penalty=penalty, max_new_tokens=60))
        list(stream)
        return len(set(stream.generated_ids))

    assert different(5.0) > different(1.0)


@pytest.mark.parametrize("penalty", [0.7, 1.0, 1.05, 2.0])
def test_the_penalty_is_that_of_transformers(penalty: float) -> None:
    made, scores = [3, 7, 7, 1, 40], torch.randn(60, 50, generator=torch.Generator().manual_seed(1))
    theirs = RepetitionPenaltyLogitsProcessor(penalty)(torch.tensor([made] * len(scores)), scores.clone())
    choice = Sampler(Sampling(repetition_penalty=penalty))
    assert [choice(row[None].clone(), made) for row in scores] == theirs.argmax(-1).tolist()


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(temperature=0.7, top_p=0.8, top_k=20),
        Sampling(temperature=1.3, top_p=0.5),
        Sampling(temperature=1.0, top_k=7),
        Sampling(temperature=2.0),
    ],
)
def test_tokens_are_drawn_with_the_probabilities_that_transformers_gives(sampling: Sampling) -> None:
    scores = torch.randn(20, 300, generator=torch.Generator().manual_seed(2)) * 3
    warped = TemperatureLogitsWarper(sampling.temperature)(None, scores.clone())
    if sampling.top_k:
        warped = TopKLogitsWarper(sampling.top_k)(None, warped)
    if sampling.top_p:
        warped = TopPLogitsWarper(sampling.top_p)(None, warped)
    choice = Sampler(sampling)
    for row, expected in zip(scores, warped.softmax(-1), strict=True):
        tokens, shares = choice.candidates(row.numpy())
        assert set(tokens.tolist()) == set(expected.nonzero().flatten().tolist())
        assert np.allclose(shares / shares.sum(), expected[torch.from_numpy(tokens)], atol=1e-5)


def test_draws_follow_the_probabilities_and_the_seed() -> None:
    logits = torch.log(torch.tensor([[0.1, 0.6, 0.05, 0.25]]))
    drawn = [Sampler(Sampling(temperature=1.0, seed=seed))(logits.clone(), []) for seed in range(2000)]
    counts = np.bincount(drawn, minlength=4) / len(drawn)
    assert np.abs(counts - [0.1, 0.6, 0.05, 0.25]).max() < 0.04
    again = [Sampler(Sampling(temperature=1.0, seed=seed))(logits.clone(), []) for seed in range(50)]
    assert again == drawn[:50]


def test_the_oldest_turns_are_left_out_and_counted(llama, chat_tokenizer):
    turns = [
        message
        for number in range(8)
        for message in (
            Message(Role.USER, f"question {number}? " * 6),
            Message(Role.ASSISTANT, f"answer {number}. " * 6),
        )
    ]
    generator = never_ending(llama, chat_tokenizer)
    stream = generator.stream([*turns, *QUESTION], sampling=Sampling(max_new_tokens=8))
    list(stream)
    assert 0 < stream.turns_left_out < 8
    assert stream.prompt_tokens <= generator.context_tokens - 8


def test_a_message_that_cannot_fit_is_refused_before_anything_is_computed(llama, chat_tokenizer):
    with pytest.raises(GenerationError, match="shorten it, or open the text as a document"):
        never_ending(llama, chat_tokenizer).stream([Message(Role.USER, "word " * 2000)])


def test_gpt2_without_a_chat_template_answers_in_the_question_and_answer_form(gpt2, plain_tokenizer):
    generator = ending_as_transformers(gpt2, plain_tokenizer)
    prompt = fit(QUESTION, plain_tokenizer, 200).ids
    assert plain_tokenizer.decode(prompt).endswith("### Question: How do I sort a dictionary by value?\n### Answer:")
    expected = greedy_of_transformers(gpt2, prompt, 20)
    stream = generator.stream(QUESTION, sampling=Sampling(max_new_tokens=20))
    assert "".join(stream) == plain_tokenizer.decode(expected, skip_special_tokens=True).rstrip("�").lstrip(" ")


def test_the_context_is_never_exceeded(gpt2, plain_tokenizer):
    generator = never_ending(gpt2, plain_tokenizer)
    assert generator.context_tokens == 256
    stream = generator.stream(QUESTION, sampling=Sampling(max_new_tokens=5000))
    list(stream)
    assert stream.prompt_tokens + stream.completion_tokens == 256
    assert stream.finish == "length"


def test_a_stretch_repeated_over_and_over_is_a_loop() -> None:
    assert repeats_itself([1, 2, 3, *([7, 8, 9, 10] * 20)])
    assert repeats_itself([5] * LOOP_TOKENS)


def test_varied_text_and_a_few_repetitions_are_no_loop() -> None:
    assert not repeats_itself(list(range(200)))
    assert not repeats_itself([1, 2, 3, *([7, 8, 9, 10] * 5)])
    assert not repeats_itself([*([7, 8] * 40), 1])
