"""Tiny real models, made once in the test session: the same architectures and file formats, with random weights."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from assistant.encoders.pairs import PairEncoder
from finetune.plan.vocabulary import write_vocabulary

# Models this small gain nothing from a second thread, and wait for one where the machine is busy.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A test that says what is right does not say how fast: the machine may be busy.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

SENTENCES = [
    "The Amazon rainforest covers 5.5 million square kilometers in South America.",
    "It holds about 390 billion trees of 16,000 species; how large is it?",
    "J'habite à Lyon, près de la forêt où l'été est très chaud.",
    "Who wrote the report? Marie Curie wrote it in 1903 (in Paris).",
    "Which river crosses the forest? The Nile does not cross it.",
    "亚马逊雨林 很大。 The verifier says what a premise says of a hypothesis.",
]
MAX_POSITIONS = 512

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl+C reaches this process and its children, though the tests run in the background (`nohup … &`).

    A shell starts what runs there with the signal ignored, and children inherit that.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@cache
def _word_piece() -> str:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    write_vocabulary(tokenizer, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], SENTENCES)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    # As all-MiniLM-L6-v2 does at 128: whoever forgets about it reads eight tokens of everything.
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8, pad_id=0, pad_token="[PAD]")
    return str(tokenizer.to_str())


@cache
def _byte_pairs(*special: str) -> str:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return str(write_vocabulary(tokenizer, special, SENTENCES).to_str())


@cache
def _unigram() -> str:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    write_vocabulary(tokenizer, ["<pad>", "<sep>", "<cls>", "<unk>"], SENTENCES, size=200)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <sep> <cls>:2", pair="$A <sep> $B:1 <sep>:1 <cls>:2", special_tokens=[("<sep>", 1), ("<cls>", 2)]
    )
    return str(tokenizer.to_str())


def _backend(text: str) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_str(text)


def bert_tokenizer() -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=_backend(_word_piece()), cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]",
        unk_token="[UNK]", mask_token="[MASK]", model_max_length=MAX_POSITIONS,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )  # fmt: skip


def roberta_tokenizer() -> Any:
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    tokenizer = _backend(_byte_pairs("<s>", "<pad>", "</s>", "<unk>", "<mask>"))
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", cls_token="<s>", pad_token="<pad>", sep_token="</s>",
        eos_token="</s>", unk_token="<unk>", mask_token="<mask>", model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip


def xlnet_tokenizer() -> Any:
    """Padded on the left, its "no answer" token last, and SentencePiece's way with spaces."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=_backend(_unigram()), cls_token="<cls>", sep_token="<sep>", pad_token="<pad>",
        unk_token="<unk>", padding_side="left", model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )  # fmt: skip


def mpnet_tokenizer() -> Any:
    """BERT's pieces in RoBERTa's template, without token types."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer = write_vocabulary(tokenizer, ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"], SENTENCES)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", cls_token="<s>", pad_token="<pad>", sep_token="</s>",
        eos_token="</s>", unk_token="[UNK]", mask_token="<mask>", model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip


TOKENIZERS: dict[str, Callable[[], Any]] = {
    "bert": bert_tokenizer,
    "mpnet": mpnet_tokenizer,
    "roberta": roberta_tokenizer,
    "xlnet": xlnet_tokenizer,
}


@pytest.fixture(scope="session", autouse=True)
def prepared_in_the_session(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Where no cache is named, the form in which generators are run is kept for the session only."""
    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("assistant.loading.preparing.default_cache", lambda: folder)
        yield


@pytest.fixture(scope="session")
def encoder() -> PairEncoder:
    """The pair encoder of the tiny BERT."""
    return PairEncoder(bert_tokenizer())


_SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "initializer_range": 0.6,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}


def tiny_model(kind: str, head: str, **config: Any) -> Any:
    """A float32 model of a kind (bert, mpnet, roberta); head: QuestionAnswering, SequenceClassification or ""."""
    import torch
    import transformers

    tokenizer = TOKENIZERS[kind]()
    torch.manual_seed(7)
    name = {"mpnet": "MPNet"}.get(kind, kind.capitalize())
    positions = {"max_position_embeddings": MAX_POSITIONS + (2 if kind in ("roberta", "mpnet") else 0)}
    types = {"type_vocab_size": 1, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2} if kind == "roberta" else {}
    settings = getattr(transformers, f"{name}Config")(
        vocab_size=len(tokenizer), **{**_SIZES, **positions, **types, **config}
    )
    return getattr(transformers, f"{name}For{head}" if head else f"{name}Model")(settings).eval()


