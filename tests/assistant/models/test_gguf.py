from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.errors import StoreError
from assistant.models.gguf import convert_llama

WriteGguf = Callable[..., Path]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, write_gguf: WriteGguf) -> Path:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="module")
def converted(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("converted")
    convert_llama(source, folder)
    return folder


def test_the_converted_model_computes_what_transformers_own_gguf_reader_computes(source: Path, converted: Path):
    import torch
    from transformers import AutoModelForCausalLM

    theirs = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32).eval()
    ours = AutoModelForCausalLM.from_pretrained(converted, dtype=torch.float32).eval()
    ids = torch.arange(24)[None]
    with torch.no_grad():
        expected, found = theirs(ids).logits, ours(ids).logits
    # float16 against float32 moves this random model by 0.2 %; any other order of rows by more than its whole range.
    assert (found - expected).abs().mean() < 0.01 * expected.std()
    assert ours.lm_head.weight is ours.model.embed_tokens.weight
    assert ours.generation_config.eos_token_id == 2


def test_the_tokenizer_knows_the_marks_of_a_chat(converted: Path):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(converted)
    text = tokenizer.apply_chat_template([{"role": "user", "content": "hi"}], tokenize=False)
    assert text == "<|im_start|>user\nhi<|im_end|>\n"
    ids = tokenizer(text)["input_ids"]
    assert ids[0] == 1
    assert ids[-2] == 2
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (1, 2, 2)
    assert tokenizer.is_fast


def test_digits_stand_alone_so_that_the_indentation_before_them_stays_one_token(converted: Path):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(converted)
    assert tokenizer.tokenize("ab  42") == ["ab", "ĠĠ", "4", "2"]
    assert tokenizer.decode(tokenizer("é  42 🙂")["input_ids"]) == "é  42 🙂"


def test_progress_counts_every_tensor(source: Path, tmp_path: Path):
    seen: list[tuple[int, int]] = []
    convert_llama(source, tmp_path, lambda done, total: seen.append((done, total)))
    assert seen == [(done, 20) for done in range(1, 21)]  # two blocks of nine, the embeddings and the last norm


@pytest.mark.parametrize("keep", [0, 3, 100, 4000, -200])
def test_a_file_cut_short_is_refused(source: Path, tmp_path: Path, keep: int):
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(source.read_bytes()[:keep])
    with pytest.raises(StoreError, match=r"cut\.gguf"):
        convert_llama(cut, tmp_path)


def test_another_architecture_is_refused(tmp_path: Path, write_gguf: WriteGguf):
    with pytest.raises(StoreError, match="architecture 'gpt2'"):
        convert_llama(write_gguf(tmp_path / "other.gguf", architecture="gpt2"), tmp_path)


def test_a_splitting_rule_it_does_not_know_is_refused(tmp_path: Path, write_gguf: WriteGguf):
    with pytest.raises(StoreError, match="llama-bpe"):
        convert_llama(write_gguf(tmp_path / "other.gguf", splitting="llama-bpe"), tmp_path)
