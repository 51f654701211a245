import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.documents.splitting import split_passages
from assistant.models.index_files import IndexFiles
from assistant.retrieval.embedding import SentenceEmbedder
from assistant.retrieval.ranking import PassageIndex, Ranker
from assistant.types import Document
from tests.conftest import bert_tokenizer, tiny_model

TEXT = (
    "\n\n".join(f"Paragraph {number} is on rivers. " * 20 for number in range(8)) + "\n\nThe Amazon is 6,400 km long."
)
DOCUMENT = Document("d", TEXT)


@pytest.fixture(scope="module")
def embedder() -> SentenceEmbedder:
    return SentenceEmbedder(tiny_model("bert", ""), bert_tokenizer(), name="tiny/model", tokens_per_batch=256)


def test_the_passage_that_speaks_of_the_question_comes_first() -> None:
    ranked = PassageIndex(split_passages(DOCUMENT)).ranked("How long is the Amazon?")
    assert "Amazon" in ranked[0].text


def test_passages_without_a_word_of_the_question_keep_their_order() -> None:
    passages = split_passages(DOCUMENT)
    assert PassageIndex(passages).ranked("Zebra?") == passages
    assert PassageIndex(passages).ranked("???") == passages
    assert PassageIndex([]).ranked("Zebra?") == []


def test_meaning_ranks_where_words_do_not() -> None:
    passages = split_passages(DOCUMENT)
    embeddings = np.eye(len(passages), dtype=np.float32)
    ranked = PassageIndex(passages, embeddings).ranked("Zebra?", embeddings[5])
    assert ranked[0] is passages[5] or ranked[1] is passages[5]
    assert PassageIndex(passages, embeddings).ranked("Amazon?", embeddings[-1])[0] is passages[-1]


@given(st.lists(st.text("ab cd\n.", min_size=1, max_size=60), min_size=1, max_size=6), st.text("abcd ", max_size=12))
@settings(max_examples=50, deadline=None)
def test_every_passage_is_ranked_once_whatever_is_asked(texts: list[str], question: str) -> None:
    documents = [Document("d", f"x {text}") for text in texts]
    ranked = Ranker().rank(question, documents)
    assert sorted(p.text for p in ranked) == sorted(p.text for each in documents for p in split_passages(each))


def test_embeddings_do_not_depend_on_what_is_embedded_beside(embedder: SentenceEmbedder) -> None:
    texts = ["The forest is large.", "It", "A much longer text about a forest and a river. " * 4]
    together = embedder.embed(texts)
    assert together is not None
    assert np.linalg.norm(together, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    for text, vector in zip(texts, together, strict=True):
        alone = embedder.embed([text])
        assert alone is not None
        assert alone[0] == pytest.approx(vector, abs=1e-4)


class _Counting:
    """An embedder that notes what it is asked for."""

    def __init__(self, embedder: SentenceEmbedder) -> None:
        self.embedder, self.name = embedder, embedder.name
        self.texts = 0

    def embed(self, texts: Sequence[str], **options: object) -> "np.ndarray | None":
        self.texts += len(texts)
        return self.embedder.embed(texts, **options)  # type: ignore[arg-type]


def test_an_index_is_made_once_and_read_from_disk_by_the_next_run(tmp_path: Path, embedder: SentenceEmbedder) -> None:
    files = IndexFiles(tmp_path)
    first, counting = Ranker(lambda: embedder, files), _Counting(embedder)
    told: list[tuple[int, int]] = []
    made = first.index(DOCUMENT, on_progress=lambda *at: told.append(at))
    assert told[-1] == (len(made.passages), len(made.passages))
    assert first.index(DOCUMENT) is made
    again = Ranker(lambda: counting, files).index(DOCUMENT)
    assert counting.texts == 0
    assert again.embeddings == pytest.approx(made.embeddings, abs=1e-3)
    [path] = (tmp_path / "indexes").rglob("*.safetensors")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert "Amazon" not in path.read_bytes().decode("latin-1")


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\xff" * 100])
def test_a_damaged_index_is_made_again(tmp_path: Path, embedder: SentenceEmbedder, content: bytes) -> None:
    files = IndexFiles(tmp_path)
    made = Ranker(lambda: embedder, files).index(DOCUMENT)
    [path] = (tmp_path / "indexes").rglob("*.safetensors")
    path.write_bytes(content)
    assert Ranker(lambda: embedder, files).index(DOCUMENT).embeddings == pytest.approx(made.embeddings, abs=1e-5)
    assert len(path.read_bytes()) > len(content)


def test_an_index_of_other_passages_is_not_taken(tmp_path: Path) -> None:
    files = IndexFiles(tmp_path)
    bounds = np.array([[0, 5], [5, 9]])
    files.write("id", "m", bounds, np.ones((2, 3), dtype=np.float32))
    assert files.read("id", "m", bounds) is not None
    assert files.read("id", "m", bounds + 1) is None
    assert files.read("id", "other", bounds) is None


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, embedder: SentenceEmbedder) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    index = Ranker(lambda: embedder, IndexFiles(blocked)).index(DOCUMENT)
    assert index.embeddings is not None


