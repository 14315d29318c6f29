"""Several loads, people who look, and a build at once: all complete, files are read side by side, and the ledgers are right."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

from exports import export, publication
from ingest import warehouse
from ingest.build import build
from ingest.landing import land
from ingest.load import load
from tests.conftest import rows_of
from tests.integration.test_publication import build_toy
from tests.unit.ledger_project import Ledger, ledger  # noqa: F401

FORK = multiprocessing.get_context("fork")
FILES, ROWS, LOADERS, LOOKS = 6, 300, 3, 15


def _land_and_load(failures) -> None:
    try:
        land("ledger")
        load("ledger")
    except BaseException as error:
        failures.put(f"load: {error!r}")


def _look(failures) -> None:
    """What `gmw status` reads, again and again: a batch is there with all of its rows, or not at all."""
    try:
        for _ in range(LOOKS):
            with warehouse.reader() as connection:
                told, there = connection.execute(
                    "select (select coalesce(sum(rows_loaded), 0) from ops.batch), (select count(*) from raw.ledger)"
                ).fetchone()
            if told != there:
                failures.put(f"look: {told} rows told, {there} there")
    except BaseException as error:
        failures.put(f"look: {error!r}")


def _build(failures) -> None:
    try:
        build("at-once", echo=lambda line: None)
    except BaseException as error:
        failures.put(f"build: {error!r}")


def test_loads_readers_and_a_build_at_once_all_complete_and_the_ledgers_are_right(ledger: Ledger) -> None:  # noqa: F811
    ledger.stage("select entry_no, people from {{ delivered_rows('ledger') }}")
    ledger.file("first.csv", "A0,1,2026-01-01,x")
    ledger.arrive_and_be_gated()
    for file in range(FILES):
        ledger.file(f"{file}.csv", *(f"{file}-{row},{row},2026-01-01,x" for row in range(ROWS)))
    failures = FORK.Queue()
    processes = [FORK.Process(target=_land_and_load, args=(failures,)) for _ in range(LOADERS)]
    processes += [FORK.Process(target=_look, args=(failures,)) for _ in range(2)]
    processes += [FORK.Process(target=_build, args=(failures,))]
    for process in processes:
        process.start()
    for process in processes:
        process.join(240)
    told = [failures.get() for _ in iter(failures.empty, True)]
    assert told == [] and [process.exitcode for process in processes] == [0] * len(processes)
    assert rows_of("select count(*), count(distinct entry_no) from raw.ledger") == [(FILES * ROWS + 1,) * 2]
    assert rows_of("select count(*), count(distinct file_id), sum(rows_in), sum(rows_loaded) from ops.batch") == [
        (FILES + 1, FILES + 1, FILES * ROWS + 1, FILES * ROWS + 1)
    ]
    assert rows_of("select count(distinct batch_no), max(batch_no) from ops.batch") == [(FILES + 1, FILES + 1)]
    assert rows_of("select status from ops.batch where batch_no = 1 union all select count(*)::varchar from ops.run") == [
        ("accepted",), ("1",)
    ]  # fmt: skip
    assert rows_of("from staging.stg_ledger__activity") == [("A0", 1)]


def _export(failures) -> None:
    try:
        export.export()
    except BaseException as error:
        failures.put(repr(error))


def test_two_exports_at_once_both_complete(home: Path) -> None:
    build_toy("run-1")
    publication.publish("run-1")
    failures = FORK.Queue()
    processes = [FORK.Process(target=_export, args=(failures,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [failures.get() for _ in iter(failures.empty, True)] == []
    names = {path.name for path in (home / "exports" / "current").iterdir()}
    assert names == {*json.loads((home / "exports" / "current" / "manifest.json").read_text())["files"], "manifest.json"}
    assert not list((home / "exports").glob(".*.partial"))
