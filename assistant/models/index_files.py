"""The embeddings of documents on disk, so that a document that comes back is ranked at once.

One safetensors file for each document and model, named by the hash of the document's text, in a folder for each model:
removing the model removes the folder. The files are only a cache: one that cannot be read or does not fit is made
again, and one that cannot be written is done without. The oldest go when they take more than a bound together.
"""

import contextlib
import logging
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

log = logging.getLogger(__name__)

FOLDER = "indexes"
MAX_BYTES = 256_000_000
_SUFFIX = ".safetensors"
_NOT_IN_NAMES = re.compile(r"[^\w.+-]+")


class IndexFiles:
    """Embeddings by document and model.

    Args:
        cache: the cache folder; the files lie in its folder `indexes`.
        max_bytes: more than this together, and those used longest ago are removed.
    """

    def __init__(self, cache: Path, max_bytes: int = MAX_BYTES) -> None:
        self.folder = cache / FOLDER
        self.max_bytes = max_bytes

    def read(self, document: str, model: str, bounds: "npt.NDArray[np.int64]") -> "npt.NDArray[np.float32] | None":
        """The embeddings of a document's passages, or None if they are not kept or are those of other passages.

        Args:
            document: the document's id.
            model: the embedder's name.
            bounds: the passages' offsets, shape (passages, 2).
        """
        import numpy as np
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        path = self._path(document, model)
        try:
            kept = load_file(path)
            embeddings = kept["embeddings"]
            if np.array_equal(kept["bounds"], bounds) and embeddings.ndim == 2 and len(embeddings) == len(bounds):
                with contextlib.suppress(OSError):  # a cache that may only be read
                    path.touch()
                return embeddings.astype("float32")
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
            log.info("an index of passages cannot be read: %s", type(error).__name__)
        return None

    def write(
        self, document: str, model: str, bounds: "npt.NDArray[np.int64]", embeddings: "npt.NDArray[np.float32]"
    ) -> None:
        """Keep the embeddings of a document's passages, of shape (passages, dimensions)."""
        from safetensors.numpy import save

        path = self._path(document, model)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")  # readable by the user alone
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(save({"bounds": bounds, "embeddings": embeddings.astype("float16")}))
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            self._sweep(path)
        except OSError as error:
            log.info("an index of passages cannot be kept: %s", type(error).__name__)

    def forget(self, document: str) -> None:
        """Remove what was made of a document, with whichever model."""
        for path in self.folder.glob(f"*/{document}{_SUFFIX}"):
            with contextlib.suppress(OSError):
                path.unlink()

    def remove_model(self, model: str) -> int:
        """Remove all that was made with a model and return how many bytes that freed."""
        freed = 0
        for path in self._path("", model).parent.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(OSError):
                size = path.stat().st_size
                path.unlink()
                freed += size
        return freed

    def _path(self, document: str, model: str) -> Path:
        return self.folder / (_NOT_IN_NAMES.sub("-", model).lstrip(".") or "model") / f"{document}{_SUFFIX}"

    def _sweep(self, newest: Path) -> None:
        files = [(path.stat(), path) for path in self.folder.glob(f"*/*{_SUFFIX}") if path != newest]
        taken = newest.stat().st_size + sum(stat.st_size for stat, _ in files)
        for stat, path in sorted(files, key=lambda file: file[0].st_mtime):
            if taken <= self.max_bytes:
                break
            with contextlib.suppress(OSError):
                path.unlink()
                taken -= stat.st_size
