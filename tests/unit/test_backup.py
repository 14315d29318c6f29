"""What is backed up can be restored, and what could not be is found out before it is needed."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from typer.testing import CliRunner

from exports import version_folder, versions
from ingest import backup, maintenance, privacy, restore, retention, warehouse
from ingest.cli import app
from ingest.load import BatchReport
from ingest.settings import settings
from tests.conftest import PROJECT, SECRET, rows_of
from tests.unit.ledger_project import COLUMNS, PERSONAL, Ledger, ledger  # noqa: F401

ENTRIES = "select entry_no, people, _file_id, _row_no, _batch_id from raw.ledger order by all"


@pytest.fixture
def kept(ledger: Ledger) -> Ledger:  # noqa: F811
    """GIVEN two loaded files about people, one of which is old enough to be purged soon, and a published version."""
    ledger.declare({**COLUMNS, **PERSONAL})
    header = "编号,人数,日期,主题,姓名,备注"
    ledger.file("ledger_1.csv", "1,10,2026-01-01,路灯,张女士,", "2,x,2026-01-02,路灯,李先生,", header=header)
    ledger.file("ledger_2.csv", "3,30,2026-02-01,停车,王伯伯,", header=header)
    arrive(ledger)
    version(settings().published, "20261101T000000Z-00000001", rows=2)
    history = settings().published / "history" / "20250101T000000Z-00000001"
    history.mkdir(parents=True)
    (history / "history.parquet").write_text("what a version has changed that is deleted since")
    return ledger


def version(folder: Path, name: str, rows: int) -> None:
    """A published version with a database, a Parquet file and the manifest of both; it is the current one."""
    import duckdb

    (folder / name).mkdir(parents=True)
    with duckdb.connect(str(folder / name / "marts.duckdb")) as connection:
        connection.execute(f"create table kpi_value as select range as value from range({rows})")
    files = {"marts.duckdb": {"sha256": versions.sha256(folder / name / "marts.duckdb")}}
    manifest = {"tables": {"kpi_value": rows}, "files": files}
    (folder / name / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    version_folder.switch(folder, name)


def arrive(ledger: Ledger) -> list[BatchReport]:  # noqa: F811
    """Land and load what lies in the drop folder; it is judged without the gate, whose start takes long."""
    reports = ledger.arrive()
    with warehouse.writer("test") as connection:
        connection.execute("update ops.batch set status = 'accepted' where status = 'loaded'")
    return reports


def lose(*what: str) -> None:
    for name in what or ("warehouse", "landing", "published"):
        shutil.rmtree(settings().home / name)


def test_a_lost_installation_is_restored_and_nothing_is_loaded_twice(kept: Ledger) -> None:
    before = rows_of(ENTRIES), rows_of("select * from ops.quarantine"), rows_of("select * from ops.file order by all")
    made = backup.create()
    lose()
    restore.apply(made.name)
    assert (rows_of(ENTRIES), rows_of("select * from ops.quarantine"), rows_of("select * from ops.file order by all")) == before
    bytes_back = [path for path in settings().landing.rglob("*") if path.is_file()]
    assert sorted(versions.sha256(path) for path in bytes_back) == sorted(path.name for path in bytes_back) != []
    assert arrive(kept) == []
    assert rows_of(ENTRIES) == before[0]
    assert version_folder.current_name(settings().published) == "20261101T000000Z-00000001"
    (history,) = (settings().published / "history").glob("*/history.parquet")
    assert history.read_text().startswith("what a version has changed")
    assert [(switch.cause, switch.why) for switch in versions.switches()] == [("restore", f"backup {made.name}")]


def test_what_versions_changed_that_are_no_more_is_restored(kept: Ledger) -> None:
    changed = settings().published / "history" / "20250101T000000Z-00000000" / "history.parquet"
    changed.parent.mkdir(parents=True)
    changed.write_text("figures")
    made = backup.create()
    lose()
    restore.apply(made.name)
    assert changed.read_text() == "figures"


def test_a_backup_says_what_is_in_it_and_holds_no_secret(kept: Ledger, tmp_path: Path) -> None:
    made = backup.create()
    assert (made.rows["raw.ledger"], made.rows["ops.batch"], made.landed_files, made.new_files) == (2, 2, 2, 2)
    assert made.key_versions == [privacy.key_version()]
    everything = [path for path in settings().backups.rglob("*") if path.is_file()]
    assert len(everything) > 6
    assert not [path for path in everything if SECRET.encode() in path.read_bytes()]
    assert settings().backups.stat().st_mode & 0o077 == 0


def test_landed_bytes_are_kept_once_for_all_backups(kept: Ledger) -> None:
    backup.create()
    again = backup.create()
    assert (again.landed_files, again.new_files) == (2, 0)
    for path in backup.landed_by(again.name):
        assert (settings().backups / "landing" / path).samefile(settings().landing / path)


@pytest.fixture
def other_disk():
    """GIVEN a folder on another file system."""
    folder = Path("/dev/shm") / f"gmw_backups_{os.getpid()}"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no second file system here")
def test_on_another_disk_the_bytes_are_copied_and_damaged_ones_are_not_taken(
    kept: Ledger, other_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert os.stat("/dev/shm").st_dev != settings().home.stat().st_dev
    monkeypatch.setenv("GMW_BACKUP_FOLDER", str(other_disk))
    made = backup.create()
    lose()
    restore.apply(made.name)
    assert len(rows_of(ENTRIES)) == 2
    assert restore.prove().landed_files == 2
    shutil.rmtree(other_disk)
    damage(settings().landing / backup_path())
    with pytest.raises(backup.BackupDamaged, match="expected the bytes with sha256 .*gmw land"):
        backup.create()
    assert backup.backups() == []


def backup_path() -> str:
    return rows_of("select landed_path from ops.file order by file_name limit 1")[0][0]


def damage(path: Path) -> None:
    """One bit is another one."""
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    path.write_bytes(content)


def test_files_that_landed_since_stay_and_are_loaded_next(kept: Ledger) -> None:
    made = backup.create()
    kept.file("ledger_3.csv", "4,40,2026-03-01,停车,赵女士,", header="编号,人数,日期,主题,姓名,备注")
    arrive(kept)
    planned = restore.apply(made.name)
    assert planned.since == ["ledger/ledger_3.csv"]
    assert len(rows_of(ENTRIES)) == 2
    shutil.rmtree(kept.drop)
    assert [report.file_name for report in arrive(kept)] == ["ledger_3.csv"]
    assert len(rows_of(ENTRIES)) == 3


def test_a_restore_can_be_taken_back(kept: Ledger) -> None:
    made = backup.create()
    kept.file("ledger_3.csv", "4,40,2026-03-01,停车,赵女士,", header="编号,人数,日期,主题,姓名,备注")
    arrive(kept)
    told = []
    restore.apply(made.name, told.append)
    (before,) = [line for line in told if "is the way back" in line]
    restore.apply(before.split("`gmw restore ")[1].split(" ")[0])
    assert [row[0] for row in rows_of(ENTRIES)] == ["1", "3", "4"]


def test_a_dry_run_changes_nothing_and_says_what_would_be_done(kept: Ledger) -> None:
    made = backup.create()
    with warehouse.writer("test") as connection:
        connection.execute("delete from raw.ledger")
    lose("landing")
    planned = restore.plan(made.name)
    assert (len(planned.to_copy), planned.rows_now["raw.ledger"], planned.problem) == (2, 0, "")
    assert rows_of(ENTRIES) == []
    assert not settings().landing.exists()


def test_what_retention_has_purged_is_in_no_backup_and_stays_purged_after_a_restore(kept: Ledger) -> None:
    made = backup.create()
    path = backup_path()
    with warehouse.writer("test") as connection:
        connection.execute("update ops.file set retrieved_at = now() - to_days(401) where file_name = 'ledger_1.csv'")
    retention.purge()
    assert not (settings().backups / "landing" / path).exists()
    lose()
    planned = restore.apply(made.name)
    assert planned.purged == [path]
    assert rows_of("select file_name from ops.file where purged_at is not null") == [("ledger_1.csv",)]
    assert len(rows_of(ENTRIES)) == 2
    assert restore.prove(made.name).landed_files == 1


def test_another_secret_is_refused_before_anything_is_changed(kept: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    made = backup.create()
    lose()
    monkeypatch.setenv("GMW_PERSON_KEY_SECRET", "another secret that is as long as it has to be")
    with pytest.raises(privacy.OtherKeys, match="Nothing was restored. `gmw backup list` names the version"):
        restore.apply(made.name)
    assert not settings().database.exists()


@pytest.mark.parametrize("what", ["database", "landed", "published", "row", "landed_missing"])
def test_a_damaged_backup_is_found_by_the_proof(kept: Ledger, what: str) -> None:
    if what == "row":
        with warehouse.writer("test") as connection:
            connection.execute("delete from raw.ledger where entry_no = '1'")
    made = backup.create()
    folder = settings().backups
    places = {
        "database": (folder / made.name / "gmw_build.duckdb", "gmw_build.duckdb: sha256"),
        "landed": (folder / "landing" / backup_path(), "other bytes than those that landed"),
        "landed_missing": (folder / "landing" / backup_path(), "not there"),
        "published": (folder / "published" / made.published / "marts.duckdb", "other bytes than those that were published"),
        "row": (None, "1 rows loaded and 1 quarantined by the ledger, 0 and 1 there"),
    }
    path, told = places[what]
    if what == "landed_missing":
        path.unlink()
    elif path:
        damage(path)
    with pytest.raises(backup.BackupDamaged, match=told):
        restore.prove()
    assert backup.read(made.name).proven_at is None


def test_a_proof_is_noted_and_changes_nothing(kept: Ledger) -> None:
    made = backup.create()
    lose()
    proof = restore.prove()
    assert (proof.backup, proof.batches, proof.landed_files, proof.published_files) == (made.name, 2, 2, 1)
    assert backup.read(made.name).proven_at is not None
    assert not settings().database.exists()


def test_a_damaged_backup_is_not_restored_and_what_is_there_stays(kept: Ledger) -> None:
    made = backup.create()
    damage(settings().backups / made.name / "gmw_build.duckdb")
    with pytest.raises(backup.BackupDamaged, match="restore another"):
        restore.apply(made.name)
    assert len(rows_of(ENTRIES)) == 2


def test_a_database_that_cannot_be_opened_is_set_aside(kept: Ledger) -> None:
    made = backup.create()
    settings().database.write_bytes(b"not a database at all" * 1000)
    restore.apply(made.name)
    assert len(rows_of(ENTRIES)) == 2
    (aside,) = (settings().home / "set_aside").glob("*/warehouse/gmw_build.duckdb")
    assert aside.read_bytes().startswith(b"not a database")


def test_landed_files_that_no_ledger_knows_are_set_aside_and_land_again(kept: Ledger) -> None:
    made = backup.create()
    kept.file("ledger_3.csv", "4,40,2026-03-01,停车,赵女士,", header="编号,人数,日期,主题,姓名,备注")
    arrive(kept)
    lose("warehouse")
    restore.apply(made.name)
    assert len(list((settings().home / "set_aside").glob("*/landing/ledger/*/*"))) == 1
    assert [report.file_name for report in arrive(kept)] == ["ledger_3.csv"]
    assert len(rows_of(ENTRIES)) == 3


# Runs in the installation: kills itself the nth time that it renames, replaces or makes something durable.
KILLED = """
import os, signal, sys
from exports import version_folder, versions
from ingest import backup, restore, settings
settings.__file__ = sys.argv[1]
left = int(sys.argv[3])
def counted(function):
    def call(*arguments, **options):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return call
