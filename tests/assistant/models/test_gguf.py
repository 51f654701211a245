from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.errors import StoreError
from assistant.models.gguf import write_description

WriteGguf = Callable[..., Path]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, write_gguf: WriteGguf) -> Path:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="module")
def described(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("described")
    write_description(source, folder)
    return folder


def test_the_tokenizer_knows_the_marks_of_a_chat(described: Path):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(described)
    text = tokenizer.apply_chat_template([{"role": "user", "content": "hi"}], tokenize=False)
    assert text == "<|im_start|>user\nhi<|im_end|>\n"
    ids = tokenizer(text)["input_ids"]
    assert ids[0] == 1
    assert ids[-2] == 2
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (1, 2, 2)
    assert tokenizer.is_fast


def test_digits_stand_alone_so_that_the_indentation_before_them_stays_one_token(described: Path):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(described)
    assert tokenizer.tokenize("ab  42") == ["ab", "ĠĠ", "4", "2"]
    assert tokenizer.decode(tokenizer("é  42 🙂")["input_ids"]) == "é  42 🙂"


@pytest.mark.parametrize("keep", [0, 3, 100, 4000, -200])
def test_a_file_cut_short_is_refused(source: Path, tmp_path: Path, keep: int):
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(source.read_bytes()[:keep])
    with pytest.raises(StoreError, match=r"cut\.gguf"):
        write_description(cut, tmp_path)


def test_another_architecture_is_refused(tmp_path: Path, write_gguf: WriteGguf):
    with pytest.raises(StoreError, match="architecture 'gpt2'"):
        write_description(write_gguf(tmp_path / "other.gguf", architecture="gpt2"), tmp_path)


def test_a_splitting_rule_it_does_not_know_is_refused(tmp_path: Path, write_gguf: WriteGguf):
    with pytest.raises(StoreError, match="llama-bpe"):
        write_description(write_gguf(tmp_path / "other.gguf", splitting="llama-bpe"), tmp_path)
