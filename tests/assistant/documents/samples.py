"""Small real files in the formats that documents are opened from."""

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import docx

from assistant.documents.office_xml import parse_part


def pdf(pages: Sequence[Sequence[str]], *, extra: bytes = b"", trailer: bytes = b"") -> bytes:
    """A PDF whose pages hold these lines; an empty line leaves one out. `extra` is one more object."""
    first = 4  # the first page's object; its content follows it
    kids = " ".join(f"{first + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids [{kids}] >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for lines in pages:
        drawn = [f"BT /F1 12 Tf 72 {800 - 14 * number} Td ({line}) Tj ET" for number, line in enumerate(lines) if line]
        content = "\n".join(drawn).encode("cp1252")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {len(objects) + 2} 0 R >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    if extra:
        objects.append(extra)
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer << /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF"
        % (len(objects) + 1, table, len(objects) + 1, trailer, len(out))
    )


def protected_pdf() -> bytes:
    """A PDF that asks for a password (standard security handler, 40 bits), which is not the empty one."""
    lock = b"<< /Filter /Standard /V 1 /R 2 /P -44 /O <%s> /U <%s> >>" % (b"11" * 32, b"22" * 32)
    return pdf([["secret"]], extra=lock, trailer=b"/Encrypt 6 0 R /ID [<00112233> <00112233>]")


def word_file(document: "docx.document.Document") -> bytes:
    """The bytes of a DOCX file."""
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def with_part(data: bytes, name: str, content: bytes) -> bytes:
    """A DOCX file with one of its parts replaced, or another one added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            if part.filename != name:
                new.writestr(part, old.read(part))
        new.writestr(name, content)
    return out.getvalue()


def with_declared_size(data: bytes, name: str, size: int) -> bytes:
    """A DOCX file that says of one of its parts that it unpacks to this many bytes."""
    at = data.rindex(name.encode()) - 46 + 24  # in the part's entry of the central directory
    return data[:at] + size.to_bytes(4, "little") + data[at + 4 :]


def xml(text: str) -> Any:
    """The root element of XML text."""
    return parse_part(text.encode())
