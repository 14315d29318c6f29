"""The sole opener of the build database: one writer at a time, behind an OS lock that names its holder."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import IO

import duckdb

from ingest.settings import settings
from ingest.sql import literal

# The name that DuckDB gives the build database by itself.
WAREHOUSE = "gmw_build"
LOCK_TIMEOUT_SECONDS = 900.0
TELL_AFTER_SECONDS = 3.0
UNNAMED = "one that reads it (such as `gmw status`) or has not named itself yet"
PREPARED = "prepared.duckdb"

OPS_TABLES = """
create schema if not exists raw;
create schema if not exists ops;
create table if not exists ops.file (
    file_id varchar, source varchar, file_name varchar, original_path varchar, size_bytes bigint, landed_path varchar,
    licence varchar, producer varchar, as_of date, retrieved_at timestamptz);
alter table ops.file add column if not exists revision integer default 0;
alter table ops.file add column if not exists purged_at timestamptz;
alter table ops.file add column if not exists delivered_at timestamptz;
create table if not exists ops.arrival (source varchar, address varchar, file_id varchar, arrived_at timestamptz);
create table if not exists ops.fetch (
    source varchar, address varchar, version varchar, file_id varchar, fetched_at timestamptz);
create table if not exists ops.batch (
    batch_id varchar, batch_no bigint, source varchar, file_id varchar, layout varchar, status varchar, rows_in bigint,
    rows_loaded bigint, rows_quarantined bigint, rows_skipped bigint, message varchar, loaded_at timestamptz,
    gated_at timestamptz);
alter table ops.batch add column if not exists encoding varchar;
create table if not exists ops.cursor (source varchar primary key, state varchar, moved_at timestamptz);
create table if not exists ops.quarantine (
    batch_id varchar, source varchar, file_id varchar, row_no bigint, column_name varchar, reason varchar,
    expected varchar, raw_value varchar, raw_text varchar);
alter table ops.quarantine add column if not exists opened_at timestamptz;
create table if not exists ops.quarantine_history (
    batch_id varchar, source varchar, file_id varchar, row_no bigint, column_name varchar, reason varchar,
    expected varchar, raw_value varchar, raw_text varchar, opened_at timestamptz, closed_at timestamptz, closed_by varchar,
    resolution varchar);
create table if not exists ops.staging_quarantine (
    source varchar, stage varchar, record varchar, file_id varchar, row_no bigint, reason varchar, raw_value varchar,
    opened_at timestamptz);
create table if not exists ops.correction_outcome (
    batch_id varchar, correction_id varchar, row_no bigint, column_name varchar, found_value varchar,
    corrected_value varchar, outcome varchar, loaded_at timestamptz);
create table if not exists ops.replay (
    replay_id varchar, batch_id varchar, source varchar, file_id varchar, replayed_by varchar, why varchar,
    started_at timestamptz, finished_at timestamptz, status_before varchar, status_after varchar, rows_loaded_before bigint,
    rows_loaded_after bigint, rows_quarantined_before bigint, rows_quarantined_after bigint, rows_changed bigint);
create table if not exists ops.run (run_id varchar, started_at timestamptz, code_version varchar);
alter table ops.run add column if not exists inputs varchar;
create table if not exists ops.gate_result (
    run_id varchar, gate varchar, suite varchar, batch_id varchar, expectation varchar, column_name varchar,
    severity varchar, success boolean, observed varchar, unexpected_count bigint, message varchar,
    checked_at timestamptz);
alter table ops.gate_result add column if not exists integrity varchar;
alter table ops.gate_result add column if not exists superseded_at timestamptz;
create table if not exists ops.gate_failing_row (
    run_id varchar, gate varchar, suite varchar, batch_id varchar, expectation varchar, column_name varchar, number integer,
    row_keys json, checked_at timestamptz);
create or replace view ops.gate_result_current as
select * from ops.gate_result
where superseded_at is null and (gate = 'raw' or run_id = (
    select max_by(run_id, checked_at) from ops.gate_result where gate = 'marts' and superseded_at is null));
create table if not exists ops.file_column (
    batch_id varchar, source varchar, position integer, header varchar, column_name varchar, kind varchar, filled bigint);
