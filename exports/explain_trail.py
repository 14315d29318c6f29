"""What a number went through: the files and batches behind its rows, corrections, the gates that it passed, and what was published
of it before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from exports.explain import Explanation, records
from exports.versions import versions
from ingest import warehouse

KEY = ("metric_code", "place_key", "period_type", "period_start", "breakdown_type", "breakdown_value", "currency")


@dataclass(frozen=True)
class Trail:
    """Rows as dicts. `files`: a file with its batch and its raw gate; `gates`: a suite of the marts gate of the run;
    `corrections`: cells that were corrected; `published`: the number in each version that is kept, newest first."""

    files: list[dict[str, Any]]
    gates: list[dict[str, Any]]
    corrections: list[dict[str, Any]]
    published: list[dict[str, Any]]


def trail(explanation: Explanation) -> Trail:
    """Follow a number. Args: explanation: of the number. Returns: its trail."""
    rows = {(row.source, row.file_id, row.row_no) for part in explanation.parts for row in part.rows if row.file_id}
    sources, file_ids, numbers = (list(column) for column in zip(*sorted(rows))) if rows else ([], [], [])
    behind = "(select unnest(?::varchar[]) as source, unnest(?::varchar[]) as file_id, unnest(?::bigint[]) as row_no)"
    with warehouse.reader() as connection:
        files = records(
            connection,
            f"""
            with used as (select source, file_id, count(*) as row_count from {behind} group by all)
            select used.source, file.file_name, used.file_id, used.row_count, batch.batch_id, batch.status, batch.rows_loaded,
                batch.rows_quarantined, batch.loaded_at,
                count(gate.expectation) as checks, count(gate.expectation) filter (gate.success is not true) as failed
            from used
            inner join ops.batch as batch on used.source = batch.source and used.file_id = batch.file_id and batch.status = 'accepted'
            inner join (select distinct on (source, file_id) * from ops.file) as file
                on used.source = file.source and used.file_id = file.file_id
            left join ops.gate_result_current as gate on batch.batch_id = gate.batch_id and gate.gate = 'raw'
            group by all order by used.source, file.file_name
            """,
            [sources, file_ids, numbers],
        )
        gates = records(
            connection,
            """
            select suite, count(*) as checks, count(*) filter (success is not true and severity = 'critical') as failed_critical,
                count(*) filter (success is not true and severity != 'critical') as failed_other, max(checked_at) as checked_at
            from ops.gate_result_current where gate = 'marts' and run_id = ? group by suite order by suite
            """,
            [explanation.value["run_id"]],
        )
        corrections = records(
            connection,
            f"""
            select correction_id, batch.source, batch.file_id, cell.row_no, column_name, found_value, corrected_value
            from ops.correction_outcome as cell
            inner join ops.batch as batch using (batch_id)
            inner join {behind} as used on used.source = batch.source and used.file_id = batch.file_id and used.row_no = cell.row_no
            where outcome = 'applied' order by correction_id
            """,
            [sources, file_ids, numbers],
        )
        published = []
        for version in versions():
            table = version.path / "parquet" / "kpi_value.parquet"
            key = {name: explanation.value[name] for name in KEY}
            found = records(
                connection,
                f"""
                select value, lower, upper, n, status, definition_version, as_of from read_parquet('{table}')
                where {" and ".join(f"{name} is not distinct from ?" for name in KEY)}
                """,
                list(key.values()),
            ) if table.is_file() else []  # fmt: skip
            published += [
                {"version": version.name, "published_at": version.published_at, "is_current": version.is_current, **row} for row in found
            ]
    return Trail(files, gates, corrections, published)
