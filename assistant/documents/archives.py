"""ZIP archives, which most office formats are: refused before anything is unpacked where they hold too much."""

import io
import zipfile

from assistant.errors import DocumentError

MOST_UNPACKED = 200_000_000
_MAX_PARTS = 10_000


def open_archive(data: bytes, what: str) -> zipfile.ZipFile:
    """An archive that unpacks to a bearable size. zipfile never unpacks more of a part than is declared for it.

    Args:
        data: the archive's bytes.
        what: what kind of document it is, for the message.

    Raises:
        DocumentError: it is protected, or unpacks to too much.
        zipfile.BadZipFile: it is none, or damaged.
    """
    archive = zipfile.ZipFile(io.BytesIO(data))
    parts = archive.infolist()
    if any(part.flag_bits & 1 for part in parts):
        raise DocumentError(f"this {what} is protected by a password; save a copy without one first.")
    if len(parts) > _MAX_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise DocumentError(
            f"this {what} unpacks to more than {MOST_UNPACKED // 1_000_000} MB and was not opened; "
            "save it without its pictures, or as text."
        )
    return archive
