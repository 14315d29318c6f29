"""Compares an installation with one that nobody disturbed: what it has loaded, noted, published and exported."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import duckdb

from ingest import warehouse
from ingest.sql import literal

# Which run it was, and when: everything else has to be the same.
OF_THE_RUN = {
    "run_id", "_loaded_at", "loaded_at", "last_loaded_at", "retrieved_at", "gated_at", "opened_at", "checked_at", "moved_at",
    "fetched_at", "arrived_at", "delivered_at", "told_at", "over_at", "closed_at", "version", "compared_with", "published_at",
}  # fmt: skip
# Of the ledgers: what was gated of the marts is compared for the run that was published, and of batches what counts: a run that was
# killed leaves its name and what it said.
LEDGERS = "table_schema in ('raw', 'ops') and table_name not in ('run', 'gate_result', 'gate_failing_row', 'replay')"
PUBLISHED = "table_schema = 'main' and table_name != 'publication'"


def differences(home: Path, undisturbed: Path) -> list[str]:
    """What differs between two installations, and what a killed run has left in this one; empty when nothing does."""
    told = _tables(home / "warehouse/gmw_build.duckdb", undisturbed / "warehouse/gmw_build.duckdb", LEDGERS)
    told += _gates(home, undisturbed)
    told += _tables(home / "published/current/marts.duckdb", undisturbed / "published/current/marts.duckdb", PUBLISHED)
    told += _tables(home / "published/current/restricted.duckdb", undisturbed / "published/current/restricted.duckdb", PUBLISHED)
    if exported(home) != exported(undisturbed):
        told.append("kpi.csv differs")
    published, at = ((home / name / "current").resolve().name for name in ("published", "exports"))
    if published != at:
        told.append(f"exported is {at}, published {published}")
    return told + faults_of_files(home)


def inconsistencies(home: Path) -> list[str]:
    """What is not consistent in the installation that this process works on, at whatever moment it was killed: a batch whose rows
    are not those of the ledger, a file that is there twice, bytes that the ledger names and that are not whole."""
    database = home / "warehouse/gmw_build.duckdb"
    if not database.exists():
        return []
    with warehouse.reader() as connection:
        told = []
        has_ledgers = connection.execute("select count(*) from duckdb_tables() where schema_name = 'ops' and table_name = 'batch'")
        if not has_ledgers.fetchone()[0]:
            return []
        for (source,) in connection.execute("select distinct source from ops.batch").fetchall():
            told += [
                f"{batch}: {rows} rows, the ledger says {noted}"
                for batch, rows, noted in connection.execute(
                    f"""
                    select batch_id, count(row._batch_id), any_value(rows_loaded)
                    from ops.batch left join raw.{source} as row on row._batch_id = batch_id where source = ?
                    group by batch_id having count(row._batch_id) is distinct from any_value(rows_loaded)
                    """,
                    [source],
                ).fetchall()
            ]
        twice = "select source, file_id from ops.{} group by all having count(*) > 1"
        for table in ("file", "batch"):
            told += [f"{table}: {row} is there twice" for row in connection.execute(twice.format(table)).fetchall()]
        for path, file_id in connection.execute("select landed_path, file_id from ops.file").fetchall():
            landed = home / "landing" / path
            if not landed.is_file() or hashlib.sha256(landed.read_bytes()).hexdigest() != file_id:
                told.append(f"{path} is named by the ledger and is not whole")
    return told


def faults_of_files(home: Path) -> list[str]:
    """What is not as it should be among the files: bytes that are not those of the ledger, and what was left behind."""
    told = []
    with duckdb.connect(str(home / "warehouse/gmw_build.duckdb"), read_only=True) as connection:
        known = dict(connection.execute("select landed_path, file_id from ops.file").fetchall())
    found = {path.relative_to(home / "landing").as_posix(): path for path in (home / "landing").rglob("*") if path.is_file()}
    told += [f"landing: {name} is not in the ledger" for name in set(found) - set(known)]
    told += [f"landing: {name} is missing" for name in set(known) - set(found)]
    told += [
        f"landing: {name} holds other bytes" for name, path in found.items()
        if name in known and hashlib.sha256(path.read_bytes()).hexdigest() != known[name]
    ]  # fmt: skip
    for name in ("published", "exports"):
        told += [f"left behind: {path}" for path in (home / name).glob(".*.partial")]
    told += [f"left behind: {path}" for folder in ("scratch", "landing/.scratch") for path in (home / folder).glob("*")]
    return told


def published(home: Path) -> str:
    """What a reader sees now: a digest of the KPI values of the current version, after every file of it has been checked; "" for
    none."""
    current = home / "published/current"
    if not current.exists():
        return ""
    manifest = json.loads((current / "manifest.json").read_text(encoding="utf-8"))
    for name, file in manifest["files"].items():
        digest = hashlib.sha256((current / name).read_bytes()).hexdigest()
        assert digest == file["sha256"], f"{current.resolve()}/{name} is not whole"
    with duckdb.connect(str(current / "marts.duckdb"), read_only=True) as connection:
        rows = connection.execute("select * exclude (run_id) from kpi_value order by all").fetchall()
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def exported(home: Path) -> str:
    """A digest of kpi.csv."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"from read_csv({literal(str(home / 'exports/current/kpi.csv'))}, all_varchar = true, "
            "header = true, delim = ',', quote = '\"', escape = '\"', sample_size = -1)"
        ).fetchall()
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def _tables(database: Path, undisturbed: Path, where: str) -> list[str]:
    told = []
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(str(database.resolve()))} as here (read_only)")
        connection.execute(f"attach {literal(str(undisturbed.resolve()))} as there (read_only)")
        names = {
            place: connection.execute(
                f"""
                select table_schema, table_name, list(column_name order by ordinal_position)
                from information_schema.columns inner join information_schema.tables using (table_catalog, table_schema, table_name)
                where table_catalog = '{place}' and table_type = 'BASE TABLE' and {where} group by all order by all
                """
            ).fetchall()
            for place in ("here", "there")
        }
        if names["here"] != names["there"]:
            return [f"{database.name}: other tables or columns than {undisturbed}"]
        for schema, table, columns in names["here"]:
            chosen = ", ".join(f'"{column}"' for column in columns if column not in OF_THE_RUN)
            here, there = (f'select {chosen} from {place}."{schema}"."{table}"' for place in ("here", "there"))
            more, fewer = (
                connection.execute(f"select count(*) from ({one} except all {other})").fetchone()[0]
                for one, other in ((here, there), (there, here))
            )
            if more or fewer:
                told.append(f"{database.name} {schema}.{table}: {more} rows too many or other, {fewer} missing")
    return told


def _gates(home: Path, undisturbed: Path) -> list[str]:
    """What the gates have said and still counts. A run that ended before its kill has published: then the last one compares the
    volumes with another version than the undisturbed run did."""
    found = []
    for folder in (home, undisturbed):
        run = json.loads((folder / "published/current/manifest.json").read_text(encoding="utf-8"))["run_id"]
        with duckdb.connect(str(folder / "warehouse/gmw_build.duckdb"), read_only=True) as connection:
            found.append(
                connection.execute(
                    "select * exclude (run_id, checked_at, superseded_at) from ops.gate_result "
                    "where superseded_at is null and (gate = 'raw' or run_id = ?) and expectation not like '%what_is_published' "
                    "order by all",
                    [run],
                ).fetchall()
            )
    assert found[1], "expected that the gates of the undisturbed installation have said something"
    return [] if found[0] == found[1] else ["ops.gate_result differs"]
