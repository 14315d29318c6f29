"""Replay: batches are loaded again from their landed bytes, after the declaration or a correction has changed.

Each batch is first tried in memory, by the same code and with the same gate, so that it is known before which rows would leave
quarantine and whether anything would get worse. Then it is loaded again in one transaction, and gated. `ops.replay` says who
replayed which batch, when and why, and what that did.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import dataclass, field

import duckdb

from ingest import corrections, privacy, warehouse
from ingest.connectors import Interval
from ingest.declaration import SourceDeclaration, declaration, declarations
from ingest.load import reload
from ingest.settings import settings
from ingest.sql import literal, quoted

REPLAYABLE = ("accepted", "loaded", "blocked")


@dataclass(frozen=True)
class QuarantinedRow:
    """One row in quarantine, before or after a replay."""

    row_no: int
    column_name: str | None
    reason: str
    expected: str
    raw_value: str | None


@dataclass(frozen=True)
class Batch:
    """A batch that may be replayed. `problem`: why it cannot be, else empty."""

    batch_id: str
    source: str
    file_id: str
    file_name: str
    status: str
    rows_loaded: int
    rows_quarantined: int
    problem: str = ""


@dataclass(frozen=True)
class Trial:
    """What a replay of a batch would do. `changed` counts loaded rows that would hold other values, come or go; `corrected` are
    the corrections that would be applied and are not yet; `message` is what the loader or the gate would say."""

    batch: Batch
    status: str
    rows_loaded: int
    rows_quarantined: int
    message: str
    changed: int
    leave: list[QuarantinedRow] = field(default_factory=list)
    enter: list[QuarantinedRow] = field(default_factory=list)
    stay: list[QuarantinedRow] = field(default_factory=list)
    corrected: list[str] = field(default_factory=list)
    is_other: bool = True

    @property
    def is_worse(self) -> bool:
        """Whether an accepted batch would lose: be blocked, or have more rows in quarantine or fewer loaded than before."""
        return self.batch.status == "accepted" and (
            self.status != "accepted"
            or self.rows_quarantined > self.batch.rows_quarantined
            or self.rows_loaded < self.batch.rows_loaded
        )


@dataclass(frozen=True)
class Replayed:
    """What became of a batch in a replay. `outcome`: replayed, unchanged, refused (it would get worse) or impossible."""

    batch: Batch
    outcome: str
    trial: Trial | None = None
    status: str = ""
    message: str = ""


def plan(names: list[str] | None = None) -> list[Batch]:
    """The batches to replay.

    Args: names: sources (all their batches) and batch ids. None: all batches of declared sources that have rows in quarantine,
    are blocked, or that a correction is about which is not applied as it stands now, as far as their bytes are still there.
    Raises: LookupError when a name is neither a declared source nor a batch that was loaded; CorrectionError; WarehouseBusy;
        FileNotFoundError when nothing was loaded yet.
    """
    corrections.check_all()
    declared = {source.name: source for source in declarations()}
    with warehouse.reader() as connection:
        rows = connection.execute(
            """
            select batch_id, source, file_id, file_name, status, rows_loaded, rows_quarantined, purged_at::date, landed_path
            from ops.batch join ops.file using (source, file_id) order by batch_no
            """
        ).fetchall()
        wanted = set(names) if names else _open_batches(connection, list(declared.values()))
    found, missing = [], wanted - {name for row in rows for name in row[:2]} - declared.keys()
    if missing:
        raise LookupError(
            f"replay: expected declared sources or batch ids, found {', '.join(sorted(missing))}; `gmw source list` shows the "
            "sources, `gmw replay --dry-run` the batches"
        )
    for *row, purged_on, landed_path in rows:
        batch = Batch(*row)
        if batch.source in wanted or batch.batch_id in wanted:
            found.append(Batch(*row, _problem(batch, declared, purged_on, landed_path)))
    return found if names else [batch for batch in found if not batch.problem]


def of_interval(source_name: str, interval: Interval) -> list[Batch]:
    """The accepted batches of a source whose files are about an interval: by the day in their name, else by when they landed.

    Raises: as `plan`.
    """
    zone = declaration(source_name).time_zone
    with warehouse.reader() as connection:
        rows = connection.execute(
            """
            select batch_id from ops.batch join ops.file using (source, file_id)
            where source = $source and status = 'accepted'
                and coalesce(as_of::timestamp at time zone $zone, retrieved_at) >= $start::timestamptz
                and coalesce(as_of::timestamp at time zone $zone, retrieved_at) < $end::timestamptz
            """,
            {"source": source_name, "zone": zone, "start": interval.start, "end": interval.end},
        ).fetchall()
    return plan([batch_id for (batch_id,) in rows]) if rows else []


def try_out(batch: Batch) -> Trial:
    """Load a batch again in memory, and gate it there. Raises: what loading and gating raise; OtherKeys."""
    from expectations import gate

    source = declaration(batch.source)
    with warehouse.trial() as connection:
        _copy_ledger(connection, batch)
        report = reload(connection, source, batch.batch_id)
        status, message = report.status, report.message
        if status == "loaded":
            verdict = gate.try_batch(connection, source, batch.batch_id)
            status = "accepted" if verdict.passed else "blocked"
            message = " / ".join([message] * bool(message) + [f"{one.expectation}: {one.message}" for one in verdict.failures])
        changed = _changed_rows(connection, source, batch.batch_id)
        before, after = (_quarantined(connection, f"{catalog}ops", batch.batch_id) for catalog in ("stored.", ""))
        corrected, other_outcomes = _correction_changes(connection, batch.batch_id)
    return Trial(
        batch, status, report.rows_loaded, report.rows_quarantined, message, changed,
        leave=[row for row_no, row in before.items() if row_no not in after],
        enter=[row for row_no, row in after.items() if row_no not in before],
        stay=[row for row_no, row in after.items() if row_no in before],
        corrected=corrected,
        is_other=bool(changed or before != after or other_outcomes or status != batch.status),
    )


def replay(
    batches: list[Batch], why: str = "", accept_worse: bool = False, tell: Callable[[Trial], None] = lambda trial: None
) -> list[Replayed]:
    """Replay batches: try each, then load again those that would change, and gate them.

    Args: batches: from `plan`. why: what people say to it; default: what has changed, as far as it is known. accept_worse: replay
    accepted batches, too, that would get worse. tell: told of each trial before anything is done.
    Returns: one Replayed per batch, in that order. Raises: what `try_out` raises, WarehouseBusy.
    """
    from expectations import gate

    replay_id, results = "", []
    for batch in batches:
        if batch.problem:
            results.append(Replayed(batch, "impossible", message=batch.problem))
            continue
        trial = try_out(batch)
        tell(trial)
        if not trial.is_other:
            results.append(Replayed(batch, "unchanged", trial, batch.status))
        elif trial.is_worse and not accept_worse:
            results.append(Replayed(batch, "refused", trial, batch.status))
        else:
            replay_id = _load_again(trial, replay_id, why)
            gate.gate_raw(batch.source, replay_id)
            status, message = _finish(replay_id, batch)
            results.append(Replayed(batch, "replayed", trial, status, message))
    return results


def _load_again(trial: Trial, replay_id: str, why: str) -> str:
    """Load the file of a batch in place of its rows. Returns the id of the replay."""
    batch, source = trial.batch, declaration(trial.batch.source)
    with warehouse.writer(f"replay {batch.batch_id}") as connection:
        privacy.install(connection)
        privacy.refuse_other_keys(connection, source)
        if not replay_id:
            (number,) = connection.execute("select count(distinct replay_id) + 1 from ops.replay").fetchone()
            replay_id = f"replay-{number:05d}"
        # Before the load: one that is interrupted has begun and not finished.
        connection.execute(
            """
            insert into ops.replay (replay_id, batch_id, source, file_id, replayed_by, why, started_at, status_before,
                rows_loaded_before, rows_quarantined_before, rows_changed) values (?, ?, ?, ?, ?, ?, now(), ?, ?, ?, ?)
            """,
            [replay_id, batch.batch_id, batch.source, batch.file_id, getpass.getuser(), why or _cause(trial), batch.status,
             batch.rows_loaded, batch.rows_quarantined, trial.changed],
        )
        reload(connection, source, batch.batch_id, closed_by=replay_id)
    return replay_id


def _finish(replay_id: str, batch: Batch) -> tuple[str, str]:
    """Write down what came of a replayed batch. Returns its status and message."""
    with warehouse.writer(f"replay {batch.batch_id}") as connection:
        connection.execute(
            """
            update ops.replay set finished_at = now(), status_after = batch.status, rows_loaded_after = batch.rows_loaded,
                rows_quarantined_after = batch.rows_quarantined
            from ops.batch as batch
            where replay.replay_id = ? and replay.batch_id = ? and batch.batch_id = replay.batch_id
            """,
            [replay_id, batch.batch_id],
        )
        return connection.execute("select status, message from ops.batch where batch_id = ?", [batch.batch_id]).fetchone()


def _cause(trial: Trial) -> str:
    if trial.corrected:
        return f"corrections {', '.join(trial.corrected)}"
    return "the declaration, the corrections or the code have changed"


def _open_batches(connection: duckdb.DuckDBPyConnection, sources: list[SourceDeclaration]) -> set[str]:
    """Batches of declared sources with rows in quarantine, blocked ones, and those for which the corrections have changed."""
    corrections.make_table(connection, [one for source in sources for one in corrections.of_source(source)])
    found = connection.execute(
        f"""
        with wanted as (
            select batch.batch_id, correction.correction_id, correction.found_value, correction.corrected_value
            from correction inner join ops.file as file on {corrections.IS_ABOUT_FILE}
            inner join ops.batch as batch on batch.source = file.source and batch.file_id = file.file_id
            where batch.status in ('accepted', 'loaded')
        ),
        known as (select batch_id, correction_id, found_value, corrected_value from ops.correction_outcome),
        open as (
            select batch_id from ops.quarantine
            union
            select batch_id from ops.batch where status = 'blocked'
            union
            select batch_id from (from wanted except from known)
            union
            select batch_id from (from known except from wanted)
        )
        select batch_id from open inner join ops.batch as batch using (batch_id)
        where list_contains($sources, batch.source) and list_contains($statuses, batch.status)
        """,
        {"sources": [source.name for source in sources], "statuses": list(REPLAYABLE)},
    ).fetchall()
    return {batch_id for (batch_id,) in found}


def _problem(batch: Batch, declared: dict[str, SourceDeclaration], purged_on: object, landed_path: str) -> str:
    """Why a batch cannot be replayed; empty when it can."""
    if batch.source not in declared:
        return f"expected a declared source, found {batch.source}, which is declared no more or switched off"
    if batch.status not in REPLAYABLE:
        return f"expected a batch that is accepted, loaded or blocked, found {batch.status}: put its file back and land it again"
    if purged_on:
        return (
            f"expected the landed bytes of {batch.file_name}, found that they were purged on {purged_on}, as the retention of "
            "the source asks; what is loaded stays as it is. Ask the producer for the file and land it again"
        )
    if not (settings().landing / landed_path).is_file():
        return f"expected {batch.file_name} in the landing as {landed_path}, found no file; put it back from a backup"
    return ""


def _copy_ledger(connection: duckdb.DuckDBPyConnection, batch: Batch) -> None:
    """Take what the loader and the gate ask for over into the trial: the ledger of the source, and the batch's quarantine."""
    for table, of in (("file", "source"), ("batch", "source"), ("quarantine", "batch_id")):
        value = batch.source if of == "source" else batch.batch_id
        connection.execute(f"insert into ops.{table} by name from stored.ops.{table} where {of} = $1", [value])


