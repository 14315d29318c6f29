"""Runs one suite of Great Expectations inside an open DuckDB connection."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import duckdb

from expectations import personal_data
from expectations.results import KEPT_ROWS, SAMPLE_ROWS, CheckResult, GateCrashed, message
from ingest.readers import place_in_file

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.datasource.fluent import SQLDatasource

# The one asset of a data source: the rows of the suite that is being run.
ROWS = "rows"
MOST_VALUES_SHOWN = 5
LONGEST_TEXT = 80
ALL_COLUMNS, NO_ROW = "all of them", "no row that breaks it"


@lru_cache(maxsize=1)
def context():
    """The Great Expectations context of this process: in memory, silent, leaving no files. Takes 3–8 s the first time."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    # Airflow keeps what is told at INFO: some seven lines for each check, in which nobody finds what the gate found.
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    made = gx.get_context(mode="ephemeral")
    made.variables.progress_bars = ProgressBarsConfig(globally=False)
    return made


@contextmanager
def data_source(connection: duckdb.DuckDBPyConnection) -> Iterator["SQLDatasource"]:
    """A Great Expectations data source that works on an open DuckDB connection, until the end of the block."""
    from expectations.duckdb_dialect import lend

    with lend(connection) as url:
        name = url.rsplit("/", 1)[-1]
        source = context().data_sources.add_sql(name=name, connection_string=url, create_temp_table=False)
        source.add_query_asset(ROWS, query="select null").add_batch_definition_whole_table(ROWS)
        try:
            yield source
        finally:
            context().data_sources.delete(name)


def run_suite(
    connection: duckdb.DuckDBPyConnection,
    source: "SQLDatasource",
    suite: "ExpectationSuite",
    query: str,
    *,
    batch_id: str | None = None,
    place: str = "",
) -> list[CheckResult]:
    """Evaluate a suite on the rows of a query.

    Args: connection: where `source` works, for samples of the rows that fail. source: from `data_source`. suite: whose
    expectations come from `expectations.checks`. query: a SELECT. batch_id: the batch under test, if it is one.
    place: said before row numbers in messages, such as the file's name.
    Returns: one CheckResult per expectation, in the order of the suite.
    Raises: GateCrashed, naming suite and expectation, when an expectation could not be evaluated.
    """
    try:
        answers = _answers(source, suite, query, batch_id)
        return [
            _told(connection, suite.name, batch_id, place, query, answers[identity(expectation.meta)])
            for expectation in suite.expectations
        ]
    except GateCrashed:
        raise
    except Exception as error:
        raise GateCrashed(crash_message(suite.name, batch_id, "its checks", error)) from error


def what_holds(source: "SQLDatasource", suite: "ExpectationSuite", query: str) -> set[tuple[str, str | None]]:
    """Which checks of a suite hold for the rows of a query: their identities. One that could not be evaluated does not."""
    return {name for name, result in _answers(source, suite, query, "together").items() if result.success}


def _answers(
    source: "SQLDatasource", suite: "ExpectationSuite", query: str, batch_id: str | None
) -> dict[tuple[str, str | None], Any]:
    """What Great Expectations says of each check of a suite, by its identity."""
    # To add an asset for each suite takes longer than some suites: Great Expectations writes its whole configuration each time.
    (asset,) = source.assets
    asset.name, asset.query = f"{suite.name} {batch_id or ''}".strip(), query
    batch = asset.get_batch_definition(ROWS).get_batch()
    shown = {"result_format": "SUMMARY", "partial_unexpected_count": MOST_VALUES_SHOWN}
    return {identity(result.expectation_config.meta): result for result in batch.validate(suite, result_format=shown).results}


def identity(meta: dict) -> tuple[str, str | None]:
    """What tells a check from the others of its suite."""
    return meta["name"], meta["column"]


def holds(expectation: Any, suite: str, batch_id: str, rows: int) -> CheckResult:
    """What `run_suite` says of an expectation that holds, where that is known from a run on several batches.

    Args: expectation: from `expectations.checks`. suite: its name. batch_id: the batch. rows: how many the batch has.
    """
    observed, count = {
        "expect_column_values_to_not_be_null": (f"0 of {rows} rows", 0),
        "expect_column_values_to_be_in_set": (f"0 of {rows} rows", 0),
        "expect_table_columns_to_match_set": (ALL_COLUMNS, None),
        "expect_table_row_count_to_be_between": (f"{rows} rows", None),
        "expect_no_rows": (NO_ROW, 0),
    }[expectation.expectation_type]
    meta, severity = expectation.meta, str(getattr(expectation.severity, "value", expectation.severity))
    return CheckResult(suite, batch_id, *identity(meta), severity, True, observed, count, "", meta["integrity"])