create table if not exists ops.lateness (source varchar, last_day date, told_at timestamptz, over_at timestamptz);
create or replace view ops.column_drift as
with pair as (
    select batch.batch_id, batch.source, max_by(earlier.batch_id, earlier.batch_no) as previous_batch_id
    from ops.batch as batch
    inner join ops.batch as earlier on earlier.source = batch.source and earlier.layout is not distinct from batch.layout
        and earlier.batch_no < batch.batch_no and earlier.status = 'accepted'
    where exists (from ops.file_column as known where known.batch_id = earlier.batch_id)
    group by all
),
after as (select pair.previous_batch_id, file_column.* from ops.file_column inner join pair using (batch_id, source)),
before as (
    select pair.batch_id as next_batch_id, file_column.*
    from ops.file_column inner join pair on file_column.batch_id = pair.previous_batch_id
),
misfit as (
    select batch_id, column_name, count(distinct row_no) as rows
    from ops.quarantine where reason in ('wrong_type', 'wrong_format') group by all
)
select after.batch_id, after.source, after.previous_batch_id, 'added' as change, after.column_name, after.header, null as before,
    after.header as after
from after
where not exists (
    from before where before.next_batch_id = after.batch_id
        and (before.column_name = after.column_name or lower(trim(before.header)) = lower(trim(after.header))))
union all
select before.next_batch_id, before.source, before.batch_id, 'removed', before.column_name, before.header, before.header, null
from before
where not exists (
    from after where before.next_batch_id = after.batch_id
        and (before.column_name = after.column_name or lower(trim(before.header)) = lower(trim(after.header))))
    and exists (from after where after.batch_id = before.next_batch_id)
union all
select after.batch_id, after.source, after.previous_batch_id, 'renamed', after.column_name, after.header, before.header,
    after.header
from after inner join before on before.next_batch_id = after.batch_id and before.column_name = after.column_name
where lower(trim(before.header)) != lower(trim(after.header))
union all
select after.batch_id, after.source, after.previous_batch_id, 'retyped', after.column_name, after.header, before.kind, after.kind
from after inner join before on before.next_batch_id = after.batch_id and before.column_name = after.column_name
where before.kind != after.kind
union all
-- A typed column of which so many values do not fit any more has changed its kind, too.
select after.batch_id, after.source, after.previous_batch_id, 'retyped', after.column_name, after.header, after.kind,
    misfit.rows || ' of ' || batch.rows_in || ' rows do not fit'
from after inner join misfit using (batch_id, column_name) inner join ops.batch as batch using (batch_id)
where misfit.rows > 0.05 * batch.rows_in;
create table if not exists ops.raw_content (source varchar, file_id varchar, content varchar);
create table if not exists ops.data_test_passed (test varchar, inputs varchar, passed_at timestamptz);
create table if not exists ops.layout (digest varchar);
"""
# What `ops.layout` holds of a warehouse that has the tables, columns and views of this version.
LAYOUT = hashlib.sha256(OPS_TABLES.encode()).hexdigest()


class WarehouseBusy(RuntimeError):
    """Another process holds the writer lock; the message names it."""


@contextmanager
def lock(
    purpose: str, timeout: float = LOCK_TIMEOUT_SECONDS, is_shared: bool = False, path: Path | None = None
) -> Iterator[IO[str]]:
    """Hold the writer lock of the warehouse, or, shared with other readers, keep writers out.

    The lock is an OS lock (flock): it ends with the process that holds it (and the children that it was passed to), so a crash
    leaves nothing to clean up. Who finds the name of one that did not give it back says so and takes it over.

    Args: purpose: what the holder does, shown to those who wait. timeout: seconds to wait for the lock. is_shared: for reading.
    path: of another lock; default: that of the warehouse. Yields: the lock, to be passed to a child that works under it.
    Raises: WarehouseBusy, naming the holder, when the lock is not free in time.
    """
    path = path or settings().lock
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+") as handle:
        _wait_for(handle, purpose, timeout, fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX)
        if is_shared:
            yield handle
            return
        if left := _holder(path):
            _tell(
                f"The lock {path} was left by {left}, which ended without giving it back (it was killed, or the machine "
                "stopped). It is taken over; what that process had not finished is done again. Nothing needs to be done."
            )
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "purpose": purpose,
            "since": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }
        handle.truncate(0)
        handle.write(json.dumps(holder, ensure_ascii=False))
        handle.flush()
        try:
            yield handle
        finally:
            handle.truncate(0)


def _wait_for(handle: IO[str], purpose: str, timeout: float, kind: int) -> None:
    """Take the lock, or raise WarehouseBusy after `timeout` seconds; who waits longer than a moment is told for whom."""
    path, started, is_told = Path(handle.name), time.monotonic(), False
    while True:
        try:
            return fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = time.monotonic() - started
            if waited >= timeout:
                raise WarehouseBusy(
                    f"The warehouse is being used by {_holder(path) or UNNAMED}. Waited {timeout:.0f} s for: {purpose}. "
                    "Wait for it to end, or stop that process, then run this again."
                ) from None
            if waited >= TELL_AFTER_SECONDS and not is_told:
                _tell(f"{purpose}: waiting for {_holder(path) or UNNAMED}, for at most {timeout:.0f} s")
                is_told = True
            time.sleep(0.05)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _holder(path: Path) -> str | None:
    """Who has written a name into the lock; None when there is none in it."""
    try:
        holder = json.loads(path.read_text())
        return f"process {holder['pid']} on {holder['host']} since {holder['since']} ({holder['purpose']})"
    except (ValueError, KeyError, OSError):
        return None


@contextmanager
def writer(
    purpose: str, timeout: float = LOCK_TIMEOUT_SECONDS, beside: Beside | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the build database for writing, behind the lock; the `raw` and `ops` schemas exist.

    Args and errors: as for `lock`. beside: rows in memory that are to be taken over: the warehouse is opened where they are.
    Yields: a DuckDB connection, closed at the end.
    """
    with lock(purpose, timeout), scratch() as folder:
        database = settings().database
        database.parent.mkdir(parents=True, exist_ok=True)
        if beside and not beside.file:
            connection = beside.connection
            connection.execute(f"attach {literal(str(database))} as {WAREHOUSE}")
            connection.execute(f"use {WAREHOUSE}")
            try:
                lay_out(connection)
                yield connection
            finally:
                connection.execute("use memory")
                connection.execute(f"detach {WAREHOUSE}")
            return
        connection = duckdb.connect(str(database))
        try:
            _configure(connection, folder)
            lay_out(connection)
            yield connection
        finally:
            connection.close()


