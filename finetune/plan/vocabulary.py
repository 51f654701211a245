"""Small vocabularies written down from a few texts instead of trained: the same ones on every run.

The trainers of the tokenizers library break ties by the order of a hash map, which is another one in each process.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_PRINTABLE = [chr(code) for code in range(33, 127)]
_OF_A_WORD, _OF_A_CHARACTER = -5.0, -10.0  # log-probabilities: a known word is likelier than its characters


def write_vocabulary(
    tokenizer: "Tokenizer", special: Sequence[str], texts: Iterable[str], size: int = 400
) -> "Tokenizer":
    """Give a tokenizer a vocabulary: the special tokens, all single characters, then words in the order of the texts.

    Args:
        tokenizer: with an empty WordPiece, byte-level BPE or Unigram model, its pre-tokenizer set, and for WordPiece
            and Unigram the unknown token among the special ones.
        special: in the order of their ids, from 0.
        texts: what the words are taken from; those that the size leaves no room for are cut into characters.
        size: the most tokens that the vocabulary may have.
    """
    from tokenizers import models, pre_tokenizers

    words = _words(tokenizer, texts)
    characters = sorted({character for word in words for character in word})
    if isinstance(tokenizer.model, models.WordPiece):
        alphabet = sorted({*_PRINTABLE, *characters})
        tokenizer.model = models.WordPiece(
            _numbered([*special, *alphabet, *(f"##{each}" for each in alphabet), *words], size),
            unk_token=tokenizer.model.unk_token,
        )
    elif isinstance(tokenizer.model, models.BPE):
        pieces = _numbered([*special, *sorted(pre_tokenizers.ByteLevel.alphabet())], size)
        merges: dict[tuple[str, str], None] = {}
        for left, right in (pair for word in words for pair in _prefixes(word)):
            if left + right in pieces or len(pieces) < size:
                pieces.setdefault(left + right, len(pieces))
                merges[left, right] = None
        tokenizer.model = models.BPE(pieces, list(merges))
    else:
        scored = [(token, 0.0) for token in special]
        scored += [(each, _OF_A_CHARACTER) for each in sorted({*_PRINTABLE, *characters})]
        scored += [(word, _OF_A_WORD) for word in words if len(word) > 1]
        unknown = next(at for at, token in enumerate(special) if "unk" in token.lower())
        tokenizer.model = models.Unigram(scored[:size], unk_id=unknown, byte_fallback=False)
    tokenizer.add_special_tokens(list(special))
    return tokenizer


def _words(tokenizer: "Tokenizer", texts: Iterable[str]) -> list[str]:
    """The distinct words of texts as the tokenizer's model gets to see them, in their order."""
    found: dict[str, None] = {}
    for text in texts:
        normalised = tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer else text
        found |= {word: None for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normalised)}
    return list(found)


def _numbered(pieces: Iterable[str], size: int) -> dict[str, int]:
    return {piece: number for number, piece in enumerate(list(dict.fromkeys(pieces))[:size])}


def _prefixes(word: str) -> Iterator[tuple[str, str]]:
    """The merges that put a word together from its first character on."""
    return ((word[:end], word[end]) for end in range(1, len(word)))