def _save(folder: Path, model: Any, tokenizer: Any, **files: Any) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


NLI_LABELS = {0: "entailment", 1: "neutral", 2: "contradiction"}


def _calibration(threshold: float) -> dict[str, Any]:
    return {
        "right": {"slope": 0.5, "intercept": 0.0},
        "absent": {"slope": -0.5, "intercept": 0.0},
        "threshold": threshold,
    }


@pytest.fixture(scope="session")
def reader_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny reader that always gives its best span as the answer."""
    folder = tmp_path_factory.mktemp("tiny-reader")
    return _save(folder, tiny_model("bert", "QuestionAnswering"), bert_tokenizer(), calibration=_calibration(-1e9))


@pytest.fixture(scope="session")
def silent_reader_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny reader that never finds an answer good enough."""
    folder = tmp_path_factory.mktemp("silent-reader")
    return _save(folder, tiny_model("bert", "QuestionAnswering"), bert_tokenizer(), calibration=_calibration(1e9))


@pytest.fixture(scope="session")
def verifier_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny three-class verifier."""
    folder = tmp_path_factory.mktemp("tiny-verifier")
    return _save(
        folder, tiny_model("bert", "SequenceClassification", num_labels=3, id2label=NLI_LABELS), bert_tokenizer()
    )


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder without a head: what adapters are trained on."""
    import transformers

    folder = tmp_path_factory.mktemp("tiny-encoder")
    return _save(folder, transformers.BertModel(tiny_model("bert", "QuestionAnswering").config), bert_tokenizer())


@pytest.fixture(scope="session")
def generator_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama that speaks nonsense."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=_backend(_byte_pairs("<|endoftext|>", "<|im_start|>", "<|im_end|>")),
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
        bos_token="<|im_start|>",
    )
    tokenizer.chat_template = (
        "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
        "{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    torch.manual_seed(11)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=2048, initializer_range=0.6, eos_token_id=2, bos_token_id=1,
        tie_word_embeddings=True,
    )  # fmt: skip
    return _save(tmp_path_factory.mktemp("tiny-generator"), LlamaForCausalLM(config).eval(), tokenizer)


@pytest.fixture(scope="session")
def tiny_settings(
    reader_folder: Path, verifier_folder: Path, generator_folder: Path, encoder_folder: Path
) -> dict[str, str]:
    """Settings that take all models from folders."""
    return {
        "embedder": str(encoder_folder),
        "reader": str(reader_folder),
        "verifier": str(verifier_folder),
        "generator": str(generator_folder),
    }


@pytest.fixture
def environment(tiny_settings: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The environment of a process that takes the tiny models, and keeps all its files in the test's folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ASSISTANT_", "NO_COLOR"))}
    own = {f"ASSISTANT_{name.upper()}": folder for name, folder in tiny_settings.items()}
    places = {f"ASSISTANT_{name}": str(tmp_path / name.lower()) for name in ("CACHE", "DATA", "CONFIG")}
    return {**kept, **own, **places, "ASSISTANT_MAX_NEW_TOKENS": "6", "OMP_NUM_THREADS": "1"}


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: Any) -> Run:
    """Runs the command line in this process; gives exit code, standard output and standard error.

    The models are loaded once for all its runs with the same settings.
    """
    from assistant.answering import assistant as module
    from assistant.cli import main as cli
    from assistant.cli.options import switches

    for name in list(os.environ):
        if name.startswith("ASSISTANT_"):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    loaded: dict[str, Any] = {}
    real = module.Assistant
    monkeypatch.setattr(module, "Assistant", lambda *given: loaded.setdefault(str(given), real(*given)))

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["assistant", *arguments])
        for name, value in {"verbose": False, "quiet": False, "color": True}.items():
            monkeypatch.setattr(switches, name, value)
        code = cli.run(cli.app, "assistant")
        output = capsysbinary.readouterr()
        return code, output.out.decode("utf-8"), output.err.decode("utf-8")

    return call
