"""Tiny random readers of each model family, with a tokenizer of the family's own class and template."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from finetune.plan.vocabulary import write_vocabulary
from tests.conftest import SENTENCES

TEXTS = [*SENTENCES, "L'été 😀 e\u0301te\u0301 — naïve façade, 5.5 km²."]
HIDDEN, LAYERS, HEADS, INNER = 32, 2, 2, 64
_BERT_LIKE = {
    "hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "intermediate_size": INNER,
    "initializer_range": 0.6, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
}  # fmt: skip
# RoBERTa's padding is token 1, and its positions begin after that.
_ROBERTA_LIKE = {**_BERT_LIKE, "type_vocab_size": 1, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}


_PIECES = {"wordpiece": 400, "bytes": 600, "unigram": 200}  # with these, most words of the texts are one piece


@cache
def _pieces(kind: str, special: tuple[str, ...]) -> str:
    """A vocabulary of a kind (WordPiece, byte-level BPE, Unigram), as JSON of the tokenizers library."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    if kind == "wordpiece":
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    elif kind == "bytes":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
        )
    return str(write_vocabulary(tokenizer, special, TEXTS, _PIECES[kind]).to_str())


def _model(kind: str, special: Iterable[str]) -> Any:
    return json.loads(_pieces(kind, tuple(special)))["model"]


_BERT_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_MPNET_SPECIAL = ("<s>", "<pad>", "</s>", "[UNK]", "<mask>")


def _word_pieces(name: str, special: Iterable[str] = _BERT_SPECIAL, **options: Any) -> Any:
    import transformers

    vocabulary = _model("wordpiece", special)["vocab"]
    return getattr(transformers, name)(vocab=vocabulary, **options)


def _byte_pairs(name: str, special: Iterable[str], **options: Any) -> Any:
    import transformers

    model = _model("bytes", special)
    merges = [tuple(merge) if isinstance(merge, list) else tuple(merge.split(" ")) for merge in model["merges"]]
    return getattr(transformers, name)(vocab=model["vocab"], merges=merges, **options)


def _unigrams(name: str, special: Iterable[str], **options: Any) -> Any:
    import transformers

    vocabulary = [(piece, score) for piece, score in _model("unigram", special)["vocab"]]
    return getattr(transformers, name)(vocab=vocabulary, **options)


