"""The build database gives back what DuckDB does not use."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from ingest import compaction, warehouse
from ingest.settings import settings
from tests.conftest import rows_of

ROWS = 6_000_000


@pytest.fixture
def bloated(home) -> int:
    """GIVEN a database of which most is free: a large table was dropped. Returns its bytes."""
    with warehouse.writer("test") as connection:
        connection.execute(f"create table raw.gone as select hash(range) as a, hash(range + 1) as b from range({ROWS})")
        connection.execute("create table raw.stays as select range as number, hash(range) as hash from range(1000)")
        connection.execute("create view raw.seen as from raw.stays where number < 10")
        connection.execute("insert into ops.cursor values ('api', 'here', now())")
    with warehouse.writer("test") as connection:
        connection.execute("drop table raw.gone")
    settings().database.chmod(0o640)
    return settings().database.stat().st_size


def test_a_bloated_database_shrinks_and_has_the_same_rows(bloated: int) -> None:
    before = rows_of("from raw.stays")
    done = compaction.compact()
    assert done.is_done
    assert done.bytes_before == bloated > 10 * done.bytes_after == 10 * settings().database.stat().st_size
    assert rows_of("from raw.stays") == before
    assert rows_of("select count(*) from raw.seen") == [(10,)]
    assert rows_of("select count(*) from ops.column_drift") == [(0,)]
    assert settings().database.stat().st_mode & 0o777 == 0o640
    with warehouse.writer("test") as connection, pytest.raises(Exception, match="(?i)constraint"):
        connection.execute("insert into ops.cursor values ('api', 'there', now())")


def test_where_it_does_not_pay_the_file_stays_as_it_is(home) -> None:
    with warehouse.writer("test") as connection:
        connection.execute("create table raw.stays as select range as number from range(1000)")
    before = settings().database.stat().st_ino
    assert not compaction.compact().is_done
    assert settings().database.stat().st_ino == before
    assert compaction.compact(is_forced=True).is_done


def test_without_room_for_the_copy_nothing_is_changed(bloated: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    with pytest.raises(compaction.CompactionRefused, match="found 0 MB. Nothing was changed"):
        compaction.compact()
    assert settings().database.stat().st_size == bloated
