"""Pairs of texts as encoder models take them, built from texts that are tokenised once.

A document is tokenised once and every question pays only for itself: the special tokens that a
model wants around and between two texts are read off the tokenizer (`PairEncoder`), so pairs are
put together from token ids, whatever the model family. The reader, the verifier and the training
recipes all build their inputs here.
"""

import inspect
import itertools
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

Ids = npt.NDArray[np.int64]
_LAST_SPACE = re.compile(r"\s(?=\S*\Z)")


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


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands before and after the second text of a pair, first text and special tokens: ids and token types.

    `token_type` is that of the second text; `null` is where the "no answer" token stands, counted from the pair's end
    where it is negative.
    """

    before: tuple[Ids, Ids]
    after: tuple[Ids, Ids]
    token_type: int
    null: int

    def __len__(self) -> int:
        return len(self.before[0]) + len(self.after[0])


class PairEncoder:
    """Tokenises texts and joins two of them with the special tokens the model was trained with.

    Args:
        tokenizer: a fast one.
        model: what takes the inputs; those that its `forward` does not name, or has no weights for, are left out.
            Without it the batch holds what the tokenizer lists.
        second_first: put the second text before the first.

    Raises:
        ValueError: the tokenizer gives no character offsets.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", model: Any = None, *, second_first: bool = False) -> None:
        if not tokenizer.is_fast:
            raise ValueError(f"{type(tokenizer).__name__} gives no character offsets; a fast tokenizer is needed")
        self.tokenizer = tokenizer
        self.tokenizer_name = f"{type(tokenizer).__name__} {tokenizer.name_or_path or id(tokenizer)}"
        """The same for those that come from one folder, so that what they have tokenised can be shared."""
        # Tokenizer files may ship truncation and padding (all-MiniLM-L6-v2: 128 tokens), which would cut silently.
        tokenizer.backend_tokenizer.no_truncation()
        tokenizer.backend_tokenizer.no_padding()
        template = tokenizer("a", "b", return_token_type_ids=True, verbose=False)
        sides = template.sequence_ids(0)
        ids, types = np.array(template["input_ids"]), np.array(template["token_type_ids"])
        left = [at for at, side in enumerate(sides) if side == 0]
        right = [at for at, side in enumerate(sides) if side == 1]
        self._before = ids[: left[0]], types[: left[0]]
        self._between = ids[left[-1] + 1 : right[0]], types[left[-1] + 1 : right[0]]
        self._after = ids[right[-1] + 1 :], types[right[-1] + 1 :]
        self._left_type, self._right_type = int(types[left[0]]), int(types[right[0]])
        self._second_first = second_first
        self.overhead = sum(len(part) for part, _ in (self._before, self._between, self._after))
        self.pad_id = int(tokenizer.pad_token_id or 0)
        # XLNet's template has a segment for its last token alone, which transformers 5 no longer lists as an input.
        listed = "token_type_ids" in tokenizer.model_input_names or int(types.max()) > 1
        self.uses_token_types = listed and _takes_token_types(model, int(types.max()))
        self.uses_mask = model is None or "attention_mask" in inspect.signature(model.forward).parameters

    @classmethod
    def for_reading(cls, tokenizer: "PreTrainedTokenizerBase", model: Any = None) -> "PairEncoder":
        """The encoder of a reader, whose pairs are a question and a text.

        Where a tokenizer pads on the left the text comes before the question, as in the `run_qa` examples, with which
        such readers (XLNet) were trained, and as the former question answering pipeline of transformers had it.
        """
        return cls(tokenizer, model, second_first=tokenizer.padding_side == "left")

    def tokenize(self, texts: Sequence[str]) -> list[TokenizedText]:
        """Tokenise texts whole, without special tokens and without truncation.

        A control token written in a text, such as `[SEP]`, is read as the characters it is written with. A token's
        characters begin after white space and end after the marks and joiners that belong to its last character. A
        token of white space alone starts where the next one does and ends where the one before it did (its end is then
        not after its start), so that a span which begins or ends with it has its words alone.
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

    def tokenize_long(self, text: str, at_once: int) -> TokenizedText:
        """Tokenise a text of any length in pieces of about `at_once` characters, cut before white space.

        A text without white space is cut where the pieces end.
        """
        pieces = []
        begin = 0
        while begin < len(text):
            stop = min(begin + at_once, len(text))
            if stop < len(text):
                space = _LAST_SPACE.search(text, begin + at_once // 2, stop)
                stop = space.start() if space else stop
            piece = self.tokenize([text[begin:stop]])[0]
            pieces.append((piece.ids, piece.starts + begin, piece.ends + begin))
            begin = stop
        return TokenizedText(*(np.concatenate(part) for part in zip(*pieces, strict=True)))

    def frame(self, first: Ids) -> Frame:
        """What surrounds the second text of each pair that has this first text."""
        if self._second_first:
            token_type = self._left_type
            before = [self._before]
            after = [self._between, (first, np.full(len(first), self._right_type)), self._after]
        else:
            token_type = self._right_type
            before = [self._before, (first, np.full(len(first), self._left_type)), self._between]
            after = [self._after]
        return Frame(_joined(before), _joined(after), token_type, self._null())

    def encode(self, first: Ids, second: Ids) -> EncodedPair:
        """Join the ids of two texts into one model input."""
        frame = self.frame(first)
        inside = second, np.full(len(second), frame.token_type)
        input_ids, token_type_ids = _joined([frame.before, inside, frame.after])
        return EncodedPair(input_ids, token_type_ids, len(frame.before[0]), frame.null % len(input_ids))

    def encode_windows(
        self, frame: Frame, text: Ids, windows: npt.NDArray[np.int64], length: int
    ) -> tuple[Ids, Ids, npt.NDArray[np.bool_]]:
        """Put windows of one text into a frame, all at once.

        Args:
            frame: of the first text.
            text: the ids of the second text, shape (tokens,).
            windows: its windows as tokens `[first, last)`, shape (windows, 2).
            length: columns of the result, at least the longest window's and the frame's together.

        Returns:
            Input ids and token types, shape (windows, length), padded on the right, and whether a column is an input.
        """
        size = windows[:, 1:] - windows[:, :1]
        begin, end = len(frame.before[0]), len(frame.before[0]) + size
        columns = np.arange(length)[None, :]
        ids = np.full((len(windows), length), self.pad_id, dtype=np.int64)
        types = np.zeros_like(ids)
        ids[:, :begin], types[:, :begin] = frame.before
        inside = (columns >= begin) & (columns < end)
        ids[inside] = text[(windows[:, :1] + columns - begin)[inside]]
        types[inside] = frame.token_type
        rows, tail = np.arange(len(windows))[:, None], end + np.arange(len(frame.after[0]))
        ids[rows, tail], types[rows, tail] = frame.after
        return ids, types, columns < end + len(frame.after[0])

    def inputs(self, ids: Ids, types: Ids, mask: npt.NDArray[np.bool_]) -> dict[str, "torch.Tensor"]:
        """A padded batch as the model takes it; arguments and result of shape (batch, length)."""
        import torch

        inputs = {"input_ids": torch.from_numpy(ids)}
        if self.uses_mask:
            inputs["attention_mask"] = torch.from_numpy(mask.astype(np.int64))
        if self.uses_token_types:
            inputs["token_type_ids"] = torch.from_numpy(types)
        return inputs

    def _null(self) -> int:
        """Where the token stands whose span means "no answer": CLS, wherever the family has it, else BOS, else first.

        As in the `run_qa` examples. Counted from the pair's end where the token stands after both texts.
        """
        for wanted in (self.tokenizer.cls_token_id, self.tokenizer.bos_token_id):
            if wanted is None:
                continue
            if len(found := np.flatnonzero(self._before[0] == wanted)):
                return int(found[0])
            if len(found := np.flatnonzero(self._after[0] == wanted)):
                return int(found[0]) - len(self._after[0])
        return 0

    def collate(self, pairs: Sequence[EncodedPair]) -> dict[str, "torch.Tensor"]:
        """Pad pairs to one batch.

        They are padded on the right whatever side the tokenizer pads: models with absolute positions count them from
        the first column, so that padding before a text would move it; to relative positions it is all the same.

        Returns:
            Model inputs, each of shape (batch, longest).
        """
        longest = max(len(pair) for pair in pairs)
        ids = np.full((len(pairs), longest), self.pad_id, dtype=np.int64)
        types = np.zeros((len(pairs), longest), dtype=np.int64)
        mask = np.zeros((len(pairs), longest), dtype=np.bool_)
        for row, pair in enumerate(pairs):
            ids[row, : len(pair)] = pair.input_ids
            types[row, : len(pair)] = pair.token_type_ids
            mask[row, : len(pair)] = True
        return self.inputs(ids, types, mask)


def _joined(parts: Sequence[tuple[Ids, Ids]]) -> tuple[Ids, Ids]:
    """Ids and token types of the parts, one after the other."""
    ids, types = zip(*parts, strict=True)
    return np.concatenate(ids).astype(np.int64), np.concatenate(types).astype(np.int64)


def _takes_token_types(model: Any, highest: int) -> bool:
    """Whether a model takes token types as high as the tokenizer gives."""
    if model is None:
        return True
    known = getattr(model.config, "type_vocab_size", None)
    # A model with fewer segments than the tokenizer gives would fail on them; without any it reads all as the first.
    fits = not isinstance(known, int) or known == 0 or highest < known
    return fits and "token_type_ids" in inspect.signature(model.forward).parameters


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
    nothing = starts >= ends
    if nothing.any():
        following, preceding = np.where(nothing, len(text), starts), np.where(nothing, 0, ends)
        starts[nothing] = np.minimum.accumulate(following[::-1])[::-1][nothing]
        ends[nothing] = np.maximum.accumulate(preceding)[nothing]
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


def length_bucketed(lengths: Sequence[int], tokens_per_batch: int, cores: int = 1) -> list[list[int]]:
    """Group indices so that each batch holds similar lengths and at most `tokens_per_batch` padded tokens.

    Batches come longest first, so that memory peaks at once; every index comes exactly once, and a single
    input longer than the bound is a batch of its own. Where `cores` batches run at a time, those left over for the last
    round are shared out among all cores, so that none is idle while another has a whole batch before it.
    """
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    batches: list[list[int]] = []
    for index in order:
        if batches and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= tokens_per_batch:
            batches[-1].append(index)
        else:
            batches.append([index])
    over = len(batches) % cores
    if over and len(batches) > cores:
        left = [index for batch in batches[-over:] for index in batch]
        ends = [len(left) * core // cores for core in range(cores + 1)]
        shared = [left[begin:end] for begin, end in itertools.pairwise(ends) if begin < end]
        # Lengths that differ much may not be shared out evenly: a long input has few others beside it.
        if all(len(batch) == 1 or lengths[batch[0]] * len(batch) <= tokens_per_batch for batch in shared):
            batches[-over:] = shared
    return batches
