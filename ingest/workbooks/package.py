"""Looks at the zip package of a workbook before anything in it is read."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

from ingest.workbooks import CHUNK, MAX_UNPACKED, WorkbookRejected

MAX_DOCUMENT = 64 << 20
OVERLAP = 64
XML_PARTS = (".xml", ".rels")


def chunks(package: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    """The bytes of all parts, so that none is read that was not looked at.

    Yields: (part, chunk of its bytes with the end of the chunk before). Raises: WorkbookRejected when a part stands twice, the
    parts unpack to more than MAX_UNPACKED, or one of XML has a document type declaration or is not UTF-8.
    """
    names = package.namelist()
    if len(names) != len(set(names)):
        raise WorkbookRejected("expected each part of the workbook once, found one twice; open it and save it again")
    unpacked = 0
    for info in package.infolist():
        # The size that the package states may be a lie; what comes out is counted.
        info.file_size = MAX_UNPACKED + 1
        is_xml = info.filename.lower().endswith(XML_PARTS)
        tail = b""
        with package.open(info) as part:
            while chunk := part.read(CHUNK):
                unpacked += len(chunk)
                if unpacked > MAX_UNPACKED:
                    raise WorkbookRejected(
                        f"expected at most {MAX_UNPACKED >> 20} MB when unpacked, found more; split the workbook"
                    )
                seen = tail + chunk
                if is_xml:
                    _refuse_odd_xml(info.filename, seen)
                yield info.filename, seen
                tail = seen[-OVERLAP:]


def document(package: zipfile.ZipFile, part: str) -> bytes:
    """The bytes of a part that is small in every sound workbook. Raises: KeyError, WorkbookRejected."""
    info = package.getinfo(part)
    info.file_size = MAX_UNPACKED + 1
    with package.open(info) as file:
        content = file.read(MAX_DOCUMENT + 1)
    if len(content) > MAX_DOCUMENT:
        raise WorkbookRejected(f"expected at most {MAX_DOCUMENT >> 20} MB in {part}, found more; split the workbook")
    _refuse_odd_xml(part, content)
    return content


def _refuse_odd_xml(part: str, content: bytes) -> None:
    if b"<!DOCTYPE" in content:
        raise WorkbookRejected("expected a workbook, found one with a document type declaration, which none needs")
    if b"\x00" in content:
        raise WorkbookRejected(f"expected UTF-8 in {part}, found another encoding; open it and save it again")


def unsafe(what: str, names: list[str]) -> WorkbookRejected:
    """The refusal of a workbook that runs programs or reads other files. Args: what: in words. names: where it was seen."""
    return WorkbookRejected(
        f"expected a workbook of values, found {what} ({', '.join(names[:3])}); copy the sheets as values into a new workbook "
        "and save it again"
    )
