from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assistant.encoders.pairs import PairEncoder, length_bucketed, longest_input
from tests.conftest import TOKENIZERS, tiny_model

ENCODERS = {name: PairEncoder(make()) for name, make in TOKENIZERS.items()}
REFERENCES = {name: make() for name, make in TOKENIZERS.items()}
for reference in REFERENCES.values():
    reference.backend_tokenizer.no_truncation()
    reference.backend_tokenizer.no_padding()

PAIRS = [
    ("How large is it?", "The Amazon rainforest covers 5.5 million square kilometers."),
    ("Où est-ce ?", "J'habite à Lyon — près de la forêt 😀.\r\nL'été."),
    ("谁?", "亚马逊雨林 很大。 e\u0301te\u0301 \u200bzero"),
    ("x " * 50, "word " * 200),
]


@pytest.mark.parametrize("kind", sorted(ENCODERS))
@pytest.mark.parametrize("first, second", PAIRS)
def test_a_pair_is_encoded_as_the_library_encodes_it(kind: str, first: str, second: str) -> None:
    encoder, reference = ENCODERS[kind], REFERENCES[kind]
    a, b = encoder.tokenize([first, second])
    pair = encoder.encode(a.ids, b.ids)
    expected = reference(first, second, return_token_type_ids=True)
    assert pair.input_ids.tolist() == expected["input_ids"]
    assert pair.token_type_ids.tolist() == expected["token_type_ids"]
    assert pair.second == expected.sequence_ids(0).index(1)
    assert pair.input_ids[pair.null] == reference.cls_token_id
    assert len(pair) == len(a) + len(b) + encoder.overhead


@pytest.mark.parametrize("kind", sorted(ENCODERS))
def test_a_batch_is_padded_as_the_library_pads_it_on_the_right(kind: str) -> None:
    encoder, reference = ENCODERS[kind], REFERENCES[kind]
    pairs = []
    for first, second in PAIRS:
        a, b = encoder.tokenize([first, second])
        pairs.append(encoder.encode(a.ids, b.ids))
    batch = encoder.collate(pairs)
    expected = reference(
        [a for a, _ in PAIRS], [b for _, b in PAIRS], padding=True, padding_side="right", return_tensors="pt"
    )
    assert set(batch) == set(expected)
    for name in ("input_ids", "attention_mask"):
        assert batch[name].tolist() == expected[name].tolist()
    for row, pair in enumerate(pairs):
        assert batch["attention_mask"][row].sum() == len(pair)


@pytest.mark.parametrize("kind", sorted(ENCODERS))
@given(text=st.text(max_size=200))
@settings(max_examples=60, deadline=None)
def test_tokens_are_in_order_and_within_the_text(kind: str, text: str) -> None:
    tokens = ENCODERS[kind].tokenize([text])[0]
    assert (np.diff(tokens.starts) >= 0).all()
    assert (np.diff(tokens.ends) >= 0).all()
    assert (tokens.ends <= len(text)).all()
    for start, end in zip(tokens.starts, tokens.ends, strict=True):
        assert start >= end or not text[start].isspace()
    for first in range(len(tokens)):
        for last in range(first, min(first + 4, len(tokens))):
            found = text[tokens.starts[first] : tokens.ends[last]]
            assert found == found.lstrip()


@pytest.mark.parametrize("kind", sorted(ENCODERS))
def test_nothing_is_truncated_whatever_the_tokenizer_file_says(kind: str) -> None:
    encoder = ENCODERS[kind]
    long, short = encoder.tokenize(["forest " * 3000 + "end", "forest"])
    assert len(long) >= 3000
    assert 1 <= len(short) < 8
    assert long.ends[-1] == len("forest " * 3000 + "end")


@pytest.mark.parametrize("kind, control", [("bert", "[SEP]"), ("roberta", "</s>")])
def test_a_control_token_written_in_a_text_is_not_one(kind: str, control: str) -> None:
    encoder = ENCODERS[kind]
    ids = encoder.tokenize([f"the forest {control} is large"])[0].ids
    assert encoder.tokenizer.sep_token_id not in ids


def test_tokenising_nothing_gives_nothing() -> None:
    assert ENCODERS["bert"].tokenize([]) == []
    assert len(ENCODERS["bert"].tokenize([""])[0]) == 0


def test_a_tokenizer_without_offsets_is_refused() -> None:
    class Slow:
        is_fast = False

    with pytest.raises(ValueError, match="fast tokenizer"):
        PairEncoder(Slow())  # type: ignore[arg-type]


@given(st.lists(st.integers(1, 600), max_size=60), st.integers(1, 4000), st.integers(1, 4))
@example([1] * 7 + [3] * 5, 4, 4)
def test_batches_hold_every_input_once_and_stay_within_the_bound(lengths: list[int], bound: int, cores: int) -> None:
    batches = length_bucketed(lengths, bound, cores)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[index] for index in batch) * len(batch) <= bound


def test_the_last_round_of_batches_is_shared_out_among_the_cores() -> None:
    assert [len(batch) for batch in length_bucketed([384] * 51, 4 * 384)] == [4] * 12 + [3]
    assert [len(batch) for batch in length_bucketed([384] * 51, 4 * 384, 2)] == [4] * 12 + [1, 2]
    assert [len(batch) for batch in length_bucketed([384] * 55, 4 * 384, 4)] == [4] * 12 + [1, 2, 2, 2]
    assert [len(batch) for batch in length_bucketed([384] * 9, 4 * 384, 2)] == [4, 4, 1]
    assert [len(batch) for batch in length_bucketed([384] * 3, 4 * 384, 2)] == [3], "a single one has all cores"


@pytest.mark.parametrize("kind, positions, longest", [("bert", 64, 64), ("bert", 512, 384), ("roberta", 66, 64)])
def test_the_longest_input_is_what_the_model_has_positions_for(kind: str, positions: int, longest: int) -> None:
    import torch

    model: Any = tiny_model(kind, "QuestionAnswering", max_position_embeddings=positions)
    assert longest_input(model, 384) == longest
    model(input_ids=torch.full((1, longest), 5))
