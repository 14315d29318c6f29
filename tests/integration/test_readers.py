"""Readers while it publishes: nobody is blocked, no query fails, none mixes two versions, a new one sees the newest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest

from exports import publication, version_folder, versions
from ingest import warehouse
from tests.conftest import PROJECT
from tests.integration.reading_along import TABLES
from tests.integration.test_publication import build_toy, gate

PUBLICATIONS = 50
WAYS = ("holding", "connecting", "opening", "parquet")
LONGEST_SECONDS = 5.0


def build_again(number: int) -> str:
    """A build of the same marts, in which every table tells of this run. Returns the run id."""
    run_id = f"run-{number}"
    with warehouse.writer(purpose="toy build") as connection:
        connection.execute("insert into ops.run values (?, now(), 'v9.9')", [run_id])
        for table in ("kpi_value", "kpi_value_public"):
            connection.execute(f"update kpis.{table} set run_id = ?, numerator = ?", [run_id, number])
        for table in ("fct_money", "fct_case"):
            connection.execute(f"update marts.{table} set note = ?", [run_id])
    gate(run_id)
    return run_id


@pytest.fixture
def published(home: Path) -> Path:
    """GIVEN one published version. Returns the folder of the versions."""
    build_toy("run-0")
    publication.publish(build_again(0))
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
        assert found["queries"] >= PUBLICATIONS, way
    assert all(len(told[way]["seen"]) > PUBLICATIONS / 3 for way in ("connecting", "opening", "parquet"))
    (held,) = told["holding"]["seen"]
    assert not (published / held).exists(), "the version that was held open was to be deleted meanwhile"


