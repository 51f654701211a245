"""Tiny models in real wheels, which real pip fetches from a folder instead of a package index."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from assistant.models.catalogue import Archive, Base, BaseFile, Catalogue, Part

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


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _part_of(wheel: Path, member: str | None = None, member_bytes: int = 0) -> Part:
    name = wheel.name.split("-")[0]
    return Part(f"{name}==1.0", wheel.stat().st_size, _digest(wheel.read_bytes()), member, member_bytes)


def _base(name: str, files: dict[str, bytes], parts: tuple[Part, ...], folder: str = "") -> Base:
    """A base of these files, the weights first, in the folder of an archive where one is given."""
    return Base(
        name=name,
        files=tuple(
            BaseFile(file, len(content), _digest(content), f"{folder}/{file}" if folder else None)
            for file, content in files.items()
        ),
        architecture="tiny",
        licence="Apache-2.0",
        parameters=16,
        purpose="tests",
        parts=parts,
    )


def _write_parts(index: Path, name: str, content: bytes, count: int) -> tuple[Part, ...]:
    """Wheels that hold a file in parts."""
    size = -(-len(content) // count)
    parts = []
    for number in range(1, count + 1):
        package, piece = f"{name}_part{number}", content[(number - 1) * size : number * size]
        member = f"{package}/data/part{number:02}.bin"
        parts.append(_part_of(_write_wheel(index, package, {member: piece}), member, len(piece)))
    return tuple(parts)


def _encoder_files(weights: bytes) -> dict[str, bytes]:
    return {
        "model.safetensors": weights,
        "config.json": json.dumps({"model_type": "bert"}).encode(),
        "tokenizer.json": json.dumps(TINY_TOKENIZER).encode(),
    }


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
    context: int = 128,
) -> Path:
    """A model of two tiny layers; the number formats of its matrices come in turn, where they fit."""
    from gguf import GGMLQuantizationType, GGUFWriter
    from gguf.quants import quantize

    tokens = _byte_tokens()
    writer = GGUFWriter(path, architecture)
    writer.add_block_count(LAYERS)
    writer.add_context_length(context)
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
    monkeypatch.setenv("ASSISTANT_SOURCE", "index")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A GGUF file of the kind that the catalogue's generators are."""
    return _write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf").read_bytes()


@pytest.fixture
def base_in_parts(index: Path) -> Callable[..., Base]:
    """Puts a file into the index, in wheels that hold a part each, and describes it as the catalogue does."""

    def build(content: bytes, name: str = "tiny-llama", count: int = 5) -> Base:
        parts = _write_parts(index, name.replace("-", "_"), content, count)
        return _base(name, {"tiny-q4.gguf": content}, parts)

    return build


@pytest.fixture
def archive_in_parts(index: Path, tiny_weights: bytes) -> tuple[Base, bytes]:
    """A base whose files lie in a ZIP archive that is in the index in parts, and the archive."""
    files = _encoder_files(tiny_weights)
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("tiny/1_Pooling/config.json", b"{}")
        for file, content in files.items():
            archive.writestr(f"tiny/{file}", content)
    content = held.getvalue()
    base = _base("tiny-zipped", files, _write_parts(index, "tiny_zipped", content, 3), "tiny")
    return replace(base, archive=Archive(len(content), _digest(content))), content


@pytest.fixture
def tiny_weights() -> bytes:
    values = np.random.default_rng(0).normal(size=(64, 1024)).astype(np.float32)
    return save({"embeddings.weight": values})


@pytest.fixture
def tiny_base(index: Path, tiny_weights: bytes) -> Base:
    """A base in a wheel that also holds what nobody wants."""
    files = _encoder_files(tiny_weights)
    members = {f"tiny_encoder/{name}": content for name, content in files.items()}
    unwanted = {"tiny_encoder/__init__.py": b"raise SystemExit('never imported')", "../../escaped.txt": b"zip slip"}
    wheel = _write_wheel(index, "tiny_encoder", members | unwanted)
    return _base("tiny-encoder", files, (_part_of(wheel),), "tiny_encoder")


@pytest.fixture
def catalogue_of(tmp_path: Path) -> Callable[..., Catalogue]:
    def build(*bases: Base) -> Catalogue:
        return Catalogue({base.name: base for base in bases}, {}, tmp_path / "adapters")

    return build
