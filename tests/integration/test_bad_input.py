"""Whatever is wrong with a file: the command says where, what was expected, what was found and what to do, and ends with 1; the task
fails with the same text."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import openpyxl
import pytest

from ingest import connectors, warehouse
from ingest.cli import main
from tests.conftest import PROJECT, rows_of
from tests.unit.ledger_project import COLUMNS, Ledger, ledger  # noqa: F401 (a fixture)

HEADER = "编号,人数,日期,主题\n"
GOOD = HEADER + "A1,12,2026-03-01,会\n"
WORKBOOK = {"format": {"type": "xlsx", "sheet": "*", "header_row": 1}}


def text(content: str, encoding: str = "utf-8") -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content.encode(encoding))


def workbook(**sheets: list[list]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        book = openpyxl.Workbook()
        book.remove(book.active)
        for name, rows in sheets.items():
            sheet = book.create_sheet(name)
            for row in [["编号", "人数", "日期", "主题"], *rows]:
                sheet.append(row)
        book.save(path)

    return write


def cut(path: Path) -> None:
    workbook(青禾镇=[["A1", 12, "2026-03-01", "会"]])(path)
    path.write_bytes(path.read_bytes()[:-200])


def climbing(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../a.csv", GOOD)


@dataclass(frozen=True)
class Bad:
    """A file that `make` writes, and which of the commands land, load and gate refuses it, with what it says."""

    name: str
    make: Callable[[Path], None]
    fails: str
    says: tuple[str, ...]
    ingest: dict = field(default_factory=dict)


CASES = {
    "a column is missing": Bad(
        "a.csv", text("编号,日期,主题\nA1,2026-03-01,会\n"), "load",
        ("a.csv", "expected", "found 编号, 日期, 主题", "missing: 人数", "declare its new name"),
    ),
    "a file of another form": Bad("a.csv", text("%PDF-1.7\n"), "load", ("a.csv", "expected", "found a PDF document", "declare")),
    "no known encoding": Bad(
        "a.csv", lambda path: path.write_bytes(HEADER.encode() + b"A1,1,2026-03-01,\xff\xfe\x81\n" * 50), "load",
        ("a.csv", "expected", "found"),
    ),
    "an empty snapshot": Bad(
        "a.csv", text(HEADER), "load", ("a.csv", "an empty file never replaces what is there"), {"delivery": {"mode": "snapshot"}}
    ),
    "a header that is markup": Bad(
        "a.csv", text("编号,[/red]\x1b[31m,日期,主题\nA1,1,2026-03-01,会\n"), "load", ("a.csv", "[/red]\\x1b[31m", "missing: 人数")
    ),
    "a workbook cut off": Bad("a.xlsx", cut, "load", ("a.xlsx", "expected", "damaged or cut off"), WORKBOOK),
    "a sheet with another header": Bad(
        "a.xlsx", lambda path: (workbook(青禾镇=[["A1", 12, "2026-03-01", "会"]], 白石镇=[])(path), rename_header(path)), "load",
        ("a.xlsx", "in the sheet 白石镇", "expected", "人数", "found", "人数合计"), WORKBOOK,
    ),
    "rows that do not fit": Bad(
        "a.csv", text(HEADER + "A1,三十,2026-03-01,会\n"), "gate",
        ("a.csv", "at most 20% of the rows", "column_name=people", "rows=1 of 1", "first_rows=1", "expected=integer", "found=三十",
         "do: ", "`gmw replay"),
        {"max_quarantined_share": 0.2},
    ),
    "rows of a sheet that do not fit": Bad(
        "a.xlsx",
        workbook(青禾镇=[["A1", 12, "2026-03-01", "会"]], 白石镇=[["B1", 3, "2026-03-01", "会"], ["B2", "三十", "2026-03-02", "会"]]),
        "gate", ("a.xlsx", "column_name=people", "expected=integer in row 3 of the sheet 白石镇", "found=三十", "do: "),
        WORKBOOK | {"max_quarantined_share": 0.2},
    ),
    "a name that leads out of the archive": Bad(
        "a.zip", climbing, "land", ("a.zip!/", "not taken", "expected"),
        {"connector": {"type": "drop_folder", "pattern": "ledger/*", "archive": "zip"}},
    ),
    "a link that leads out": Bad("a.csv", lambda path: path.symlink_to("/etc/hostname"), "land", ("a.csv", "not taken", "expected", "found")),
    "a value that may not be missing": Bad(
        "a.csv", text(HEADER + ",1,2026-03-01,会\n"), "gate", ("a.csv", "entry_no_is_never_empty", "row 1", "do: ")
    ),
}  # fmt: skip


def rename_header(path: Path) -> None:
    book = openpyxl.load_workbook(path)
    book["白石镇"]["B1"] = "人数合计"
    book["白石镇"].append(["B1", 12, "2026-03-01", "会"])
    book.save(path)


def gmw(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    """The command line as a shell sees it. Returns (exit code, what it said)."""
    monkeypatch.setattr(sys, "argv", ["gmw", *arguments])
    capsys.readouterr()
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = ended.code
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    return code, said.out + said.err


@pytest.mark.parametrize("name", CASES)
def test_the_command_that_meets_it_ends_with_1_and_says_what_is_wrong(name: str, ledger: Ledger, capsys, monkeypatch) -> None:
    bad = CASES[name]
    ledger.declare(COLUMNS, **bad.ingest)
    bad.make(ledger.drop / bad.name)
    said = ""
    for command in (("land",), ("load",), ("gate", "raw")):
        code, now = gmw(capsys, monkeypatch, *command, "ledger")
        said += now
        assert code == (command[0] == bad.fails), said
        if code:
            break
    for part in bad.says:
        assert part in now, now
    ((status, rows_in, counted),) = rows_of(
        "select status, rows_in, rows_loaded + rows_quarantined + rows_skipped from ops.batch"
    )
    assert status == "blocked" and rows_in == counted


@pytest.mark.parametrize("name", [name for name, bad in CASES.items() if bad.fails != "land"])
def test_a_dry_run_ends_with_1_too_and_stores_nothing(name: str, ledger: Ledger, capsys, monkeypatch) -> None:
    bad = CASES[name]
    ledger.declare(COLUMNS, **bad.ingest)
    bad.make(ledger.drop / bad.name)
    code, said = gmw(capsys, monkeypatch, "source", "check", "ledger", str(ledger.drop / bad.name))
    assert code == (bad.fails == "load" or "max_quarantined_share" in bad.ingest), said
    if bad.name == "a.xlsx" and bad.fails == "gate":
        assert "sheet 2, row 3, column people: wrong_type, expected integer in row 3 of the sheet 白石镇, found '三十'" in said
    assert not (warehouse.settings().database).exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("load", "legder"), "no source is called 'legder'"),
        (("source", "check", "ledger", "nothing.csv"), "expected a file at nothing.csv, found"),
        (("land", "ledger", "nothing.csv"), "expected a file"),
    ],
)
def test_what_is_not_there_ends_with_1(arguments: tuple[str, ...], says: str, ledger: Ledger, capsys, monkeypatch) -> None:
    code, said = gmw(capsys, monkeypatch, *arguments)
    assert code == 1 and says in said, said


LAST_TASK = """
import sys
import ingest.settings
ingest.settings.__file__ = sys.argv[1]
from ingest.declaration import declaration
from orchestration.dag_factory import ingest_dag
ingest_dag(declaration("ledger")).get_task("report_blocked_files").python_callable()
"""


def test_the_task_fails_with_the_text_of_the_command(ledger: Ledger, tmp_path: Path, capsys, monkeypatch) -> None:
    ledger.declare(COLUMNS, max_quarantined_share=0.2)
    as_declared = [bad for bad in CASES.values() if bad.name == "a.csv" and {*bad.ingest} <= {"max_quarantined_share"}]
    for place, bad in enumerate(as_declared):
        bad.make(ledger.drop / f"{place}.csv")
    (ledger.drop / "good.csv").write_text(GOOD, encoding="utf-8")
    said = "".join(gmw(capsys, monkeypatch, *command, "ledger")[1] for command in (("land",), ("load",), ("gate", "raw")))
    task = subprocess.run(
        [sys.executable, "-c", LAST_TASK, str(tmp_path / "project" / "ingest" / "settings.py")], capture_output=True, encoding="utf-8",
        env=os.environ | {"PYTHONPATH": str(PROJECT), "AIRFLOW_HOME": str(tmp_path / "airflow")}, cwd=tmp_path,
    )  # fmt: skip
    assert task.returncode == 1 and "AirflowFailException" in task.stderr
    blocked = rows_of(
        "select file_name, batch_id, message from ops.batch join ops.file using (source, file_id) where status = 'blocked'"
    )
    assert len(blocked) == len(as_declared) and rows_of("select count(*) from ops.batch where status = 'accepted'") == [(1,)]
    for file_name, batch_id, message in blocked:
        assert f"- {file_name}: {message}" in task.stderr
        name, _, told = message.partition(" / ")[0].partition(": expected: ")
        if told:  # of the gate, which prints its parts in lines of their own
            assert f"[{batch_id}] {name}\n" in said and all(part in said for part in told.split("; ")), (message, said)
        else:
            assert connectors.names.shown(message) in said, (message, said)
