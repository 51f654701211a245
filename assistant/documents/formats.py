"""What kind of document some bytes are: by their content first, then by the ending of the name."""

import io
import re
import zipfile
import zlib
from enum import StrEnum
from pathlib import PurePath

from assistant.errors import DocumentError
from assistant.layout import LANGUAGES


class Format(StrEnum):
    """A kind of document that can be opened. Plain text, Markdown and source files are all `TEXT`."""

    TEXT = "text"
    HTML = "HTML file"
    PDF = "PDF file"
    DOCX = "DOCX file"
    XLSX = "Excel workbook"
    PPTX = "PowerPoint presentation"
    ODS = "OpenDocument spreadsheet"
    ODT = "OpenDocument text"
    ODP = "OpenDocument presentation"
    EPUB = "EPUB book"
    RTF = "RTF file"
    EMAIL = "e-mail file"
    NOTEBOOK = "notebook"


MARKUP = frozenset({Format.HTML})
"""Text with marks in it: it is decoded as plain text is, and its module is given UTF-8."""

FORMATS = "text, Markdown, CSV, source, HTML, PDF, DOCX, XLSX, PPTX, ODF, EPUB, RTF, e-mail or notebook"
"""The formats as the help of options names them."""

DELIMITED = frozenset({".csv", ".tsv", ".tab"})

MARKDOWN = frozenset({".md", ".markdown", ".mdx", ".qmd", ".rmd"})

