"""Publication: a gated run becomes a read-only, versioned copy that everybody reads.

`$GMW_HOME/published/<version>/` holds `marts.duckdb`, `parquet/<table>.parquet`, `manifest.json` and `restricted.duckdb`: the
tables that tell persons apart or count few of them, whole, readable by the owner of the installation only. `current` links to the
version in force. Nothing switches unless the marts gate of the run has passed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from datetime import date, datetime, timezone
from importlib.metadata import version as version_of
from pathlib import Path

import duckdb

from exports import history, restatement, version_folder
from exports.restricted import PERSON_KEYS, Restriction, restrictions
from exports.versions import MANIFEST, is_whole, prune, put_in_force, sha256, versions
from ingest import inputs, limits, lineage, warehouse
from ingest.build import code_version
from ingest.settings import settings
from ingest.sql import literal

REQUIRED_TABLES = (
    "dim_place", "dim_question", "dim_survey", "fct_activity", "fct_answer", "fct_case", "fct_case_event", "fct_money",
    "fct_population", "kpi_catalogue", "kpi_value", "kpi_value_public", "process_coverage", "quality_summary",
)  # fmt: skip
# Tables whose order of rows is made the same in every version; the others keep the order of the build. A figure's key is enough:
# to sort all columns takes twice as long.
ORDERS = {
    "kpi_like_for_like": "all", "kpi_survival_curve": "all", "kpi_value": restatement.FIGURE_ORDER,
    "kpi_value_public": restatement.FIGURE_ORDER, "quality_summary": "all",
}  # fmt: skip
# 2026-11: files of DuckDB's own default version cannot be opened by 1.5 and the BI tools built on it.
STORAGE_VERSION = "v1.4.0"
DATABASE = "marts.duckdb"
RESTRICTED_DATABASE = "restricted.duckdb"
# Packages whose versions the manifest names: they decide what a number comes to.
SOFTWARE = ("duckdb", "dbt-core", "dbt-duckdb", "great-expectations")
# Whom a number is for → the dbt variable that says below how many people it is hidden.
SUPPRESSION = {"internal": "suppression_k", "public": "suppression_k_public"}


class PublicationRefused(RuntimeError):
    """The run must not be published; the message says why, where to look and what to do."""


class NothingPublished(RuntimeError):
    """There is no current version to read."""


@lineage.traced("publish", "published")
@limits.explained("publish")
def publish(run_id: str, tell: Callable[[str], None] = print) -> Path:
    """Copy the marts of a gated run into a new version and make it the current one.

    Safe to run again: a run that is published already, and has not been gated again since, is not copied a second time;
    its version is made current unless a newer one has been published meanwhile. A crash leaves the previous version
    current; the next call clears what it left. After a rollback the new version waits until somebody lets it through
    (`versions.rollback`). Old versions are deleted by policy (`versions.prune`).

    Args: run_id: the run whose build is in the build database and whose marts gate has passed. tell: told what was done.
    Returns: the folder of this run's version.
    Raises: PublicationRefused when the marts gate of the run has no results or a failed critical one, when another build
        has begun since, when a required table is missing or twice there, when kpi_value is empty or of another run.
        WarehouseBusy when the build database stays locked. DiskFull, OutOfMemory: the version before stays current.
    """
    published = settings().published
    with warehouse.writer(purpose=f"publish run {run_id}") as connection:
        gates = _passed_gates(connection, run_id)
        published.mkdir(parents=True, exist_ok=True)
        with version_folder.tidied(published):
            version = _published_since_its_gate(connection, run_id)
            if version is None:
                _refuse_rebuilt(connection, run_id)
                version = _write_version(published, connection, run_id, gates)
        held = put_in_force(version) if version == version_folder.names(published)[0] else None
        history.keep(published)
        prune()
    tell(f"published {version}")
    if held:
        tell(
            f"It is not current: {held}, and that holds. Look at {version}; `gmw rollback {version}` makes it current and ends "
            "the rollback."
        )
    return published / version


def current_folder() -> Path:
    """The folder of the current version, its link resolved. Raises: NothingPublished."""
    link = settings().published / version_folder.CURRENT
    try:
        return link.resolve(strict=True)
    except FileNotFoundError:
        raise NothingPublished(
            f"Expected a published version at {link}, found none. Publish a gated run first (`gmw run` does it all); "
            "`gmw status` shows what is there."
        ) from None


def open_current() -> duckdb.DuckDBPyConnection:
    """Open marts.duckdb of the current version read-only. The connection keeps its version when another is published.

    Returns: a DuckDB connection, also usable in a `with` statement. Raises: NothingPublished.
    """
    connection = duckdb.connect(str(current_folder() / DATABASE), read_only=True)
    connection.execute("set timezone = 'UTC'").complete()
    return connection


def nothing_new() -> str | None:
    """The current version, when a build now would come to the same: it holds the last run, whose gate has passed, and nothing of
    what that was built from has changed (`inputs.digest`).

    Returns: its name; None when something is new, or a run has failed since. Raises: FileNotFoundError (nothing loaded yet);
    WarehouseBusy.
    """
    published = settings().published
    with warehouse.reader() as connection:
        last = connection.execute("select run_id, inputs from ops.run order by started_at desc limit 1").fetchone()
        if last is None or last[1] is None or last[1] != inputs.digest(connection):
            return None
        try:
            _passed_gates(connection, last[0])
        except PublicationRefused:
            return None
        version = _published_since_its_gate(connection, last[0])
    is_newest = version in version_folder.names(published)[:1]
    return version if is_newest and version == version_folder.current_name(published) else None


def why_not_published(connection: duckdb.DuckDBPyConnection) -> str:
    """Why the last run is not what is published; empty when it is, or when nothing was built.

    Args: connection: to the build database.
    """
    (run_id,) = connection.execute("select max_by(run_id, started_at) from ops.run").fetchone()
    if run_id is None or any(version.run_id == run_id for version in versions()):
        return ""
    try:
        _passed_gates(connection, run_id)
    except PublicationRefused as refusal:
        return f"{refusal} If its build failed: the log is {settings().dbt_target / 'dbt.log'}."
    return f"Run {run_id!r} has passed its gate and is not published: `gmw publish` does it."


def _passed_gates(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[dict]:
    """Results of the run's gates, summed by suite, or PublicationRefused."""
    found = connection.execute(
        "select gate, severity, expectation, column_name, observed, message, success from ops.gate_result "
        "where run_id = ? and superseded_at is null order by all",
        [run_id],
    ).fetchall()
    marts = [row for row in found if row[0] == "marts"]
    if not marts:
        raise PublicationRefused(
            f"Run {run_id!r} was not published: expected results of its marts gate in ops.gate_result, found none. "
            "Run the marts gate for this run (`gmw gate marts`), then publish again."
        )
    failed = [row for row in marts if row[1] == "critical" and row[6] is not True]
    if failed:
        named = "; ".join(f"{row[2]}{f' on {row[3]}' if row[3] else ''}: {row[5] or row[4]}" for row in failed[:5])
        raise PublicationRefused(
            f"Run {run_id!r} was not published: expected no critical failure of its marts gate, found {len(failed)} "
            f"({named}). Look at ops.gate_result or the quality report; correct the data or the model, build and gate "
            "again. The version published before stays current."
        )
    return _records(
        connection,
        """
        select gate, suite, count(*) as checks,
            count(*) filter (where success is not true and severity = 'critical') as failed_critical,
            count(*) filter (where success is not true and severity = 'warning') as failed_warning,
            count(*) filter (where success is not true and severity = 'info') as failed_info,
            strftime(max(checked_at) at time zone 'UTC', '%Y-%m-%dT%H:%M:%SZ') as checked_at
        from ops.gate_result where run_id = ? and superseded_at is null group by all order by all
        """,
        [run_id],
    )


