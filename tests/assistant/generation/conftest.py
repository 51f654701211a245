"""Tiny random models and a trained vocabulary, made in the session."""

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from finetune.plan.vocabulary import write_vocabulary

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEXTS = [
    "How do I sort a dictionary by value? Use sorted() with a key, then dict() of the pairs.",
    "def add(left, right):\n    return left + right\n",
    "Le chat dort près de la fenêtre, l'été est là.",
    "system user assistant question answer",
]


def make_tokenizer(chat_template: str | None) -> PreTrainedTokenizerBase:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    write_vocabulary(backend, control, TEXTS, size=384)
    ending = "<|im_end|>" if chat_template else "<|endoftext|>"
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=ending, additional_special_tokens=control)
    tokenizer.chat_template = chat_template
    return tokenizer


@pytest.fixture(scope="session")
def chat_tokenizer() -> PreTrainedTokenizerBase:
    return make_tokenizer(CHAT_TEMPLATE)


@pytest.fixture(scope="session")
def plain_tokenizer() -> PreTrainedTokenizerBase:
    return make_tokenizer(None)


@pytest.fixture
def llama(chat_tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(chat_tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.4,  # wide, so that the likeliest token is not always the same
        bos_token_id=None,
        eos_token_id=chat_tokenizer.eos_token_id,
        pad_token_id=chat_tokenizer.eos_token_id,
    )
    return LlamaForCausalLM(config).eval()


@pytest.fixture
def gpt2(plain_tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    torch.manual_seed(7)
    config = GPT2Config(
        vocab_size=len(plain_tokenizer),
        n_embd=64,
        n_layer=2,
        n_head=2,
        n_positions=256,
        initializer_range=0.4,
        bos_token_id=plain_tokenizer.eos_token_id,
        eos_token_id=plain_tokenizer.eos_token_id,
        pad_token_id=plain_tokenizer.eos_token_id,
    )
    return GPT2LMHeadModel(config).eval()