@contextmanager
def reader(timeout: float = LOCK_TIMEOUT_SECONDS) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the build database read-only, behind the lock, which readers share (DuckDB lets no reader in beside a writer). One of
    another version gets the tables of this one before.

    Raises: FileNotFoundError when nothing has been loaded yet; WarehouseBusy as for `lock`.
    """
    with _open_to_read(timeout) as connection:
        if _has_layout(connection):
            yield connection
            return
    with writer("upgrade", timeout):
        pass
    with _open_to_read(timeout) as connection:
        yield connection


@contextmanager
def _open_to_read(timeout: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """As `reader`, whatever tables there are."""
    database = settings().database
    if not database.exists():
        raise FileNotFoundError(f"No warehouse at {database}: load something first (`gmw run`).")
    with lock("read", timeout, is_shared=True), scratch() as folder:
        connection = duckdb.connect(str(database), read_only=True)
        try:
            _configure(connection, folder)
            yield connection
        finally:
            connection.close()


@contextmanager
def trial(timeout: float = LOCK_TIMEOUT_SECONDS) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty warehouse in memory with the build database beside it, read-only, as `stored`: what is loaded there is only tried.

    Args and errors: as for `reader`. Yields: a DuckDB connection, closed at the end.
    """
    with lock("try a load", timeout, is_shared=True), scratch() as folder:
        connection = in_memory(folder)
        try:
            connection.execute(f"attach {literal(str(settings().database))} as stored (read_only)")
            yield connection
        finally:
            connection.close()


def at_rest() -> Path:
    """The build database as one file with everything in it and no log beside it, for who holds `lock`; nobody has it open. It has
    the tables of this version.

    Raises: FileNotFoundError when nothing has been loaded yet; duckdb.Error when the file is damaged.
    """
    database = settings().database
    if not database.exists():
        raise FileNotFoundError(f"No warehouse at {database}: load something first (`gmw run`).")
    with duckdb.connect(str(database)) as connection:
        lay_out(connection)
        connection.execute("checkpoint").complete()
    return database


