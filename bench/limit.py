"""The limit: the same KPI values by DuckDB SQL written by hand for these very files, without provenance, checks or publication.

`python -m bench.limit FILES DATABASE` runs it. The queries lie in bench/queries/, one table each; dbt runs the same ones behind
dlt.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

from bench.product import measured

QUERIES = Path(__file__).parent / "queries"
# In the order in which they need one another; each becomes a table of that name.
TABLES = (
    "place_up", "period", "person", "person_month", "person_period", "participants", "inhabitants", "kpi_participant",
    "kpi_attendance", "kpi_volunteer", "matter_known", "kpi_case", "kpi_duration", "kpi_backlog", "kpi_stay", "kpi_answer",
    "kpi_money", "kpi",
)  # fmt: skip
# Table → its files below the folder of the workload, and their columns in the order of the files.
FILES = {
    "participation": (
        "bench_participation/*.csv",
        {
            "row_no": "bigint", "participation_date": "date", "place_code": "varchar", "kind": "varchar", "action": "varchar",
            "state": "varchar", "person": "varchar", "age": "integer", "hours": "decimal(8,2)",
        },
    ),
    "matter": (
        "bench_case/cases_*.csv",
        {
            "case_no": "varchar", "place_code": "varchar", "kind": "varchar", "category": "varchar", "created_at": "timestamp",
            "finished_at": "timestamp", "due_date": "date", "result": "varchar",
        },
    ),
    "event": ("bench_case/events_*.csv", {"case_no": "varchar", "state": "varchar", "at": "timestamp"}),
    "response": (
        "bench_survey/*.csv",
        {
            "response_no": "bigint", "submitted_at": "timestamp", "place_code": "varchar", "q1": "varchar", "q2": "varchar",
            "q3": "varchar", "q4": "varchar", "q5": "varchar",
        },
    ),
    "movement": (
        "bench_money/*.csv",
        {
            "voucher_no": "varchar", "money_date": "date", "place_code": "varchar", "kind": "varchar", "amount": "decimal(18,2)",
            "source_type": "varchar", "counterparty": "varchar", "fund": "varchar", "project_no": "varchar",
        },
    ),
    "place": (
        "place_register/*.csv",
        {
            "level": "varchar", "place_name": "varchar", "parent_name": "varchar", "place_code": "varchar", "type": "varchar",
            "name_en": "varchar",
        },
    ),
    "population": (
        "population_register/*.csv",
        {
            "statistics_date": "date", "town": "varchar", "community": "varchar", "estate": "varchar", "permanent": "integer",
            "registered": "integer", "households": "integer", "permanent_age_0_17": "integer", "permanent_age_18_44": "integer",
            "permanent_age_45_59": "integer", "permanent_age_60_plus": "integer",
        },
    ),
}  # fmt: skip


def read(connection: duckdb.DuckDBPyConnection, files: Path) -> None:
    """Read the files of a workload into the tables of FILES; `response` gets the wave that its file is of."""
    for table, (pattern, columns) in FILES.items():
        typed = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
        shown, option = "*", ""
        if table == "response":
            shown, option = "* exclude (filename), filename[-11:-5] as wave", ", filename = true"
        connection.execute(
            f"create table {table} as select {shown} from read_csv('{files / pattern}', auto_detect = false, header = true, "
            f"delim = ',', quote = '\"', columns = {{{typed}}}{option})"
        ).complete()


def query(table: str) -> str:
    """The query of a table."""
    return (QUERIES / f"{table}.sql").read_text(encoding="utf-8")


def compute(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of TABLES from those of FILES; the last one has the KPI values."""
    for table in TABLES:
        connection.execute(f"create table {table} as {query(table)}").complete()


def run(files: Path, database: Path) -> None:
    """Read and compute into a database file that does not exist yet."""
    with duckdb.connect(str(database)) as connection:
        read(connection, files)
        compute(connection)


if __name__ == "__main__":
    measured(lambda: run(Path(sys.argv[1]), Path(sys.argv[2])))