def _changed_rows(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, batch_id: str) -> int:
    """Loaded rows that the trial holds otherwise than the warehouse: other values, new, or gone."""
    names = [column.name for column in source.columns if not column.is_dropped]
    stored = {name for (name,) in connection.execute(
        "select column_name from duckdb_columns() where database_name = 'stored' and schema_name = 'raw' and table_name = ?",
        [source.name]).fetchall()}
    if not stored:
        return connection.execute(f"select count(*) from raw.{source.name}").fetchone()[0]
    tried = ", ".join(f"{quoted(name)}::varchar" for name in names)
    now = ", ".join(f"{quoted(name)}::varchar" if name in stored else "null::varchar" for name in names)
    return connection.execute(
        f"""
        select count(*) from (select _row_no, [{tried}] as cells from raw.{source.name}) as tried
        full join (
            select _row_no, [{now}] as cells from stored.raw.{source.name} where _batch_id = {literal(batch_id)}
        ) as now using (_row_no)
        where tried.cells is distinct from now.cells
        """
    ).fetchone()[0]


def _quarantined(connection: duckdb.DuckDBPyConnection, schema: str, batch_id: str) -> dict[int, QuarantinedRow]:
    """The rows of a batch in quarantine, by row number."""
    rows = connection.execute(
        f"select row_no, column_name, reason, expected, raw_value from {schema}.quarantine where batch_id = ? order by row_no",
        [batch_id],
    ).fetchall()
    return {row[0]: QuarantinedRow(*row) for row in rows}


def _correction_changes(connection: duckdb.DuckDBPyConnection, batch_id: str) -> tuple[list[str], bool]:
    """The corrections that the trial applies and the warehouse does not yet, and whether any outcome is another one."""
    columns = "correction_id, row_no, column_name, found_value, corrected_value, outcome"
    tried, now = (
        set(connection.execute(f"select {columns} from {schema}.correction_outcome where batch_id = ?", [batch_id]).fetchall())
        for schema in ("ops", "stored.ops")
    )
    return sorted({row[0] for row in tried - now if row[-1] == "applied"}), tried != now