os.rename, os.replace, os.fsync = counted(os.rename), counted(os.replace), counted(os.fsync)
backup.create() if sys.argv[2] == "back up" else restore.apply(sys.argv[2])
"""


def run_killed(what: str, moment: int) -> bool:
    """Returns: whether it was killed."""
    from ingest import settings as module

    done = subprocess.run([sys.executable, "-c", KILLED, module.__file__, what, str(moment)], capture_output=True, text=True)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def test_a_killed_backup_leaves_no_half_one_and_the_next_one_is_whole(kept: Ledger) -> None:
    for moment in (2, 7, 11):
        assert run_killed("back up", moment)
        for made in backup.backups():
            restore.prove(made.name)
    backup.create()
    restore.prove()
    assert not list(settings().backups.glob(".*.partial"))


def test_a_killed_restore_is_done_by_restoring_again(kept: Ledger) -> None:
    before = rows_of(ENTRIES)
    made = backup.create()
    for moment in (2, 7, 10):
        lose()
        assert run_killed(made.name, moment)
        restore.apply(made.name)
        assert rows_of(ENTRIES) == before
        assert arrive(kept) == []


def aged(name: str, made_at: datetime) -> str:
    """A backup like another one, made at another time."""
    stamp = f"{made_at.strftime(version_folder.STAMP)}-{'0' * 8}"
    shutil.copytree(settings().backups / name, settings().backups / stamp)
    manifest = settings().backups / stamp / backup.MANIFEST
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "made_at": made_at.isoformat()}))
    return stamp


def test_backups_thin_out_with_age_and_none_is_older_than_the_limit_but_the_newest(kept: Ledger) -> None:
    made = backup.create()
    now = datetime.now(timezone.utc)
    for hours in range(12, 24 * 60, 12):
        aged(made.name, now - timedelta(hours=hours))
    backup.prune()
    ages = sorted((now - one.made_at).total_seconds() / 86400 for one in backup.backups())
    assert 11 <= len(ages) <= 15
    assert max(ages) <= 35
    assert [age for age in ages if age < 1] == pytest.approx([0, 0.5], abs=0.01)
    shutil.rmtree(settings().backups / made.name)
    for one in backup.backups()[1:]:
        shutil.rmtree(settings().backups / one.name)
    (last,) = backup.backups()
    aged(last.name, now - timedelta(days=300))
    shutil.rmtree(settings().backups / last.name)
    assert backup.prune() == []


def test_bytes_that_no_kept_backup_needs_go_with_the_last_that_did(kept: Ledger) -> None:
    old = aged(backup.create().name, datetime.now(timezone.utc) - timedelta(days=300))
    only_there = "ledger/00/0000"
    (settings().backups / "landing" / only_there).parent.mkdir(parents=True)
    (settings().backups / "landing" / only_there).write_text("bytes")
    with open(settings().backups / old / backup.LANDED, "a") as file:
        file.write(f"{only_there}\n")
    backup.prune()
    assert [one.name for one in backup.backups()] != []
    assert not (settings().backups / "landing" / only_there).exists()
    assert restore.prove().landed_files == 2


def test_a_landed_file_that_is_not_there_is_named_and_the_backup_is_made_all_the_same(kept: Ledger) -> None:
    (settings().landing / backup_path()).unlink()
    with pytest.raises(maintenance.BackupIncomplete, match=f"1 landed files .* expected {backup_path()}"):
        maintenance.back_up(lambda line: None)
    assert [len(made.missing) for made in backup.backups()] == [1]


def test_an_unknown_backup_is_named_with_those_that_there_are(kept: Ledger) -> None:
    made = backup.create()
    with pytest.raises(backup.UnknownBackup, match=f"found {made.name}"):
        restore.plan("yesterday")


def test_two_backups_at_once_are_refused_with_the_name_of_the_holder(kept: Ledger) -> None:
    with backup.alone("back up"), pytest.raises(backup.BackupBusy, match=f"held by process {os.getpid()}"):
        backup.create()


def test_the_runbook_leads_from_a_lost_installation_to_a_proven_one(kept: Ledger) -> None:
    """WHEN the commands of the page are given, and everything is deleted where it says so. THEN they say what the page says."""
    page = (PROJECT / "docs" / "runbooks" / "backup_and_restore.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 4
    on_the_page, name = re.search(r"\d{8}T\d{6}Z-[0-9a-f]{8}", page)[0], ""
    for number, block in enumerate(blocks):
        if number == 1:
            lose()
        for command in re.split(r"^\$ gmw ", block, flags=re.MULTILINE)[1:]:
            arguments, *expected = command.strip("\n").replace(on_the_page, name or on_the_page).split("\n")
            result = CliRunner().invoke(app, shlex.split(arguments))
            assert result.exit_code == 0, f"gmw {arguments}: {result.output} {result.exception}"
            name = name or backup.backups()[0].name
            said = " ".join(result.output.split())
            for line in expected:
                pattern = ".*".join(r"\s".join(map(re.escape, part.split())) for part in line.replace(on_the_page, name).split("…"))
                assert re.search(pattern, said), f"gmw {arguments}: expected {line}, found {said}"
    assert len(rows_of(ENTRIES)) == 2