def _modern_bert() -> Any:
    """As ModernBERT's: byte-level pieces in BERT's template, without token types, in no class of its own."""
    from tokenizers import Tokenizer, processors
    from transformers import PreTrainedTokenizerFast

    special = ("[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]")
    tokenizer = Tokenizer.from_str(_pieces("bytes", special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 0), ("[SEP]", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]", unk_token="[UNK]",
        mask_token="[MASK]", model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip


def _roberta_without_types() -> Any:
    """A RoBERTa model's tokenizer saved by a script: it lists token types that the model has no weights for."""
    from tokenizers import Tokenizer, processors
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer.from_str(_pieces("bytes", ("<s>", "<pad>", "</s>", "<unk>", "<mask>")))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B:1 </s>:1", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, cls_token="<s>", sep_token="</s>", pad_token="<pad>", unk_token="<unk>",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )  # fmt: skip


_ROBERTA_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")


@dataclass(frozen=True)
class Family:
    """How a family's tiny reader is made, and what is known of it.

    `null` is where its "no answer" token stands in a pair, `text_first` whether the text comes before the question.
    """

    model: str
    tokenizer: Callable[[], Any]
    config: dict[str, Any] = field(default_factory=dict)
    null: int = 0
    text_first: bool = False
    longest: int = 384


FAMILIES = {
    "bert": Family("Bert", lambda: _word_pieces("BertTokenizer"), _BERT_LIKE),
    "distilbert": Family(
        "DistilBert",
        lambda: _word_pieces("DistilBertTokenizer"),
        {"dim": HIDDEN, "n_layers": LAYERS, "n_heads": HEADS, "hidden_dim": INNER, "initializer_range": 0.6},
    ),
    "electra": Family("Electra", lambda: _word_pieces("BertTokenizer"), {**_BERT_LIKE, "embedding_size": 16}),
    "bert-130-positions": Family(
        "Bert", lambda: _word_pieces("BertTokenizer"), {**_BERT_LIKE, "max_position_embeddings": 130}, longest=130
    ),
    "bert-padded-left": Family(
        "Bert", lambda: _word_pieces("BertTokenizer", padding_side="left"), _BERT_LIKE, text_first=True
    ),
    "mpnet": Family(
        "MPNet",
        lambda: _word_pieces("MPNetTokenizer", _MPNET_SPECIAL),
        {**_BERT_LIKE, "max_position_embeddings": 514, "relative_attention_num_buckets": 32},
    ),
    "roberta": Family(
        "Roberta",
        lambda: _byte_pairs("RobertaTokenizer", _ROBERTA_SPECIAL),
        {**_ROBERTA_LIKE, "max_position_embeddings": 514},
    ),
    "roberta-130-positions": Family(
        "Roberta",
        lambda: _byte_pairs("RobertaTokenizer", _ROBERTA_SPECIAL),
        {**_ROBERTA_LIKE, "max_position_embeddings": 130},
        longest=128,
    ),
    "roberta-one-segment": Family(
        "Roberta", _roberta_without_types, {**_ROBERTA_LIKE, "max_position_embeddings": 514}
    ),
    "xlm-roberta": Family(
        "XLMRoberta",
        lambda: _unigrams("XLMRobertaTokenizer", _ROBERTA_SPECIAL),
        {**_ROBERTA_LIKE, "max_position_embeddings": 514},
    ),
    "camembert": Family(
        "Camembert",
        lambda: _unigrams(
            "CamembertTokenizer", ("<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<s>", "</s>", "<mask>")
        ),
        {**_ROBERTA_LIKE, "bos_token_id": 4, "eos_token_id": 5, "max_position_embeddings": 514},
    ),
    "deberta": Family(
        "Deberta",
        lambda: _byte_pairs("DebertaTokenizer", ("[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]")),
        {
            **_BERT_LIKE, "relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_biased_input": False,
            "max_relative_positions": -1, "type_vocab_size": 0, "pad_token_id": 1,
        },
    ),
    "deberta-v3": Family(
        "DebertaV2",
        lambda: _unigrams("DebertaV2Tokenizer", ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]")),
        {
            **_BERT_LIKE, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False,
            "position_buckets": 16, "norm_rel_ebd": "layer_norm", "share_att_key": True, "type_vocab_size": 0,
        },
    ),
    "modernbert": Family(
        "ModernBert",
        _modern_bert,
        {
            "hidden_size": HIDDEN, "num_hidden_layers": 4, "num_attention_heads": HEADS, "intermediate_size": INNER,
            "initializer_range": 0.6, "pad_token_id": 2, "cls_token_id": 0, "sep_token_id": 1, "bos_token_id": 0,
            "eos_token_id": 1, "local_attention": 32,
        },
    ),
    "xlnet": Family(
        "XLNet",
        lambda: _unigrams("XLNetTokenizer", ("<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>")),
        {
            "d_model": HIDDEN, "n_layer": LAYERS, "n_head": HEADS, "d_inner": INNER, "initializer_range": 0.6,
            "dropout": 0.0, "pad_token_id": 5, "bos_token_id": 1, "eos_token_id": 2,
        },
        null=-1,
        text_first=True,
    ),
}  # fmt: skip


def save_reader(name: str, folder: Path) -> Path:
    """Write a family's tiny reader into a folder, as `save_pretrained` writes it."""
    import torch
    import transformers

    family = FAMILIES[name]
    tokenizer = family.tokenizer()
    torch.manual_seed(7)
    config = getattr(transformers, f"{family.model}Config")(vocab_size=len(tokenizer), **family.config)
    head = "ForQuestionAnsweringSimple" if family.model == "XLNet" else "ForQuestionAnswering"
    getattr(transformers, f"{family.model}{head}")(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
