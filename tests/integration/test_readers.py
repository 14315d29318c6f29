"""Readers while it publishes: nobody is blocked, no query fails, none mixes two versions, a new one sees the newest."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from exports import publication, version_folder, versions
from ingest import warehouse
from ingest.cli import app
from tests.conftest import PROJECT
from tests.integration.reading_along import TABLES
from tests.integration.test_publication import build_toy, gate

PUBLICATIONS = 50
WAYS = ("holding", "connecting", "opening", "parquet")
# With the lowest priority on a machine that is busy; a reader that waited for a lock would wait for a whole publication.
LONGEST_SECONDS = 15.0


def build_again(number: int) -> str:
    """A gated build of the same marts, in which every table tells of this run. Returns the run id."""
    run_id = f"run-{number}"
    with warehouse.writer(purpose="toy build") as connection:
        connection.execute("insert into ops.run values (?, now(), 'v9.9', null)", [run_id])
        for table in ("kpi_value", "kpi_value_public"):
            connection.execute(f"update kpis.{table} set run_id = ?, numerator = ?", [run_id, number])
        for table in ("fct_money", "fct_case"):
            connection.execute(f"update marts.{table} set note = ?", [run_id])
        connection.execute(
            "insert into ops.gate_result (run_id, gate, suite, expectation, severity, success, message, checked_at) "
            "select ?, 'marts', 'mart_kpi', name, severity, true, '', now() from (values ('sums', 'critical'), ('months', 'warning')) "
            "as expectation (name, severity)", [run_id],
        )  # fmt: skip
    return run_id


@pytest.fixture(scope="module")
def first_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with one published version, made once."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("first")
        patch.setenv("GMW_HOME", str(folder))
        build_toy("run-0")
        with warehouse.writer(purpose="few figures, so that fifty publications are quick") as connection:
            for table in ("kpi_value", "kpi_value_public"):
                connection.execute(f"delete from kpis.{table} where metric_code != 'P01'")
        publication.publish(build_again(0))
    return folder


@pytest.fixture
def published(home: Path, first_home: Path) -> Path:
    """GIVEN one published version. Returns the folder of the versions."""
    shutil.copytree(first_home, home, symlinks=True)
    return home / "published"


@pytest.fixture
def start(published: Path, tmp_path: Path) -> Iterator:
    """Starts a reader of its own process, and ends it whatever happens."""
    with ExitStack() as ends:

        def begin(way: str, *, stop: Path = tmp_path / "stop") -> subprocess.Popen:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.reading_along", way, str(published), str(stop)],
                cwd=PROJECT, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.nice(19),
            )  # fmt: skip
            ends.callback(process.wait)
            ends.callback(process.kill)
            return process

        yield begin


def test_four_readers_without_pause_over_fifty_publications(start, published, tmp_path, monkeypatch, capsys):
    """GIVEN readers that hold a connection, open a new one each time, and read Parquet. WHEN 50 versions are published and old
    ones are deleted. THEN no query fails, waits or mixes versions, and a new connection sees the newest."""
    monkeypatch.setenv("GMW_KEEP_VERSIONS", "3")
    monkeypatch.setenv("GMW_KEEP_HOURS", "0.002")
    readers = {way: start(way) for way in WAYS}
    for process in readers.values():
        assert process.stdout.readline() == "ready\n"
    started = time.monotonic()
    for number in range(1, PUBLICATIONS + 1):
        publication.publish(build_again(number), tell=lambda line: None)
    seconds = time.monotonic() - started
    (tmp_path / "stop").touch()
    told = {way: json.loads(process.communicate(timeout=60)[0]) for way, process in readers.items()}

    with capsys.disabled():
        for way, found in told.items():
            print(f"\n{way}: {found['queries']} queries, {len(found['seen'])} versions, longest {found['longest']:.2f} s", end="")
        print(f"\n{PUBLICATIONS} publications in {seconds:.1f} s", end=" ")
    for way, found in told.items():
        assert (found["errors"], found["mixed"], found["outdated"]) == ([], [], []), way
        assert found["longest"] < LONGEST_SECONDS, way
        assert found["queries"] > PUBLICATIONS / 3, way
    assert all(len(told[way]["seen"]) > PUBLICATIONS / 3 for way in ("connecting", "opening", "parquet"))
    (held,) = told["holding"]["seen"]
    assert not (published / held).exists(), "the version that was held open was to be deleted meanwhile"


def test_readers_wait_for_no_lock(published):
    """GIVEN somebody who writes to the warehouse and, at the same moment, switches versions. THEN readers come in all the same."""
    with warehouse.lock("a long build"), version_folder.guard(published):
        with publication.open_current() as connection:
            assert connection.execute("select count(*) from kpi_value").fetchone()[0]
        with duckdb.connect(str(published / "current" / "marts.duckdb"), read_only=True) as connection:
            assert connection.execute("select run_id from publication").fetchall() == [("run-0",)]
        assert "run-0" in gmw("versions") and "run-0" in gmw("sql", "select run_id from publication")


def test_a_version_that_was_current_a_moment_ago_keeps_its_files(published, monkeypatch):
    """GIVEN a reader that has found the current folder. WHEN more versions come than are kept. THEN it can still open files."""
    monkeypatch.setenv("GMW_KEEP_VERSIONS", "2")
    found = publication.current_folder()
    for number in range(1, 4):
        publication.publish(build_again(number))
    assert found in [version.path for version in versions.versions()]
    assert duckdb.connect().execute(f"select distinct run_id from '{found}/parquet/kpi_value.parquet'").fetchall() == [("run-0",)]
    monkeypatch.setenv("GMW_KEEP_HOURS", "0")
    publication.publish(build_again(4))
    assert [version.run_id for version in versions.versions()] == ["run-4", "run-3"]


def test_an_old_version_that_was_current_until_now_is_kept_though_newer_ones_are_deleted(published, monkeypatch):
    """GIVEN a rollback to an old version, long ago published. WHEN the newest becomes current again and old ones are deleted.
    THEN the one that was current until now stays: its readers may not have opened all its files."""
    monkeypatch.setenv("GMW_KEEP_VERSIONS", "2")
    for number in range(1, 5):
        publication.publish(build_again(number))
    newest, *_, oldest = versions.versions()
    versions.rollback(oldest.name)
    versions.rollback(newest.name)
    log = published / versions.SWITCHES
    long_ago = (datetime.now(timezone.utc) - timedelta(days=9)).isoformat()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    log.write_text("".join(json.dumps({**line, "at": long_ago}) + "\n" for line in lines[:-1]) + json.dumps(lines[-1]) + "\n")
    for version in versions.versions():
        manifest = version.path / versions.MANIFEST
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "published_at": long_ago}))
    versions.prune()
    assert [version.run_id for version in versions.versions()] == ["run-4", "run-3", "run-0"]


def test_the_current_version_is_kept_whatever_its_age(published, monkeypatch):
    monkeypatch.setenv("GMW_KEEP_VERSIONS", "2")
    monkeypatch.setenv("GMW_KEEP_HOURS", "0")
    first = version_folder.current_name(published)
    for number in range(1, 3):
        publication.publish(build_again(number))
        versions.rollback(first)
    publication.publish(build_again(3))
    assert version_folder.current_name(published) == first
    assert [version.run_id for version in versions.versions()] == ["run-3", "run-2", "run-0"]


@pytest.mark.parametrize("setting, wrong", [("GMW_KEEP_VERSIONS", "1"), ("GMW_KEEP_VERSIONS", "all"), ("GMW_KEEP_HOURS", "-1")])
def test_a_policy_that_cannot_be_meant_is_refused(home, monkeypatch, setting, wrong):
    monkeypatch.setenv(setting, wrong)
    with pytest.raises(ValueError, match=f"{setting}: expected .* found '{wrong}'"):
        versions.prune()


def test_a_publication_does_not_overtake_a_rollback(published, capsys):
    """GIVEN a version that was withdrawn. WHEN the next run is published. THEN it waits until somebody lets it through."""
    first = version_folder.current_name(published)
    publication.publish(build_again(1))
    versions.rollback(first, why="the points of March are twice there")
    capsys.readouterr()
    third = publication.publish(build_again(2))
    assert third.is_dir() and version_folder.current_name(published) == first
    told = capsys.readouterr().out
    assert f"went back to version {first}" in told and "the points of March are twice there" in told
    assert f"`gmw rollback {third.name}` makes it current" in told

    versions.rollback(third.name)
    assert versions.holding() is None
    fourth = publication.publish(build_again(3))
    assert version_folder.current_name(published) == fourth.name
    causes = [(switch.cause, switch.holds) for switch in versions.switches()]
    assert causes == [("publish", False), ("publish", False), ("rollback", True), ("rollback", False), ("publish", False)]


def test_a_switch_that_was_written_down_and_never_made_holds_nothing(published):
    """GIVEN a rollback that was killed before the link was switched, and a line that a power cut has torn."""
    first = version_folder.current_name(published)
    second = publication.publish(build_again(1)).name
    with open(published / versions.SWITCHES, "a") as log:
        log.write(json.dumps({"at": "2026-11-22T12:00:00+00:00", "version": first, "before": second, "cause": "rollback", "by": "x",
                              "why": "", "holds": True}) + '\n{"at": "2026-11-2')  # fmt: skip
    assert versions.holding() is None
    third = publication.publish(build_again(2)).name
    assert version_folder.current_name(published) == third
    assert [switch.version for switch in versions.switches()] == [first, second, first, third]


def test_rollbacks_at_once_and_while_it_publishes_leave_a_whole_link(published):
    """WHEN two people go back again and again while versions are published. THEN none fails, and one of theirs is current."""
    names = [version_folder.current_name(published), *(publication.publish(build_again(number)).name for number in (1, 2))]
    code = "import sys\nfrom exports import versions\nfor _ in range(250):\n    versions.rollback(sys.argv[1])\n"
    rolling = [
        subprocess.Popen([sys.executable, "-c", code, name], cwd=PROJECT, stderr=subprocess.PIPE, text=True) for name in names[:2]
    ]
    for number in range(3, 6):
        publication.publish(build_again(number), tell=lambda line: None)
    for process in rolling:
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
    assert version_folder.current_name(published) in names[:2]
    assert {version.run_id for version in versions.versions()} == {f"run-{number}" for number in range(6)}


def test_a_parquet_file_says_which_version_it_is_of(published):
    version = version_folder.current_name(published)
    for table in TABLES:
        rows = duckdb.connect().execute(f"select key, value from parquet_kv_metadata('{published}/current/parquet/{table}.parquet')").fetchall()
        assert {(key.decode(), value.decode()) for key, value in rows} == {("version", version), ("run_id", "run-0")}


def test_the_way_to_several_parquet_files_that_the_documentation_names_stays_with_one_version(published):
    """GIVEN the query of docs/querying.md, begun. WHEN a version is published before it ends. THEN it stays with its own."""
    (text,) = re.findall(r"```duckdb\n(.*?)```", (PROJECT / "docs" / "querying.md").read_text(encoding="utf-8"), re.DOTALL)
    pin, query = text.replace("var/published", str(published)).strip().removesuffix(";").split(";")
    with duckdb.connect() as connection:
        connection.execute(pin)
        before = connection.execute(query).fetchall()
        with warehouse.writer(purpose="toy build") as build:
            build.execute("update kpis.kpi_value set value = value + 1")
        publication.publish(build_again(1))
        assert before and connection.execute(query).fetchall() == before
        connection.execute(pin)
        assert connection.execute(query).fetchall() != before


def test_the_manifest_names_what_made_the_numbers_and_what_is_hidden(published):
    (version,) = versions.versions()
    assert version.manifest["software"]["duckdb"] == duckdb.__version__
    assert set(version.manifest["software"]) == {"duckdb", "dbt-core", "dbt-duckdb", "great-expectations"}
    assert version.manifest["suppression"] == {"internal": 5, "public": 10}


def gmw(*arguments: str) -> str:
    """What a command prints; it must end with 0, unless the first argument is `!`."""
    fails = arguments[0] == "!"
    result = CliRunner().invoke(app, list(arguments[fails:]))
    assert (result.exit_code != 0) == fails, result.output
    return result.output


def test_verifying_finds_a_changed_a_missing_and_a_foreign_file(published):
    (version,) = versions.versions()
    assert f"{version.name}: as published" in gmw("versions", "--verify")
    with open(version.path / "parquet" / "kpi_value.parquet", "r+b") as file:
        file.seek(100)
        file.write(b"\0\1\2")
    (version.path / "parquet" / "fct_case.parquet").unlink()
    (version.path / "more.csv").write_text("x")
    told = gmw("!", "versions", "--verify")
    assert "DAMAGED" in told and "parquet/kpi_value.parquet: expected sha256" in told
    assert "parquet/fct_case.parquet: expected, is missing" in told and "more.csv: is no part of the publication" in told


def test_versions_are_listed_with_what_one_needs_to_choose(published):
    first = version_folder.current_name(published)
    publication.publish(build_again(1))
    assert gmw("versions", "--path").strip() == str(publication.current_folder())
    told = gmw("rollback", first, "--why", "wrong place")
    assert f"current is now {first}" in told and "Later publications will be written, but not become current" in told
    told = gmw("versions")
    assert "2026-10-31" in told and "2 checks, failed: none" in told and told.count("current") >= 2
    assert f"went back to version {first}" in told and "wrong place" in told


def test_status_says_why_the_last_run_is_not_published(published):
    assert "not published" not in gmw("status")
    build_again(1)
    assert "'run-1' has passed its gate and is not published: `gmw publish`" in gmw("status")
    gate("run-1", severity="critical", success=False)
    told = gmw("status")
    assert "no_month_without_cases: expected cases in 2026-08, found none" in told and "stays current" in told
    assert f"current version: {version_folder.current_name(published)}" in told
