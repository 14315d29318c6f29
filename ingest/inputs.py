"""What the marts are built from, as one digest: while it is the same, another build would come to the same marts."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

import duckdb

from ingest.settings import settings
from ingest.sql import literal, quoted

PACKAGES = ("ingest", "expectations", "exports")
# What dbt writes into its project when it is run there by hand, and Python beside its code.
NO_CODE = {"target", "logs", "__pycache__"}
SOFTWARE = ("duckdb", "dbt-core", "dbt-duckdb", "great-expectations", "numpy", "scipy")
# What builds, gates and publications read of the ledgers. A blocked file is tried again in each run: only what became of it counts.
LEDGERS = (
    """from ops.batch select * replace (
        if(status = 'blocked', null, loaded_at) as loaded_at, if(status = 'blocked', null, gated_at) as gated_at)""",
    """from ops.file select * exclude (purged_at)""",
    """from ops.quarantine select * exclude (opened_at)""",
    """from ops.gate_result select * exclude (run_id, checked_at) where gate = 'raw' and superseded_at is null""",
    """from ops.correction_outcome select * exclude (loaded_at)""",
)


def digest(connection: duckdb.DuckDBPyConnection) -> str:
    """The digest of everything that decides what would be published: rows that were accepted, code, declarations, catalogue, seeds
    and corrections (all files of the project), dbt variables, versions of libraries, and the day, because gates judge by it what is
    late.

    Args: connection: to the build database. Returns: hexadecimal digits; they differ as soon as one of these does.
    """
    current = settings()
    ledgers = [
        connection.execute(f"select count(*), sum(hash(entry)::hugeint)::varchar from ({ledger}) as entry").fetchone()
        for ledger in LEDGERS
    ]
    told = {
        "ledgers": ledgers,
        "files": [_files(current.dbt_project), *(_files(Path(__file__).resolve().parents[1] / name) for name in PACKAGES)],
        "dbt_vars": current.dbt_vars,
        "software": {name: version(name) for name in SOFTWARE},
        "day": datetime.now(timezone.utc).date().isoformat(),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def code() -> str:
    """A digest of what models depend on besides their own text: the code that those in Python call, how the database is set, and the
    software."""
    profile = settings().dbt_project / "profiles.yml"
    told = [
        _files(Path(__file__).resolve().parents[1] / "expectations"), {name: version(name) for name in SOFTWARE},
        profile.read_text(encoding="utf-8") if profile.exists() else None,  # without one, dbt says what it looks for
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def mark(connection: duckdb.DuckDBPyConnection) -> None:
    """Put a digest of the rows of each source, and of which of its files and batches count, into the comment of its raw table, and
    those of each file into `ops.raw_content`: what is made of them is made again when they change. Why they are hashed this way:
    dbt_project/macros/unchanged.sql. The digests of views are forgotten: dbt gives each one anew before it makes what reads it, and
    where somebody leaves the view out (`--select`), what it shows may be another thing than what it was digested as. Of the data
    tests that have passed, only the last time of each is kept.

    Args: connection: a writer of the build database.
    """
    connection.execute("delete from ops.raw_content")
    for (source,) in connection.execute("select table_name from duckdb_tables() where schema_name = 'raw'").fetchall():
        of_source = f"where source = {literal(source)}"
        held = {
            f"raw.{quoted(source)}": "_file_id",
            f"(from ops.batch select * exclude (loaded_at, gated_at) {of_source})": "file_id",
            f"(from ops.file select * exclude (purged_at) {of_source})": "file_id",
        }
        columns = [connection.execute(f"describe from {rows}").fetchall() for rows in held]
        files: dict[str, list] = defaultdict(list)
        for rows, file_id in held.items():
            digests = connection.execute(
                f"""select "the whole row".{file_id}, count(*), sum(hash(hash("the whole row"))::hugeint)::varchar
                from {rows} as "the whole row" group by all order by all"""
            ).fetchall()
            for name, *digest_of_rows in digests:
                files[name or ""].append((rows, *digest_of_rows))
        contents = [(source, name, _sha256([columns, told])) for name, told in sorted(files.items())]
        if contents:
            connection.executemany("insert into ops.raw_content values (?, ?, ?)", contents)
        content = _sha256([columns, contents])
        connection.execute(f"comment on table raw.{quoted(source)} is {literal(json.dumps({'content': content}))}")
    views = connection.execute("select schema_name, view_name from duckdb_views() where not internal and starts_with(comment, '{')")
    for schema, view in views.fetchall():
        connection.execute(f"comment on view {quoted(schema)}.{quoted(view)} is null")
    connection.execute(
        """delete from ops.data_test_passed as passed where exists (
            from ops.data_test_passed as later where later.test = passed.test and later.passed_at > passed.passed_at)"""
    )


def _sha256(told: list) -> str:
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _files(folder: Path) -> str:
    """A digest of the names and bytes of all files below a folder."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and NO_CODE.isdisjoint(path.relative_to(folder).parts):
            found.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n".encode())
            found.update(path.read_bytes())
    return found.hexdigest()