@contextmanager
def copy_of(database: Path, read_only: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a build database that nobody else opens, under the limits of every connection, without a lock: a copy that lies
    elsewhere (a backup), or the one itself for who holds `lock`."""
    with scratch() as folder:
        connection = duckdb.connect(str(database), read_only=read_only)
        try:
            _configure(connection, folder)
            yield connection
        finally:
            connection.close()


def upgrade() -> None:
    """Give a build database of another version the tables of this one, for a program that opens it by itself; without a database
    nothing happens. Raises: WarehouseBusy."""
    if settings().database.exists():
        with reader():
            pass


def lay_out(connection: duckdb.DuckDBPyConnection) -> None:
    """Give a database the tables, columns and views of this version, all or nothing, unless its mark says that it has them."""
    if not _has_layout(connection):
        with transaction(connection):
            connection.execute(OPS_TABLES)
            connection.execute("delete from ops.layout")
            connection.execute("insert into ops.layout values (?)", [LAYOUT])


def _has_layout(connection: duckdb.DuckDBPyConnection) -> bool:
    try:
        return connection.execute("select digest from ops.layout").fetchall() == [(LAYOUT,)]
    except duckdb.CatalogException:
        return False


def in_memory(folder: Path | None = None) -> duckdb.DuckDBPyConnection:
    """An empty warehouse in memory with the `raw` and `ops` schemas, for dry runs. `folder`: where it may spill to, if at all."""
    connection = duckdb.connect()
    _configure(connection, folder)
    lay_out(connection)
    return connection


@contextmanager
def scratch(parent: Path | None = None, name: str | None = None) -> Iterator[Path]:
    """A folder for this process alone, under $GMW_HOME/scratch (or `parent`, for files that are to be moved within a disk),
    removed at the end. `name`: of the folder, for a process that is the only one of its kind; by default a new one each time.

    An OS lock is on it, which ends with the process: what a killed one left there is removed by the next that comes. What is
    read in the clear on its way into the warehouse lies here, never in the system's temporary folder, where it would stay.
    """
    parent = parent or settings().scratch
    parent.mkdir(parents=True, exist_ok=True)
    clear_scratch(parent)
    while True:
        folder = parent / name if name else Path(tempfile.mkdtemp(dir=parent))
        folder.mkdir(exist_ok=True)
        # Before it is locked, another process may take it for one that was left.
        if (handle := _take(folder)) is not None:
            break
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def clear_scratch(parent: Path) -> None:
    """Remove the folders of `scratch` that killed processes have left."""
    for left in parent.iterdir() if parent.is_dir() else ():
        if (handle := _take(left)) is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(handle)


def _take(folder: Path) -> int | None:
    """Lock a folder. Returns its handle; None when another holds it or has removed it."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with suppress(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if folder.exists():
            return handle
    os.close(handle)
    return None


@dataclass(frozen=True)
class Beside:
    """A database beside the warehouse, in which the rows of a file are prepared: in memory, or in a scratch folder."""

    connection: duckdb.DuckDBPyConnection
    file: Path | None


@contextmanager
def preparing(folder: Path, is_private: bool, in_memory: bool = False) -> Iterator[Beside]:
    """A database to prepare the rows of a file in; `writer` and `prepared` then show it to the warehouse.

    Args: folder: of `scratch`. is_private: text is read that names people: what is in memory must not be spilled to disk.
    in_memory: rows stay in memory, uncompressed; the writer then takes them from there, which is faster.
    Yields: Beside, closed at the end.
    """
    file = None if in_memory else folder / PREPARED
    connection = duckdb.connect(str(file or ":memory:"))
    try:
        _configure(connection, None if is_private else folder)
        yield Beside(connection, file)
    finally:
        connection.close()


@contextmanager
def prepared(connection: duckdb.DuckDBPyConnection, beside: Beside) -> Iterator[None]:
    """Show a writer the rows that were prepared beside the warehouse, as the temporary view `sorted_rows`."""
    if beside.file:
        beside.connection.close()
        connection.execute(f"attach {literal(str(beside.file))} as scratch (read_only)")
    try:
        place = "scratch" if beside.file else "memory.main"
        connection.execute(f"create or replace temp view sorted_rows as from {place}.numbered_rows")
        yield
    finally:
        connection.execute("drop view if exists temp.sorted_rows")
        if beside.file:
            connection.execute("detach scratch")


def _configure(connection: duckdb.DuckDBPyConnection, folder: Path | None) -> None:
    """The limits of every connection that this project opens. Without a folder nothing is spilled: what does not fit fails."""
    current = settings()
    connection.execute("set timezone = 'UTC'").complete()
    connection.execute(f"set memory_limit = {literal(current.memory_limit)}").complete()
    connection.execute(f"set threads = {current.threads}").complete()
    connection.execute(f"set temp_directory = {literal(str(folder or ''))}").complete()


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing: commit at the end of the block, roll back when it raises."""
    connection.execute("begin")
    try:
        yield
    except BaseException:
        # After an error of the disk DuckDB has given the database up already, and the first error is the one to tell.
        with suppress(duckdb.Error):
            connection.execute("rollback")
        raise
    connection.execute("commit")
