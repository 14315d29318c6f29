"""The two gates: what arrives (`gate_raw`) and what would be published (`gate_marts`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import duckdb

from expectations import history
from expectations.raw_suite import Batch
from expectations.report import write_report
from expectations.results import CheckResult, GateCrashed, GateFailed, GateReport
from ingest import limits, lineage, warehouse
from ingest.declaration import SourceDeclaration, declaration

__all__ = ["CheckResult", "GateCrashed", "GateFailed", "GateReport", "gate_marts", "gate_raw", "try_batch", "waiting_sources"]

LONGEST_BATCH_MESSAGE = 2000
# Rows that are asked at once, of several batches.
MOST_ROWS_TOGETHER = 2_000_000


@lineage.traced("gate_raw.{source}", "gated")
@limits.explained("gate raw")
def gate_raw(source: str, run_id: str) -> GateReport:
    """Gate every batch of a source that is loaded and waits.

    A batch with a critical failure becomes `blocked`, any other one `accepted`; status, message and results are written
    in one transaction per batch. Batches that were gated before are left alone, so the gate can be run again; the
    report covers all that this run gated of the source.

    Args: source: a declared source. run_id: the run that the results are filed under.
    Returns: the report. Raises: DeclarationError; WarehouseBusy; FileNotFoundError (nothing loaded yet); GateCrashed when
    a suite could not be evaluated: its batch stays `loaded`, which staging does not read, and the others are gated.
    """
    declared = declaration(source)
    with warehouse.reader() as connection:
        if not _waiting(connection, source):
            return _report(connection, source, run_id)
    from expectations import runner

    runner.context()  # the slow import, before the lock is taken
    crashes = []
    with warehouse.writer(f"gate {source}") as connection:
        with runner.data_source(connection) as data_source:
            for batches in _groups(connection, _waiting(connection, source)):
                held = _held_by_all(connection, data_source, declared, batches)
                for batch in batches:
                    try:
                        results = _gate_batch(connection, data_source, declared, batch, held)
                    except GateCrashed as crash:
                        crashes.append(str(crash))
                        continue
                    _file_batch(connection, run_id, batch, results)
        report = _report(connection, source, run_id)
    write_report()
    if crashes:
        raise GateCrashed("\n".join(crashes))
    return report


def waiting_sources() -> set[str]:
    """The sources of which a batch is loaded and waits for its gate. Raises: WarehouseBusy."""
    with warehouse.writer("look for batches that wait for their gate") as connection:
        found = connection.execute("select distinct source from ops.batch where status = 'loaded'").fetchall()
    return {source for (source,) in found}


def try_batch(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, batch_id: str) -> GateReport:
    """What the gate would say of a batch that is loaded and waits; nothing is filed.

    Args: connection: of a trial. source: its declaration. batch_id: the batch. Raises: GateCrashed.
    """
    from expectations import runner

    (batch,) = [batch for batch in _waiting(connection, source.name) if batch.batch_id == batch_id]
    with runner.data_source(connection) as data_source:
        return GateReport("raw", f"raw.{source.name}", "trial", _gate_batch(connection, data_source, source, batch))


@lineage.traced("gate_marts", "gated")
@limits.explained("gate marts")
def gate_marts(run_id: str) -> GateReport:
    """Gate what would be published: all suites of `expectations.mart_suite` on the build database.

    The results of this run supersede earlier ones of the same run. A crash leaves none that count, and without such results
    nothing is published.

    Args: run_id: the run that built the marts.
    Returns: the report of a gate that passed. Raises: GateFailed, with the report, when a critical expectation failed;
    GateCrashed when a suite could not be evaluated; WarehouseBusy.
    """
    from expectations import mart_suite, runner

    runner.context()
    with warehouse.writer("gate marts") as connection:
        history.supersede(connection, "marts", run_id=run_id)
        results = []
        with runner.data_source(connection) as data_source:
            for suite, query in _derived(mart_suite.mart_suites(connection)):
                results += runner.run_suite(connection, data_source, suite, query)
        with warehouse.transaction(connection):
            history.keep(connection, run_id, "marts", results)
    write_report()
    report = GateReport("marts", "marts", run_id, results)
    if not report.passed:
        raise GateFailed(report)
    return report


def _derived(suites: Iterator[tuple]) -> Iterator[tuple]:
    """The suites of the marts gate; what goes wrong while they are derived is a crash of the gate."""
    from expectations.runner import crash_message

    try:
        yield from suites
    except Exception as error:
        raise GateCrashed(crash_message("marts", None, "its derivation", error)) from error


def _waiting(connection: duckdb.DuckDBPyConnection, source: str) -> list[Batch]:
    """The loaded batches of a source that no gate has judged, in the order they were loaded."""
    rows = connection.execute(
        """
        select batch.batch_id, batch.batch_no, batch.source, coalesce(file.file_name, batch.file_id),
            coalesce(batch.message, '')
        from ops.batch as batch left join ops.file as file using (source, file_id)
        where batch.source = ? and batch.status = 'loaded' order by batch.batch_no
        """,
        [source],
    ).fetchall()
    return [Batch(*row) for row in rows]


def _earlier_rows(connection: duckdb.DuckDBPyConnection, batch: Batch) -> list[int]:
    """Rows of each accepted batch of the same source that was loaded before this one."""
    rows = connection.execute(
        "select rows_loaded from ops.batch where source = ? and status = 'accepted' and batch_no < ? order by batch_no",
        [batch.source, batch.batch_no],
    ).fetchall()
    return [count for (count,) in rows]


def _groups(connection: duckdb.DuckDBPyConnection, waiting: list[Batch]) -> Iterator[list[Batch]]:
    """Batches that are asked together, in their order: as many as have MOST_ROWS_TOGETHER, so that memory has a bound."""
    group, size = [], 0
    for batch in waiting:
        (rows,) = connection.execute("select rows_loaded from ops.batch where batch_id = ?", [batch.batch_id]).fetchone()
        if group and size + rows > MOST_ROWS_TOGETHER:
            yield group
            group, size = [], 0
        group, size = [*group, batch], size + rows
    if group:
        yield group


def _held_by_all(
    connection: duckdb.DuckDBPyConnection, data_source, declared: SourceDeclaration, batches: list[Batch]
) -> set[tuple[str, str | None]]:
    """The checks that hold for all batches of a group, and so for each: they need not be asked again for each of them. Those that
    fail are, and all of them where the question could not be answered, so that it is known of which batch."""
    from expectations.raw_suite import Batches, suite_of_all
    from expectations.runner import what_holds

    if len(batches) == 1:
        return set()
    together = Batches(tuple(batches))
    try:
        return what_holds(data_source, suite_of_all(declared, together, _stored(connection, declared.name)), together.query)
    except Exception:
        return set()


def _stored(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    """The columns of `raw.<source>` and their types."""
    return dict(connection.execute(f"select column_name, column_type from (describe raw.{source})").fetchall())


def _gate_batch(
    connection: duckdb.DuckDBPyConnection,
    data_source,
    declared: SourceDeclaration,
    batch: Batch,
    held: Collection[tuple[str, str | None]] = (),
) -> list[CheckResult]:
    """The results of all checks of a batch; those in `held` are known to hold."""
    from expectations.raw_suite import raw_suite
    from expectations.runner import crash_message, holds, identity, run_suite

    try:
        suite = raw_suite(declared, batch, _stored(connection, batch.source), _earlier_rows(connection, batch))
        (rows,) = connection.execute(f"select count(*) from ({batch.query})").fetchone() if held else (0,)
    except Exception as error:
        raise GateCrashed(crash_message(f"raw.{batch.source}", batch.batch_id, "its derivation", error)) from error
    checks = list(suite.expectations)
    suite.expectations = [check for check in checks if identity(check.meta) not in held]
    asked = run_suite(connection, data_source, suite, batch.query, batch_id=batch.batch_id, place=f"file {batch.file_name}")
    answers = {(result.expectation, result.column): result for result in asked}
    return [
        answers.get(identity(check.meta)) or holds(check, suite.name, batch.batch_id, rows) for check in checks
    ]


def _file_batch(connection: duckdb.DuckDBPyConnection, run_id: str, batch: Batch, results: list[CheckResult]) -> None:
    """Write verdict, message and results of one batch, all or nothing. What an earlier gate said of it counts no longer: a
    blocked batch is loaded and gated again in each run."""
    report = GateReport("raw", f"raw.{batch.source}", run_id, results)
    found = [f"{result.expectation}: {result.message}" for result in [*report.failures, *report.warnings]]
    text = " / ".join([batch.message, *found] if batch.message else found)
    with warehouse.transaction(connection):
        history.supersede(connection, "raw", batch_id=batch.batch_id)
        history.keep(connection, run_id, "raw", results)
        connection.execute(
            "update ops.batch set status = ?, message = ?, gated_at = now() where batch_id = ?",
            ["accepted" if report.passed else "blocked", _cut(text), batch.batch_id],
        )


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_BATCH_MESSAGE else text[: LONGEST_BATCH_MESSAGE - 1] + "…"


def _report(connection: duckdb.DuckDBPyConnection, source: str, run_id: str) -> GateReport:
    """The report of what a run has gated of a source, from the ledger."""
    subject = f"raw.{source}"
    rows = connection.execute(
        """
        select suite, batch_id, expectation, column_name, severity, success, observed, unexpected_count, message, integrity
        from ops.gate_result where gate = 'raw' and run_id = ? and suite = ? and superseded_at is null order by rowid
        """,
        [run_id, subject],
    ).fetchall()
    return GateReport("raw", subject, run_id, [CheckResult(*row) for row in rows])
