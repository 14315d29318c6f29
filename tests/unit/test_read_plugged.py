"""Formats of other packages: found by their entry point, declared like any other, stored and counted like any other."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from ingest import plugin
from ingest.declaration import read_declaration
from tests.unit.reading import Loaded, blocked, column, source

pytestmark = pytest.mark.usefixtures("home")
NAME, COUNT = column("name", "活动名称"), column("people", "人数", type="integer")
FAILED = "expected a file that the reader of the format words understands, found that it failed"
REPORT = """月度报表
系统: 综治系统

[填报单位]
名称：青禾镇
月份: 2026-03
[人员]
姓名 | 电话
张三 | 1
[活动]
负责科室: 社建办
日期       | 活动名称 | 人数
-----------|----------|-----
2026-03-05 | 讲座     | 30
2026-03-06 | 义诊     |
2026-03-07 | 义卖
2026-03-08 | 集市     | 三十
以上
【填报单位】
名称: 白石镇
[活动]
活动名称 | 人数
讲座 | 12
"""


def report(*columns, **options):
    return source({"type": "sectioned_report", "section": "活动", **options}, *columns)


def test_the_rows_of_a_section_are_read_with_the_keys_above_them(tmp_path: Path) -> None:
    (tmp_path / "report.txt").write_text(REPORT, encoding="utf-8")
    declared = report(
        NAME, COUNT, column("town", "填报单位/名称"), column("month", "填报单位/月份"), column("office", "负责科室"), column("system", "系统"),
    )  # fmt: skip
    result = Loaded(declared, tmp_path / "report.txt")
    assert result.rows("_row_no, name, people, town, month, office, system") == [
        (14, "讲座", 30, "青禾镇", "2026-03", "社建办", "综治系统"),
        (15, "义诊", None, "青禾镇", "2026-03", "社建办", "综治系统"),
        (23, "讲座", 12, "白石镇", None, None, "综治系统"),
    ]
    assert result.quarantine() == [
        (16, None, "wrong_number_of_cells", "3 cells, as in the header of the table", None),
        (17, "people", "wrong_type", "integer", "三十"),
        (18, None, "no_row", "a row with | between its cells, or key: value", None),
    ]
    assert (result.rows_in, result.loaded, result.quarantined) == (6, 3, 3)


def test_a_section_without_a_table_is_one_row(tmp_path: Path) -> None:
    (tmp_path / "report.txt").write_bytes("[活动]\n活动名称：讲座\n人数：30\n[活动]\n活动名称：义诊\n人数：x\n".encode("gb18030"))
    result = Loaded(report(NAME, COUNT, encoding="gb18030"), tmp_path / "report.txt")
    assert result.rows("_row_no, name, people") == [(1, "讲座", 30)]
    assert result.quarantine() == [(4, "people", "wrong_type", "integer", "x")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (REPORT.encode("gb18030"), "expected text in utf-8 as declared"),
        ("[人员]\n姓名|电话\n".encode(), "expected a section [活动], found 人员"),
        ("[活动]\n标题|数\n甲|1\n".encode(), "missing: 活动名称, 人数"),
        (b"[\xe6\xb4\xbb\xe5\x8a\xa8]\n" + b"x" * (2 << 20), "found a longer line 2"),
    ],
)
def test_a_report_that_is_none_is_blocked(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "report.txt").write_bytes(content)
    assert message in blocked(report(NAME, COUNT), tmp_path / "report.txt")


def test_a_report_without_rows_is_a_file_without_rows(tmp_path: Path) -> None:
    (tmp_path / "report.txt").write_text("[活动]\n活动名称|人数\n", encoding="utf-8")
    result = Loaded(report(NAME, COUNT), tmp_path / "report.txt")
    assert (result.status, result.rows_in) == ("loaded", 0)


def test_personal_text_of_a_faulty_row_is_withheld(tmp_path: Path) -> None:
    (tmp_path / "report.txt").write_text("[活动]\n姓名|人数\n张女士|1|2\n李先生|1\n", encoding="utf-8")
    result = Loaded(report(column("who", "姓名", personal="person"), COUNT), tmp_path / "report.txt")
    assert (result.loaded, result.quarantined) == (1, 1)
    assert "张女士" not in str(result.connection.execute("from ops.quarantine").fetchall())


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """GIVEN an installed package that reads lines of words, with an option."""
    site = tmp_path / "site"
    info = site / "acme_words-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-words\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gmw.readers]\nwords = acme_words:READER\nbroken = acme_nothing:READER\n")
    (site / "acme_words.py").write_text(
        """
