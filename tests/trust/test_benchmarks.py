"""The scripts that soak, fuzz and list licences do what they say."""

import importlib
from pathlib import Path

import pytest

from assistant.history.store import History
from benchmarks import fuzz, licences, soak


def test_a_soak_saves_every_turn(tmp_path: Path) -> None:
    documents = soak.make_documents(3, 200)
    assert len({document.id for document in documents}) == 3
    assert all(200 <= document.words < 300 for document in documents)
    with History(tmp_path / "h.db") as history:
        samples = list(soak.soak(None, history, documents, 60))
        assert [sample.turn for sample in samples] == [50, 60]
        assert len(history.conversation("last").messages) == 120
    assert all(sample.megabytes > 1 for sample in samples)


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_every_reader_that_is_fuzzed_takes_its_seeds_and_rubbish(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSISTANT_CONFIG", raising=False)
    read = fuzz.TARGETS[target]()
    for data in (*fuzz.seeds_of(target), b"", b"\x00\xff" * 50, b"[" * 3_000, b'"' * 500, bytes(range(256))):
        read(data)
    monkeypatch.delenv("ASSISTANT_CONFIG", raising=False)


@pytest.mark.parametrize(("target", "module"), [("docx", "docx_text"), ("pdf", "pdf_text"), ("html", "html_text")])
def test_the_fuzzer_begins_with_documents_that_can_be_read(target: str, module: str) -> None:
    extract = importlib.import_module(f"assistant.documents.{module}").extract
    texts = [extract(seed, fuzz.MOST_CHARACTERS).text for seed in fuzz.seeds_of(target)]
    assert all(text.strip() for text in texts)


def test_a_fault_of_our_own_in_a_document_is_a_finding_and_one_of_a_library_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from assistant.documents import docx_runs

    read = fuzz.TARGETS["docx-text"]()
    seed = fuzz.seeds_of("docx-text")[0]
    read(seed)
    fuzz.TARGETS["docx"]()(b"PK no archive")
    monkeypatch.setattr(docx_runs, "_CHARACTERS", None)
    with pytest.raises(TypeError):
        read(seed)


def test_every_dependency_has_a_licence_that_goes_with_ours() -> None:
    found = licences.closure("terminal-assistant")
    assert {"torch", "transformers", "textual"} <= set(found)
    assert [name for name, package in found.items() if not licences.FINE.search(licences.licence_of(package))] == []