def _refuse_rebuilt(connection: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """PublicationRefused when the gate's verdict is no longer about what is in the build database."""
    (later,) = connection.execute(
        """
        select max_by(run_id, started_at) from ops.run
        where started_at > (select max(checked_at) from ops.gate_result where run_id = ? and gate = 'marts')
        """,
        [run_id],
    ).fetchone()
    if later is not None:
        raise PublicationRefused(
            f"Run {run_id!r} was not published: expected the marts as its gate has checked them, found that the build of "
            f"{later!r} has begun since. Gate and publish that run, or build and gate this one again."
        )


def _published_since_its_gate(connection: duckdb.DuckDBPyConnection, run_id: str) -> str | None:
    """The version that already holds this run as it was last gated (publication is being repeated)."""
    (gated_at,) = connection.execute(
        "select max(checked_at) from ops.gate_result where run_id = ? and gate = 'marts'", [run_id]
    ).fetchone()
    for version in versions():
        if version.run_id == run_id and gated_at and version.published_at >= gated_at and is_whole(version):
            return version.name
    return None


def _write_version(published: Path, connection: duckdb.DuckDBPyConnection, run_id: str, gates: list[dict]) -> str:
    """Write a complete, durable version beside the others; nothing points to it yet."""
    tables = _tables(connection)
    as_of = _as_of(connection, tables["kpi_value"], run_id)
    version = version_folder.new_name(published, run_id)
    folder = version_folder.partial(published, version)
    (folder / "parquet").mkdir(parents=True)
    earlier = _seen_last()
    publication = {
        "version": version,
        "run_id": run_id,
        "published_at": datetime.now(timezone.utc).isoformat(),
        "as_of": as_of.isoformat() if as_of else None,
        "code_version": _code_version(connection, run_id),
        "catalogue_version": _catalogue_version(connection, tables["kpi_catalogue"]),
        "compared_with": earlier.name if earlier else None,
    }
    rows = _copy(connection, folder, tables, publication, gates, earlier)
    manifest = {
        **publication,
        "tables": rows,
        "gates": gates,
        "sources": _sources(connection),
        "software": {name: version_of(name) for name in SOFTWARE},
        "suppression": {audience: settings().dbt_vars[variable] for audience, variable in SUPPRESSION.items()},
        "files": {
            path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256(path)}
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        },
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    version_folder.make_durable(folder)
    os.rename(folder, published / version)
    return version


def _seen_last() -> Path | None:
    """The version that people see until now: the current one; where it is damaged, the newest whole one."""
    current_first = sorted(versions(), key=lambda version: not version.is_current)
    return next((version.path for version in current_first if is_whole(version)), None)


def _tables(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """What is published: table name to its qualified name in the build database."""
    found = connection.execute(
        r"""
        select table_name, '"' || table_catalog || '"."' || table_schema || '"."' || table_name || '"'
        from information_schema.tables
        where table_catalog = current_database() and table_schema in ('marts', 'kpis')
            and (
                regexp_matches(table_name, '^(dim|fct|figure|quality)_')
                or table_name in (
                    'kpi_catalogue', 'kpi_like_for_like', 'kpi_survival_curve', 'kpi_target', 'kpi_value', 'kpi_value_public',
                    'process_coverage'
                )
            )
        order by all
        """
    ).fetchall()
    tables = dict(found)
    missing = [name for name in REQUIRED_TABLES if name not in tables]
    if missing:
        raise PublicationRefused(
            f"Expected the tables {', '.join(REQUIRED_TABLES)} in the schemas marts and kpis of {settings().database}, "
            f"found no {', '.join(missing)}. Run `gmw build`; if it passes, look for the model in dbt_project/models/."
        )
    if len(tables) < len(found):
        twice = sorted({name for name, _ in found if [other for other, _ in found].count(name) > 1})
        raise PublicationRefused(
            f"Expected each table in one of the schemas marts and kpis, found in both: {', '.join(twice)}. "
            "Look at the +schema of these models in dbt_project.yml and drop the table that is no longer built."
        )
    return tables


def _as_of(connection: duckdb.DuckDBPyConnection, kpi_value: str, run_id: str) -> date | None:
    """The latest date to which any KPI has data (each row carries its own), or PublicationRefused."""
    runs = dict(connection.execute(f"select run_id, max(as_of) from {kpi_value} group by run_id").fetchall())
    if set(runs) != {run_id}:
        found = ", ".join(repr(run) for run in runs) or "no rows at all"
        raise PublicationRefused(
            f"Expected kpi_value to hold the run {run_id!r}, found {found}. Another build has replaced what this run's "
            "gate has checked. Run `gmw build` and `gmw gate marts` for this run again, or publish the newer run."
        )
    return runs[run_id]


def _copy(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    tables: dict[str, str],
    publication: dict,
    gates: list[dict],
    earlier: Path | None,
) -> dict[str, int]:
    """Write marts.duckdb, the Parquet files and restricted.duckdb. Returns: rows per table of marts.duckdb."""
    rows = {}
    restricted = {name: what for name, what in restrictions().items() if name in tables}
    open_tables = {name: source for name, source in tables.items() if not restricted.get(name, Restriction()).whole}
    connection.execute(f"attach {literal(str(folder / DATABASE))} as published (storage_version '{STORAGE_VERSION}')")
    try:
        for name, source in open_tables.items():
            order = f"order by {ORDERS[name]}" if name in ORDERS else ""
            select = restricted.get(name, Restriction()).open_select(source)
            connection.execute(f'create table published.main."{name}" as {select} {order}')
        _refuse_person_keys(connection)
        connection.execute(
            """
            create table published.main.publication as
            select cast($version as varchar) as version, cast($run_id as varchar) as run_id,
                cast($published_at as timestamptz) as published_at, cast($as_of as date) as as_of,
                cast($code_version as varchar) as code_version, cast($catalogue_version as varchar) as catalogue_version,
                cast($compared_with as varchar) as compared_with, cast($gates as json) as gates
            """,
            {**publication, "gates": json.dumps(gates, ensure_ascii=False)},
        )
        restatement.write(connection, folder, earlier, tables, publication)
        for name in [*open_tables, "publication", *restatement.TABLES]:
            target = f'published.main."{name}"'
            (rows[name],) = connection.execute(f"select count(*) from {target}").fetchone()
            # A Parquet file that was copied away says of itself which version it is of (`parquet_kv_metadata`).
            origin = f"{{version: {literal(publication['version'])}, run_id: {literal(publication['run_id'])}}}"
            connection.execute(
                f"copy {target} to {literal(str(folder / 'parquet' / f'{name}.parquet'))} "
                f"(format parquet, compression zstd, kv_metadata {origin})"
            )
    finally:
        connection.execute("detach published")
    _copy_restricted(connection, folder / RESTRICTED_DATABASE, {name: tables[name] for name in restricted})
    return rows


def _copy_restricted(connection: duckdb.DuckDBPyConnection, path: Path, tables: dict[str, str]) -> None:
    """Write the restricted tables, whole, to a file that only its owner can read."""
    with duckdb.connect() as empty:
        empty.execute(f"attach {literal(str(path))} as restricted (storage_version '{STORAGE_VERSION}'); detach restricted")
    path.chmod(0o600)
    connection.execute(f"attach {literal(str(path))} as restricted")
    try:
        for name, source in tables.items():
            connection.execute(f'create table restricted.main."{name}" as from {source}')
    finally:
        connection.execute("detach restricted")


def _refuse_person_keys(connection: duckdb.DuckDBPyConnection) -> None:
    """PublicationRefused when a table that everybody may read tells persons apart."""
    found = connection.execute(
        "select table_name || '.' || column_name from duckdb_columns() where database_name = 'published' "
        "and column_name in (select unnest($keys)) order by all",
        {"keys": sorted(PERSON_KEYS)},
    ).fetchall()
    if found:
        raise PublicationRefused(
            f"Expected no column that tells persons apart in {DATABASE}, found {', '.join(name for (name,) in found)}. Give the "
            "model or the column `config: {meta: {restricted: true}}` in its YAML; it is then in restricted.duckdb only."
        )


def _sources(connection: duckdb.DuckDBPyConnection) -> list[dict]:
    """The files behind the numbers: those of accepted batches, with their sha256."""
    return _records(
        connection,
        """
        select distinct batch.source, file.file_name, file.file_id as sha256, file.size_bytes,
            cast(file.as_of as varchar) as as_of, file.producer, file.licence, batch.batch_id, batch.rows_loaded
        from ops.batch as batch
        join ops.file as file on file.file_id = batch.file_id and file.source = batch.source
        where batch.status = 'accepted'
        order by all
        """,
    )


def _records(connection: duckdb.DuckDBPyConnection, query: str, parameters: list | None = None) -> list[dict]:
    found = connection.execute(query, parameters)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row)) for row in found.fetchall()]


def _code_version(connection: duckdb.DuckDBPyConnection, run_id: str) -> str:
    """Which code made the run, as its build has recorded it; else the code that publishes it."""
    recorded = connection.execute("select max(code_version) from ops.run where run_id = ?", [run_id]).fetchone()[0]
    return recorded or code_version()


def _catalogue_version(connection: duckdb.DuckDBPyConnection, kpi_catalogue: str) -> str:
    """A digest of all definitions: it changes exactly when one of them does."""
    found = connection.execute(f"from {kpi_catalogue} order by all").fetchall()
    return hashlib.sha256(json.dumps(found, ensure_ascii=False, default=str).encode()).hexdigest()[:12]