from pydantic import BaseModel
from ingest.plugin import FaultyRecord, ReaderPlugin, Record, UnreadableFile

class Words(BaseModel, extra="forbid"):
    headers: list[str]

def read(path, options):
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        words = line.split()
        if words == ["fail"]:
            raise RuntimeError("oops")
        if words == ["refuse"]:
            raise UnreadableFile("expected words, found refuse; ask again")
        if words == ["five"]:
            yield 5
        elif len(words) == len(options.headers):
            yield Record(number, dict(zip(options.headers, words)))
        else:
            yield FaultyRecord(number, "wrong_number_of_words", f"{len(options.headers)} words", line)

READER = ReaderPlugin(options=Words, read=read)
"""
    )
    monkeypatch.syspath_prepend(site)
    plugin.load.cache_clear()
    yield tmp_path
    plugin.load.cache_clear()


def test_a_format_of_an_installed_package_is_declared_like_any_other(foreign: Path) -> None:
    folder = foreign / "ledger"
    folder.mkdir()
    (folder / "_ledger__sources.yml").write_text(
        """
sources:
  - name: ledger
    tables:
      - name: ledger
        description: One row per line.
        config:
          meta:
            ingest:
              {family: activity, title: t, owner: o, producer: p, licence: l, connector: {type: drop_folder, pattern: "*"},
               format: {type: words, headers: [活动名称, 人数]}, schedule: "@daily", time_zone: Asia/Shanghai, delivery: {mode: append}}
        columns:
          - {name: name, config: {meta: {ingest: {header: 活动名称}}}}
          - {name: people, config: {meta: {ingest: {header: 人数, type: integer}}}}
"""
    )
    declared, _ = read_declaration(folder / "_ledger__sources.yml", {})
    (foreign / "words.txt").write_text("讲座 30\n义诊\n义卖 x\n")
    result = Loaded(declared, foreign / "words.txt")
    assert result.rows("name, people, _row_no") == [("讲座", 30, 1)]
    assert result.quarantine() == [
        (2, None, "wrong_number_of_words", "2 words", None),
        (3, "people", "wrong_type", "integer", "x"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("refuse", "expected words, found refuse; ask again"),
        ("a 1\nfail", f"{FAILED}: RuntimeError: oops; tell those who maintain it"),
        ("five", f"{FAILED}: TypeError: expected it to yield Record or FaultyRecord, found int; tell those who maintain it"),
    ],
)
def test_a_fault_of_a_foreign_reader_blocks_the_file_and_nothing_else(foreign: Path, content: str, message: str) -> None:
    (foreign / "words.txt").write_text(content)
    declared = source({"type": "words", "headers": ["活动名称", "人数"]}, NAME, COUNT)
    assert blocked(declared, foreign / "words.txt") == message


@pytest.mark.parametrize(
    ("format", "message"),
    [
        ({"type": "word"}, "among broken, csv, json, jsonl, ods, .*sectioned_report, words, workbook, xls, xlsx, found 'word'"),
        ({"type": "words"}, r"format.headers\n  Field required"),
        ({"type": "words", "headers": [], "hedaers": []}, r"format.hedaers\n  Extra inputs"),
        ({"type": "broken"}, "the package acme-words cannot be loaded: ModuleNotFoundError"),
    ],
)
def test_a_declaration_that_no_package_can_read_says_which_there_are(foreign: Path, format: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        source(format, NAME)


def test_a_file_with_only_faulty_rows_is_blocked(foreign: Path) -> None:
    (foreign / "words.txt").write_text("讲座\n")
    assert "expected the columns 活动名称, 人数; found none" in blocked(
        source({"type": "words", "headers": ["活动名称", "人数"]}, NAME, COUNT), foreign / "words.txt"
    )
