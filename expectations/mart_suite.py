"""The suites on what would be published: one per table of the schemas `marts` and `kpis`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import duckdb
import yaml

from expectations import personal_data, rhythm
from expectations.kpi_identities import IDENTITY_RULES
from expectations.kpi_rules import KPI_VALUE_RULES
from expectations.mart_rules import rules_of
from expectations.rule import Rule
from ingest.corrections import IS_ABOUT_FILE
from ingest.settings import settings
from ingest.sql import literal

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

REQUIRED_TABLES = [
    "dim_calendar", "dim_organisation", "dim_place", "dim_question", "dim_survey", "fct_activity", "fct_answer", "fct_case",
    "fct_case_event", "fct_evaluation", "fct_figure", "fct_money", "fct_participation", "fct_points", "fct_population", "fct_role",
    "fct_vote", "fct_vote_option", "kpi_catalogue", "kpi_recoverable", "kpi_value", "kpi_value_public", "process_coverage",
    "quality_summary", "quality_unmatched_place",
]  # fmt: skip
KPI_VALUE_TABLES = ("kpi_value", "kpi_value_public")
FACTS_BEHIND_ADDITIVE_KPIS = ["dim_organisation", "fct_activity", "fct_case", "fct_money", "fct_participation", "fct_points"]
# A table may grow this many times, and by these rows, from one version to the next.
MOST_TIMES, FEW_ROWS = 5, 1000
NAME = re.compile(r"\{(\w+)\}")
# Columns that hold nothing but a sha256.
HASH_COLUMNS = {"file_id"}
FILE_NAME = "(select any_value(file_name) from ops.file where ops.file.file_id = batch.file_id) as file_name"
# A correction that no file has come for after this many days is looked at.
CORRECTED_DAYS = 40
SAME_CORRECTION = """outcome.correction_id = correction.correction_id
    and outcome.found_value is not distinct from correction.found_value
    and outcome.corrected_value is not distinct from correction.corrected_value"""

TABLES = r"""
select table_name, table_schema || '.' || table_name as qualified from information_schema.tables
where table_catalog = current_database() and table_schema in ('marts', 'kpis')
    and (
        regexp_matches(table_name, '^(dim|fct)_')
        or table_name in ('kpi_catalogue', 'kpi_like_for_like', 'kpi_recoverable', 'kpi_survival_curve', 'kpi_value',
            'kpi_value_public', 'process_coverage', 'quality_summary', 'quality_unmatched_place')
    )"""

SEEDS = "select table_name, 'seeds.' || table_name from duckdb_tables() where schema_name = 'seeds'"


def mart_suites(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple["ExpectationSuite", str]]:
    """All suites of the marts gate.

    When a required table is missing only the suite that says so is given: the others would compare with it.

    Args: connection: an open build database.
    Yields: a suite of Great Expectations, and the SELECT that it is to be run on.
    """
    tables = dict(connection.execute(f"select * from ({TABLES}) order by all").fetchall())
    named = {**dict(connection.execute(SEEDS).fetchall()), **tables}
    yield _suite("marts", [*_tables(), *_freshness(), *_corrections()]), TABLES.strip()
    if set(REQUIRED_TABLES) - set(tables):
        return
    exempt = columns_that_may_contain_numbers()
    published = _published_row_counts()
    for table, qualified in tables.items():
        columns = dict(connection.execute(f"select column_name, column_type from (describe {qualified})").fetchall())
        rules = [*KPI_VALUE_RULES, *IDENTITY_RULES] if table in KPI_VALUE_TABLES else rules_of(table, list(columns))
        expectations = [
            *(_expectation(rule, qualified, named) for rule in rules),
            *_personal_data(table, qualified, columns, exempt),
            *_volume(table, qualified, published.get(table)),
        ]
        if expectations:
            yield _suite(qualified, expectations), f"select * from {qualified}"


def columns_that_may_contain_numbers() -> set[tuple[str, str]]:
    """(table, column) of the columns that a model's YAML exempts from the search for personal data, by
    `config: {meta: {may_contain_numbers: true}}`: numbers in them only look like telephone numbers."""
    exempt = set()
    for folder in ("marts", "kpis"):
        for path in sorted((settings().dbt_project / "models" / folder).rglob("*.yml")):
            content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)  # safe, and ten times as fast
            for model in (content or {}).get("models", []):
                for column in model.get("columns", []):
                    if column.get("config", {}).get("meta", {}).get("may_contain_numbers"):
                        exempt.add((model["name"], column["name"]))
    return exempt


def _suite(name: str, expectations: list) -> "ExpectationSuite":
    import great_expectations as gx

    return gx.ExpectationSuite(name=name, expectations=expectations)


def _expectation(rule: Rule, table: str, tables: dict[str, str]):
    """A rule as an expectation, with the names of the tables that it compares with."""
    from expectations.checks import no_rows

    own_places = " union ".join(f"select place_key from {tables[fact]}" for fact in FACTS_BEHIND_ADDITIVE_KPIS)
    names = {**tables, "own_places": own_places}
    sql = NAME.sub(lambda found: names.get(found[1], found[0]), rule.sql)
    return no_rows(
        rule.name,
        sql,
        severity=rule.severity,
        table=table,
        expected=rule.expected,
        advice=rule.advice,
        column=rule.column,
        integrity=rule.integrity,
    )


def _tables() -> list:
    """On the list of tables: all that readers rely on are there, each once."""
    from expectations.checks import no_rows

    names = ", ".join(f"({literal(name)})" for name in REQUIRED_TABLES)
    return [
        no_rows(
            "every_table_that_readers_rely_on_exists_once",
            f"""select required.table_name, count(batch.table_name) as times
            from (values {names}) as required (table_name) left join batch using (table_name)
            group by all having count(batch.table_name) != 1""",
            severity="critical",
            table="the schemas marts and kpis",
            expected="each of " + ", ".join(REQUIRED_TABLES) + " once",
            advice="run `gmw build`; if it passes, look for the model in dbt_project/models and its +schema",
        )
    ]


def _freshness() -> list:
    from expectations.checks import no_rows

    return [
        no_rows(
            "every_source_has_delivered_lately",
            rhythm.overdue(),
            severity="warning",
            table="ops.batch",
            expected="an accepted file from every source that has ever delivered, within two turns of its own rhythm",
            advice="ask the source's owner for the missing files, or see why they are blocked (`gmw status`)",
            integrity="R19",
        ),
        no_rows(
            "no_batch_waits_or_is_blocked",
            "select source, status, count(*) as batches from ops.batch where status != 'accepted' group by all",
            severity="warning",
            table="ops.batch",
            expected="every file that arrived is part of what is published",
            advice="`gmw status` says why a batch is blocked; the numbers are without it",
        ),
    ]


def _corrections() -> list:
    """Every correction is applied where it is meant. Warnings: a correction that does not fit changes nothing."""
    from expectations.checks import no_rows

    where = {"severity": "warning", "table": "seeds/correction.csv and ops.correction_outcome"}
    return [
        no_rows(
            "no_correction_is_outdated",
            f"""
            select correction.correction_id, correction.source, file.file_name, outcome.row_no, correction.column_name,
                if(outcome.outcome = 'absent', 'no such row or column could be read', 'holds another value') as found
            from seeds.correction as correction
            inner join ops.correction_outcome as outcome on {SAME_CORRECTION}
            inner join ops.batch as batch using (batch_id)
            inner join ops.file as file on file.source = batch.source and file.file_id = batch.file_id
            where batch.status in ('accepted', 'loaded', 'blocked')
            qualify outcome.outcome != 'applied'
                -- The newest file that has the row decides; files without it only when none has it.
                and row_number() over (
                    partition by correction.correction_id
                    order by outcome.outcome = 'absent', coalesce(file.as_of, date '0001-01-01') desc, batch.batch_no desc
                ) = 1
            """,
            expected="each correction finds, in the newest file that has the row, the value that it corrects",
            advice="if the producer has corrected it, remove the line, or give under `file` the files that it is still for; else "
            "compare row_no or key_value and found_value with `gmw quarantine`",
            **where,
        ),
        no_rows(
            "every_correction_is_applied",
            f"""
            select correction.correction_id, correction.source, correction.file,
                if(file.file_id is null, 'no such file', file.file_name || ' was loaded without it') as found
            from seeds.correction as correction
            left join ops.file as file on {IS_ABOUT_FILE}
            left join ops.batch as batch on batch.source = file.source and batch.file_id = file.file_id
            where (file.file_id is null and correction.corrected_on < current_date - {CORRECTED_DAYS})
                or (batch.status in ('accepted', 'loaded') and not exists (
                    from ops.correction_outcome as outcome where outcome.batch_id = batch.batch_id and {SAME_CORRECTION}))
            """,
            expected="each correction was there when its file was loaded, and its file comes within "
            f"{CORRECTED_DAYS} days",
            advice="`gmw replay` loads the files again with the corrections; where there is no such file, mend `file` or remove "
            "the line",
            **where,
        ),
    ]


def _personal_data(table: str, qualified: str, columns: dict[str, str], exempt: set[tuple[str, str]]) -> list:
    """No personal data in any text column; facts name the file and the row that it came from."""
    from expectations.checks import no_rows

    searched = [
        name for name, kind in columns.items() if kind == "VARCHAR" and name not in HASH_COLUMNS and (table, name) not in exempt
    ]
    if not searched:
        return []
    named = ["source", FILE_NAME, "row_no"] if {"source", "file_id", "row_no"} <= set(columns) else list(columns)[:1]
    return [
        no_rows(
            "no_personal_data_in_text",
            personal_data.rows_with_personal_data(searched, named),
            severity="critical",
            table=qualified,
            expected=personal_data.EXPECTED,
            integrity="R18",
            advice="declare the column at its source `free_text: true` (masked) or `personal`, and load again; if its "
            "numbers are no personal data, give the column `config: {meta: {may_contain_numbers: true}}` in the model's YAML",
        )
    ]


def _volume(table: str, qualified: str, published: int | None) -> list:
    """Not less than half of the rows that the version in force has, and not many times as many."""
    from expectations.checks import row_count_between

    if not published:
        return []
    least, most = -(-published // 2), MOST_TIMES * published + FEW_ROWS
    return [
        row_count_between(
            f"not_more_than_{MOST_TIMES}_times_what_is_published",
            0,
            most,
            table=qualified,
            expected=f"at most {most} rows (the version in force has {published})",
            advice="see whether a file was loaded twice, or a new source is that large",
        ),
        row_count_between(
            "not_less_than_half_of_what_is_published",
            least,
            None,
            table=qualified,
            expected=f"at least {least} rows (the version in force has {published})",
            advice="see whether a source was switched off, a batch is blocked or a snapshot came in short",
        )
    ]


def _published_row_counts() -> dict[str, int]:
    """Rows per table of the version in force, the restricted ones included; empty when nothing is published yet."""
    counts: dict[str, int] = {}
    for name in ("marts.duckdb", "restricted.duckdb"):
        path = settings().published / "current" / name
        if path.exists():
            with duckdb.connect(str(path), read_only=True) as connection:
                for (table,) in connection.execute("select table_name from duckdb_tables()").fetchall():
                    (rows,) = connection.execute(f'select count(*) from "{table}"').fetchone()
                    counts[table] = max(rows, counts.get(table, 0))
    return counts
