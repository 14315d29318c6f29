"""Generated files, sound and damaged: what can be read is read, what cannot is counted or blocked, and nothing ever breaks.

GMW_FUZZ_SECONDS (default 20) is shared by the formats; `make fuzz` takes longer and another seed each time. A file that breaks
something is kept, and the message says where.
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
import sys
import tempfile
import time
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
import xlwt
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingest.declaration import SourceDeclaration
from tests.unit.reading import Loaded, column, source
from tests.unit.workbooks import Book, write

pytestmark = pytest.mark.usefixtures("home")
SECONDS = float(os.environ.get("GMW_FUZZ_SECONDS", 20))
SEED = int(os.environ.get("GMW_FUZZ_SEED", 7))
HEADER = ["活动名称", "人数", "日期", "备注"]
WORDS = [
    "讲座", "义诊", "", " ", "30", "三十", "2026-03-05", "2026/13/45", 'say "hi"', "a,b", "a\nb", "a\r\nb", "=cmd|' /c calc'!A0", "'; drop table x--",
    "1e400", "-0", "9" * 40, "合计", "\u3000", "é", "😀", "x" * 5000, "{", "[1]", "null", "a\tb", "|", "[活动]",
]  # fmt: skip
Rows = list[list[str]]


def declared(form: str, **options: object) -> SourceDeclaration:
    more = {"section": "活动"} if form == "sectioned_report" else {}
    return source(
        {"type": form, **more, **options}, column("name", "活动名称"), column("people", "人数", type="integer"),
        column("day", "日期", type="date"), column("note", "备注", required=False, free_text=True),
        skip=[{"column": "name", "values": ["合计"]}], drift="warn",
    )  # fmt: skip


def as_csv(rows: Rows, chance: random.Random, encoding: str) -> bytes:
    file = io.StringIO()
    csv.writer(file, quoting=chance.choice([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]), lineterminator=chance.choice(["\n", "\r\n"])).writerows(rows)
    return file.getvalue().encode(encoding, errors="replace")


def as_json(rows: Rows, chance: random.Random, encoding: str) -> bytes:
    records = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    return json.dumps(records, ensure_ascii=chance.random() < 0.5).encode(encoding, errors="replace")


def as_lines(rows: Rows, chance: random.Random, encoding: str) -> bytes:
    records = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    return "\n".join(json.dumps(record, ensure_ascii=chance.random() < 0.5) for record in records).encode(encoding, errors="replace")


def as_report(rows: Rows, chance: random.Random, encoding: str) -> bytes:
    lines = ["标题", "月份：2026-03", "[活动]", *("|".join(cell.replace("\n", " ") for cell in row) for row in rows)]
    return "\n".join(lines).encode(encoding, errors="replace")


def as_xlsx(rows: Rows, chance: random.Random, encoding: str) -> bytes:
    file = io.BytesIO()
    options = {"in_memory": True, "strings_to_numbers": chance.random() < 0.5, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        sheet = book.add_worksheet("台账")
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return file.getvalue()


def as_xls(rows: Rows, chance: random.Random, encoding: str) -> bytes:
    book = xlwt.Workbook()
    sheet = book.add_sheet("台账")
    for number, row in enumerate(rows):
        for place, cell in enumerate(row):
            sheet.write(number, place, cell)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def as_ods(rows: Rows, chance: random.Random, encoding: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return write(Book({"台账": rows}), "ods", Path(folder)).read_bytes()


def as_parquet(rows: Rows, chance: random.Random, encoding: str) -> bytes:
    columns = {name: pa.array([row[place] for row in rows[1:]], pa.string()) for place, name in enumerate(rows[0])}
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, compression=chance.choice(["none", "snappy", "zstd"]), use_dictionary=chance.random() < 0.5)
    return file.getvalue()


MAKERS: dict[str, Callable[[Rows, random.Random, str], bytes]] = {
    "csv": as_csv, "json": as_json, "jsonl": as_lines, "sectioned_report": as_report, "xlsx": as_xlsx, "xls": as_xls, "ods": as_ods,
    "parquet": as_parquet,
}  # fmt: skip
PACKED = ("xlsx", "ods")


def damaged(content: bytes, chance: random.Random) -> bytes:
    """The bytes with one to four faults: flipped bits, cuts, inserted bytes, chunks twice or elsewhere, another encoding."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        if not data:
            break
        at, length = chance.randrange(len(data)), chance.randint(1, 64)
        match chance.randrange(7):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                del data[at:]
            case 2:
                del data[at : at + length]
            case 3:
                data[at:at] = chance.choice([chance.randbytes(length), b'"', b"\x00", b"\n", b"\xff\xfe", b'","', b"}{", b"<", b"&a;"])
            case 4:
                data[at:at] = data[at : at + 8 * length]
            case 5:
                data[at : at + 4] = chance.choice([b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"9999", b"\xff\xff\xff\x7f"])
            case 6:
                text = bytes(data).decode(chance.choice(["utf-8", "gb18030", "cp1252"]), errors="replace")
                data = bytearray(text.encode(chance.choice(["utf-8", "gb18030", "utf-16"]), errors="replace"))
    return bytes(data)


