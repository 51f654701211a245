"""What a reference to a model means: a name of the catalogue, a folder, a GGUF file, or a repository of the Hub."""

from pathlib import Path

from assistant.errors import ModelError, UsageError, did_you_mean
from assistant.models.catalogue import Base, Catalogue
from assistant.models.hub import HubReference
from assistant.models.local_files import GgufFile, find_gguf
from assistant.text import one_line

Place = Base | HubReference | Path | GgufFile
"""Where a model is: in the catalogue, on the Hub, in a folder or in a file."""


def place_of(reference: str, catalogue: Catalogue) -> Place:
    """What a reference means: a base or adapter of the package first, then a file or folder, then the Hub.

    Raises:
        UsageError: it is none, or a name that nobody has.
        ModelError: it is a folder that is not there.
    """
    if reference in catalogue.bases:
        return catalogue.bases[reference]
    if reference in catalogue.adapters:
        return catalogue.adapters[reference]
    gguf = find_gguf(reference)
    if gguf is not None:
        return gguf
    try:
        folder = Path(reference).expanduser()
        if reference and folder.is_dir():
            return folder.resolve()
    except (OSError, ValueError, RuntimeError) as error:  # too long, a NUL, the home of a user that there is not
        raise UsageError(
            f"{one_line(reference)!r} names no model; give a folder, a GGUF file, or owner/name of one on the Hub."
        ) from error
    if reference.startswith((".", "~", "/")) or folder.is_absolute() or folder.exists():
        raise ModelError(f"there is no model folder {one_line(reference, 300)}; give a folder that holds config.json.")
    hub = HubReference.parse(reference)
    if hub is None:
        names = [*catalogue.bases, *catalogue.adapters]
        raise UsageError(
            f"there is no model {one_line(reference)!r}; {did_you_mean(reference, sorted(names))} Or give a "
            "folder, a GGUF file, or owner/name of a model on the Hub."
        )
    return hub


def name_of(reference: str, catalogue: Catalogue) -> str:
    """The name of a model in answers: a folder's or file's own name, anything else as it was given."""
    place = place_of(reference, catalogue)
    if isinstance(place, GgufFile):
        return place.name
    folder = Path(reference).expanduser()
    return folder.resolve().name if folder.is_absolute() or folder.is_dir() else reference
