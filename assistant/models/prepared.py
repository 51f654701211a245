"""Where the forms in which generators are run lie in the cache, by the name of their model."""

import shutil
from pathlib import Path

FOLDER = "prepared"
KEY_LENGTH = 16


def prepared_path(cache: Path, name: str, key: str) -> Path:
    """The folder of a model's form; `key` has KEY_LENGTH characters and changes with what it is made of."""
    return cache / FOLDER / f"{_plain(name)}-{key}"


def forms_of(cache: Path, name: str, *, with_adapters: bool = False) -> list[Path]:
    """The forms of a model that are there, those of any state of it.

    Args:
        cache: of the store.
        name: of the model.
        with_adapters: those of the model with any adapter too.
    """
    key = "?" * KEY_LENGTH
    patterns = [f"{_plain(name)}-{key}", *([f"{_plain(name)}+*-{key}"] if with_adapters else [])]
    return [folder for pattern in patterns for folder in sorted((cache / FOLDER).glob(pattern)) if folder.is_dir()]


def remove_prepared(cache: Path, name: str) -> int:
    """Remove what was made of a model, with any adapter, and return how many bytes that freed."""
    freed = 0
    for folder in forms_of(cache, name, with_adapters=True):
        freed += sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
        shutil.rmtree(folder, ignore_errors=True)
    return freed


def _plain(name: str) -> str:
    """A name as that of a folder; brackets and stars would be patterns."""
    return "".join(letter if letter.isalnum() or letter in "-_.+" else "-" for letter in name)[-100:]
