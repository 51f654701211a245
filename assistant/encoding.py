"""Pairs of texts as encoder models take them, built from texts that are tokenised once.

A document is tokenised once and every question pays only for itself: the special tokens that a
model wants around and between two texts are read off the tokenizer (`PairEncoder`), so pairs are
put together from token ids, whatever the model family. The reader, the verifier and the training
recipes all build their inputs here.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TokenizedText:
    """Token ids without special tokens, each with the characters `[starts, ends)` it stands for; shapes (tokens,)."""

    ids: Ids
    starts: Ids
    ends: Ids

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """One model input, arrays of shape (length,).

    `second` is the position of the second text's first token, `null` that of the token whose span means "no answer".
    """

    input_ids: Ids
    token_type_ids: Ids
    second: int
    null: int

    def __len__(self) -> int:
        return len(self.input_ids)


class PairEncoder:
    """Tokenises texts and joins two of them with the special tokens the model was trained with."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase") -> None:
        if not tokenizer.is_fast:
            raise ValueError(f"{type(tokenizer).__name__} gives no character offsets; a fast tokenizer is needed")
        self.tokenizer = tokenizer
        # Tokenizer files may ship truncation and padding (all-MiniLM-L6-v2: 128 tokens), which would cut silently.
        tokenizer.backend_tokenizer.no_truncation()
        tokenizer.backend_tokenizer.no_padding()
        template = tokenizer("a", "b", return_token_type_ids=True, verbose=False)
        sides = template.sequence_ids(0)
        ids, types = np.array(template["input_ids"]), np.array(template["token_type_ids"])
        first = [at for at, side in enumerate(sides) if side == 0]
        second = [at for at, side in enumerate(sides) if side == 1]
        self._before = ids[: first[0]], types[: first[0]]
        self._between = ids[first[-1] + 1 : second[0]], types[first[-1] + 1 : second[0]]
        self._after = ids[second[-1] + 1 :], types[second[-1] + 1 :]
        self._first_type, self._second_type = int(types[first[0]]), int(types[second[0]])
        self.overhead = sum(len(part) for part, _ in (self._before, self._between, self._after))
        self.uses_token_types = "token_type_ids" in tokenizer.model_input_names
        self.pad_id = int(tokenizer.pad_token_id or 0)
        self._pad_left = tokenizer.padding_side == "left"
        self._null_in_after = not np.any(self._before[0] == tokenizer.cls_token_id) and bool(
            np.any(self._after[0] == tokenizer.cls_token_id)
        )

    def tokenize(self, texts: Sequence[str]) -> list[TokenizedText]:
        """Tokenise texts whole, without special tokens and without truncation.

        A control token written in a text, such as `[SEP]`, is read as the characters it is written with. A token's
        characters begin after white space and end after the marks and joiners that belong to its last character.
        """
        if not texts:
            return []
        encoded = self.tokenizer(
            list(texts),
            add_special_tokens=False,
            split_special_tokens=True,
            return_offsets_mapping=True,
            truncation=False,
            verbose=False,
        )
        result = []
        for text, ids, offsets in zip(texts, encoded["input_ids"], encoded["offset_mapping"], strict=True):
            pairs = np.array(offsets, dtype=np.int64).reshape(-1, 2)
            starts, ends = _whole_characters(text, pairs[:, 0].copy(), pairs[:, 1].copy())
            result.append(TokenizedText(np.array(ids, dtype=np.int64), starts, ends))
        return result

    def encode(self, first: Ids, second: Ids) -> EncodedPair:
        """Join the ids of two texts into one model input."""
        parts = [
            self._before,
            (first, np.full(len(first), self._first_type)),
            self._between,
            (second, np.full(len(second), self._second_type)),
            self._after,
        ]
        input_ids = np.concatenate([ids for ids, _ in parts]).astype(np.int64)
        token_type_ids = np.concatenate([types for _, types in parts]).astype(np.int64)
        start = len(self._before[0]) + len(first) + len(self._between[0])
        null = len(input_ids) - 1 if self._null_in_after else 0
        return EncodedPair(input_ids, token_type_ids, start, null)

    def collate(self, pairs: Sequence[EncodedPair]) -> tuple[dict[str, "torch.Tensor"], Ids]:
        """Pad pairs to one batch.

        Returns:
            Model inputs, each of shape (batch, longest), and the column at which each row begins, of shape (batch,).
        """
        import torch

        longest = max(len(pair) for pair in pairs)
        input_ids = np.full((len(pairs), longest), self.pad_id, dtype=np.int64)
        mask = np.zeros((len(pairs), longest), dtype=np.int64)
        types = np.zeros((len(pairs), longest), dtype=np.int64)
        begins = np.zeros(len(pairs), dtype=np.int64)
        for row, pair in enumerate(pairs):
            begin = longest - len(pair) if self._pad_left else 0
            begins[row] = begin
            input_ids[row, begin : begin + len(pair)] = pair.input_ids
            types[row, begin : begin + len(pair)] = pair.token_type_ids
            mask[row, begin : begin + len(pair)] = 1
        inputs: dict[str, Any] = {"input_ids": torch.from_numpy(input_ids), "attention_mask": torch.from_numpy(mask)}
        if self.uses_token_types:
            inputs["token_type_ids"] = torch.from_numpy(types)
        return inputs, begins


def longest_input(model: Any, wanted: int) -> int:
    """The longest input of a model, in tokens, up to the length that is wanted."""
    positions = getattr(model.config, "max_position_embeddings", None)
    if not isinstance(positions, int) or positions <= 0:
        return wanted  # positions are relative, or without bound
    embeddings = [module for name, module in model.named_modules() if name.endswith("position_embeddings")]
    # RoBERTa and its kin number positions from the padding index on, which leaves fewer for tokens.
    padding = next((found for module in embeddings if (found := getattr(module, "padding_idx", None)) is not None), -1)
    return min(wanted, positions - padding - 1)


def _whole_characters(text: str, starts: Ids, ends: Ids) -> tuple[Ids, Ids]:
    """Offsets such that no token begins with white space (SentencePiece) or leaves marks behind (accents taken off)."""
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    spaces, marks = _character_tables()
    codes = np.append(
        np.minimum(codes, len(spaces) - 1), 0
    )  # a character that is neither, so that ends may be looked up
    is_space, is_mark = spaces[codes], marks[codes]
    while (leading := (starts < ends) & is_space[starts]).any():
        starts[leading] += 1
    if is_mark.any():
        while (followed := (starts < ends) & is_mark[ends]).any():
            ends[followed] += 1
    return starts, ends


@cache
def _character_tables() -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which code points are white space, and which belong to the character before them; the last stands for higher."""
    planes = 0x20000
    spaces, marks = np.zeros(planes, dtype=np.bool_), np.zeros(planes, dtype=np.bool_)
    for code in range(planes - 1):
        spaces[code] = chr(code).isspace()
        marks[code] = unicodedata.category(chr(code)).startswith("M")
    marks[[0x200C, 0x200D]] = True  # joiners
    marks[0x1F3FB:0x1F400] = True  # skin tones
    return spaces, marks


def length_bucketed(lengths: Sequence[int], tokens_per_batch: int) -> Iterator[list[int]]:
    """Group indices so that each batch holds similar lengths and at most `tokens_per_batch` padded tokens.

    Batches come longest first, so that memory peaks at once; every index comes exactly once, and a single
    input longer than the bound is a batch of its own.
    """
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    batch: list[int] = []
    for index in order:
        longest = lengths[batch[0]] if batch else lengths[index]
        if batch and longest * (len(batch) + 1) > tokens_per_batch:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
