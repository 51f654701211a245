"""How well the text of files is read: precision and recall of words, and their order, beside other programs.

    python -m benchmarks.extraction [--peer markitdown=/path/to/its/python] [--peer pypdf=/path/to/python]

The files are those of the tests' corpus, made with the libraries that programs make such files with; the text they
must give is written beside them. A peer runs in an environment of its own and is given each file by its path. Words
are compared as a multiset, without marks; order is the longest common subsequence of words over those in common.
"""

import argparse
import json
import re
import subprocess
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from assistant.documents.formats import suffix
from assistant.documents.open import decode_document
from assistant.errors import DocumentError

CORPUS: Any = import_module("tests.assistant.documents.corpus")
_WORD = re.compile(r"\w+")
_GROUPS = {
    ".pdf": "PDF", ".docx": "DOCX", ".odt": "ODF", ".odp": "ODF", ".ods": "ODF", ".xlsx": "XLSX", ".pptx": "PPTX",
    ".rtf": "RTF", ".html": "HTML", ".mhtml": "e-mail", ".eml": "e-mail", ".mbox": "e-mail", ".epub": "EPUB",
    ".csv": "text", ".tsv": "text", ".md": "text", ".json": "text", ".xml": "text", ".ipynb": "notebook",
}  # fmt: skip
_PEER = """
import json, sys
name, *paths = sys.argv[1:]
if name == "markitdown":
    from markitdown import MarkItDown
    read = lambda path: MarkItDown().convert(path).text_content
elif name == "docling":
    from docling.document_converter import DocumentConverter
    converter = DocumentConverter()
    read = lambda path: converter.convert(path).document.export_to_markdown()
else:
    from pypdf import PdfReader
    read = lambda path: chr(10).join(page.extract_text() for page in PdfReader(path).pages)
texts = {}
for path in paths:
    try:
        texts[path] = read(path)
    except Exception:
        texts[path] = None
print(json.dumps(texts))
"""


@dataclass
class Score:
    """What a program read of the files of one kind."""

    files: int = 0
    read: int = 0
    common: int = 0
    given: int = 0
    wanted: int = 0
    ordered: int = 0

    def add(self, wanted: str, given: str | None) -> None:
        """Count a file; None where the program refused it."""
        self.files += 1
        self.read += given is not None
        words, found = _WORD.findall(wanted.lower()), _WORD.findall((given or "").lower())
        shared = Counter(words) & Counter(found)
        self.common += shared.total()
        self.given += len(found)
        self.wanted += len(words)
        self.ordered += longest_common(words, found)

    def row(self) -> str:
        """Shares in per cent: files read, precision and recall of words, order."""
        shares = (
            self.common / max(1, self.given),
            self.common / max(1, self.wanted),
            self.ordered / max(1, self.common),
        )
        return f"{self.read}/{self.files} | " + " | ".join(f"{100 * share:.1f}" for share in shares)


def longest_common(left: list[str], right: list[str]) -> int:
    """The length of the longest common subsequence of two lists of words."""
    row = [0] * (len(right) + 1)
    for word in left:
        diagonal = 0
        for at, other in enumerate(right, 1):
            diagonal, row[at] = row[at], diagonal + 1 if word == other else max(row[at], row[at - 1])
    return row[-1]


def read_ours(files: dict[str, bytes]) -> dict[str, str | None]:
    texts: dict[str, str | None] = {}
    for name, data in files.items():
        try:
            texts[name] = decode_document(name, data).text
        except DocumentError:
            texts[name] = None
    return texts


def read_peer(name: str, python: str, folder: Path, files: dict[str, bytes]) -> dict[str, str | None]:
    """The texts that another program gives; None where it refuses or fails."""
    paths = {str(folder / file): file for file in files}
    done = subprocess.run([python, "-c", _PEER, name, *paths], capture_output=True, text=True, check=True)
    texts = json.loads(done.stdout.splitlines()[-1])
    return {paths[path]: text for path, text in texts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", action="append", default=[], help="markitdown=PYTHON or pypdf=PYTHON; repeatable")
    options = parser.parse_args()
    files = {name: make() for name, make in CORPUS.CASES.items()}
    results: dict[str, dict[str, str | None]] = {}
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
        began = time.monotonic()
        results["ours"] = read_ours(files)
        seconds["ours"] = time.monotonic() - began
        for peer in options.peer:
            name, _, python = peer.partition("=")
            mine = files if name != "pypdf" else {file: data for file, data in files.items() if suffix(file) == ".pdf"}
            began = time.monotonic()
            results[name] = read_peer(name, python, Path(folder), mine)
            seconds[name] = time.monotonic() - began
    print("| files | program | read | precision | recall | order |\n|---|---|---|---|---|---|")
    scores: dict[tuple[str, str], Score] = defaultdict(Score)
    for program, texts in results.items():
        for name, text in texts.items():
            for group in (_GROUPS[suffix(name)], "all"):
                scores[group, program].add(CORPUS.expected(name), text)
    for group in dict.fromkeys([*_GROUPS.values(), "all"]):
        for program in results:
            if (group, program) in scores and not (group == "all" and program == "pypdf"):
                print(f"| {group} | {program} | {scores[group, program].row()} |")
    print({program: round(taken, 1) for program, taken in seconds.items()})


if __name__ == "__main__":
    main()
