import subprocess
import sys
from collections.abc import Callable

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from finetune.plan.vocabulary import write_vocabulary

TEXTS = ["The forest covers 5.5 million square kilometers.", "J'habite à Lyon 😀 .", "亚马逊雨林 很大。"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]"]


def word_piece() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def byte_pairs() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


def unigram() -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer


KINDS = [word_piece, byte_pairs, unigram]
ANOTHER_PROCESS = """
from finetune.plan.vocabulary import write_vocabulary
from tests.finetune import test_vocabulary as here
print(write_vocabulary(here.{kind}(), here.SPECIAL, here.TEXTS).to_str())
"""


@pytest.mark.parametrize("kind", KINDS)
def test_words_of_the_texts_are_one_token_and_others_are_cut(kind: Callable[[], Tokenizer]) -> None:
    tokenizer = write_vocabulary(kind(), SPECIAL, TEXTS, size=600)
    assert [tokenizer.token_to_id(token) for token in SPECIAL] == [0, 1, 2]
    assert len(tokenizer.encode("The forest").ids) == 2
    found = tokenizer.encode("The zebra covers Lyon")
    assert len(found.ids) > 4 and 1 not in found.ids
    assert [found.offsets[0][0], found.offsets[-1][1]] == [0, len("The zebra covers Lyon")]
    assert tokenizer.encode("[CLS]").ids == [2]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_same_in_every_process(kind: Callable[[], Tokenizer]) -> None:
    code = ANOTHER_PROCESS.format(kind=kind.__name__)
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
    assert done.stdout.strip() == write_vocabulary(kind(), SPECIAL, TEXTS).to_str()


@pytest.mark.parametrize("kind", KINDS)
def test_it_has_no_more_tokens_than_asked_for(kind: Callable[[], Tokenizer]) -> None:
    assert write_vocabulary(kind(), SPECIAL, TEXTS * 3, size=290).get_vocab_size() <= 290
