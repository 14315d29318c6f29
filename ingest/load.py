"""Load: decode, parse, hash, append to `raw.<source>`; one file, one transaction, every row accounted for."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from ingest import corrections, data_end, drift, evolution, ledger, limits, lineage, privacy, quarantine, readers, warehouse
from ingest.columns import sort_rows
from ingest.corrections import Correction, Outcome
from ingest.declaration import ColumnDeclaration, SourceDeclaration, declaration
from ingest.readers.parsed import NO_ROWS, Parsed
from ingest.readers.text import different
from ingest.settings import settings
from ingest.warehouse import Beside

# What the rows of a CSV file take in memory, as a multiple of its size, as measured.
IN_MEMORY_FACTOR = 1.6
PROVENANCE = {
    "_layout": "varchar",
    "_file_id": "varchar",
    "_row_no": "bigint",
    "_batch_id": "varchar",
    "_loaded_at": "timestamptz",
}


class RowsLost(AssertionError):
    """rows in ≠ loaded + quarantined + skipped: a fault of the loader, never of the file. Nothing was stored."""


class TypeKept(ValueError):
    """A column of raw cannot take the type that is declared now; the message names source, column, batches and what to do."""


@dataclass(frozen=True)
class BatchReport:
    """What became of one file. Rows are records of the file without its header."""

    batch_id: str
    source: str
    file_name: str
    status: str
    rows_in: int
    rows_loaded: int
    rows_quarantined: int
    rows_skipped: int
    message: str
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.file_name}: {self.status}, {self.rows_in} rows in = {self.rows_loaded} loaded + "
            f"{self.rows_quarantined} quarantined + {self.rows_skipped} skipped, {self.seconds:.2f} s"
            + (f" — {self.message}" if self.message else "")
        )


@dataclass(frozen=True)
class Waiting:
    """A landed file that is not loaded, and the batch in which it was blocked before, if it was."""

    file_id: str
    name: str
    path: Path
    size_bytes: int
    batch_id: str | None

    @property
    def damage(self) -> str:
        """Why the landed bytes cannot be the file; "" when they may be."""
        found = f"{self.path.stat().st_size:,} bytes" if self.path.is_file() else "no file"
        if found == f"{self.size_bytes:,} bytes":
            return ""
        return (
            f"expected the {self.size_bytes:,} bytes that were landed, found {found} in the landing as "
            f"{self.path.relative_to(settings().landing)} (a disk that lost them?); "
            "land the file again: where it came from, or with its path (`gmw land SOURCE PATH`)"
        )


@dataclass(frozen=True)
class Prepared:
    """What was read of a file, as which declaration (it may have evolved): by the reader, why it cannot be loaded ("" when it
    can), and what became of its corrections."""

    source: SourceDeclaration
    parsed: Parsed | None
    message: str
    outcomes: list[Outcome]
    is_out_of_memory: bool = False


@lineage.traced("load.{source_name}", "loaded")
def load(source_name: str, tell: Callable[[str], None] = lambda _: None) -> list[BatchReport]:
    """Load every landed file of a source that is not loaded yet, oldest `as_of` first, each in a transaction of its own.

    A file is read and prepared beside the warehouse, so that several sources can be at it, and the writer lock is held while its
    rows are appended. A file that cannot be loaded at all becomes a batch with status `blocked`; the others go on. Blocked
    batches are tried again, under the same batch id, so that a mended declaration takes effect. Loaded and accepted ones are
    never touched.

    Args: source_name: a declared source. tell: told what is being done.
    Returns: one BatchReport per file tried. Raises: DeclarationError, SecretMissing (no secret for personal data), OtherKeys,
    WarehouseBusy, CorrectionError, DiskFull, OutOfMemory.
    """
    return load_landed(declaration(source_name), tell)


@limits.explained("load")
def load_landed(source: SourceDeclaration, tell: Callable[[str], None] = lambda _: None) -> list[BatchReport]:
    """`load` for a declaration that one has at hand."""
    purpose = f"load {source.name}"
    with warehouse.writer(purpose) as connection:
        _check_keys(connection, source)
        waiting = _waiting(connection, source)
        days = [_day_of(connection, file.file_id) for file in waiting]
    reports = []
    for file, day in zip(waiting, days, strict=True):
        started = time.monotonic()
        with warehouse.scratch() as folder, ExitStack() as ends:
            beside, prepared = _read(source, file, day, folder, ends, tell)
            rows = prepared.parsed.rows_in if prepared.parsed else 0
            tell(f"{file.name}: {rows:,} rows read in {time.monotonic() - started:.1f} s, storing")
            with warehouse.writer(purpose, beside=beside) as connection:
                _check_keys(connection, source)
                if file not in _waiting(connection, source):
                    tell(f"{file.name}: skipped, another process has loaded it or purged its bytes meanwhile")
                    continue
                batch_id, *outcome = _store(connection, source, beside, prepared, file.name, file.file_id, file.batch_id)
        reports.append(BatchReport(batch_id, source.name, file.name, *outcome, time.monotonic() - started))
    return reports


def _read(
    source: SourceDeclaration, file: Waiting, day: date, folder: Path, ends: ExitStack, tell: Callable[[str], None]
) -> tuple[Beside | None, Prepared]:
    """Read a file that waits: in memory where it may be expected to fit, else into a scratch folder. What was opened is closed by
    `ends`. A file whose bytes are not those that were landed cannot be loaded; whether they were purged is seen when it would be
    stored."""
    if file.damage:
        return None, Prepared(source, None, file.damage, [])
    tell(f"{file.name}: reading {file.size_bytes / 1e6:,.1f} MB")
    wanted = corrections.of_file(source, file.file_id, file.name)
    try:
        for in_memory in [True, False] if _fits_in_memory(source, file.size_bytes) else [False]:
            beside = ends.enter_context(warehouse.preparing(folder, source.is_private, in_memory))
            prepared = _prepare(beside, source, file.path, day, wanted)
            if beside.file or prepared.is_out_of_memory:
                beside.connection.close()
            if not prepared.is_out_of_memory:
                break
        return beside, prepared
    except (FileNotFoundError, duckdb.IOException):
        if not file.damage:
            raise
        return None, Prepared(source, None, file.damage, [])


def _fits_in_memory(source: SourceDeclaration, size_bytes: int) -> bool:
    """Whether the rows of a file may be expected to fit into memory. Where they do not, they are prepared on disk after all."""
    return source.format.type == "csv" and IN_MEMORY_FACTOR * size_bytes <= settings().memory_limit_bytes


def _check_keys(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration) -> None:
    if source.is_private:
        privacy.install(connection)
        privacy.refuse_other_keys(connection, source)


def _waiting(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration) -> list[Waiting]:
    rows = connection.execute(
        """
        select file.file_id, file.file_name, file.landed_path, file.size_bytes, batch.batch_id
        from ops.file left join ops.batch using (source, file_id)
        where file.source = ? and file.purged_at is null and file.landed_path is not null
            and (batch.status is null or batch.status = 'blocked')
        order by file.as_of nulls first, file.revision, file.retrieved_at, file.file_name
        """,
        [source.name],
    ).fetchall()
    return [Waiting(file_id, name, settings().landing / path, size, batch_id) for file_id, name, path, size, batch_id in rows]


def _day_of(connection: duckdb.DuckDBPyConnection, file_id: str) -> date:
    """The day that a file is about: ages are those on this day."""
    (day,) = connection.execute(
        "select coalesce(max(coalesce(as_of, retrieved_at::date)), current_date) from ops.file where file_id = ?", [file_id]
    ).fetchone()
    return day


def reload(
    connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, batch_id: str, closed_by: str = "load"
) -> BatchReport:
    """Load the file of a batch once more, in place of its rows, in one transaction; the batch waits for its gate again.

    Args: connection: the writer. source: its declaration. batch_id: a batch of that source whose file is in the landing.
    closed_by: what the history of quarantine names as the cause, such as the id of a replay.
    Returns: the report. Raises: SecretMissing (no secret for personal data), CorrectionError, TypeKept.
    """
    privacy.install(connection)
    file_id, file_name, landed_path = connection.execute(
        "select file_id, file_name, landed_path from ops.file join ops.batch using (source, file_id) where batch_id = ?",
        [batch_id],
    ).fetchone()
    started = time.monotonic()
    path = settings().landing / landed_path
    batch_id, *outcome = _load_file(connection, source, path, file_id, batch_id, file_name, closed_by)
    return BatchReport(batch_id, source.name, file_name, *outcome, time.monotonic() - started)


def dry_run(source_name: str, path: Path, sample: int = 10) -> tuple[BatchReport, list[dict]]:
    """What would become of a file, without storing anything: the same code on a database in memory.

    Args: source_name: a declared source. path: the file. sample: how many quarantined rows to show at most.
    Returns: the report, and the first quarantined rows (row_no, column_name, reason, expected, raw_value).
    Raises: DeclarationError, FileNotFoundError.
    """
    source = declaration(source_name)
    if not path.is_file():
        raise FileNotFoundError(f"source {source_name}: expected a file at {path}, found none; give the path of a file")
    connection = warehouse.in_memory()
    privacy.install(connection)
    started = time.monotonic()
    batch_id, *outcome = _load_file(connection, source, path, "dry-run", None)
    rows = connection.execute(
        "select row_no, column_name, reason, expected, raw_value from ops.quarantine order by row_no limit ?", [sample]
    )
    names = [column[0] for column in rows.description]
    found = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
    return BatchReport(batch_id, source_name, path.name, *outcome, time.monotonic() - started), found


def blocked(*sources: str) -> list[BatchReport]:
    """Batches of these sources that are blocked now. A file that was corrected or taken away is not: `land` notes that."""
    with warehouse.reader() as connection:
        rows = connection.execute(
            """
            select batch_id, source, file_name, status, rows_in, rows_loaded, rows_quarantined, rows_skipped, message
            from ops.batch join ops.file using (source, file_id)
            where list_contains(?, source) and status = 'blocked' order by list_position(?, source), batch_no
            """,
            [sources, sources],
        ).fetchall()
    return [BatchReport(*row, 0.0) for row in rows]


def ensure_raw_table(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration) -> None:
    """Make `raw.<source>` as declared, add the columns that were declared since, and give the type that is declared now.

    Raises: TypeKept when rows hold what does not fit the new type.
    """
    columns = ", ".join(
        [f'"{column.name}" {column.type}' for column in source.columns if not column.is_dropped]
        + [f"{name} {type_}" for name, type_ in PROVENANCE.items()]
    )
    connection.execute(f"create table if not exists raw.{source.name} ({columns})")
    existing = dict(connection.execute(f"select column_name, column_type from (describe raw.{source.name})").fetchall())
    for column in source.columns:
        if column.is_dropped:
            continue
        if column.name not in existing:
            connection.execute(f'alter table raw.{source.name} add column "{column.name}" {column.type}')
        elif existing[column.name].lower() != column.type:
            _change_type(connection, source, column, existing[column.name])


def _change_type(
    connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, column: ColumnDeclaration, before: str
) -> None:
    """Give a column of raw another type. Never by leaving out what does not fit: those rows would lose a value in silence."""
    misfits = connection.execute(
        f"""
        select _batch_id, count(*) from raw.{source.name}
        where "{column.name}" is not null and try_cast("{column.name}" as {column.type}) is null group by all order by all
        """
    ).fetchall()
    if misfits:
        raise TypeKept(
            f"{source.name}, column {column.name}: expected {column.type} as declared now, found "
            f"{sum(rows for _, rows in misfits)} rows in {', '.join(batch for batch, _ in misfits[:5])} that were loaded as "
            f"{before.lower()} and do not fit. Declare the type as it was, or declare the column under a new name and replay the "
            "source"
        )
    connection.execute(f'alter table raw.{source.name} alter column "{column.name}" set data type {column.type}')


def _open_batch(
    connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, file_id: str, batch_id: str | None
) -> str:
    """A new batch for a file, or its blocked one emptied for another try. Returns the batch id."""
    ensure_raw_table(connection, source)
    if batch_id:
        connection.execute(f"delete from raw.{source.name} where _batch_id = ?", [batch_id])
        quarantine.set_aside(connection, batch_id)
        return batch_id
    batch_id = ledger.new_batch(connection, source.name, file_id)
    quarantine.set_aside(connection, batch_id)
    return batch_id


def _load_file(
    connection: duckdb.DuckDBPyConnection,
    source: SourceDeclaration,
    path: Path,
    file_id: str,
    batch_id: str | None,
    file_name: str | None = None,
    closed_by: str = "load",
) -> tuple[str, str, int, int, int, int, str]:
    """Prepare and store one file. Returns (batch id, status, rows in, loaded, quarantined, skipped, message)."""
    name = file_name or path.name
    wanted = corrections.of_file(source, file_id, name)
    with warehouse.scratch() as folder, warehouse.preparing(folder, source.is_private) as beside:
        prepared = _prepare(beside, source, path, _day_of(connection, file_id), wanted)
        return _store(connection, source, beside, prepared, name, file_id, batch_id, closed_by)


def _prepare(beside: Beside, source: SourceDeclaration, path: Path, day: date, wanted: list[Correction]) -> Prepared:
    """Read a landed file into a database beside the warehouse: its rows, corrected, as they are stored, in `numbered_rows`."""
    parsed, outcomes, connection = None, [], beside.connection
    if source.is_private:
        privacy.install(connection)
    connection.execute("set variable file_day = $1", [day]).complete()
    connection.execute("set variable time_zone = $1", [source.time_zone]).complete()
    try:
        parsed = readers.read(connection, corrections.read_as_text(source, wanted), path)
        if source.drift == "evolve" and any(header.strip() for header in parsed.undeclared):
            source = evolution.evolved(source, parsed.undeclared, path)
            connection.execute(
                "drop view if exists numbered_rows; drop table if exists parsed; drop table if exists prepared_rows"
            )
            parsed = readers.read(connection, corrections.read_as_text(source, wanted), path)
        if parsed.rows_in == parsed.rows_skipped and source.delivery.replaces:
            raise readers.FileRejected(NO_ROWS)
        outcomes = corrections.apply(connection, parsed, wanted)
        if not parsed.is_prepared:
            numbers = [f"{parsed.row_no} as _row_no", f"{parsed.where} as _where"]
            sort_rows(
                connection, source, parsed.columns.values(), "parsed", is_typed=parsed.is_typed, filled=parsed.filled,
                also=numbers,
            )
            connection.execute("create view numbered_rows as from prepared_rows")
        parsed = data_end.skip_below(connection, source, parsed)
    except (readers.FileRejected, duckdb.InvalidInputException, duckdb.ConversionException) as error:
        return Prepared(source, parsed, str(error), [])
    except duckdb.OutOfMemoryException as error:
        if limits.is_disk_full(error):  # there was no room to spill to: nothing that is wrong with the file
            raise
        message = (
            f"expected a file that can be read within GMW_MEMORY_LIMIT ({settings().memory_limit}), found one that needs "
            "more; raise the limit, or ask for the file in parts"
        )
        return Prepared(source, parsed, message, [], is_out_of_memory=True)
    return Prepared(source, parsed, "", outcomes)


def _store(
    connection: duckdb.DuckDBPyConnection,
    source: SourceDeclaration,
    beside: Beside | None,
    prepared: Prepared,
    file_name: str,
    file_id: str,
    batch_id: str | None,
    closed_by: str = "load",
) -> tuple[str, str, int, int, int, int, str]:
    """Append what was prepared of one file, in one transaction. Returns as `_load_file`."""
    source, parsed = prepared.source, prepared.parsed
    if prepared.message:
        with warehouse.transaction(connection):
            batch_id = _open_batch(connection, source, file_id, batch_id)
            return _close_batch(connection, source, batch_id, prepared, "blocked", (0, 0, 0, 0), prepared.message, closed_by)
    health = [column.name for column in parsed.columns.values() if column.personal == "health"]
    other_encoding = different(getattr(source.format, "encoding", ""), parsed.encoding)
    notes = {
        "encoding found, another than declared": [other_encoding] if other_encoding else [],
        "columns of health data, not loaded": health,
        "columns not declared and not loaded": drift.never_seen(connection, source, parsed.undeclared),
        "columns not declared, loaded as": drift.never_seen(connection, source, evolution.added(source)),
    }
    message = "; ".join(f"{note}: {', '.join(names)}" for note, names in notes.items() if names)
    with warehouse.prepared(connection, beside), warehouse.transaction(connection):
        batch_id = _open_batch(connection, source, file_id, batch_id)
        loaded, skipped, quarantined = _append(connection, source, parsed, file_id, batch_id)
        if parsed.rows_in != loaded + quarantined + skipped:
            raise RowsLost(
                f"{source.name}, {file_name}: {parsed.rows_in} rows in, but {loaded} loaded + {quarantined} quarantined "
                f"+ {skipped} skipped"
            )
        drift.record(connection, source, parsed, batch_id)
        counts = (parsed.rows_in, loaded, quarantined, skipped)
        return _close_batch(connection, source, batch_id, prepared, "loaded", counts, message, closed_by)


def _close_batch(
    connection: duckdb.DuckDBPyConnection,
    source: SourceDeclaration,
    batch_id: str,
    prepared: Prepared,
    status: str,
    counts: tuple[int, int, int, int],
    message: str,
    closed_by: str,
) -> tuple[str, str, int, int, int, int, str]:
    """Write down what became of a batch, its corrections and the rows that were in quarantine before. Returns as `_load_file`."""
    parsed = prepared.parsed
    connection.execute(
        """
        update ops.batch set layout = ?, status = ?, rows_in = ?, rows_loaded = ?, rows_quarantined = ?,
            rows_skipped = ?, message = ?, encoding = ?, loaded_at = now(), gated_at = null
        where batch_id = ?
        """,
        [parsed and parsed.layout, status, *counts, message, parsed and parsed.encoding, batch_id],
    )
    corrections.record(connection, batch_id, prepared.outcomes)
    quarantine.close(connection, source, batch_id, closed_by)
    return batch_id, status, *counts, message


def _append(
    connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, parsed: Parsed, file_id: str, batch_id: str
) -> tuple[int, int, int]:
    """Append to raw and to quarantine. Returns the rows (loaded, skipped, quarantined), counted where they lie."""
    stored = [column for column in parsed.columns.values() if not column.is_dropped]
    names = ", ".join(f'"{column.name}"' for column in stored)
    connection.execute(
        f"""
        insert into raw.{source.name} ({names}, _layout, _file_id, _row_no, _batch_id, _loaded_at)
        select {names}, ?, ?, _row_no, ?, now() from sorted_rows where not _is_skipped and _faulty_column is null
        """,
        [parsed.layout, file_id, batch_id],
    )
    quarantine.keep(connection, source, parsed, file_id, batch_id)
    return connection.execute(
        f"""
        select (select count(*) from raw.{source.name} where _batch_id = $batch),
            (select count(*) from sorted_rows where _is_skipped) + $skipped,
            (select count(*) from ops.quarantine where batch_id = $batch)
        """,
        {"batch": batch_id, "skipped": parsed.rows_skipped},
    ).fetchone()
