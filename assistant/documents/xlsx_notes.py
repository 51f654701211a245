"""Comments on cells and text boxes of the sheets of Excel workbooks, which openpyxl gives only where it reads all."""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from assistant.documents.office_xml import parse_part

_MAX_NOTES = 10_000  # of a sheet
_RELATIONS = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_THREAD = re.compile(r"^\[[^\]]{1,60}\]\s.*?:\s*\n\s*(?=\S)", re.DOTALL)  # what Excel writes for older programs


def notes_of(archive: zipfile.ZipFile, path: str) -> Iterator[tuple[str | None, str]]:
    """The comments and text boxes of a sheet: for each the name of its cell, None of a box, and its text."""
    for part in _related(archive, path):
        name = posixpath.basename(part)
        if not (name.startswith("comment") or "/drawings/drawing" in part) or part not in archive.NameToInfo:
            continue
        root = parse_part(archive.read(part))
        found = _comments(root) if name.startswith("comment") else _boxes(root)
        for number, note in enumerate(found):
            if number >= _MAX_NOTES:
                return
            yield note


def _related(archive: zipfile.ZipFile, path: str) -> list[str]:
    folder, name = posixpath.split(path.lstrip("/"))
    relations = f"{folder}/_rels/{name}.rels"
    if relations not in archive.NameToInfo:
        return []
    found = []
    for relation in parse_part(archive.read(relations)).iter(_RELATIONS):
        target = relation.get("Target", "")
        found.append(target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"{folder}/{target}"))
    return found


def _comments(root: Any) -> Iterator[tuple[str | None, str]]:
    for comment in root.iter("{*}comment"):
        text = "".join(each.text or "" for each in comment.iter("{*}t"))
        text = " ".join(_THREAD.sub("", text).split())
        if text:
            yield comment.get("ref", ""), text


def _boxes(root: Any) -> Iterator[tuple[str | None, str]]:
    for box in root.iter("{*}txBody"):
        lines = ("".join(each.text or "" for each in paragraph.iter("{*}t")) for paragraph in box.iter("{*}p"))
        text = "\n".join(line.strip() for line in lines if line.strip())
        if text:
            yield None, text
