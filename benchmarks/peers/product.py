"""Worker: the reader as the assistant puts it together, with its ranking of passages, on one document at a time."""

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.peers.protocol import peak_memory, serve, versions


class Worker:
    """Holds the reader and the document."""

    def load(self, model: str, embeddings: bool = True) -> dict[str, Any]:
        """Load the reader, that of the embedded profile or the one of a folder or of the Hub, and what ranks passages.

        Args:
            model: which reader.
            embeddings: rank by meaning too, as the assistant does; else by shared words alone.
        """
        from assistant.loading.embedder import load_embedder
        from assistant.loading.reader import load_reader
        from assistant.models.index_files import IndexFiles
        from assistant.models.store import ModelStore
        from assistant.retrieval.ranking import Ranker
        from benchmarks.weights import resolve_part

        store = ModelStore()
        self.reader = load_reader(resolve_part("reader", model))
        name = store.catalogue.embedder if embeddings else None
        embedder = load_embedder(store.resolve(name)) if name else None
        # Kept on disk as the product does, which costs a little, but nowhere that outlives this process.
        self.folder = tempfile.TemporaryDirectory()
        self.reader.ranker = Ranker((lambda: embedder) if embedder else None, IndexFiles(Path(self.folder.name)))
        dtype = str(self.reader.model.dtype).removeprefix("torch.")
        return {
            **versions("torch", "transformers"),
            "dtype": dtype,
            "ranked_by": "words and embeddings" if embedder else "words",
            "memory": peak_memory(),
        }

    def open(self, text: str) -> dict[str, Any]:
        """Take a document; nothing is done with it yet."""
        from assistant.types import Document

        self.document = Document("document", text)
        return {"id": self.document.id, "memory": peak_memory()}

    def ask(self, question: str, windows: int | None) -> dict[str, Any]:
        """Answer a question about the document, from its so many most promising windows; None reads them all."""
        from assistant.reading.reader import Question

        began = time.perf_counter()
        reading = self.reader.read([Question(question, self.document)], windows=windows)[0]
        seconds = time.perf_counter() - began
        best = reading.best
        return {
            "answer": self.document.text[best.start : best.end] if best else "",
            "seconds": seconds,
            "windows": reading.windows,
            "memory": peak_memory(),
        }


if __name__ == "__main__":
    worker = Worker()
    serve({"load": worker.load, "open": worker.open, "ask": worker.ask})
