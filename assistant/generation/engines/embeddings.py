"""The embeddings of tokens, looked up in a file that is mapped."""

from pathlib import Path

import numpy as np

from assistant.errors import ModelError
from assistant.generation.engines.onnx_graph import Array
from assistant.models.gguf import rows_in_float


class EmbeddingTable:
    """The embeddings of tokens, read from a file's own rows when they are asked for.

    Args:
        path: of the file.
        kind: the number format of the rows, by its name in GGUF.
        offset: of the first row in the file, in bytes.
        shape: (tokens, bytes of a row, or numbers of a row in float32).
        hidden: numbers of an embedding.

    Raises:
        ModelError: the file is not there any more, or is shorter.
    """

    def __init__(self, path: Path, kind: str, offset: int, shape: tuple[int, int], hidden: int) -> None:
        dtype = {"F32": np.float32, "F16": np.float16}.get(kind, np.uint8)
        try:
            self._rows = np.memmap(path, dtype, "r", offset, shape)
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} is not there any more or is cut short; fetch or copy it again.") from error
        self._kind, self._hidden = kind, hidden

    def __getitem__(self, tokens: Array) -> Array:
        """Embeddings, float32 of shape (…, hidden), of tokens of shape (…)."""
        rows = np.asarray(self._rows[tokens.reshape(-1)])
        return rows_in_float(self._kind, rows).reshape(*tokens.shape, self._hidden)
