"""A GGUF file's model as a folder of safetensors, for libraries that take nothing else; made once and kept."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import ModelError
from assistant.events import Progress
from assistant.models.staging import ProgressListener, locked, new_folder, remove_folder, replace_folder, storage_errors
from assistant.models.transfer import check_room

if TYPE_CHECKING:
    from assistant.models.gguf import GGUFFile

FOLDER = "dequantised"
_VERSION = 1  # raised when the folders have to be made anew
_SHARD_BYTES = 1 << 30
_INDEX = "model.safetensors.index.json"
_BYTES_A_NUMBER = 2


def dequantised_folder(gguf: Path, description: Path, name: str, cache: Path, on_progress: ProgressListener) -> Path:
    """The folder with a GGUF file's weights in bfloat16, its configuration and its tokenizer.

    It takes two bytes a parameter on the disk, and half a minute for each 1.5 billion of them when it is made.

    Args:
        gguf: the file.
        description: the folder with what transformers wants to know of it.
        name: of the model, for the folder's name and for a person.
        cache: of the store.
        on_progress: told how far it is.

    Raises:
        StoreError: the file cannot be read, or the disk is full.
        ModelError: transformers could not be told all that the model computes.
    """
    from assistant.models.gguf import GGUFFile

    file = GGUFFile(gguf)
    if file.rope_factors is not None:
        raise ModelError(
            f"{name} scales its rotary positions by numbers that only the GGUF file has; take the model's safetensors."
        )
    entry = cache / FOLDER / _key(gguf, name)
    if (entry / _INDEX).is_file():
        return entry
    with storage_errors("dequantise", name, entry.parent), locked(entry, name, on_progress):
        if (entry / _INDEX).is_file():
            return entry
        numbers = sum(_numbers(tensor.shape) for tensor in file.tensors.values())
        check_room(entry.parent, numbers * _BYTES_A_NUMBER)
        with new_folder(entry) as folder:
            config = json.loads((description / "config.json").read_text("utf-8"))
            for path in description.glob("*.json"):
                shutil.copyfile(path, folder / path.name)
            (folder / "config.json").write_text(json.dumps(config | {"dtype": "bfloat16"}, indent=2) + "\n", "utf-8")
            _write_shards(file, folder, numbers, f"Dequantising {name}, which is done once", on_progress)
            replace_folder(entry, folder)
        for former in entry.parent.glob(f"{entry.name.rpartition('-')[0]}-{'?' * 16}"):
            if former != entry:
                shutil.rmtree(former, ignore_errors=True)
    return entry


def remove_dequantised(cache: Path, name: str) -> int:
    """Remove what was made of a model, and return how many bytes that freed."""
    return sum(remove_folder(entry) for entry in (cache / FOLDER).glob(f"{_plain(name)}-{'?' * 16}"))


def _write_shards(file: "GGUFFile", folder: Path, numbers: int, stage: str, on_progress: ProgressListener) -> None:
    """Write the weights in files of about a gigabyte, so that no more than one of them is in memory."""
    from safetensors.torch import save_file

    places: dict[str, str] = {}
    for number, shard in enumerate(_shards(file, numbers, stage, on_progress), 1):
        target = f"model-{number:05}.safetensors"
        save_file(shard, folder / target, metadata={"format": "pt"})
        places |= dict.fromkeys(shard, target)
    index = {"metadata": {"total_size": numbers * _BYTES_A_NUMBER}, "weight_map": places}
    (folder / _INDEX).write_text(json.dumps(index, indent=2) + "\n", "utf-8")


def _shards(file: "GGUFFile", numbers: int, stage: str, on_progress: ProgressListener) -> Iterator[dict[str, Any]]:
    import torch

    shard: dict[str, Any] = {}
    size = done = 0
    for name, values in file.state_dict():
        on_progress(Progress(stage, done * _BYTES_A_NUMBER, numbers * _BYTES_A_NUMBER))
        # What the file holds in float32 comes as a view of its mapping, which may not be written to.
        owned = values if values.flags.writeable else values.copy()
        shard[name] = torch.from_numpy(owned).to(torch.bfloat16)
        done += values.size
        size += values.size * _BYTES_A_NUMBER
        if size >= _SHARD_BYTES:
            yield shard
            shard, size = {}, 0
    if shard:
        yield shard


def _numbers(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def _key(gguf: Path, name: str) -> str:
    """A name that changes with the file."""
    state = gguf.stat()
    source = json.dumps([_VERSION, str(gguf.resolve()), state.st_size, state.st_mtime_ns])
    return f"{_plain(name)}-{hashlib.sha256(source.encode()).hexdigest()[:16]}"


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)[-100:]
