"""What the gates said, kept with its history: `ops.gate_result` and the rows that failed in `ops.gate_failing_row`.

A gating of a batch, or of the marts by a run, replaces what an earlier one said of them: its results stay, with `superseded_at`.
`ops.gate_result_current` has those that count.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone

import duckdb

from expectations.results import CheckResult
from ingest.settings import settings

COLUMNS = (
    "run_id", "gate", "suite", "batch_id", "expectation", "column_name", "severity", "success", "observed", "unexpected_count",
    "message", "integrity", "checked_at",
)  # fmt: skip


def supersede(connection: duckdb.DuckDBPyConnection, gate: str, *, run_id: str | None = None, batch_id: str | None = None) -> None:
    """Let what was said before of a batch, or of the marts of a run, count no longer.

    Args: connection: a writer. gate: `raw` or `marts`. run_id: of the marts. batch_id: of the batch.
    """
    connection.execute(
        f"update ops.gate_result set superseded_at = now() where gate = ? and superseded_at is null and "
        f"{'run_id' if gate == 'marts' else 'batch_id'} = ?",
        [gate, run_id if gate == "marts" else batch_id],
    )


def keep(connection: duckdb.DuckDBPyConnection, run_id: str, gate: str, results: list[CheckResult]) -> None:
    """Write the results of one gating, and the keys of the rows that failed.

    Args: connection: a writer, in a transaction. run_id: the run. gate: `raw` or `marts`. results: of all its suites.
    """
    checked_at = datetime.now(timezone.utc)
    rows = [
        (
            run_id, gate, result.suite, result.batch_id, result.expectation, result.column, result.severity, result.success,
            result.observed, result.unexpected_count, result.message, result.integrity, checked_at,
        )
        for result in results
    ]  # fmt: skip
    if rows:
        connection.executemany(
            f"insert into ops.gate_result ({', '.join(COLUMNS)}) values ({', '.join('?' * len(COLUMNS))})", rows
        )
    failing = [
        (
            run_id, gate, result.suite, result.batch_id, result.expectation, result.column, number,
            json.dumps(row, ensure_ascii=False), checked_at,
        )
        for result in results
        for number, row in enumerate(result.rows, 1)
    ]  # fmt: skip
    if failing:
        connection.executemany(
            "insert into ops.gate_failing_row (run_id, gate, suite, batch_id, expectation, column_name, number, row_keys, "
            "checked_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            failing,
        )


def purge(connection: duckdb.DuckDBPyConnection) -> int:
    """Delete the results that are older than `GMW_GATE_HISTORY_DAYS` and count no longer, with their rows.

    Failures of batches that are still as they were judged stay, and all that the newest gating of the marts said.
    Args: connection: a writer. Returns: how many results were deleted.
    """
    days = settings().gate_history_days
    (deleted,) = connection.execute(
        f"""
        delete from ops.gate_result where checked_at < now() - interval {days} day and (
            superseded_at is not null or gate = 'raw' and success
            or gate = 'marts' and run_id is distinct from (
                select max_by(run_id, checked_at) from ops.gate_result where gate = 'marts' and superseded_at is null))
        """
    ).fetchone()
    connection.execute(
        f"""
        delete from ops.gate_failing_row as failing where checked_at < now() - interval {days} day and not exists (
            from ops.gate_result as result where result.gate = failing.gate and result.checked_at = failing.checked_at
                and result.suite = failing.suite and result.expectation = failing.expectation)
        """
    )
    return deleted
