"""What lies in tests/fixtures/<source>/valid loads whole; what lies in invalid does not."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import xlsxwriter

from ingest.declaration import SourceDeclaration, declaration
from ingest.load import BatchReport, dry_run
from tests.conftest import PROJECT

FIXTURES = PROJECT / "tests" / "fixtures"


def files(kind: str) -> list[str]:
    """The fixtures of a kind, as paths below the folder of fixtures."""
    return sorted(str(path.relative_to(FIXTURES)) for path in FIXTURES.glob(f"*/{kind}/*"))


def loaded(fixture: str, folder: Path) -> BatchReport:
    """What would become of a fixture. The repository holds no binary files: workbooks are written down as CSV and made here."""
    path, source = FIXTURES / fixture, declaration(Path(fixture).parts[0])
    if source.format.type == "xlsx":
        path = workbook(path, source, folder / "made.xlsx")
    report, _ = dry_run(source.name, path)
    return report


def workbook(path: Path, source: SourceDeclaration, target: Path) -> Path:
    """The table of a CSV file as a workbook, in a sheet that the source reads."""
    with open(path, encoding="utf-8", newline="") as file, xlsxwriter.Workbook(target) as book:
        sheet = book.add_worksheet((source.format.sheet or "*").replace("*", "a"))
        for number, row in enumerate(csv.reader(file)):
            sheet.write_row(number, 0, row)
    return target


@pytest.mark.parametrize("fixture", files("valid"))
def test_a_valid_file_loads_whole(fixture: str, home: Path, tmp_path: Path) -> None:
    report = loaded(fixture, tmp_path)
    assert report.status == "loaded", str(report)
    assert (report.rows_quarantined, report.rows_loaded > 0) == (0, True), str(report)


@pytest.mark.parametrize("fixture", files("invalid"))
def test_an_invalid_file_does_not(fixture: str, home: Path, tmp_path: Path) -> None:
    report = loaded(fixture, tmp_path)
    assert report.status == "blocked" or report.rows_quarantined > 0, str(report)
