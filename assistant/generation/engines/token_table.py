"""Rows of a matrix with one for each token, read from a file when they are asked for."""

import threading
from pathlib import Path

import numpy as np

from assistant.errors import ModelError
from assistant.generation.engines.onnx_graph import Array
from assistant.models.gguf import rows_in_float


class TokenTable:
    """A matrix with a row for each token: their embeddings, or what gives their logits.

    Rows are read, not mapped: what has been mapped around each of them would count as memory of the process.

    Args:
        path: of the file.
        kind: the number format of the rows, by its name in GGUF.
        offset: of the first row in the file, in bytes.
        shape: (tokens, bytes of a row, or numbers of a row in float32 or float16).
        hidden: numbers of a row.

    Raises:
        ModelError: the file is not there any more, or is shorter.
    """

    def __init__(self, path: Path, kind: str, offset: int, shape: tuple[int, int], hidden: int) -> None:
        self._dtype = np.dtype({"F32": np.float32, "F16": np.float16}.get(kind, np.uint8))
        self._kind, self._offset, self._shape, self._hidden = kind, offset, shape, hidden
        self._gone = ModelError(f"{path} is not there any more or is cut short; fetch or copy it again.")
        self._lock = threading.Lock()
        try:
            self._file = path.open("rb", buffering=0)
            whole = path.stat().st_size >= offset + shape[0] * shape[1] * self._dtype.itemsize
        except OSError as error:
            raise self._gone from error
        if not whole:
            raise self._gone

    def __getitem__(self, tokens: Array) -> Array:
        """Rows, float32 of shape (…, hidden), of tokens of shape (…)."""
        wanted, places = np.unique(tokens, return_inverse=True)
        rows = np.empty((len(wanted), self._shape[1]), self._dtype)
        with self._lock:
            for row, token in zip(rows, wanted, strict=True):
                self._file.seek(self._offset + int(token) * row.nbytes)
                if self._file.readinto(row.view(np.uint8)) != row.nbytes:
                    raise self._gone
        return rows_in_float(self._kind, rows)[places].reshape(*tokens.shape, self._hidden)
