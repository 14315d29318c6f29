"""Files that lie, that would fill the memory, or that would reach out: each is blocked with a message that names it, the others
load.

All are read by one process whose memory is measured, so that no file is seen to fit by chance of another test.
"""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter
import xlwt
from xlwt.CompoundDoc import XlsDoc

from ingest import landing, load
from ingest.declaration import ColumnDeclaration, SourceDeclaration
from tests.conftest import PROJECT, SECRET
from tests.unit.reading import Loaded, column, source
from tests.unit.workbooks import FORMS, Book, write

SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
LAUGHS = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
GOOD = Book({"台账": [["活动名称", "人数"], ["讲座", 1], ["义诊", 2]]})
OWN_MEMORY_MB, READER_MEMORY_MB = 1500, 3100
Parts = dict[str, bytes]
CASES: dict[str, tuple[str, str, Callable[[Path], Path]]] = {}


def hostile(name: str, form: str, expected: str) -> Callable:
    """A file that the function writes to the path it is given, its declared form, and what becomes of it: `loaded`, or a part of
    the message."""

    def keep(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
        CASES[name] = (form, expected, make)
        return make

    return keep


def good(folder: Path, form: str) -> Path:
    """A sound workbook; the .xlsx has its texts in a part of their own, as Excel writes it."""
    folder.mkdir(exist_ok=True)
    if form != "xlsx":
        return write(GOOD, form, folder)
    with xlsxwriter.Workbook(folder / "ledger.xlsx") as book:
        sheet = book.add_worksheet("台账")
        for row, values in enumerate(GOOD.sheets["台账"]):
            sheet.write_row(row, 0, values)
    return folder / "ledger.xlsx"


def repacked(path: Path, change: Callable[[Parts], None]) -> Path:
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return path


def replaced(part: str, old: bytes, new: bytes) -> Callable[[Parts], None]:
    def change(parts: Parts) -> None:
        assert old in parts[part], part
        parts[part] = parts[part].replace(old, new, 1)

    return change


@hostile("an xlsx that claims all cells there can be and has six", "xlsx", "loaded")
def _(folder: Path) -> Path:
    path = good(folder, "xlsx")
    return repacked(path, replaced(SHEET, b'<dimension ref="A1:B3"/>', b'<dimension ref="A1:XFD1048576"/>'))


@hostile("an xlsx with a zip bomb in a picture, which nobody unpacks twice", "xlsx", "loaded")
def _(folder: Path) -> Path:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("zeros", bytes(50 << 20))
    return repacked(good(folder, "xlsx"), lambda parts: parts.update({f"xl/media/{n}.zip": inner.getvalue() for n in range(20)}))


@hostile("an xlsx that unpacks to more than 2 GB", "xlsx", "expected at most 2048 MB when unpacked")
def _(folder: Path) -> Path:
    path = good(folder, "xlsx")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        for number in range(9):
            package.writestr(f"xl/media/{number}.png", bytes(256 << 20))
    return path


@hostile("an xlsx with one long text in a million cells", "xlsx", "3 GB of memory")
def _(folder: Path) -> Path:
    path = folder / "ledger.xlsx"
    folder.mkdir()
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_column(0, 0, ["活动名称", *["x" * 30000] * 60000])
        sheet.write_column(0, 1, ["人数", *["x" * 30000] * 60000])
    return path


@hostile("an xlsx that claims four billion shared strings", "xlsx", "loaded or blocked")
def _(folder: Path) -> Path:
    path = good(folder, "xlsx")
    return repacked(path, replaced(STRINGS, b'uniqueCount="4"', b'uniqueCount="4294967295"'))


@hostile("an xlsx with more sheets than anybody opens", "xlsx", "expected at most 1000 sheets, found 1001")
def _(folder: Path) -> Path:
    folder.mkdir()
    with xlsxwriter.Workbook(folder / "ledger.xlsx") as book:
        for number in range(1001):
            book.add_worksheet(f"镇{number}").write_row(0, 0, ["活动名称", "人数"])
    return folder / "ledger.xlsx"


@hostile("an xlsx with a billion laughs", "xlsx", "document type declaration")
def _(folder: Path) -> Path:
    return repacked(good(folder, "xlsx"), replaced(STRINGS, b"<sst", LAUGHS.encode() + b"<sst"))


@hostile("an xlsx with a billion laughs in UTF-16", "xlsx", "expected UTF-8 in xl/sharedStrings.xml")
def _(folder: Path) -> Path:
    def change(parts: Parts) -> None:
        parts[STRINGS] = (LAUGHS + parts[STRINGS].decode().partition("?>")[2]).encode("utf-16")

    return repacked(good(folder, "xlsx"), change)


@hostile("an xlsx whose name of a sheet is a file of the machine", "xlsx", "document type declaration")
def _(folder: Path) -> Path:
    entity = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><workbook'
    return repacked(good(folder, "xlsx"), replaced("xl/workbook.xml", b"<workbook", entity))


@hostile("an xlsx with old macros", "xlsx", "found macros or links to other files (xl/macrosheets/sheet1.xml)")
def _(folder: Path) -> Path:
    return repacked(good(folder, "xlsx"), lambda parts: parts.update({"xl/macrosheets/sheet1.xml": b"<x/>"}))


@hostile("an xlsx whose sheet lies at an unusual place, with an error in it", "xlsx", "#REF!")
def _(folder: Path) -> Path:
    def change(parts: Parts) -> None:
        parts["odd/place.xml"] = parts.pop(SHEET).replace(b'<c r="B2"><v>1</v>', b'<c r="B2" t="e"><v>#REF!</v>')
        for name, place in (("xl/_rels/workbook.xml.rels", b"worksheets/sheet1.xml"), ("[Content_Types].xml", b"/xl/worksheets/sheet1.xml")):
            assert place in parts[name]
            parts[name] = parts[name].replace(place, b"/odd/place.xml")

    return repacked(good(folder, "xlsx"), change)


@hostile("an ods whose one cell is repeated over all rows and columns", "ods", "expected at most 50000000 cells")
def _(folder: Path) -> Path:
    repeated = b'table:number-columns-repeated="16384" '
    path = good(folder, "ods")
    repacked(path, replaced("content.xml", b"<table:table-row>", b'<table:table-row table:number-rows-repeated="1048576">'))
    return repacked(path, replaced("content.xml", b"<table:table-cell ", b"<table:table-cell " + repeated))


@hostile("an ods with a value below more blank rows than there are", "ods", "expected at most 50000000 cells")
def _(folder: Path) -> Path:
    blank = b'<table:table-row table:number-rows-repeated="999999999"><table:table-cell/></table:table-row><table:table-row>'
    return repacked(good(folder, "ods"), replaced("content.xml", b"<table:table-row>", blank))


@hostile("an ods with blank rows and columns to the end of the sheet", "ods", "loaded")
def _(folder: Path) -> Path:
    blank = b'<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    return repacked(good(folder, "ods"), replaced("content.xml", b"</table:table>", blank + b"</table:table>"))


@hostile("an ods with a billion blanks in a cell", "ods", "expected cells of at most 1048576 characters")
def _(folder: Path) -> Path:
    return repacked(good(folder, "ods"), replaced("content.xml", "讲座".encode(), b'<text:s text:c="99999999"/>' * 2))


@hostile("an ods with a merged cell over everything", "ods", "loaded")
def _(folder: Path) -> Path:
    merged = b'<table:table-cell table:number-rows-spanned="1048576" table:number-columns-spanned="16384" '
    return repacked(good(folder, "ods"), lambda parts: parts.update({"content.xml": merged.join(parts["content.xml"].rsplit(b"<table:table-cell ", 1))}))


@hostile("an ods with a billion laughs", "ods", "document type declaration")
def _(folder: Path) -> Path:
    return repacked(good(folder, "ods"), replaced("content.xml", b"<office:document-content", LAUGHS.encode() + b"<office:document-content"))


@hostile("an ods with a billion laughs in UTF-16", "ods", "expected UTF-8 in content.xml")
def _(folder: Path) -> Path:
    def change(parts: Parts) -> None:
        parts["content.xml"] = (LAUGHS + parts["content.xml"].decode().partition("?>")[2]).encode("utf-16")

    return repacked(good(folder, "ods"), change)


@hostile("an ods that takes its rows from another file", "ods", "found links to other files")
def _(folder: Path) -> Path:
    link = b'<table:table-source table:name="file:///etc/passwd"/><table:table-row>'
    return repacked(good(folder, "ods"), replaced("content.xml", b"<table:table-row>", link))


@hostile("an ods with macros", "ods", "found macros (Basic/script-lc.xml)")
def _(folder: Path) -> Path:
    return repacked(good(folder, "ods"), lambda parts: parts.update({"Basic/script-lc.xml": b"<x/>"}))


@hostile("an ods that is locked", "ods", "found one that is locked")
def _(folder: Path) -> Path:
    entry = b'<manifest:encryption-data manifest:checksum="x"/></manifest:manifest>'
    return repacked(good(folder, "ods"), replaced("META-INF/manifest.xml", b"</manifest:manifest>", entry))


@hostile("an ods with a table in a cell of a table in a cell", "ods", "loaded or blocked")
def _(folder: Path) -> Path:
    deep = b"<table:table-cell>" + b"<table:table><table:table-row><table:table-cell>" * 50000
    return repacked(good(folder, "ods"), replaced("content.xml", b"</table:table-row>", deep + b"</table:table-row>"))


def old_workbook(folder: Path, *records: tuple[int, bytes], sheet_kind: int | None = None) -> Path:
    """An .xls with records after the first one, or with a sheet of another kind."""
    folder.mkdir()
    book = xlwt.Workbook()
    sheet = book.add_sheet("台账")
    for row, values in enumerate(GOOD.sheets["台账"]):
        for cell, value in enumerate(values):
            sheet.write(row, cell, value)
    stream = bytearray(book.get_biff_data())
    if sheet_kind:
        stream[stream.index(struct.pack("<H", 0x85)) + 9] = sheet_kind
    more = b"".join(struct.pack("<HH", kind, len(data)) + data for kind, data in records)
    stream[20:20] = more
    place = stream.index(struct.pack("<HH", 0x85, 8 + 2 * len("台账")), 20 + len(more)) + 4
    stream[place : place + 4] = struct.pack("<I", struct.unpack("<I", stream[place : place + 4])[0] + len(more))
    XlsDoc().save(str(folder / "ledger.xls"), bytes(stream))
    return folder / "ledger.xls"


@hostile("an xls that nothing is wrong with", "xls", "loaded")
def _(folder: Path) -> Path:
    return old_workbook(folder)


@hostile("an xls that is locked", "xls", "found one that is locked")
def _(folder: Path) -> Path:
    return old_workbook(folder, (0x2F, bytes(54)))


@hostile("an xls with links to other files", "xls", "found links to other files")
def _(folder: Path) -> Path:
    return old_workbook(folder, (0x1AE, struct.pack("<HHB", 1, 5, 0) + b"other"))


@hostile("an xls with a sheet of macros", "xls", "found macros")
def _(folder: Path) -> Path:
    return old_workbook(folder, sheet_kind=1)


def renamed_stream(path: Path, name: str) -> Path:
    content = bytearray(path.read_bytes())
    place = content.index("Workbook".encode("utf-16-le"))
    content[place : place + 66] = name.encode("utf-16-le").ljust(64, b"\0") + struct.pack("<H", 2 * len(name) + 2)
    path.write_bytes(content)
    return path


@hostile("an xlsx that is locked with a password", "xlsx", "found a document that is locked with a password; open it, take the password off")
def _(folder: Path) -> Path:
    return renamed_stream(good(folder, "xls"), "EncryptedPackage")


@hostile("a Word document called .xls", "xls", "found a Word document")
def _(folder: Path) -> Path:
    return renamed_stream(good(folder, "xls"), "WordDocument")


@hostile("an xls whose container claims four billion sectors", "xls", "loaded or blocked")
def _(folder: Path) -> Path:
    path = good(folder, "xls")
    content = bytearray(path.read_bytes())
    content[44:48] = content[64:68] = content[72:76] = b"\xff\xff\xff\x7f"
    path.write_bytes(content)
    return path


@hostile("an xls whose chain of sectors bites its tail", "xls", "bites its tail")
def _(folder: Path) -> Path:
    path = good(folder, "xls")
    content = bytearray(path.read_bytes())
    table = 512 * (1 + struct.unpack_from("<I", content, 76)[0])
    first = struct.unpack_from("<I", content, 48)[0]
    struct.pack_into("<I", content, table + 4 * first, first)
    path.write_bytes(content)
    return path


def said(name: str, form: str, content: bytes | str, expected: str) -> None:
    """A case whose content is known here."""

    @hostile(name, form, expected)
    def _(folder: Path) -> Path:
        folder.mkdir()
        (folder / "ledger").write_bytes(content.encode() if isinstance(content, str) else content)
        return folder / "ledger"


TABLE = "<table><tr><td>活动名称</td></tr></table>"
said("a page called .xls", "xls", f"\ufeff\n<html xmlns:x='urn:schemas-microsoft-com:office:excel'>{TABLE}", "found an HTML page; open it")
said("a table of a page called .xls", "workbook", TABLE, "found an HTML page; open it")
said("a page in UTF-16 called .xls", "xls", "\ufeff<HTML>".encode("utf-16-le"), "found an HTML page")
said(
    "a workbook of Excel 2003 as XML", "xls", '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>',
    "found a workbook as XML (Excel 2003)",
)  # fmt: skip
said("tabs called .xls", "xls", "活动名称\t人数\n讲座\t1\n", "found tab-separated text; declare it as format: {type: csv}")
said("tabs in GB18030 called .xls", "workbook", "活动名称\t人数\n讲座\t1\n".encode("gb18030"), "found tab-separated text")
said("a PDF called .csv", "csv", b"%PDF-1.7\n%\xe2\xe3", "found a PDF document")
said("a workbook called .csv", "csv", bytes.fromhex("d0cf11e0a1b11ae1"), "found an Office document in the old form that is damaged")
said("a page called .csv", "csv", "<!DOCTYPE html><html>", "found an HTML page")
said("a gzip archive called .json", "json", b"\x1f\x8b\x08\0", "found a gzip archive")
said("a RAR archive called .xlsx", "xlsx", b"Rar!\x1a\x07\x01\0", "found a RAR archive")
said("a picture called .xlsx", "xlsx", b"\x89PNG\r\n\x1a\n\0", "found an image (PNG)")
said("lists in lists without end", "json", "[" * 1_000_000, "expected")
said("a key that is a path and SQL", "json", json.dumps([{"a'b\".c[0]; drop table x--": 1, "活动名称": "讲座", "人数": 1}]), "loaded")


def sparse(name: str, form: str, start: bytes, expected: str) -> None:
    """A file of 1 GB of which only the start is there."""

    @hostile(name, form, expected)
    def _(folder: Path) -> Path:
        folder.mkdir()
        with open(folder / "ledger", "wb") as file:
            file.write(start)
            file.truncate(1 << 30)
        return folder / "ledger"


sparse("a JSON document of 1 GB", "json", b'[{"a": "', "expected a JSON document of at most 512 MB, found 1024 MB")
sparse("a JSON record of 1 GB in one line", "jsonl", b'{"a": "', "expected lines of at most 64 MB, found a longer one")
sparse("nothing but NULs called JSON lines", "jsonl", b"", "expected lines of at most 64 MB, found a longer one")
sparse("an xlsx of 1 GB of which only the start is there", "xlsx", b"PK\x03\x04", "damaged or cut off")
sparse("an ods of 1 GB of which only the start is there", "ods", b"PK\x03\x04", "damaged or cut off")
sparse("an xls of 1 GB of which only the start is there", "xls", bytes.fromhex("d0cf11e0a1b11ae1"), "damaged or cut off")
sparse("a report of 1 GB in one line", "sectioned_report", b"[", "found a longer line 1")


def declared(form: str) -> SourceDeclaration:
    more = {"section": "活动"} if form == "sectioned_report" else {}
    columns: list[ColumnDeclaration] = [column("name", "活动名称"), column("people", "人数", type="integer")]
    return source({"type": form, **more}, *columns)


MEASURED = """
import json, sys
from pathlib import Path
from bench.memory import peak_memory
from tests.unit.reading import Loaded
from tests.unit.test_hostile_files import CASES, declared
outcomes = {}
with peak_memory() as peak:
    for name, path in json.load(sys.stdin).items():
        result = Loaded(declared(CASES[name][0]), Path(path))
        outcomes[name] = (result.status, result.rows_in, result.message, str(result.quarantine()))
print("\\n" + json.dumps({"outcomes": outcomes, "memory": [peak.own, peak.of_a_child]}))
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """GIVEN all hostile files, read one after the other in one process."""
    folder = tmp_path_factory.mktemp("hostile")
    paths = {name: str(make(folder / str(number))) for number, (name, (_, _, make)) in enumerate(CASES.items())}
    process = subprocess.run(
        [sys.executable, "-c", MEASURED], input=json.dumps(paths), capture_output=True, encoding="utf-8", cwd=PROJECT, timeout=900,
        env=os.environ | {"GMW_HOME": str(folder / "home"), "GMW_PERSON_KEY_SECRET": SECRET, "PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    assert process.returncode == 0, process.stderr[-4000:]
    return json.loads(process.stdout.rpartition("\n{")[1][1:] + process.stdout.rpartition("\n{")[2])


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_file_is_blocked_and_named_or_does_no_harm(measured: dict, name: str) -> None:
    status, rows_in, message, quarantine = measured["outcomes"][name]
    expected = CASES[name][1]
    if expected == "loaded or blocked":
        assert status == "loaded" or message.startswith(("expected", "the workbook"))
    elif expected == "loaded":
        assert (status, message, quarantine) == ("loaded", message, "[]") and rows_in
    elif expected.startswith("#"):
        assert status == "loaded" and expected in quarantine
    else:
        assert (status, rows_in) == ("blocked", 0) and expected in message


def test_the_memory_for_hostile_files_is_bounded(measured: dict) -> None:
    own, of_the_reader = measured["memory"]
    assert own < OWN_MEMORY_MB and of_the_reader < READER_MEMORY_MB, measured["memory"]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("form", [*FORMS, "json", "csv"])
def test_a_file_that_was_cut_off_anywhere_is_blocked_or_counted(tmp_path: Path, form: str) -> None:
    if form in FORMS:
        whole = good(tmp_path, form).read_bytes()
    elif form == "json":
        whole = json.dumps([{"活动名称": "讲座", "人数": 1}, {"活动名称": "义诊", "人数": 2}], ensure_ascii=False).encode()
    else:
        whole = "活动名称,人数\r\n讲座,1\r\n\"义,诊\",2\r\n".encode()
    cuts = range(0, len(whole), max(1, len(whole) // 25))
    for cut in cuts:
        (tmp_path / "cut").write_bytes(whole[:cut])
        result = Loaded(declared(form), tmp_path / "cut")
        assert result.status == "loaded" or result.message.startswith("expected"), (cut, result.message)
        assert form == "csv" or result.status == "blocked" or result.rows_in == 2, cut


@pytest.mark.usefixtures("home")
def test_a_folder_or_a_pipe_in_place_of_a_file_is_refused(drop: Path) -> None:
    os.mkfifo(drop / "pipe")
    for path, found in ((drop, "a folder"), (drop / "pipe", "something that is no file"), (drop / "nothing", "nothing")):
        with pytest.raises(FileNotFoundError, match=f"source activity_ledger: expected a file at .*, found {found}"):
            landing.land("activity_ledger", [path])
        with pytest.raises(FileNotFoundError, match="source activity_ledger: expected a file at"):
            load.dry_run("activity_ledger", path)
