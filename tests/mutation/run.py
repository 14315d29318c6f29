"""Puts each fault into a copy of a built district, asks the gate, and takes the fault out again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from expectations import mart_suite, runner
from expectations.raw_suite import Batch, raw_suite
from expectations.results import CheckResult
from ingest.declaration import declaration
from tests.mutation.mutation import Mutation
from tests.mutation.of_batches import OF_BATCHES
from tests.mutation.of_kpis import OF_KPIS
from tests.mutation.of_marts import OF_MARTS

MUTATIONS = [*OF_BATCHES, *OF_MARTS, *OF_KPIS]


@dataclass(frozen=True)
class Outcome:
    """What the gate said to a mutation. `why_missed` is empty when it was caught; `others`: other checks that failed as well."""

    mutation: Mutation
    severity: str
    integrity: str | None
    why_missed: str
    message: str
    others: list[str]


def outcomes(
    connection: duckdb.DuckDBPyConnection, mutations: list[Mutation] = MUTATIONS, *, together: bool = True
) -> list[Outcome]:
    """Judge mutations.

    Args: connection: a writer of a copy of the built district, which is the installation. mutations: which. together: faults of
    one table that different checks are for are put in at once, which takes a quarter of the time.
    Returns: one Outcome for each, in the order of `mutations`.
    """
    found: dict[Mutation, Outcome] = {}
    _views_to_tables(connection)
    with runner.data_source(connection) as source:
        gate = _Gate(connection, source)
        for group in _groups(mutations, together):
            before = gate.results(group[0])
            targets = [connection.execute(mutation.target).fetchone() for mutation in group]
            with _kept(connection, sorted({table for mutation in group for table in mutation.tables})):
                for mutation, target in zip(group, targets, strict=True):
                    assert target is not None, f"{mutation.suite}: nothing to put the fault into: {mutation.fault}"
                    connection.execute(mutation.change.format(*target))
                after = gate.results(group[0], anew=True)
            for mutation, target in zip(group, targets, strict=True):
                found[mutation] = _judged(mutation, target, before, after)
    return [found[mutation] for mutation in mutations]


def _views_to_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """A fault can be put into a table only: make tables of the marts that are views."""
    for (name,) in connection.execute("select view_name from duckdb_views() where schema_name = 'marts' and not internal").fetchall():
        connection.execute(f"create table marts.{name}_as_table as from marts.{name}; drop view marts.{name}")
        connection.execute(f"alter table marts.{name}_as_table rename to {name}")


class _Gate:
    """The suites of the installation, each evaluated once as it is and again after each change."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, source) -> None:
        self.connection, self.source = connection, source
        self.marts = {suite.name: (suite, query) for suite, query in mart_suite.mart_suites(connection)}
        self.known: dict[str, dict[str, CheckResult]] = {}

    def results(self, mutation: Mutation, anew: bool = False) -> dict[str, CheckResult]:
        """Results by name of the suite that a mutation is for."""
        key = f"{mutation.suite} {mutation.batch}"
        if not anew and key in self.known:
            return self.known[key]
        run = self._batch if mutation.batch else self._table
        results = {result.expectation: result for result in run(mutation)}
        if not anew:
            self.known[key] = results
        return results

    def _table(self, mutation: Mutation) -> list[CheckResult]:
        return runner.run_suite(self.connection, self.source, *self.marts[mutation.suite])

    def _batch(self, mutation: Mutation) -> list[CheckResult]:
        name = mutation.suite.removeprefix("raw.")
        row = self.connection.execute(
            "select batch_id, batch_no, batch.source, file_name, '' from ops.batch as batch inner join ops.file using (source, file_id) "
            f"where batch_id = ({mutation.batch})"
        ).fetchone()
        batch = Batch(*row)
        stored = dict(self.connection.execute(f"select column_name, column_type from (describe raw.{name})").fetchall())
        earlier = self.connection.execute(
            "select rows_loaded from ops.batch where source = ? and status = 'accepted' and batch_no < ? order by batch_no",
            [name, batch.batch_no],
        ).fetchall()
        suite = raw_suite(declaration(name), batch, stored, [rows for (rows,) in earlier])
        return runner.run_suite(
            self.connection, self.source, suite, batch.query, batch_id=batch.batch_id, place=f"file {batch.file_name}"
        )


def _groups(mutations: list[Mutation], together: bool) -> Iterator[list[Mutation]]:
    """Mutations that are judged at once: of one suite, each caught by another check."""
    groups: list[list[Mutation]] = []
    for mutation in mutations:
        fitting = (
            group for group in groups
            if (group[0].suite, group[0].batch) == (mutation.suite, mutation.batch) and not group[0].alone
            and mutation.caught_by not in {other.caught_by for other in group}
        )  # fmt: skip
        group = next(fitting, None) if together and not mutation.alone else None
        if group is None:
            groups.append([mutation])
        else:
            group.append(mutation)
    yield from groups


@contextmanager
def _kept(connection: duckdb.DuckDBPyConnection, tables: list[str]) -> Iterator[None]:
    """Give some tables back as they were at the end."""
    connection.execute("create schema if not exists kept")
    for table in tables:
        connection.execute(f"create or replace table kept.{table.replace('.', '_')} as from {table}")
    try:
        yield
    finally:
        for table in tables:
            connection.execute(f"create or replace table {table} as from kept.{table.replace('.', '_')}")


def _judged(
    mutation: Mutation, target: tuple[str, ...], before: dict[str, CheckResult], after: dict[str, CheckResult]
) -> Outcome:
    result = after.get(mutation.caught_by)
    others = [name for name, check in after.items() if not check.success and before[name].success and name != mutation.caught_by]
    if result is None:
        why = "no such expectation"
    elif result.success:
        why = "the expectation holds"
    elif not _names(result, target):
        why = f"the failing rows do not name {', '.join(target)}"
    elif _names(before[mutation.caught_by], target):
        why = "the same row failed before"
    else:
        why = ""
    return Outcome(
        mutation, result.severity if result else "", result.integrity if result else None, why, result.message if result else "", others
    )


def _names(result: CheckResult, target: tuple[str, ...]) -> bool:
    """Whether one of the rows that failed, or what was observed, holds all texts of the target."""
    if not result.rows:
        return not result.success and all(text in result.observed for text in target)
    return any(
        all(any(text in str(value) for value in row.values()) or text in result.message for text in target) for row in result.rows
    )
