"""The tokenizer of a GGUF file as the `tokenizers` library has it, with the file's own way to split text."""

from typing import TYPE_CHECKING, Any

from assistant.errors import StoreError
from assistant.text import one_line

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_CONTROL, _USER_DEFINED = 3, 4  # gguf.TokenType
_SPACE = "▁"
_LETTERS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_RULES = {
    "qwen2": _LETTERS + r"\p{N}" + _REST,
    "deepseek-r1-qwen": _LETTERS + r"\p{N}" + _REST,
    "llama-bpe": _LETTERS + r"\p{N}{1,3}" + _REST,
    "llama3": _LETTERS + r"\p{N}{1,3}" + _REST,
    "smollm": "",  # every digit alone, and then GPT-2's rule
    "gpt-2": "",
    "default": "",
}
"""How text is split before byte pairs are merged, by what `tokenizer.ggml.pre` says; the expressions are the ones of
the models' own tokenizers, and an empty one is GPT-2's."""
_DIGITS_ALONE = frozenset({"smollm"})
_COMPOSED = frozenset({"qwen2", "deepseek-r1-qwen"})
"""Those that compose accents first (NFC)."""


def make_tokenizer(fields: dict[str, Any], context_tokens: int) -> "tuple[Tokenizer, dict[str, Any]]":
    """A tokenizer, and its `tokenizer_config.json`, from the fields of a GGUF file.

    Raises:
        StoreError: the file has another kind of tokenizer, or none.
    """
    try:
        kind = fields["tokenizer.ggml.model"]
        if kind == "gpt2":
            tokenizer = _byte_pairs(fields)
        elif kind == "llama":
            tokenizer = _sentence_pieces(fields)
        else:
            raise StoreError(f"the GGUF file's tokenizer is of the kind {one_line(str(kind), 40)!r}, not known here.")
        return tokenizer, _config(fields, context_tokens)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise StoreError(f"the GGUF file's tokenizer is not whole ({one_line(str(error), 120)}).") from error


def _byte_pairs(fields: dict[str, Any]) -> "Tokenizer":
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    rule = str(fields.get("tokenizer.ggml.pre", "default"))
    if rule not in _RULES:
        raise StoreError(
            f"the GGUF file's tokenizer splits text by the rule {one_line(rule, 40)!r}; those that are known here are "
            f"{', '.join(_RULES)}."
        )
    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ", 1)) for merge in fields["tokenizer.ggml.merges"]]
    # Llama 3 takes a piece that is a token as it is, whatever its merges would make of it.
    whole = rule in ("llama-bpe", "llama3")
    vocabulary = {token: at for at, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=whole))
    if rule in _COMPOSED:
        tokenizer.normalizer = normalizers.NFC()
    if _RULES[rule]:
        split = pre_tokenizers.Split(Regex(_RULES[rule]), "isolated")
        bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, bytes_])
    else:
        digits = [pre_tokenizers.Digits(individual_digits=True)] if rule in _DIGITS_ALONE else []
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    return _with_added_tokens(tokenizer, fields)


def _sentence_pieces(fields: dict[str, Any]) -> "Tokenizer":
    """A tokenizer of Llama 2's kind (SentencePiece's BPE with bytes for what has no token)."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    vocabulary = {token: at for at, token in enumerate(tokens)}
    merges = _merges_by_score(vocabulary, fields["tokenizer.ggml.scores"])
    unknown = tokens[fields.get("tokenizer.ggml.unknown_token_id", 0)]
    model = models.BPE(vocab=vocabulary, merges=merges, unk_token=unknown, fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(model)
    prepend = fields.get("tokenizer.ggml.add_space_prefix", True)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(
        replacement=_SPACE, prepend_scheme="first" if prepend else "never", split=False
    )
    strip = [decoders.Strip(" ", 1, 0)] if prepend else []
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
    )
    return _with_added_tokens(tokenizer, fields)


def _merges_by_score(vocabulary: dict[str, int], scores: list[float]) -> list[tuple[str, str]]:
    """The pairs of tokens that make a token, best first: SentencePiece merges what gives the highest score."""
    merges: list[tuple[float, int, int, tuple[str, str]]] = []
    for token, at in vocabulary.items():
        for cut in range(1, len(token)):
            pair = token[:cut], token[cut:]
            if pair[0] in vocabulary and pair[1] in vocabulary:
                merges.append((-scores[at], vocabulary[pair[0]], vocabulary[pair[1]], pair))
    return [pair for *_, pair in sorted(merges)]


def _with_added_tokens(tokenizer: "Tokenizer", fields: dict[str, Any]) -> "Tokenizer":
    """Tokens that text is never merged into: the marks of a chat, and others that the file calls its own."""
    from tokenizers import AddedToken

    tokens, kinds = fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"]
    for special, wanted in ((True, _CONTROL), (False, _USER_DEFINED)):
        added = [
            AddedToken(token, special=special, normalized=False)
            for token, kind in zip(tokens, kinds, strict=True)
            if kind == wanted
        ]
        if special:
            tokenizer.add_special_tokens(added)
        else:
            tokenizer.add_tokens(added)
    return tokenizer


def _config(fields: dict[str, Any], context_tokens: int) -> dict[str, Any]:
    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    end = fields["tokenizer.ggml.eos_token_id"]
    roles = {
        "bos_token": fields.get("tokenizer.ggml.bos_token_id"),
        "eos_token": end,
        "pad_token": fields.get("tokenizer.ggml.padding_token_id", end),
        "unk_token": fields.get("tokenizer.ggml.unknown_token_id"),
    }
    config: dict[str, Any] = {role: tokens[id_] for role, id_ in roles.items() if id_ is not None}
    config |= {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": context_tokens,
        "clean_up_tokenization_spaces": False,
    }
    if template := fields.get("tokenizer.chat_template"):
        config["chat_template"] = template
    return config
