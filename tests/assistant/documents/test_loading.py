import io
import os
import sys
from pathlib import Path

import pytest

from assistant.documents.open import decode_document, read_document
from assistant.errors import DocumentError
from assistant.types import Document


def test_a_text_is_kept_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "été.txt"
    text = "\ufefffirst\r\nsecond\rthird\n  é e\u0301 😀 \x85\u2028 end\n"
    path.write_bytes(text.encode())
    document = read_document(path)
    assert (document.name, document.text) == ("été.txt", text)
    assert document == read_document(str(path))
    assert document.id == Document("other", text).id


@pytest.mark.parametrize(
    "data, said",
    [
        (b"", "empty"),
        (b" \r\n\t \n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        ("\u200b\u2060 \u00a0".encode(), "empty"),
        (b"ab\0cd", "binary"),
        (b"\x89PNG\r\n\x1a\n\0\0", "binary"),
        ("déjà".encode("latin-1"), "not UTF-8"),
        (b"abc\xed\xa0\x80", "not UTF-8"),
        (b"x" * 1_000_001, "larger than 1 MB"),
    ],
)
def test_what_is_no_document_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(DocumentError, match=said) as caught:
        decode_document("name.txt", data, max_megabytes=1)
    assert "name.txt" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_the_limit_itself_is_allowed() -> None:
    assert len(decode_document("d", b"x" * 1_000_000, max_megabytes=1).text) == 1_000_000


def test_places_that_hold_no_document_are_refused(tmp_path: Path) -> None:
    for source, said in [
        (tmp_path, "folder"),
        (tmp_path / "none.txt", "no such file"),
        ("a\0b", "not a file name"),
        ("\ud800", "not a file name"),
        ("~nobody-of-that-name/x", "not a file name"),
        ("x" * 5000, "cannot be read"),
        ("", "folder"),
    ]:
        with pytest.raises(DocumentError, match=said):
            read_document(source)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret.txt"
    path.write_text("x")
    path.chmod(0)
    with pytest.raises(DocumentError, match="cannot be read"):
        read_document(path)


def test_a_name_that_is_not_utf8_is_opened(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.txt")
    path.write_text("text")
    assert read_document(path).text == "text"


def test_no_more_than_the_limit_is_read_of_an_endless_file() -> None:
    with pytest.raises(DocumentError):
        read_document("/dev/zero", max_megabytes=1)


def test_standard_input_is_a_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("é\r\n".encode())))
    document = read_document("-")
    assert (document.name, document.text) == ("standard input", "é\r\n")
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(DocumentError, match="nothing is piped in"):
        read_document("-")


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(DocumentError, match="lone surrogate at character 2"):
        Document("d", "ab\ud800")