_HTML_SUFFIXES = frozenset({".htm", ".html", ".xhtml"})
# The comments are atomic: else each could end at any later one's end, and there are too many ways to try.
_HTML = re.compile(rb"\s*(<\?xml[^>]*>\s*)?(?><!--.*?-->\s*)*<(!doctype\s+html|html)[\s>]", re.IGNORECASE | re.DOTALL)
_CHARSET = re.compile(
    rb"<meta[^>]+charset\s*=\s*[\"']?([\w.:-]+)|<\?xml[^>]+encoding\s*=\s*[\"']([\w.:-]+)", re.IGNORECASE
)
_BYTE_ORDER_MARKS = b"\xef\xbb\xbf\xfe\xff"
_MAIL_FIELDS = re.compile(rb"^(from|to|subject|date|message-id|mime-version|received|content-type):", re.I | re.M)
_MAILBOX = re.compile(rb"From \S+[^\r\n]*\d{2}:\d{2}[^\r\n]*\r?\n[!-9;-~]+:")
_MAIL_SUFFIXES = frozenset({".eml", ".mbox", ".mht", ".mhtml"})
_NOTEBOOK = re.compile(rb"\s*\{")
# Archives are known by the names of their parts, or by what their part `mimetype` says.
_ARCHIVES = (
    (Format.DOCX, "word/document", frozenset({".docx", ".docm", ".dotx"})),
    (Format.XLSX, "xl/workbook.xml", frozenset({".xlsx", ".xlsm", ".xltx"})),
    (Format.PPTX, "ppt/presentation.xml", frozenset({".pptx", ".pptm", ".ppsx", ".potx"})),
    (Format.ODS, "opendocument.spreadsheet", frozenset({".ods", ".ots"})),
    (Format.ODT, "opendocument.text", frozenset({".odt", ".ott"})),
    (Format.ODP, "opendocument.presentation", frozenset({".odp", ".otp"})),
    (Format.EPUB, "application/epub+zip", frozenset({".epu"})),
)
_OTHER_ARCHIVES = (
    ("xl/workbook.bin", "a binary Excel workbook (.xlsb); save it as XLSX first"),
    ("Index/Document.iwa", "a document of Pages, Numbers or Keynote; export it as DOCX, XLSX or PDF first"),
    ("AndroidManifest.xml", "an Android app, not a document"),
    ("META-INF/MANIFEST.MF", "a Java archive, not a document"),
    ("opendocument.graphics", "an OpenDocument drawing; export it as PDF first"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLD_OFFICE = (  # the names of streams, in the order in which they decide
    ("EncryptedPackage", "an Office file with a password; save it without one first"),
    ("WordDocument", "a Word document of 1997 (.doc); save it as DOCX first"),
    ("Workbook", "an Excel workbook of 1997 (.xls); save it as XLSX first"),
    ("Book", "an Excel workbook of 1995 (.xls); save it as XLSX first"),
    ("PowerPoint Document", "a PowerPoint presentation of 1997 (.ppt); save it as PPTX first"),
    ("__properties_version1.0", "a message of Outlook (.msg); save it as EML or text first"),
)
_ELSEWHERE = (
    (b"PK\x03\x04", "a ZIP archive; unpack it and open the files in it, or the folder"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (_OLE, "a file of an old Office program; save it as DOCX, XLSX, PPTX or PDF first"),
    (b"\xd0\xcf\x11\xe0", "a file of an old Office program; save it as DOCX, XLSX, PPTX or PDF first"),
    (b"\x89PNG\r\n", "a picture (binary PNG); run text recognition on it first"),
    (b"\xff\xd8\xff", "a picture (JPEG); run text recognition on it first"),
    (b"GIF8", "a picture (GIF); run text recognition on it first"),
    (b"II*\0", "a picture (TIFF); run text recognition on it first"),
    (b"MM\0*", "a picture (TIFF); run text recognition on it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"Rar!\x1a\x07", "a RAR archive; unpack it first"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"BZh", "a bzip2 archive; unpack it first"),
    (b"\xfd7zXZ\0", "an xz archive; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive; unpack it first"),
    (b"SQLite format 3\0", "an SQLite database; export the table you need as CSV first"),
    (b"PAR1", "a Parquet table; export it as CSV first"),
    (b"AT&TFORM", "a DjVu book; convert it to PDF first"),
    (b"%!PS", "a PostScript file; convert it to PDF first"),
    (b"bplist00", "a binary property list or web archive of Apple; save it as HTML, PDF or text first"),
    (b"\x7fELF", "a program, not a document"),
    (b"OggS", "a sound recording; have it transcribed first"),
    (b"ID3", "a sound recording (MP3); have it transcribed first"),
    (b"fLaC", "a sound recording (FLAC); have it transcribed first"),
    (b"\x1aE\xdf\xa3", "a film; have it transcribed first"),
)
_FURTHER_IN = (
    (4, b"ftyp", "a film or sound recording (MP4); have it transcribed first"),
    (8, b"WEBP", "a picture (WebP); run text recognition on it first"),
    (8, b"WAVE", "a sound recording (WAV); have it transcribed first"),
    (60, b"BOOKMOBI", "a Kindle or Mobipocket book; convert it to EPUB first"),
    (257, b"ustar", "a TAR archive; unpack it first"),
)
_HEAD = 4096  # bytes


def suffix(name: str) -> str:
    """The ending of a document's name, in lower case."""
    return PurePath(name).suffix.lower()


def sniff(name: str, data: bytes) -> Format:
    """The format of a document.

    Source files and Markdown stay text even where they begin like a web page.

    Raises:
        DocumentError: the document is of a known kind that cannot be opened.
    """
    head = data[:_HEAD].replace(b"\0", b"").lstrip(_BYTE_ORDER_MARKS)  # UTF-16 begins like its ASCII letters
    ending = suffix(name)
    if head.lstrip().startswith(b"%PDF-") or (ending == ".pdf" and b"%PDF-" in data[:1024]):
        return Format.PDF
    if data.startswith(b"PK\x03\x04") and (archive := _archive(name, data, ending)) is not None:
        return archive
    if head.lstrip().startswith(b"{\\rtf"):
        return Format.RTF
    _refuse_others(name, data)
    return _text_format(head, ending)


def _text_format(head: bytes, ending: str) -> Format:
    if ending in LANGUAGES or ending in MARKDOWN:
        return Format.TEXT
    if ending == ".ipynb" and _NOTEBOOK.match(head):
        return Format.NOTEBOOK
    if _is_mail(head, ending):
        return Format.EMAIL
    return Format.HTML if _HTML.match(head) or ending in _HTML_SUFFIXES else Format.TEXT


def _archive(name: str, data: bytes, ending: str) -> Format | None:
    """What an archive is by the names of its parts; by the name of the file where it is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = "\n".join(archive.namelist())
            if "mimetype" in archive.NameToInfo:
                names += "\n" + archive.open("mimetype").read(200).decode("ascii", "replace")
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, OSError, EOFError, zlib.error):
        names = data[:_HEAD].decode("latin-1")
    for form, part, _ in _ARCHIVES:
        if part in names:
            return form
    for part, what in _OTHER_ARCHIVES:
        if part in names:
            raise DocumentError(f"{name}: this is {what}.")
    return next((form for form, _, endings in _ARCHIVES if ending in endings), None)


def _refuse_others(name: str, data: bytes) -> None:
    if data.startswith(_OLE):
        for stream, what in _OLD_OFFICE:
            if stream.encode("utf-16-le") + b"\0\0" in data:
                raise DocumentError(f"{name}: this is {what}.")
    for beginning, what in _ELSEWHERE:
        if data.startswith(beginning):
            raise DocumentError(f"{name}: this is {what}.")
    for at, beginning, what in _FURTHER_IN:
        if data[at : at + len(beginning)] == beginning:
            raise DocumentError(f"{name}: this is {what}.")


def _is_mail(head: bytes, ending: str) -> bool:
    """Whether a text is an e-mail or a mailbox: a file of that name, or the header that every message begins with."""
    head = head.lstrip(b"\r\n")
    if _MAILBOX.match(head):
        return True
    fields = {field.lower() for field in _MAIL_FIELDS.findall(head.partition(b"\n\n")[0].partition(b"\r\n\r\n")[0])}
    if ending in _MAIL_SUFFIXES:
        return bool(fields)
    return ending in ("", ".txt", ".msg") and len(fields) > 3 and bool(fields & {b"message-id", b"mime-version"})


def declared_encoding(page: bytes) -> str | None:
    """The encoding that a web page says it is in."""
    match = _CHARSET.search(page[:4096])
    return (match[1] or match[2]).decode("ascii", "replace") if match else None
