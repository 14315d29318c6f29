"""What people would pick instead: dlt reads the files into DuckDB, dbt computes the KPI values by the queries of the limit.

`python -m bench.peer_dlt read arrow FILES DATABASE` and `python -m bench.peer_dlt compute DATABASE`, a process each. `arrow` hands
dlt tables of pyarrow, which it writes as Parquet; `rows`, its default way, hands it Python objects.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from bench.limit import FILES, TABLES, query
from bench.product import measured

ROWS_AT_ONCE = 50_000
DLT_TYPES = {
    "varchar": "text",
    "bigint": "bigint",
    "integer": "bigint",
    "date": "date",
    "timestamp": "timestamp",
    "decimal": "decimal",
}


def hints(table: str) -> dict[str, dict]:
    """dlt's hints for the columns of a table: its type, and that a moment has no time zone."""
    found = {}
    for name, kind in FILES[table][1].items():
        kind, _, digits = kind.partition("(")
        found[name] = {"data_type": DLT_TYPES[kind], "nullable": True}
        if kind == "timestamp":
            found[name]["timezone"] = False
        if kind == "decimal":
            found[name]["precision"], found[name]["scale"] = map(int, digits.rstrip(")").split(","))
    return found


def arrow_tables(files: Path, table: str) -> Iterator:
    """The rows of a table as pyarrow reads them."""
    import pyarrow
    from pyarrow import csv as arrow_csv

    types = {
        "varchar": pyarrow.string(),
        "bigint": pyarrow.int64(),
        "integer": pyarrow.int64(),
        "date": pyarrow.date32(),
        "timestamp": pyarrow.timestamp("us"),
    }
    pattern, columns = FILES[table]
    typed = {
        name: pyarrow.decimal128(*map(int, kind[8:-1].split(","))) if kind.startswith("decimal") else types[kind]
        for name, kind in columns.items()
    }
    for path in sorted(files.glob(pattern)):
        with arrow_csv.open_csv(
            path, arrow_csv.ReadOptions(column_names=list(columns), skip_rows=1, block_size=1 << 24),
            convert_options=arrow_csv.ConvertOptions(column_types=typed, strings_can_be_null=True),
        ) as reader:  # fmt: skip
            for batch in reader:
                found = pyarrow.Table.from_batches([batch])
                yield found.append_column("wave", pyarrow.array([path.stem[-7:]] * len(found))) if table == "response" else found


def row_lists(files: Path, table: str) -> Iterator[list[dict]]:
    """The rows of a table as dictionaries of text, which dlt casts."""
    pattern, columns = FILES[table]
    for path in sorted(files.glob(pattern)):
        wave = {"wave": path.stem[-7:]} if table == "response" else {}
        with open(path, encoding="utf-8", newline="") as file:
            next(file)
            rows = []
            for row in csv.DictReader(file, list(columns)):
                rows.append({name: value or None for name, value in row.items()} | wave)
                if len(rows) == ROWS_AT_ONCE:
                    yield rows
                    rows = []
            yield rows


def read(way: str, files: Path, database: Path) -> None:
    """Let dlt read every file into a database. Args: way: `arrow` or `rows`. files: the workload. database: takes them."""
    import dlt

    source = {"arrow": arrow_tables, "rows": row_lists}[way]
    resources = [
        dlt.resource(source(files, table), name=table, columns=hints(table), write_disposition="replace") for table in FILES
    ]
    pipeline = dlt.pipeline(
        "bench", destination=dlt.destinations.duckdb(str(database)), dataset_name="main", pipelines_dir=str(database.parent / "dlt")
    )
    pipeline.run(resources)


def compute(database: Path) -> None:
    """Let dbt make the tables of the limit, from what dlt has read."""
    project = database.parent / "dbt"
    (project / "models").mkdir(parents=True, exist_ok=True)
    for table in TABLES:
        (project / "models" / f"{table}.sql").write_text(query(table), encoding="utf-8")
    settings = {"name": "peer", "profile": "peer", "models": {"peer": {"+materialized": "table"}}}
    (project / "dbt_project.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    output = {"type": "duckdb", "path": str(database), "schema": "main", "threads": 2}
    (project / "profiles.yml").write_text(
        yaml.safe_dump({"peer": {"target": "peer", "outputs": {"peer": output}}}), encoding="utf-8"
    )
    program = str(Path(sys.executable).parent / "dbt")
    subprocess.run([program, "run", "--project-dir", str(project), "--profiles-dir", str(project)], cwd=project, check=True)


if __name__ == "__main__":
    if sys.argv[1] == "read":
        measured(lambda: read(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])))
    else:
        measured(lambda: compute(Path(sys.argv[2])))