def _told(
    connection: duckdb.DuckDBPyConnection, suite: str, batch_id: str | None, place: str, query: str, result: Any
) -> CheckResult:
    """A result of Great Expectations in our words, with a sample of the failing rows."""
    config, meta = result.expectation_config, result.expectation_config.meta
    error = _exception(result.exception_info)
    if error:
        raise GateCrashed(crash_message(suite, batch_id, meta["name"], error))
    observed, count = _observed(result)
    text, rows = "", []
    if not result.success:
        rows = _failing_rows(connection, meta, query)
        where = meta["table"] + (f", {place}" if place else "")
        shown = " | ".join(map(_row, rows[:SAMPLE_ROWS]))
        text = personal_data.mask(message(meta["expected"], observed, f"{where}: {shown}" if shown else where, meta["advice"]))
    return CheckResult(
        suite=suite,
        batch_id=batch_id,
        expectation=meta["name"],
        column=meta["column"],
        severity=str(getattr(config.severity, "value", config.severity)),
        success=bool(result.success),
        observed=personal_data.mask(observed),
        unexpected_count=count,
        message=text,
        integrity=meta["integrity"],
        rows=tuple({name: _told_safely(value) for name, value in row.items()} for row in rows),
    )


def _exception(info: dict) -> str:
    """The message of the first exception in a result. Great Expectations nests them by metric when a metric failed."""
    for entry in [info, *(value for value in info.values() if isinstance(value, dict))]:
        if entry.get("raised_exception"):
            return str(entry.get("exception_message")).strip().splitlines()[0]
    return ""


def crash_message(suite: str, batch_id: str | None, what: str, error: object) -> str:
    """What to say when `what` of a suite could not be evaluated."""
    batch = f" on batch {batch_id}" if batch_id else ""
    return (
        f"suite {suite}{batch}: expected an answer from {what}, found an error: {error}. Nothing was accepted on the "
        "strength of it. Compare the suite with the table (`gmw sql`), then run the gate again."
    )


def _observed(result: Any) -> tuple[str, int | None]:
    """What a result found, in words, and the number of rows that break it."""
    details = result.result
    if "element_count" in details:
        total, broken = details["element_count"] or 0, details["unexpected_count"] or 0
        values = list(dict.fromkeys(str(value) for value in details.get("partial_unexpected_list", []) if value is not None))
        shown = f", such as {', '.join(values)}" if values and not result.success else ""
        return f"{broken} of {total} rows{shown}", broken
    if result.expectation_config.type == "expect_table_columns_to_match_set":
        missing = details.get("details", {}).get("mismatched", {}).get("missing", [])
        return (f"no column {', '.join(missing)}" if missing else ALL_COLUMNS), None
    if result.expectation_config.type == "expect_table_row_count_to_be_between":
        return f"{details['observed_value']} rows", None
    broken = details["observed_value"]
    return {0: NO_ROW, 1: "1 row that breaks it"}.get(broken, f"{broken} rows that break it"), broken


def _failing_rows(connection: duckdb.DuckDBPyConnection, meta: dict, query: str) -> list[dict[str, object]]:
    """The first rows that break an expectation, by the columns that name them."""
    if not meta["rows"]:
        return []
    cursor = connection.cursor()
    try:
        found = cursor.execute(
            f"with batch as ({query}) select * from ({meta['rows']}) as broken order by all limit {KEPT_ROWS}"
        )
        names = [column[0] for column in found.description]
        return [
            {name: value for name, value in zip(names, row) if value is not None} for row in found.fetchall()
        ]
    finally:
        cursor.close()


def _told_safely(value: object) -> object:
    """A value as the ledger keeps it: numbers as they are, everything else as text without personal data."""
    if isinstance(value, Decimal):
        value = f"{value.normalize():f}"
    return value if isinstance(value, (bool, int, float)) else personal_data.mask(_short(value))


def _row(row: dict[str, object]) -> str:
    return ", ".join(
        place_in_file(value) if name in ("_row_no", "row_no") else f"{name}={_short(value)}"
        for name, value in row.items()
    )


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
