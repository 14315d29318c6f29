"""`docs/adding_a_source.md`, followed literally in a copy of the project, gives a source that loads, builds and publishes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT, SECRET

SHARED_FILE = (
    Path(os.environ.get("GMW_PUBLIC_DATA", PROJECT.parent / "shared" / "data")) / "uk_grants_360" / "Arts-Council-of-Wales.csv"
)
INVENTED_FILE = """Identifier,Recipient Org:Name,Type,Description,Amount Awarded,Currency,Award Date,Beneficiary Location:Name,Data source
A1,Invented Band,Capital,Drums,100.50,GBP,2020-03-31,North\\Town,x
A1,Invented Band,Capital,Second instalment,49.50,GBP,2021-03-31,North\\Town,x
A2,Invented Choir,Training,Songs,much,GBP,2021-03-31,South,x
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GIVEN a copy of the project without the shipped source. WHEN the files of the page are written as it says."""
    copy = tmp_path_factory.mktemp("project")
    for name in ("ingest", "expectations", "exports", "orchestration", "dbt_project"):
        shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "target", "arts_council_wales"))
    page = (PROJECT / "docs" / "adding_a_source.md").read_text(encoding="utf-8")
    written = re.findall(r"^`(dbt_project/[^`]+)`\n\n```(?:yaml|sql)\n(.*?)```", page, re.DOTALL | re.MULTILINE)
    assert len(written) == 5
    for path, content in written:
        (copy / path).parent.mkdir(exist_ok=True)
        (copy / path).write_text(content, encoding="utf-8")
    return copy


def gmw(project: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {
        **os.environ, "PYTHONPATH": str(project), "GMW_HOME": str(home), "GMW_DROP_FOLDER": str(home / "drop"),
        "GMW_PERSON_KEY_SECRET": SECRET,
    }
    return subprocess.run(
        [sys.executable, "-m", "ingest.cli", *arguments], cwd=project, env=environment, capture_output=True, text=True
    )


QUERY = """
    select value, n from kpi_value
    where metric_code = 'F02.awarded' and period_type = 'all' and breakdown_type = 'none' and place_level = 'country'
"""


def test_the_dry_run_shows_what_would_load_and_what_would_not(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "awards.csv"
    file.write_text(INVENTED_FILE, encoding="utf-8")
    done = gmw(project, tmp_path / "home", "source", "check", "arts_council_wales", str(file))
    assert "3 rows in = 2 loaded + 1 quarantined + 0 skipped" in done.stdout, done.stdout + done.stderr
    assert "row 3, column amount: wrong_type, expected decimal(18,2), found 'much'" in done.stdout


def test_the_source_of_the_page_is_loaded_built_and_published(project: Path, tmp_path: Path) -> None:
    drop = tmp_path / "drop" / "arts_council_wales"
    drop.mkdir(parents=True)
    if SHARED_FILE.exists():
        shutil.copy(SHARED_FILE, drop)
        expected = "242022953.49 │  4020"
    else:
        (drop / "awards.csv").write_text(INVENTED_FILE.replace(",much,", ",1,"), encoding="utf-8")
        expected = "151.0 │     3"
    done = gmw(project, tmp_path, "run", "arts_council_wales")
    assert done.returncode == 0, done.stdout + done.stderr
    asked = gmw(project, tmp_path, "sql", QUERY)
    assert expected in asked.stdout, asked.stdout + asked.stderr
