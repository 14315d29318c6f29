"""One writer at a time; who waits is told for whom."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
from pathlib import Path

import duckdb
import pytest
import yaml

from ingest import build, warehouse
from ingest.settings import settings
from tests.conftest import PROJECT


def _hold(ready, release) -> None:
    with warehouse.writer("a long load"):
        ready.set()
        release.wait(30)


def _read(ready, release) -> None:
    with warehouse.reader():
        ready.set()
        release.wait(30)


def _die_holding(ready) -> None:
    with warehouse.writer("a load that dies"):
        ready.set()
        os._exit(1)


def test_a_second_writer_is_told_who_holds_the_warehouse(home: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, release = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(ready, release))
    holder.start()
    try:
        assert ready.wait(30)
        with pytest.raises(warehouse.WarehouseBusy, match=rf"process {holder.pid} on .*\(a long load\).*another load"):
            with warehouse.writer("another load", timeout=0.2):
                pass
    finally:
        release.set()
        holder.join(30)
    with warehouse.writer("another load", timeout=1):
        pass


def test_the_lock_of_a_dead_process_is_free(home: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    holder = context.Process(target=_die_holding, args=(ready,))
    holder.start()
    assert ready.wait(30)
    holder.join(30)
    with warehouse.writer("the next load", timeout=1):
        pass


def test_the_lock_of_a_killed_process_is_taken_over_with_a_notice(home: Path, capfd: pytest.CaptureFixture) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    holder = context.Process(target=_die_holding, args=(ready,))
    holder.start()
    holder.join(30)
    with warehouse.writer("the next load", timeout=1):
        pass
    told = capfd.readouterr().err
    assert re.search(rf"left by process {holder.pid} on .* since 20.*\(a load that dies\).*Nothing needs to be done", told)
    with warehouse.writer("one more load", timeout=1):
        pass
    assert "left by" not in capfd.readouterr().err


def test_a_reader_leaves_the_name_of_a_killed_writer_to_the_next_writer(home: Path, capfd: pytest.CaptureFixture) -> None:
    with warehouse.writer("the first load"):
        pass
    settings().lock.write_text('{"pid": 1, "host": "h", "since": "s", "purpose": "a load that dies"}')
    with warehouse.reader():
        pass
    assert "left by" not in capfd.readouterr().err
    with warehouse.writer("the next load"):
        pass
    assert "left by process 1 on h since s (a load that dies)" in capfd.readouterr().err


def test_readers_do_not_wait_for_each_other_and_a_writer_waits_for_them(home: Path) -> None:
    with warehouse.writer("make it"):
        pass
    context = multiprocessing.get_context("spawn")
    ready, release = context.Event(), context.Event()
    other = context.Process(target=_read, args=(ready, release))
    other.start()
    try:
        assert ready.wait(30)
        with warehouse.reader(timeout=0) as connection:
            assert connection.execute("select count(*) from ops.run").fetchone() == (0,)
        with pytest.raises(warehouse.WarehouseBusy, match="used by one that reads it"):
            with warehouse.writer("a load", timeout=0.2):
                pass
    finally:
        release.set()
        other.join(30)
    with warehouse.writer("a load", timeout=1):
        pass


def test_who_waits_longer_than_a_moment_is_told_for_whom(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(warehouse, "TELL_AFTER_SECONDS", 0.2)
    context = multiprocessing.get_context("spawn")
    ready, release = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(ready, release))
    holder.start()
    try:
        assert ready.wait(30)
        with pytest.raises(warehouse.WarehouseBusy):
            with warehouse.writer("another load", timeout=1):
                pass
    finally:
        release.set()
        holder.join(30)
    (told,) = [line for line in capfd.readouterr().err.splitlines() if "waiting" in line]
    assert re.search(rf"another load: waiting for process {holder.pid} .*\(a long load\), for at most 1 s", told)


def test_a_transaction_that_raises_leaves_nothing_behind(home: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        with warehouse.writer("test") as connection, warehouse.transaction(connection):
            connection.execute("insert into ops.run values ('run', now(), 'x', null)")
            1 / 0  # noqa: B018
    with warehouse.reader() as connection:
        assert connection.execute("select count(*) from ops.run").fetchone() == (0,)


def test_reading_before_anything_is_loaded_says_so(home: Path) -> None:
    with pytest.raises(FileNotFoundError, match="load something first"):
        with warehouse.reader():
            pass


def test_a_warehouse_of_another_version_gets_the_tables_of_this_one_and_keeps_its_rows_whoever_opens_it(home: Path) -> None:
    with warehouse.writer("test") as connection:
        connection.execute("insert into ops.run (run_id, started_at, code_version) values ('first', now(), 'old')")
        connection.execute("drop table ops.lateness; alter table ops.batch drop column encoding")
        connection.execute("update ops.layout set digest = 'old'")
    with warehouse.reader() as connection:
        assert connection.execute("select count(*), count(encoding) from ops.lateness, ops.batch").fetchall() == [(0, 0)]
        assert connection.execute("select run_id from ops.run").fetchall() == [("first",)]


def test_a_warehouse_of_this_version_is_read_without_writing(home: Path) -> None:
    with warehouse.writer("load"):
        pass
    before = (home / "warehouse" / "gmw_build.duckdb").stat().st_mtime_ns
    with warehouse.reader(timeout=1), warehouse.reader(timeout=1):
        warehouse.upgrade()
    assert (home / "warehouse" / "gmw_build.duckdb").stat().st_mtime_ns == before
    assert json.loads((home / "warehouse" / "writer.lock").read_text() or "null") is None


def test_an_upgrade_that_breaks_off_is_made_by_the_next_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with warehouse.writer("load") as connection:
        connection.execute("drop table ops.lateness; drop table ops.layout")
    with monkeypatch.context() as broken:
        broken.setattr(warehouse, "OPS_TABLES", "select no_such_function();" + warehouse.OPS_TABLES)
        with pytest.raises(duckdb.CatalogException), warehouse.reader():
            pass
    with warehouse.reader() as connection:
        assert connection.execute("select count(*) from ops.lateness").fetchall() == [(0,)]


def test_dbt_alone_finds_the_tables_of_this_version(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with warehouse.writer("load") as connection:
        connection.execute("drop view ops.gate_result_current; drop table ops.layout")
    assert build.dbt(["build", "--help"], "test", lambda line: None) == 0
    with duckdb.connect(str(home / "warehouse" / "gmw_build.duckdb"), read_only=True) as connection:
        assert connection.execute("select count(*) from ops.gate_result_current").fetchall() == [(0,)]


def test_every_table_of_the_ledger_is_described() -> None:
    with warehouse.in_memory() as connection:
        tables = connection.execute("select table_name from information_schema.tables where table_schema = 'ops'").fetchall()
    described = yaml.safe_load((PROJECT / "dbt_project" / "models" / "marts" / "_ops__sources.yml").read_text(encoding="utf-8"))
    assert {table["name"] for table in described["sources"][0]["tables"]} == {name for (name,) in tables}