def damaged_inside(content: bytes, chance: random.Random) -> bytes:
    """A package of which one part is damaged; the package itself is sound."""
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    name = chance.choice([name for name in parts if name.endswith((".xml", ".rels"))])
    parts[name] = damaged(parts[name], chance)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        for part, data in parts.items():
            package.writestr(part, data)
    return file.getvalue()


def counted(form: str, content: bytes, encoding: str) -> int | None:
    """The rows of a file by another library; None when it cannot tell."""
    try:
        if form == "json":
            document = json.loads(content.decode("utf-8-sig" if encoding == "utf-8" else encoding))
            return len(document) if isinstance(document, list) and all(isinstance(one, dict) for one in document) else None
        if form == "jsonl":
            text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
            records = [json.loads(line) for line in text.split("\n") if line.strip()]
            return len(records) if all(isinstance(one, dict) for one in records) else None
        if form == "csv":
            text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
            rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
            return len(rows) - 1 if all(len(row) == len(rows[0]) for row in rows) and "\x00" not in text else None
        if form == "parquet":
            return pq.read_table(io.BytesIO(content)).num_rows or None
        if form == "xlsx":
            (sheet,) = openpyxl.load_workbook(io.BytesIO(content)).worksheets
            used = [row for row, *_ in sheet._cells if any(cell.value not in (None, "") for cell in sheet[row])]
            return max(used) - 1 if used else None
    except Exception:
        return None
    return None


@pytest.mark.parametrize("form", MAKERS)
def test_a_damaged_file_is_loaded_quarantined_or_blocked_and_always_counted(
    tmp_path: Path, form: str, capsys: pytest.CaptureFixture
) -> None:
    until = time.monotonic() + SECONDS / len(MAKERS)
    number, statuses, compared = 0, set(), 0
    while time.monotonic() < until or number < 5:
        chance = random.Random(f"{SEED} {form} {number}")
        number += 1
        rows = [HEADER, *([chance.choice(WORDS) for _ in HEADER] for _ in range(chance.randint(0, 12)))]
        encoding = chance.choice(["utf-8", "utf-8", "gb18030", "utf-16"]) if form in ("csv", "json", "jsonl", "sectioned_report") else "utf-8"
        content = MAKERS[form](rows, chance, encoding)
        if is_damaged := chance.random() < 0.8:
            content = damaged_inside(content, chance) if form in PACKED and chance.random() < 0.7 else damaged(content, chance)
        path = tmp_path / "file"
        path.write_bytes(content)
        options = {"encoding": encoding} if form in ("csv", "json", "jsonl", "sectioned_report") else {}
        where = f"seed {SEED}, {form} {number - 1}"
        started = time.monotonic()
        try:
            result = Loaded(declared(form, **options), path)
            statuses.add(result.status)
            assert time.monotonic() - started < 60, "it took longer than a minute"
            if result.status == "blocked":
                assert result.message.startswith(("expected", "the workbook could not")), result.message
                assert "Traceback" not in result.message and str(tmp_path) not in result.message, result.message
            elif (there := counted(form, content, encoding)) is not None:
                compared += 1
                assert result.rows_in == there, f"{result.rows_in} rows in, another library counts {there}"
            if not is_damaged and len(rows) > 1 and form != "sectioned_report":
                assert result.status == "loaded", result.message
        except BaseException as error:
            kept = Path(tempfile.mkdtemp(prefix="gmw-fuzz-")) / f"{form}-{number - 1}"
            kept.write_bytes(content)
            raise AssertionError(f"{where}: {type(error).__name__}: {error}; the file: {kept}") from error
    with capsys.disabled():
        print(f"\n{form}, seed {SEED}: {number} files read, {compared} of them compared with another library", end=" ")
    assert statuses == {"loaded", "blocked"} or number < 30
    assert compared or number < 30 or form not in ("csv", "json", "jsonl", "xlsx", "parquet")


PRINTED = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co")), max_size=12)
TABLES = st.lists(st.lists(PRINTED, min_size=2, max_size=2), min_size=1, max_size=6)
# What DuckDB's trim takes off.
BLANKS = "".join(character for character in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(character) == "Zs")
WITHOUT_TIME_LIMIT = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@WITHOUT_TIME_LIMIT
@given(TABLES)
@example([["", "="]])  # a text, no formula
@pytest.mark.parametrize("form", sorted(MAKERS.keys() - {"sectioned_report"}))
def test_what_was_written_is_what_is_read(tmp_path: Path, form: str, table: Rows) -> None:
    path = tmp_path / "file"
    path.write_bytes(MAKERS[form]([["活动名称", "备注"], *table], random.Random(0), "utf-8"))
    result = Loaded(source({"type": form}, column("name", "活动名称"), column("note", "备注")), path)
    blank = "" if form in ("json", "jsonl", "parquet") else None
    kept = [tuple(cell or blank for cell in row) for row in table if any(cell.strip(BLANKS) for cell in row)]
    assert (result.rows("name, note"), result.quarantined) == (kept, 0)
