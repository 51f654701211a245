"""A tiny base model in a wheel, in a folder that pip takes for its index; usable from other processes."""

import hashlib
import json
import zipfile
from dataclasses import asdict
from pathlib import Path

from assistant.models.catalogue import Base, Catalogue
from assistant.models.store import ModelStore


def write_index(folder: Path) -> Path:
    """Write the wheel, of a few megabytes, and beside it what the catalogue would say of it."""
    import numpy as np
    from safetensors.numpy import save

    folder.mkdir()
    weights = save({"embeddings.weight": np.random.default_rng(0).normal(size=(512, 1024)).astype("float32")})
    info = "tiny_encoder-1.0.dist-info"
    members = {
        "tiny_encoder/model.safetensors": weights,
        "tiny_encoder/config.json": json.dumps({"model_type": "bert"}).encode(),
        "tiny_encoder/tokenizer.json": b"{}",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny_encoder\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    wheel = folder / "tiny_encoder-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    base = Base(
        name="tiny-encoder",
        wheel="tiny_encoder==1.0",
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        download_bytes=wheel.stat().st_size,
        weights="tiny_encoder/model.safetensors",
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        weights_bytes=len(weights),
        format="safetensors",
        files=("tiny_encoder/config.json", "tiny_encoder/tokenizer.json"),
        architecture="BERT",
        licence="Apache-2.0",
        parameters=16,
        purpose="tests",
    )
    (folder / "base.json").write_text(json.dumps(asdict(base)))
    return folder


def tiny_store(cache: Path, index: Path) -> ModelStore:
    """A store that knows this base alone."""
    described = json.loads((index / "base.json").read_text())
    base = Base(**described | {"files": tuple(described["files"])})
    return ModelStore(cache, Catalogue({base.name: base}, {}, cache / "adapters"))
