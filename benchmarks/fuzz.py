"""Coverage-guided fuzzing of what reads files from anywhere: document loaders, files of questions, settings, cards.

    pip install atheris
    python -m benchmarks.fuzz TARGET [--seconds 120] [--corpus FOLDER]

Targets: text, html, docx, pdf, jsonl, csv, squad, settings, card. A reader may refuse an input by an error of its own
kind; anything else it raises, or many seconds for a small input, is a finding, which the fuzzer keeps as a file in the
current folder. Readers that run in a process of their own are called in this one: their time and memory are the
process's business, what they raise is not.
"""

import argparse
import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

SECONDS_AN_INPUT = 20
LARGEST = 4096

SEEDS: dict[str, tuple[bytes, ...]] = {
    "text": (b"The forest.", "Forêt".encode("latin-1"), "Лес большой".encode("cp1251"), b"\xff\xfea\0", b"{\\rtf"),
    "html": (
        b"<!doctype html><title>t</title><h1>a</h1><p>b <b>c</b></p><table><tr><td>d</table><ul><li>e</ul><pre>f</pre>",
        b"<?xml version='1.0'?><!-- x --><html lang=en><meta charset=utf-8><ol><li>a<li>b</ol><script>x</script>",
    ),
    "docx": (b"PK\x03\x04word/document.xml",),
    "pdf": (b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\ntrailer<</Root 1 0 R>>\n%%EOF",),
    "jsonl": (b'{"question": "a", "id": "1", "document": "b"}\n[1]\n{"a": 1e5}\n',),
    "csv": (b'question,document\n"a, b","c\nd"\ne;f\n',),
    "squad": (b'{"data": [{"title": "t", "paragraphs": [{"context": "c", "qas": [{"id": "1", "question": "q"}]}]}]}',),
    "settings": (b'profile = "x"\nseed = 1\n[keys]\n"chat.stop" = "f9"\n',),
    "card": (b"---\nlanguage: en\nmodel-index:\n- name: x\n  results: []\n---\ntext",),
}


def _document(name: str) -> Callable[[bytes], None]:
    from assistant.documents.encodings import decode_text
    from assistant.documents.formats import declared_encoding, sniff
    from assistant.errors import DocumentError

    def read(data: bytes) -> None:
        try:
            sniff(name, data)
            text, _ = decode_text(name, data, declared_encoding(data))
            text.encode("utf-8", "surrogatepass")
        except DocumentError:
            return

    return read


def _extracted(module: str) -> Callable[[bytes], None]:
    import importlib

    from assistant.errors import DocumentError

    extract = importlib.import_module(f"assistant.documents.{module}").extract
    known: tuple[type[Exception], ...] = (DocumentError,)
    if module == "html_text":  # as the loader does

        def read(data: bytes) -> None:
            try:
                extract(data.decode("utf-8", "replace").encode(), 100_000)
            except known:
                return

        return read

    def read_any(data: bytes) -> None:
        try:
            extract(data, 100_000)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001  (their libraries raise anything; it is their process that counts)
            return

    return read_any


def _rows(kind: str) -> Callable[[bytes], None]:
    from assistant.batch.lines import BatchOptions, read_lines
    from assistant.batch.sources import count_rows, read_rows
    from assistant.errors import AssistantError
    from assistant.records import error_to_json, json_line

    def read(data: bytes) -> None:
        try:
            for line in read_lines(read_rows(io.BytesIO(data), kind, 2_000), BatchOptions()):
                error = error_to_json(line.error) if line.error is not None else {}
                carried = json_line({"id": line.id, **line.carried, **error})
                carried.encode("utf-8")
            count_rows(io.BytesIO(data), kind)
        except AssistantError:
            return

    return read


def _settings() -> Callable[[bytes], None]:
    import os

    from assistant.errors import SettingsError
    from assistant.settings import load_settings

    path = Path(tempfile.mkdtemp()) / "settings.toml"
    os.environ["ASSISTANT_CONFIG"] = str(path)

    def read(data: bytes) -> None:
        path.write_bytes(data)
        try:
            load_settings()
        except SettingsError:
            return

    return read


def _card() -> Callable[[bytes], None]:
    from assistant.models.cards import read_figures, read_languages

    folder = Path(tempfile.mkdtemp())

    def read(data: bytes) -> None:
        (folder / "README.md").write_bytes(data)
        for figures in read_figures(folder):
            str(figures).encode("utf-8")
        read_languages(folder)

    return read


TARGETS: dict[str, Callable[[], Callable[[bytes], None]]] = {
    "text": lambda: _document("x.txt"),
    "html": lambda: _extracted("html_text"),
    "docx": lambda: _extracted("docx_text"),
    "pdf": lambda: _extracted("pdf_text"),
    "jsonl": lambda: _rows("jsonl"),
    "csv": lambda: _rows("csv"),
    "squad": lambda: _rows("squad"),
    "settings": _settings,
    "card": _card,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--corpus", type=Path, help="keep inputs that reach new code here, and begin with those there")
    options = parser.parse_args()
    import atheris

    with atheris.instrument_imports(include=["assistant", "csv", "json", "tomllib", "yaml"]):
        read = TARGETS[options.target]()
    corpus = options.corpus or Path(tempfile.mkdtemp())
    corpus.mkdir(parents=True, exist_ok=True)
    for at, seed in enumerate(SEEDS[options.target]):
        (corpus / f"seed-{at}").write_bytes(seed)
    arguments = [f"-max_total_time={options.seconds}", f"-timeout={SECONDS_AN_INPUT}", f"-max_len={LARGEST}"]
    atheris.Setup([sys.argv[0], *arguments, str(corpus)], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