def test_the_oldest_indexes_go_when_they_take_too_much(tmp_path: Path) -> None:
    import os

    files = IndexFiles(tmp_path, max_bytes=3_000)
    bounds = np.zeros((10, 2), dtype=np.int64)
    for number in range(4):
        files.write(f"id{number}", "m", bounds, np.ones((10, 50), dtype=np.float32))
        os.utime(tmp_path / "indexes" / "m" / f"id{number}.safetensors", (number, number))
    left = sorted(path.stem for path in (tmp_path / "indexes").rglob("*.safetensors"))
    assert left == ["id2", "id3"]
    files.forget("id2")
    assert [path.stem for path in (tmp_path / "indexes").rglob("*.safetensors")] == ["id3"]
    assert files.remove_model("m") > 1000
    assert not list((tmp_path / "indexes").rglob("*.safetensors"))


@pytest.mark.parametrize("model", ["../../evil", "owner/name@rev", "", ".."])
def test_no_model_name_leaves_the_folder_of_indexes(tmp_path: Path, model: str) -> None:
    IndexFiles(tmp_path / "cache").write("id", model, np.zeros((1, 2), dtype=np.int64), np.ones((1, 2), np.float32))
    [path] = tmp_path.rglob("*.safetensors")
    assert path.resolve().is_relative_to(tmp_path / "cache" / "indexes")


def test_a_cancelled_index_ranks_by_words_and_is_made_later(embedder: SentenceEmbedder) -> None:
    cancel = threading.Event()
    ranker = Ranker(lambda: embedder)
    index = ranker.index(DOCUMENT, cancel=cancel, on_progress=lambda *_: cancel.set())
    assert index.embeddings is None
    assert not ranker.knows(DOCUMENT)
    assert ranker.index(DOCUMENT).embeddings is not None
    assert ranker.knows(DOCUMENT)


def test_an_index_by_words_gives_way_once_there_is_an_embedder(embedder: SentenceEmbedder) -> None:
    found: list[SentenceEmbedder] = []
    ranker = Ranker(lambda: next(iter(found), None))
    assert ranker.index(DOCUMENT).embeddings is None
    assert ranker.knows(DOCUMENT)
    found.append(embedder)
    assert not ranker.knows(DOCUMENT)
    assert ranker.index(DOCUMENT).embeddings is not None
    assert ranker.knows(DOCUMENT)


def test_a_cache_that_may_only_be_read_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, bounds = IndexFiles(tmp_path), np.array([[0, 5]])
    files.write("id", "m", bounds, np.ones((1, 3), dtype=np.float32))

    def refused(_: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "touch", refused)
    assert files.read("id", "m", bounds) is not None
