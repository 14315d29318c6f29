"""The kinds of checks that suites are made of, as Great Expectations with an explanation attached.

Every expectation carries in `meta` what a failure report needs: `name` (a fact), `column`, `table`, `expected`, `advice`,
`rows` (SQL for the rows that break it) and `integrity` (the integrity rule that it serves, if one). SQL of checks calls the data under
test `batch`; it is evaluated by DuckDB.

Importing this module imports Great Expectations (3–8 s): do it inside functions.
"""

from __future__ import annotations

import re

import great_expectations.expectations as gxe
from great_expectations.compatibility.pydantic import PrivateAttr

from ingest.sql import literal

NOT_EMPTY = "batch_is_not_empty"
BIND_PARAMETER = re.compile(r"(?<![:\w\\]):(?=\w+(?!:))")


class ExpectNoRows(gxe.UnexpectedRowsExpectation):
    """Like UnexpectedRowsExpectation, but only counts: the query runs once, and no row leaves DuckDB."""

    metric_dependencies = ("unexpected_rows_query.row_count",)
    _configured = PrivateAttr(None)

    @property
    def configuration(self):
        """2026-11: Great Expectations asks for its configuration some 50 times per check, and makes it anew each time."""
        return self._configured or super().configuration

    def get_validation_dependencies(self, *args, **options):
        """As its parent, with a configuration that is made once."""
        return self._with_one_configuration(super().get_validation_dependencies, *args, **options)

    def metrics_validate(self, *args, **options):
        """As its parent, with a configuration that is made once."""
        return self._with_one_configuration(super().metrics_validate, *args, **options)

    def _with_one_configuration(self, work, *args, **options):
        before, self._configured = self._configured, self.configuration
        try:
            return work(*args, **options)
        finally:
            self._configured = before

    def _validate(self, metrics: dict, runtime_configuration: dict | None = None, execution_engine=None) -> dict:
        count = metrics["unexpected_rows_query.row_count"]
        return {"success": count == 0, "result": {"observed_value": count}}


def no_rows(
    name: str,
    sql: str,
    *,
    severity: str,
    table: str,
    expected: str,
    advice: str,
    column: str | None = None,
    shown: str | None = None,
    integrity: str | None = None,
) -> ExpectNoRows:
    """A check that fails when `sql` returns a row.

    Args: name: the fact that holds when it passes. sql: a SELECT from `batch` (and other tables) that returns the rows
    that break it, with the columns that identify them. severity: critical or warning. table: where to look. expected:
    what should be so. advice: what to do when it is not. column: the column concerned, if it is one. shown: a SELECT of what a
    report names instead of single rows, such as groups of them. integrity: the rule of `expectations.rule.INTEGRITY` served.
    """
    return ExpectNoRows(
        unexpected_rows_query=f"with batch as (select * from {{batch}}) select * from ({_without_placeholders(sql)}) as broken",
        severity=severity,
        meta=_meta(name, table, expected, advice, column, shown or sql, integrity),
    )


def not_empty(table: str, *, severity: str, advice: str) -> gxe.ExpectTableRowCountToBeBetween:
    """The batch has at least one row."""
    return gxe.ExpectTableRowCountToBeBetween(
        min_value=1,
        severity=severity,
        meta=_meta(NOT_EMPTY, table, "at least 1 row", advice),
    )


def row_count_between(
    name: str, low: int, high: int | None, *, table: str, expected: str, advice: str
) -> gxe.ExpectTableRowCountToBeBetween:
    """Warning: the number of rows lies between two bounds, both included; `high` None means no upper bound."""
    return gxe.ExpectTableRowCountToBeBetween(
        min_value=low,
        max_value=high,
        severity="warning",
        meta=_meta(name, table, expected, advice),
    )


def columns_present(names: list[str], *, table: str, advice: str) -> gxe.ExpectTableColumnsToMatchSet:
    """Critical: all these columns exist; there may be others."""
    return gxe.ExpectTableColumnsToMatchSet(
        column_set=names,
        exact_match=False,
        severity="critical",
        meta=_meta("required_columns_are_present", table, "the columns " + ", ".join(names), advice),
    )


def not_null(column: str, keys: list[str], *, severity: str, table: str, advice: str) -> gxe.ExpectColumnValuesToNotBeNull:
    """The column has a value in every row. `keys` are the columns that name a row in a report."""
    return gxe.ExpectColumnValuesToNotBeNull(
        column=column,
        severity=severity,
        meta=_meta(
            f"{column}_is_never_empty",
            table,
            f"a value of {column} in every row",
            advice,
            column,
            f'select {", ".join(keys)} from batch where "{column}" is null',
        ),
    )


def in_set(
    column: str, values: list[str], keys: list[str], *, severity: str, table: str, advice: str
) -> gxe.ExpectColumnValuesToBeInSet:
    """The column holds only these values (or nothing). `keys` are the columns that name a row in a report."""
    listed = ", ".join(literal(value) for value in values)
    return gxe.ExpectColumnValuesToBeInSet(
        column=column,
        value_set=values,
        severity=severity,
        meta=_meta(
            f"{column}_has_known_values",
            table,
            f"{column} one of " + ", ".join(values),
            advice,
            column,
            f'select {", ".join(keys)}, "{column}" from batch where "{column}" not in ({listed})',
        ),
    )


def _meta(
    name: str,
    table: str,
    expected: str,
    advice: str,
    column: str | None = None,
    rows: str | None = None,
    integrity: str | None = None,
) -> dict[str, str | None]:
    return {
        "name": name, "column": column, "table": table, "expected": expected, "advice": advice, "rows": rows, "integrity": integrity,
    }  # fmt: skip


def _without_placeholders(sql: str) -> str:
    """SQL in which Great Expectations finds no placeholder and SQLAlchemy no bind parameter."""
    return BIND_PARAMETER.sub(r"\\:", sql.replace("{", "{{").replace("}", "}}"))
