"""Which passages of a document bear on a question: by the words they share, and by their meaning.

Two rankings are fused: Okapi BM25 (Robertson and Zaragoza, 2009) over words, and the cosine of sentence embeddings
where an embedder is at hand. Their ranks are joined by reciprocal rank fusion (Cormack et al., 2009), which needs no
weights. What a document costs is paid once: its embeddings are kept on disk, by the hash of its text.
"""

import math
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from assistant.documents.passages import Passage
from assistant.documents.splitting import split_passages
from assistant.models.index_files import IndexFiles
from assistant.recent import Recent
from assistant.types import Document

Floats = npt.NDArray[np.float32]
OnProgress = Callable[[int, int], None]

DOCUMENTS_KEPT = 16
_WORD = re.compile(r"\w+")
# Okapi BM25's usual constants.
_K1, _B = 1.2, 0.75
# Reciprocal rank fusion's usual constant.
_FUSION = 60
_STOP_WORDS = frozenset(
    "a an and are as at be by did do does for from had has have how in is it its of on or that the their this to was "
    "were what when where which who why will with "
    "au aux avec ce ces dans de des du elle en est et il la le les leur ou par pour quand que quel quelle qui sa se "
    "ses son sont sur un une où".split()
)


class Embedder(Protocol):
    """Turns texts into vectors whose dot product says how near they are in meaning."""

    @property
    def name(self) -> str:
        """The model's name; embeddings of different models do not compare."""

    def embed(
        self, texts: Sequence[str], *, cancel: threading.Event | None = None, on_progress: OnProgress | None = None
    ) -> Floats | None:
        """Vectors of length one, shape (texts, dimensions); None if cancelled."""


def words(text: str) -> list[str]:
    """The words of a text that bear meaning, in lower case."""
    return [word for word in (match.lower() for match in _WORD.findall(text)) if word not in _STOP_WORDS]


class PassageIndex:
    """Passages with what ranks them.

    Args:
        passages: of one document, or of several.
        embeddings: of the passages, shape (passages, dimensions), or None to rank by words alone.
    """

    def __init__(self, passages: Sequence[Passage], embeddings: Floats | None = None) -> None:
        self.passages = passages
        self.embeddings = embeddings
        holding: dict[str, list[int]] = defaultdict(list)
        counts: dict[str, list[int]] = defaultdict(list)
        lengths = np.zeros(len(passages))
        for index, passage in enumerate(passages):
            for word, count in Counter(words(passage.text)).items():
                holding[word].append(index)
                counts[word].append(count)
                lengths[index] += count
        self._holding, self._counts = holding, counts
        self._norm = _K1 * (1 - _B + _B * lengths / (lengths.mean() or 1.0)) if len(passages) else lengths

    def lexical(self, question: str) -> Floats:
        """Okapi BM25 of every passage, shape (passages,)."""
        scores = np.zeros(len(self.passages))
        for word in set(words(question)) & self._holding.keys():
            at, count = np.array(self._holding[word]), np.array(self._counts[word])
            rarity = math.log(1 + (len(self.passages) - len(at) + 0.5) / (len(at) + 0.5))
            scores[at] += rarity * count * (_K1 + 1) / (count + self._norm[at])
        return scores.astype(np.float32)

    def ranked(self, question: str, vector: Floats | None = None) -> list[Passage]:
        """All passages, the most promising first; ties keep the document's order.

        Args:
            question: what is asked.
            vector: its embedding, shape (dimensions,).
        """
        scores = self.lexical(question)
        if vector is not None and self.embeddings is not None:
            # A passage without any of the words has no rank among those that have some.
            scores = _by_rank(scores) * (scores > 0) + _by_rank(self.embeddings @ vector)
        return [self.passages[index] for index in np.argsort(-scores, kind="stable")]


def _together(indexes: Sequence[PassageIndex]) -> PassageIndex:
    """One index over the passages of several; by words alone if one of them has no embeddings."""
    embeddings = [index.embeddings for index in indexes if index.embeddings is not None]
    passages = [passage for index in indexes for passage in index.passages]
    return PassageIndex(passages, np.concatenate(embeddings) if len(embeddings) == len(indexes) else None)


def _by_rank(scores: Floats) -> Floats:
    """What each place in a ranking counts for in reciprocal rank fusion, shape (passages,)."""
    rank = np.empty(len(scores), dtype=np.float32)
    rank[np.argsort(-scores, kind="stable")] = np.arange(len(scores), dtype=np.float32)
    return (1 / (_FUSION + 1 + rank)).astype(np.float32)


class Ranker:
    """Ranks the passages of documents, and keeps what it made of them for the next question.

    Args:
        embedder: gives the embedder; where there is none, passages are ranked by words alone.
        files: where embeddings are kept between runs.
    """

    def __init__(self, embedder: Callable[[], Embedder | None] | None = None, files: IndexFiles | None = None) -> None:
        self._give_embedder = embedder
        self._files = files
        self._indexes: Recent[tuple[str, str], PassageIndex] = Recent(DOCUMENTS_KEPT)

    @property
    def _embedder(self) -> Embedder | None:
        return self._give_embedder() if self._give_embedder else None

    def knows(self, document: Document) -> bool:
        """Whether a document's index is at hand, so that ranking its passages costs next to nothing."""
        return self._known(document) is not None

    def index(
        self, document: Document, *, cancel: threading.Event | None = None, on_progress: OnProgress | None = None
    ) -> PassageIndex:
        """The index of a document: kept from before, read from disk, or made now.

        Where making it is cancelled, the index returned ranks by words alone and is not kept.
        """
        key, known = _key(document), self._known(document)
        if known is None:
            passages = split_passages(document)
            embeddings = self._embeddings(document, passages, cancel, on_progress)
            known = PassageIndex(passages, embeddings)
            if embeddings is None and self._embedder is not None:
                return known
        self._indexes.keep(key, known)
        return known

    def rank(
        self, question: str, documents: Sequence[Document], *, cancel: threading.Event | None = None
    ) -> list[Passage]:
        """All passages of the documents, the most promising first."""
        indexes = [self.index(document, cancel=cancel) for document in documents]
        index = indexes[0] if len(indexes) == 1 else _together(indexes)
        embedder = self._embedder if index.embeddings is not None else None
        vectors = embedder.embed([question]) if embedder else None
        return index.ranked(question, None if vectors is None else vectors[0])

    def _known(self, document: Document) -> PassageIndex | None:
        """The index at hand; none where one ranks by words alone that was made before there was an embedder."""
        known = self._indexes.get(_key(document))
        return None if known is not None and known.embeddings is None and self._embedder is not None else known

    def _embeddings(
        self,
        document: Document,
        passages: Sequence[Passage],
        cancel: threading.Event | None,
        on_progress: OnProgress | None,
    ) -> Floats | None:
        embedder = self._embedder
        if embedder is None:
            return None
        bounds = np.array([(passage.start, passage.end) for passage in passages], dtype=np.int64)
        kept = self._files.read(document.id, embedder.name, bounds) if self._files else None
        if kept is not None:
            return kept
        vectors = embedder.embed([passage.text for passage in passages], cancel=cancel, on_progress=on_progress)
        if vectors is not None and self._files:
            self._files.write(document.id, embedder.name, bounds, vectors)
        return vectors


def _key(document: Document) -> tuple[str, str]:
    """The text and the name: how a text is split depends on the suffix of its name."""
    return document.id, document.name
