"""Load: decode, parse, hash, append to `raw.<source>`; one file, one transaction, every row accounted for."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingest import drift, ledger, privacy, quarantine, readers, warehouse
from ingest.columns import cast_to_type, is_cast, stored_value, trimmed_text
from ingest.declaration import SourceDeclaration, declaration
from ingest.readers.parsed import NO_ROWS, Parsed, literal
from ingest.settings import settings

PROVENANCE = {
    "_layout": "varchar",
    "_file_id": "varchar",
    "_row_no": "bigint",
    "_batch_id": "varchar",
    "_loaded_at": "timestamptz",
}


class RowsLost(AssertionError):
    """rows in ≠ loaded + quarantined + skipped: a fault of the loader, never of the file. Nothing was stored."""


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


def load(source_name: str) -> list[BatchReport]:
    """Load every landed file of a source that is not loaded yet, oldest `as_of` first, each in a transaction of its own.

    A file that cannot be loaded at all becomes a batch with status `blocked`; the others go on. Blocked batches are tried
    again, under the same batch id, so that a mended declaration takes effect. Loaded and accepted ones are never touched.

    Returns: one BatchReport per file tried. Raises: DeclarationError, RuntimeError (no secret for personal data), OtherKeys,
    WarehouseBusy.
    """
    source = declaration(source_name)
    reports = []
    with warehouse.writer(f"load {source_name}") as connection:
        if any(column.personal or column.free_text for column in source.columns):
            privacy.install(connection)
            privacy.refuse_other_keys(connection, source)
        waiting = connection.execute(
            """
            select file.file_id, file.file_name, file.landed_path, batch.batch_id
            from ops.file left join ops.batch using (source, file_id)
            where file.source = ? and (batch.status is null or batch.status = 'blocked')
                and file.landed_path is not null  -- what was refused has no bytes
            order by file.as_of nulls first, file.revision, file.retrieved_at, file.file_name
            """,
            [source_name],
        ).fetchall()
        for file_id, file_name, landed_path, batch_id in waiting:
            started = time.monotonic()
            path = settings().landing / landed_path
            batch_id, *outcome = _load_file(connection, source, path, file_id, batch_id)
            reports.append(BatchReport(batch_id, source_name, file_name, *outcome, time.monotonic() - started))
    return reports


def reload(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, batch_id: str) -> BatchReport:
    """Load the file of a batch once more, in place of its rows, in one transaction; the batch waits for its gate again.

    Args: connection: the writer. source: its declaration. batch_id: a batch of that source whose file is in the landing.
    Returns: the report. Raises: RuntimeError (no secret for personal data).
    """
    privacy.install(connection)
    file_id, file_name, landed_path = connection.execute(
        "select file_id, file_name, landed_path from ops.file join ops.batch using (source, file_id) where batch_id = ?",
        [batch_id],
    ).fetchone()
    started = time.monotonic()
    batch_id, *outcome = _load_file(connection, source, settings().landing / landed_path, file_id, batch_id)
    return BatchReport(batch_id, source.name, file_name, *outcome, time.monotonic() - started)


def dry_run(source_name: str, path: Path, sample: int = 10) -> tuple[BatchReport, list[dict]]:
    """What would become of a file, without storing anything: the same code on a database in memory.

    Args: source_name: a declared source. path: the file. sample: how many quarantined rows to show at most.
    Returns: the report, and the first quarantined rows (row_no, column_name, reason, expected, raw_value).
    Raises: DeclarationError, FileNotFoundError.
    """
    source = declaration(source_name)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
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


def blocked(source_name: str) -> list[BatchReport]:
    """Batches of a source that are blocked now. A file that was corrected or taken away is not: `land` notes that."""
    with warehouse.reader() as connection:
        rows = connection.execute(
            """
            select batch_id, source, file_name, status, rows_in, rows_loaded, rows_quarantined, rows_skipped, message
            from ops.batch join ops.file using (source, file_id)
            where source = ? and status = 'blocked' order by batch_no
            """,
            [source_name],
        ).fetchall()
    return [BatchReport(*row, 0.0) for row in rows]


def ensure_raw_table(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration) -> None:
    """Make `raw.<source>` as declared, or add the columns that were declared since."""
    columns = ", ".join(
        [f'"{column.name}" {column.type}' for column in source.columns if not column.is_dropped]
        + [f"{name} {type_}" for name, type_ in PROVENANCE.items()]
    )
    connection.execute(f"create table if not exists raw.{source.name} ({columns})")
    existing = {row[0] for row in connection.execute(f"select column_name from (describe raw.{source.name})").fetchall()}
    for column in source.columns:
        if column.name not in existing and not column.is_dropped:
            connection.execute(f'alter table raw.{source.name} add column "{column.name}" {column.type}')


def _open_batch(
    connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, file_id: str, batch_id: str | None
) -> str:
    """A new batch for a file, or its blocked one emptied for another try. Returns the batch id."""
    ensure_raw_table(connection, source)
    if batch_id:
        connection.execute(f"delete from raw.{source.name} where _batch_id = ?", [batch_id])
        connection.execute("delete from ops.quarantine where batch_id = ?", [batch_id])
        return batch_id
    return ledger.new_batch(connection, source.name, file_id)


def _load_file(
    connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, path: Path, file_id: str, batch_id: str | None
) -> tuple[str, str, int, int, int, int, str]:
    """Load one file in one transaction. Returns (batch id, status, rows in, loaded, quarantined, skipped, message)."""
    parsed, counts, status, message = None, (0, 0, 0, 0), "blocked", ""
    try:
        # Before the transaction: only rows that are committed have row ids that count from 0.
        parsed = readers.read(connection, source, path)
        if parsed.rows_in == parsed.rows_skipped and source.delivery.replaces:
            raise readers.FileRejected(NO_ROWS)
    except (readers.FileRejected, duckdb.InvalidInputException, duckdb.ConversionException) as error:
        message = str(error)
    with warehouse.transaction(connection):
        batch_id = _open_batch(connection, source, file_id, batch_id)
        if not message:
            # Ages are those on the day that the file is about.
            connection.execute(
                "set variable file_day = coalesce((select max(coalesce(as_of, retrieved_at::date)) from ops.file where file_id = $1), "
                "current_date)",
                [file_id],
            )
            _sort_rows(connection, source, parsed)
            loaded, skipped, quarantined = _store(connection, source, parsed, file_id, batch_id)
            counts = (parsed.rows_in, loaded, quarantined, skipped)
            if parsed.rows_in != loaded + quarantined + skipped:
                raise RowsLost(
                    f"{source.name}, {path.name}: {parsed.rows_in} rows in, but {loaded} loaded + {quarantined} quarantined "
                    f"+ {skipped} skipped"
                )
            status = "loaded"
            health = [column.name for column in parsed.columns.values() if column.personal == "health"]
            notes = {
                "columns of health data, not loaded": health,
                "columns not declared and not loaded": drift.never_seen(connection, source, parsed.undeclared),
            }
            drift.record(connection, source, parsed, batch_id)
            message = "; ".join(f"{note}: {', '.join(names)}" for note, names in notes.items() if names)
        connection.execute(
            """
            update ops.batch set layout = ?, status = ?, rows_in = ?, rows_loaded = ?, rows_quarantined = ?,
                rows_skipped = ?, message = ?, loaded_at = now(), gated_at = null
            where batch_id = ?
            """,
            [parsed and parsed.layout, status, *counts, message, batch_id],
        )
    return batch_id, status, *counts, message


def _sort_rows(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, parsed: Parsed) -> None:
    """Make the temporary table `sorted_rows`: every parsed row with its row number, whether it is skipped by
    declaration, and the first column (if any) whose text does not fit the declared formats."""
    stored = [column for column in parsed.columns.values() if not column.is_dropped]
    skips = [
        f"coalesce(trim({trimmed_text(skip.column)}), '') in ({', '.join(map(literal, skip.values))})" for skip in source.skip
    ]
    blank = " and ".join(f"{trimmed_text(column.name)} is null" for column in stored if column.name not in parsed.filled)
    casts = [column for column in stored if is_cast(column, parsed)]
    faults = [f"when {trimmed_text(column.name)} is not null and {cast_to_type(column)} is null then" for column in casts]
    faulty_column = " ".join(f"{fault} {literal(column.name)}" for fault, column in zip(faults, casts, strict=True))
    faulty_value = " ".join(f"{fault} {trimmed_text(column.name)}" for fault, column in zip(faults, casts, strict=True))
    connection.execute(
        f"""
        create or replace temp table sorted_rows as
        select {", ".join(stored_value(column, parsed) for column in stored)},
            {parsed.row_no} as _row_no,
            {parsed.where} as _where,
            {" or ".join([f"({blank})", *skips])} as _is_skipped,
            {f"case {faulty_column} end" if casts else "null::varchar"} as _faulty_column,
            {f"case {faulty_value} end" if casts else "null::varchar"} as _faulty_value
        from parsed
        """
    )


def _store(
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
