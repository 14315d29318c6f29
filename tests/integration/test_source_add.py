"""`gmw source add` in a copy of the project: what it writes can be loaded and run, and what it must not write it does not."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.declaration import known_declarations
from ingest.scaffold.write import NameRefused, check_name
from tests.conftest import PROJECT, Sample
from tests.e2e.test_adding_a_source import gmw

PEOPLE = [
    [
        "T7001",
        "王小明",
        "13800138001",
        "11010519491231002X",
        "和畅社区",
        "2026-03-05",
        "反映楼道堆物，请联系13800138001",
        "已办结",
    ],
    ["T7002", "李娜", "13900139002", "", "桐花社区", "2026-03-06", "路灯不亮", "办理中"],
    ["T7003", "欧阳修文", "13700137003", "", "和畅社区", "2026-03-09", "下水道堵了三天没有人来", "已办结"],
]
HEADER = ["工单号", "居民", "手机", "证件", "社区", "受理日期", "问题描述", "办理情况"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """GIVEN a copy of the project."""
    for name in ("ingest", "expectations", "orchestration", "dbt_project"):
        shutil.copytree(PROJECT / name, tmp_path / "project" / name, ignore=shutil.ignore_patterns("__pycache__", "target"))
    return tmp_path / "project"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """GIVEN a ledger of matters that names people, in GB18030."""
    path = tmp_path / "工单.csv"
    with open(path, "w", encoding="gb18030", newline="") as target:
        csv.writer(target).writerows([HEADER, *PEOPLE])
    return path


def written(project: Path, source: str) -> list[Path]:
    """The files of a source."""
    folders = (project / "dbt_project" / "models" / "staging" / source, project / "tests" / "fixtures" / source)
    return sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())


def add(project: Path, *arguments: str) -> subprocess.CompletedProcess:
    return gmw(project, project.parent / "home", "source", "add", *arguments)


def test_what_is_added_is_checked_and_staged_and_holds_no_value_of_a_person(project: Path, file: Path) -> None:
    done = add(project, "work_order", str(file), "--record", "case")
    assert done.returncode == 0, done.stdout + done.stderr
    names = {path.name for path in written(project, "work_order")}
    assert {"_work_order__sources.yml", "stg_work_order__case.sql", "stg_work_order__place.sql", "invented.csv"} <= names
    for path in written(project, "work_order"):
        text = path.read_text(encoding="gb18030" if "fixtures" in path.parts else "utf-8")
        assert not [value for row in PEOPLE for value in (*row[1:4], row[6]) if value and value in text], path
        assert not [value for row in PEOPLE for value in (*row[1:4], row[6]) if value and value in done.stdout]
    checked = gmw(project, project.parent / "home", "source", "check", "work_order", str(file), "--build")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "3 rows in = 3 loaded + 0 quarantined + 0 skipped" in checked.stdout
    assert "stg_work_order__case" in checked.stdout


def test_a_changed_file_is_checked_with_reasons_and_differences(project: Path, file: Path, tmp_path: Path) -> None:
    assert add(project, "work_order", str(file), "--record", "case").returncode == 0
    rows = [[*HEADER[:5], "受理的日期", *HEADER[6:], "备用"], *([*row, ""] for row in PEOPLE)]
    with open(tmp_path / "renamed.csv", "w", encoding="gb18030", newline="") as target:
        csv.writer(target).writerows(rows)
    done = gmw(project, project.parent / "home", "source", "check", "work_order", str(tmp_path / "renamed.csv"))
    assert done.returncode == 1
    assert (
        "missing: " in done.stdout
        and "'受理的日期' is: add it under header" in done.stdout
        and "not loaded: 受理的日期, 备用" in done.stdout
    )
    with open(tmp_path / "late.csv", "w", encoding="gb18030", newline="") as target:
        csv.writer(target).writerows([HEADER, *([*row[:5], "三月", *row[6:]] for row in PEOPLE[:2]), PEOPLE[2]])
    done = gmw(project, project.parent / "home", "source", "check", "work_order", str(tmp_path / "late.csv"))
    assert "2 rows: wrong_type in " in done.stdout and "expected date, found '三月'" in done.stdout, done.stdout
    assert "the gate would block it: expected at most 20% of the rows" in done.stdout and done.returncode == 1


def test_a_source_of_a_known_tree_brings_no_places_and_reads_kinds_by_their_words(project: Path, tmp_path: Path) -> None:
    rows = [["任职编号", "职务", "社区", "小区", "任职日期"], ["R7", "楼长", "和畅社区", "银杏里", "2026-03-05"]]
    rows.append(["R9", "网格员", "和畅社区", "", "2026-03-09"])
    with open(tmp_path / "roles.csv", "w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows(rows)
    done = add(project, "new_role", str(tmp_path / "roles.csv"), "--record", "role", "--tree", "qinghe_district")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "stg_new_role__place" not in done.stdout
    (model,) = [path for path in written(project, "new_role") if path.name == "stg_new_role__role.sql"]
    text = model.read_text(encoding="utf-8")
    assert "kind_of_word('role', " in text and "'qinghe_district' as tree" in text
    assert "coalesce({{ clean_text('estate') }}, {{ clean_text('community') }}) as place_name" in text
    checked = gmw(project, project.parent / "home", "source", "check", "new_role", str(tmp_path / "roles.csv"), "--build")
    assert re.search(r"stg_new_role__role │ 2\s+│ 0 ", checked.stdout), checked.stdout + checked.stderr


def test_a_dry_run_writes_nothing(project: Path, file: Path) -> None:
    done = add(project, "work_order", str(file), "--record", "case", "--dry-run")
    assert "would write" in done.stdout and "stg_work_order__case.sql" in done.stdout, done.stdout + done.stderr
    assert written(project, "work_order") == []


def test_nothing_that_exists_is_overwritten(project: Path, file: Path) -> None:
    fixture = project / "tests" / "fixtures" / "work_order" / "mine.csv"
    fixture.parent.mkdir(parents=True)
    fixture.write_text("mine")
    done = add(project, "work_order", str(file), "--record", "case")
    assert (done.returncode, "exists already, nothing was written" in done.stderr) == (1, True)
    assert written(project, "work_order") == [fixture]


def test_a_header_that_dbt_would_run_is_refused(project: Path, tmp_path: Path) -> None:
    path = tmp_path / "hostile.csv"
    path.write_text("case_no,\"{{ env_var('HOME') }}\"\nA1,2\nA2,3\n")
    done = add(project, "hostile", str(path), "--record", "case")
    assert (done.returncode, "dbt would run it" in done.stderr, written(project, "hostile")) == (1, True, [])


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/tmp/evil",
        "a/b",
        "a__b",
        "Name",
        "1st",
        "select",
        "table",
        "",
        "a" * 41,
        "issue_ledger",
        "la311",
        "naïve",
        "a\n",
    ],
)
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    with pytest.raises(NameRefused):
        check_name(name, [source.name for source in known_declarations()])


def test_the_models_proposed_for_every_file_of_the_demonstration_district_run(project: Path, sample: Sample) -> None:
    """On empty tables: dbt and DuckDB read every model."""
    script = (
        "from pathlib import Path; import sys; from ingest.scaffold import add\n"
        "for folder in sorted(Path(sys.argv[1]).iterdir()): add('new_' + folder.name, sorted(folder.iterdir())[-1])\n"
        "from ingest.build import dbt, staging_models; from ingest import warehouse\n"
        "from ingest.declaration import declarations\n"
        "from ingest.load import ensure_raw_table\n"
        "with warehouse.writer('test') as connection:\n"
        "    for source in declarations(): ensure_raw_table(connection, source)\n"
        "models = [name for names in staging_models().values() for name in names if name.startswith('stg_new_')]\n"
        "print(len(models), 'models')\n"
        "selected = ['+' + name for name in models]\n"
        "sys.exit(dbt(['build', '--exclude-resource-type', 'unit_test', '--select', *selected], purpose='test'))\n"
    )
    environment = {
        **os.environ, "PYTHONPATH": str(project), "GMW_HOME": str(project.parent / "home"), "DBT_INDIRECT_SELECTION": "buildable"
    }
    done = subprocess.run(
        [sys.executable, "-c", script, str(sample.raw)], cwd=project, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert int(done.stdout.split(" models")[0]) > 35
