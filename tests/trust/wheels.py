"""A tiny base model in a wheel, in a folder that pip takes for its index; usable from other processes."""

import hashlib
import json
import zipfile
from pathlib import Path

from assistant.models.catalogue import Base, BaseFile, Catalogue, Part
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
    files = [
        {
            "name": name,
            "bytes": len(members[f"tiny_encoder/{name}"]),
            "sha256": hashlib.sha256(members[f"tiny_encoder/{name}"]).hexdigest(),
            "member": f"tiny_encoder/{name}",
        }
        for name in ("model.safetensors", "config.json", "tokenizer.json")
    ]
    part = {
        "wheel": "tiny_encoder==1.0",
        "bytes": wheel.stat().st_size,
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
    }
    (folder / "base.json").write_text(json.dumps({"files": files, "part": part}))
    return folder


def tiny_store(cache: Path, index: Path) -> ModelStore:
    """A store that knows this base alone."""
    described = json.loads((index / "base.json").read_text())
    base = Base(
        name="tiny-encoder",
        files=tuple(BaseFile(**file) for file in described["files"]),
        parts=(Part(**described["part"]),),
        architecture="BERT",
        licence="Apache-2.0",
        parameters=16,
        purpose="tests",
    )
    return ModelStore(cache, Catalogue({base.name: base}, {}, cache / "adapters"), "index")
