"""Tells by its bytes what a file is, whatever it is called."""

from __future__ import annotations

import codecs
import mmap
import zipfile
from dataclasses import dataclass
from pathlib import Path

from ingest.workbooks.compound import CompoundFile, DamagedCompound

LOOKED_AT = 4096
OLE = bytes.fromhex("d0cf11e0a1b11ae1")
MARKS = {
    b"%PDF-": ("pdf", "a PDF document"),
    b"\x1f\x8b": ("gzip", "a gzip archive"),
    b"BZh": ("bzip2", "a bzip2 archive"),
    b"\xfd7zXZ\x00": ("xz", "an xz archive"),
    b"\x28\xb5\x2f\xfd": ("zstd", "a Zstandard archive"),
    b"7z\xbc\xaf\x27\x1c": ("7z", "a 7z archive"),
    b"Rar!\x1a\x07": ("rar", "a RAR archive"),
    b"SQLite format 3\x00": ("sqlite", "a SQLite database"),
    b"\x89PNG\r\n\x1a\n": ("image", "an image (PNG)"),
    b"\xff\xd8\xff": ("image", "an image (JPEG)"),
    b"GIF8": ("image", "an image (GIF)"),
    b"II*\x00": ("image", "an image (TIFF)"),
    b"MM\x00*": ("image", "an image (TIFF)"),
    b"\x7fELF": ("program", "a program"),
    b"{\\rtf": ("rtf", "an RTF document"),
}
# UTF-32 first: its mark begins with that of UTF-16.
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
HTML_STARTS = ("<!doctype html", "<html", "<head", "<meta", "<body", "<table", "<style", "<script", "<div")
OLE_NAMES = {
    "EncryptedPackage": ("locked", "a document that is locked with a password"),
    "Workbook": ("xls", "an Excel workbook in the old form (.xls)"),
    "Book": ("xls", "an Excel workbook in the old form (.xls)"),
    "WordDocument": ("word", "a Word document"),
    "PowerPoint Document": ("powerpoint", "a PowerPoint presentation"),
    "__properties_version1.0": ("message", "an Outlook message"),
}
PACKAGE_PARTS = {
    "xl/workbook.xml": ("xlsx", "an Excel workbook (.xlsx)"),
    "xl/workbook.bin": ("xlsb", "an Excel workbook in binary form (.xlsb)"),
    "word/document.xml": ("word", "a Word document"),
    "ppt/presentation.xml": ("powerpoint", "a PowerPoint presentation"),
    "Index/Document.iwa": ("numbers", "an Apple iWork document"),
}
ODS_TYPES = (b"application/vnd.oasis.opendocument.spreadsheet", b"application/vnd.oasis.opendocument.spreadsheet-template")
TEXT_FORMATS = {"csv", "json", "jsonl"}
WORKBOOKS = {"xlsx", "xls", "ods"}
DECLARED_AS = {
    "text": "declare it as format: {type: csv} with its encoding and delimiter",
    "html": "open it in a spreadsheet program and save it as .xlsx, or ask the producer for a real workbook or CSV",
    "xml": "open it in a spreadsheet program and save it as .xlsx, or ask the producer for a real workbook or CSV",
    "locked": "open it, take the password off and save it again",
    "parquet": "declare it as format: {type: parquet}",
} | {kind: f"declare it as format: {{type: {kind}}}, or {{type: workbook}} where the form changes" for kind in sorted(WORKBOOKS)}


@dataclass(frozen=True)
class Content:
    """What a file is: a word for programs (`xlsx`, `html`, `text`, …) and some for people (`an HTML page`)."""

    kind: str
    words: str


def content_of(path: Path) -> Content:
    """What a file is, by its bytes. A damaged file is what its first bytes say.

    Args: path: a file. Returns: Content; `binary` when nothing is known of it.
    """
    with open(path, "rb") as file:
        start = file.read(LOOKED_AT)
        file.seek(max(0, path.stat().st_size - 4))
        end = file.read(4)
    if start.startswith(b"PK\x03\x04") or start.startswith(b"PK\x05\x06"):
        return Content(*_package(path))
    if start.startswith(OLE):
        return Content(*_compound(path))
    if start[:4] == end == b"PAR1":
        return Content("parquet", "a Parquet file")
    for mark, what in MARKS.items():
        if start.startswith(mark):
            return Content(*what)
    return Content(*_text(start))


def marked_encoding(start: bytes) -> str | None:
    """What the byte order mark at the start of a text says of its encoding; None without one."""
    return next((encoding for mark, encoding in BYTE_ORDER_MARKS.items() if start.startswith(mark)), None)


def mismatch(declared: str, path: Path) -> str | None:
    """What to tell when a file is of another form than its source declares; None when it may be of that form.

    Args: declared: the `type` of a format. path: a file. Returns: expected, found and what to do, in words.
    """
    found = content_of(path)
    if declared in TEXT_FORMATS:
        fits = found.kind in ("text", "binary")  # the reader of text says which byte is none
    elif declared == "workbook":
        fits = found.kind in WORKBOOKS
    elif declared in WORKBOOKS:
        fits = found.kind == declared
    else:
        return None
    if fits:
        return None
    what_to_do = DECLARED_AS.get(found.kind, "ask the producer for the file in the declared form")
    return f"expected a file of the form {declared}, found {found.words}; {what_to_do}"


def _package(path: Path) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(path) as package:
            names = set(package.namelist())
            if "mimetype" in names and package.getinfo("mimetype").file_size < 100 and package.read("mimetype") in ODS_TYPES:
                return "ods", "an OpenDocument spreadsheet (.ods)"
            return next((what for part, what in PACKAGE_PARTS.items() if part in names), ("zip", "a zip archive"))
    except Exception as error:  # zipfile, zlib and struct raise what they like on damaged bytes
        return "zip", f"a zip package that is damaged or cut off ({error})"


def _compound(path: Path) -> tuple[str, str]:
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            names = set(CompoundFile(content).streams)
    except DamagedCompound as error:
        return "ole", f"an Office document in the old form that is damaged or cut off ({error})"
    return next((what for name, what in OLE_NAMES.items() if name in names), ("ole", "another kind of Office document"))


def _text(start: bytes) -> tuple[str, str]:
    encoding = marked_encoding(start)
    if not encoding and b"\x00" in start:
        return "binary", "bytes that are no text"
    text = start.decode(encoding or "utf-8", errors="replace").lstrip("\ufeff").lstrip()
    low = text.lower()
    if low.startswith(HTML_STARTS) or low.startswith("<?xml") and ("<html" in low or "<!doctype html" in low):
        return "html", "an HTML page"
    if low.startswith("<?xml"):
        spreadsheet = "excel.sheet" in low or "urn:schemas-microsoft-com:office:spreadsheet" in low
        return "xml", "a workbook as XML (Excel 2003)" if spreadsheet else "XML"
    line = text.partition("\n")[0]
    return "text", "tab-separated text" if "\t" in line else "comma-separated text" if "," in line else "text"
