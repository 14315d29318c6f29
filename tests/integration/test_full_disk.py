"""A disk that is full, too little memory: each step says so, leaves what was there, and completes once there is room."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from exports import export, publication
from ingest import warehouse
from ingest.build import build
from ingest.landing import land
from ingest.limits import DiskFull, OutOfMemory
from ingest.load import load
from ingest.settings import settings
from tests.conftest import rows_of
from tests.integration.test_publication import ACTIVITIES, build_toy, query
from tests.unit.arriving import ROW, issue_file
from tests.unit.ledger_project import Ledger, ledger  # noqa: F401

MEGABYTES = 64
SAYS = r"expected room on the disk of .*home, found [0-9,]+ MB free of [0-9,]+ MB .*Nothing is lost.*Make room"


class SmallDisk:
    """The installation lies on a disk of its own."""

    def __init__(self, home: Path) -> None:
        self.home, self.filler = home, home / "filler"

    def leave(self, kilobytes: int) -> None:
        """Fill the disk but for so much."""
        self.make_room()
        room = shutil.disk_usage(self.home).free
        with open(self.filler, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(room - kilobytes * 1024, 1))

    def make_room(self) -> None:
        """Take away what fills it."""
        self.filler.unlink(missing_ok=True)


@pytest.fixture
def disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallDisk]:
    """GIVEN an installation on a disk of 64 MB."""
    home.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(home)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    monkeypatch.setenv("GMW_MEMORY_LIMIT", "200MB")
    try:
        yield SmallDisk(home)
    finally:
        subprocess.run(["umount", "--lazy", str(home)], check=True)


def left_behind() -> list[Path]:
    """Files of a step that did not end well."""
    places = (settings().scratch, settings().landing / ".scratch")
    partial = [*settings().published.glob(".*.partial"), *settings().exports.glob(".*.partial")]
    return [path for place in places if place.exists() for path in place.iterdir()] + partial


def test_land_says_that_the_disk_is_full_and_lands_the_file_once_there_is_room(disk: SmallDisk, drop: Path) -> None:
    issue_file(drop, "a.csv", *(ROW.format(number, "x" * 500) for number in range(10_000)))
    with warehouse.writer("make the ledger"):
        pass
    disk.leave(2000)
    with pytest.raises(DiskFull, match=f"land: {SAYS}"):
        land("issue_ledger")
    assert left_behind() == [] and rows_of("select count(*) from ops.file") == [(0,)]
    disk.make_room()
    assert [file.is_new for file in land("issue_ledger")] == [True]
    assert [(report.status, report.rows_loaded) for report in load("issue_ledger")] == [("loaded", 10_000)]


def test_a_load_on_a_full_disk_stores_a_file_whole_or_not_at_all(disk: SmallDisk, drop: Path) -> None:
    dice = random.Random(5)
    issue_file(drop, "a.csv", ROW.format(99_999, ""))
    land("issue_ledger")
    load("issue_ledger")
    issue_file(
        drop, "b.csv", *(ROW.format(number, dice.randbytes(200).hex()) for number in range(10_000))
    )
    land("issue_ledger")
    failed = 0
    for room in (200, 5000, 6000, 7000, 8000):
        disk.leave(room)
        try:
            load("issue_ledger")
        except DiskFull as error:
            failed += 1
            assert "load: expected room on the disk of" in str(error)
        disk.make_room()
        (count,) = rows_of("select count(*) from raw.issue_ledger")[0]
        assert count in (1, 10_001)
        assert rows_of("select sum(rows_loaded) from ops.batch") == [(count,)]
        assert left_behind() == []
    assert failed >= 3
    load("issue_ledger")
    assert rows_of("select count(*), count(distinct case_no) from raw.issue_ledger") == [(10_001, 10_001)]
    assert rows_of("select status, rows_in from ops.batch order by batch_no") == [("loaded", 1), ("loaded", 10_000)]


def test_a_publication_on_a_full_disk_leaves_the_version_before_and_no_half_one(disk: SmallDisk) -> None:
    build_toy("run-1")
    first = publication.publish("run-1")
    build_toy("run-2", more=1)
    failed = 0
    for room in (100, 500, 1000, 2000):
        disk.leave(room)
        try:
            publication.publish("run-2")
        except DiskFull as error:
            failed += 1
            assert "publish: expected room on the disk of" in str(error)
            assert (disk.home / "published" / "current").resolve() == first
            assert query(disk.home, ACTIVITIES) == [(198.0,)]
        assert left_behind() == []
    assert failed >= 1
    disk.make_room()
    publication.publish("run-2")
    assert query(disk.home, ACTIVITIES) == [(199.0,)]


def test_an_export_on_a_full_disk_leaves_the_one_before(disk: SmallDisk) -> None:
    build_toy("run-1")
    publication.publish("run-1")
    before = {path.name: path.read_bytes() for path in export.export()}
    build_toy("run-2", more=1)
    publication.publish("run-2")
    disk.leave(200)
    with pytest.raises(DiskFull, match=f"export: {SAYS}"):
        export.export()
    assert left_behind() == []
    assert {path.name: path.read_bytes() for path in (disk.home / "exports" / "current").iterdir()} == before
    disk.make_room()
    export.export()
    assert (disk.home / "exports" / "current").resolve().name == (disk.home / "published" / "current").resolve().name


def test_a_build_on_a_full_disk_or_with_too_little_memory_says_so_and_completes_afterwards(
    ledger: Ledger, disk: SmallDisk, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:
    ledger.stage("select range as entry_no, hash(range)::varchar as people from range(2000000)")
    disk.leave(10_000)
    with pytest.raises(DiskFull, match=f"build: {SAYS}"):
        build("first", echo=lambda line: None)
    disk.make_room()
    monkeypatch.setenv("GMW_MEMORY_LIMIT", "20MB")
    ledger.stage("select string_agg(range::varchar, '') as entry_no from range(20000000)")
    with pytest.raises(OutOfMemory, match=r"build: expected to need no more memory than .* \(20MB\).*Nothing is lost"):
        build("second", echo=lambda line: None)
    ledger.stage("select range as entry_no from range(3)")
    build("third", echo=lambda line: None)
    assert rows_of("select count(*) from staging.stg_ledger__activity") == [(3,)]
    assert left_behind() == []


def test_a_publication_with_too_little_memory_says_so_and_leaves_the_version_before(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_toy("run-1")
    first = publication.publish("run-1")
    build_toy("run-2", more=1)
    monkeypatch.setenv("GMW_MEMORY_LIMIT", "1MB")
    with pytest.raises(OutOfMemory, match=r"publish: expected to need no more memory than GMW_MEMORY_LIMIT \(1MB\)"):
        publication.publish("run-2")
    assert (home / "published" / "current").resolve() == first and left_behind() == []
    monkeypatch.delenv("GMW_MEMORY_LIMIT")
    publication.publish("run-2")
    assert query(home, ACTIVITIES) == [(199.0,)]
