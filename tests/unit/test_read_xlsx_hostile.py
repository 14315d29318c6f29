"""Workbooks that are none, or that would do harm, are blocked with a message; nothing of them is stored."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook

from ingest.workbooks import WorkbookRejected, cells, package, xlsx
from tests.unit.reading import Loaded, blocked, column, source

pytestmark = pytest.mark.usefixtures("home")
LEDGER = source({"type": "xlsx"}, column("name", "活动名称"), column("people", "人数", type="integer"))
SHEET = "xl/worksheets/sheet1.xml"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sound workbook of two rows."""
    book = Workbook()
    for row in (["活动名称", "人数"], ["讲座", 1], ["义诊", 2]):
        book.active.append(row)
    book.save(tmp_path / "ledger.xlsx")
    return tmp_path / "ledger.xlsx"


def rewritten(path: Path, parts: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()} | parts
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return path


def part(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as package:
        return package.read(name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("活动名称,人数\n讲座,1\n".encode(), "found comma-separated text; declare it as format: {type: csv}"),
        (b"", "found an empty file (0 bytes)"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(512), "found an Office document in the old form that is damaged"),
        (b"<html><table><tr><td>1</td></tr></table></html>", "found an HTML page; open it in a spreadsheet program"),
    ],
)
def test_what_is_no_workbook_is_blocked(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    assert message in blocked(LEDGER, path)


def test_another_package_is_blocked(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("content.xml", "<x/>")
    assert "found a zip archive" in blocked(LEDGER, path)


def test_a_workbook_that_was_cut_off_is_blocked(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])
    assert "damaged" in blocked(LEDGER, path)


def test_a_workbook_that_can_be_read_only_in_part_is_blocked(path: Path) -> None:
    rewritten(path, {SHEET: part(path, SHEET)[:-120]})
    assert "that can be opened, found a damaged one" in blocked(LEDGER, path)


@pytest.mark.parametrize("name", ["xl/vbaProject.bin", "xl/externalLinks/externalLink1.xml"])
def test_macros_and_links_to_other_files_are_blocked(path: Path, name: str) -> None:
    message = blocked(LEDGER, rewritten(path, {name: b"x"}))
    assert "macros or links to other files" in message and name in message


def test_a_zip_bomb_is_blocked_whatever_size_it_states(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MAX_UNPACKED", 5 << 20)
    rewritten(path, {"xl/media/image1.png": bytes(6 << 20)})
    with pytest.raises(WorkbookRejected, match="expected at most 5 MB when unpacked"):
        xlsx.check(path)
    path.write_bytes(path.read_bytes().replace((6 << 20).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    with pytest.raises(WorkbookRejected, match="expected at most 5 MB when unpacked"):
        xlsx.check(path)


def test_a_sheet_that_is_almost_all_void_is_blocked(path: Path) -> None:
    far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    rewritten(path, {SHEET: part(path, SHEET).replace(b"</sheetData>", far)})
    assert "found 1048576 rows × 16384 columns" in blocked(LEDGER, path)


def test_merged_ranges_that_overlap_without_end_are_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "MAX_CELLS", 1000)
    with pytest.raises(WorkbookRejected, match="expected at most 1000 merged cells in the sheet 台账"):
        list(cells.merged([["x", "", ""] for _ in range(3)], [((0, 0), (2, 2))] * 500, 3, "台账"))


def test_a_document_type_declaration_is_blocked(path: Path) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaa">]>' + part(path, "xl/workbook.xml")
    assert "document type declaration" in blocked(LEDGER, rewritten(path, {"xl/workbook.xml": bomb}))


def test_a_part_that_stands_twice_is_blocked(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as package, pytest.warns(UserWarning, match="Duplicate name"):
        package.writestr(SHEET, "<worksheet/>")
    assert "expected each part of the workbook once" in blocked(LEDGER, path)


def test_a_damaged_workbook_loads_or_is_blocked_but_never_stops_the_others(path: Path) -> None:
    chance = random.Random(7)
    sound = {name: part(path, name) for name in (SHEET, "xl/workbook.xml", "xl/styles.xml", "xl/_rels/workbook.xml.rels")}
    statuses = set()
    for _ in range(25):
        name = chance.choice([*sound])
        content = bytearray(sound[name])
        for _ in range(chance.randint(1, 4)):
            start = chance.randrange(len(content))
            content[start : start + chance.randint(0, 5)] = chance.randbytes(chance.randint(0, 3))
        statuses.add(Loaded(LEDGER, rewritten(path, sound | {name: bytes(content)})).status)
    assert statuses == {"loaded", "blocked"}
