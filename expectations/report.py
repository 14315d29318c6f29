"""The quality report: one HTML file that opens without a network."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from itertools import groupby
from pathlib import Path

import duckdb
from jinja2 import Environment, PackageLoader

from expectations.results import MESSAGE_PARTS
from expectations.rule import INTEGRITY
from ingest import warehouse
from ingest.readers import place_in_file
from ingest.settings import settings

NEWEST_BATCHES = 100

RUNS_SHOWN = 14
ROWS_SHOWN = 20
SEVERITIES = ("critical", "warning", "info")
BAR_WIDTH, BAR_GAP, CHART_HEIGHT, LABEL_HEIGHT = 46, 14, 120, 34

# Each run with what it said last of each batch and of the marts.
HISTORY = """
select * from ops.gate_result
qualify checked_at = max(checked_at) over (partition by run_id, gate, batch_id)"""


def write_report() -> Path:
    """Write the quality report of the latest gates and batches to `reports/quality.html`.

    The file is replaced whole, never seen half-written.

    Returns: its path. Raises: FileNotFoundError when nothing has been loaded yet; WarehouseBusy.
    """
    with warehouse.reader() as connection:
        content = _content(connection)
    environment = Environment(loader=PackageLoader("expectations"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    page = environment.get_template("quality.html.j2").render(content)
    path = settings().reports / "quality.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.write_text(page, encoding="utf-8")
    os.replace(draft, path)
    return path


def _content(connection: duckdb.DuckDBPyConnection) -> dict[str, object]:
    marts = _rows(
        connection,
        """
        select run_id, strftime(max(checked_at), '%Y-%m-%d %H:%M UTC') as checked_at,
            count(*) filter (not success and severity = 'critical') as failed
        from ops.gate_result_current where gate = 'marts' group by run_id
        """,
    )
    batches = _rows(
        connection,
        f"""
        select batch_id, coalesce(file_name, file_id) as file_name, status, rows_in, rows_loaded, rows_quarantined,
            rows_skipped, coalesce(message, '') as message, count(*) over () as batch_count
        from ops.batch left join ops.file using (source, file_id)
        order by batch_no desc limit {NEWEST_BATCHES}
        """,
    )
    runs = _runs(connection)
    return {
        "made_at": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "marts_run": marts[0]["run_id"] if marts else None,
        "marts_at": marts[0]["checked_at"] if marts else None,
        "marts_failed": marts[0]["failed"] if marts else 0,
        "counts": _rows(
            connection,
            f"""
            select count(*) as checks, (select count(*) from ops.gate_result) as kept, {", ".join(
                f"count(*) filter (not success and severity = '{severity}') as {severity}" for severity in SEVERITIES
            )}
            from ops.gate_result_current
            """,
        )[0],
        "failures": _failures(connection),
        "integrity": INTEGRITY,
        "rules": _rules(connection),
        "runs": runs,
        "chart": _chart(runs),
        "trend": _trend(connection, runs),
        "sources": _rows(
            connection,
            """
            select source, count(*) as files, count(*) filter (status = 'accepted') as accepted,
                count(*) filter (status = 'blocked') as blocked, count(*) filter (status = 'loaded') as waiting,
                sum(rows_in)::bigint as rows_in, sum(rows_loaded)::bigint as rows_loaded,
                sum(rows_quarantined)::bigint as rows_quarantined, sum(rows_skipped)::bigint as rows_skipped,
                strftime(max(loaded_at), '%Y-%m-%d %H:%M UTC') as last_load
            from ops.batch group by source order by source
            """,
        ),
        "batches": batches,
        "batches_hidden": batches[0]["batch_count"] - len(batches) if batches else 0,
        "suites": _checks(connection),
    }


def _failures(connection: duckdb.DuckDBPyConnection) -> list[dict]:
    """What does not hold now, the gravest first: of the batches of a source that break the same expectation, the newest."""
    found = _rows(
        connection,
        """
        select latest.suite, latest.expectation, latest.severity, latest.integrity, latest.message, latest.gate, latest.batch_id,
            latest.checked_at, file.file_name, coalesce(latest.unexpected_count, 0) as found,
            count(*) over (partition by latest.suite, latest.expectation, latest.severity) as times
        from ops.gate_result_current as latest
        left join ops.batch as batch using (batch_id)
        left join ops.file as file on file.source = batch.source and file.file_id = batch.file_id
        where not latest.success
        -- Each blocked file is told of; of warnings the newest one.
        qualify latest.severity = 'critical' or 1 = row_number() over (
            partition by latest.suite, latest.expectation, latest.severity order by batch.batch_no desc)
        order by latest.severity = 'critical' desc, latest.severity = 'warning' desc, latest.gate, latest.suite, batch.batch_no desc,
            latest.expectation
        """,
    )
    kept = _rows(
        connection,
        f"""
        select gate, suite, batch_id, expectation, checked_at, list(row_keys order by number)[:{ROWS_SHOWN}] as rows
        from ops.gate_failing_row group by all
        """,
    )
    by_failure = {
        (row["gate"], row["suite"], row["batch_id"], row["expectation"], row["checked_at"]): row["rows"] for row in kept
    }
    failures = []
    for failure in found:
        key = tuple(failure[name] for name in ("gate", "suite", "batch_id", "expectation", "checked_at"))
        rows = [_shown(json.loads(row)) for row in by_failure.get(key, [])]
        times = 1 if failure["severity"] == "critical" else failure["times"]
        names = list(dict.fromkeys(name for row in rows for name in row))
        parts = _parts(failure["message"])
        if rows:
            # The rows stand below, in a table.
            parts = [(part, text.split(": ")[0] if part == "look at" else text) for part, text in parts]
        failures.append({**failure, "times": times, "rows": rows, "names": names, "parts": parts})
    return failures


def _shown(row: dict[str, object]) -> dict[str, object]:
    """A row that failed, with its place in the file instead of its number."""
    return {
        name.lstrip("_") if name == "_row_no" else name: place_in_file(value) if name in ("_row_no", "row_no") else value
        for name, value in row.items()
    }


def _rules(connection: duckdb.DuckDBPyConnection) -> list[dict]:
    """How each integrity rule stands."""
    found = _rows(
        connection,
        """
        select integrity as code, count(distinct (suite, expectation)) as checks,
            count(distinct (suite, expectation)) filter (not success and severity = 'critical') as critical,
            count(distinct (suite, expectation)) filter (not success and severity != 'critical') as warning
        from ops.gate_result_current where integrity is not null group by all
        """,
    )
    by_code = {row["code"]: row for row in found}
    nothing = {"checks": 0, "critical": 0, "warning": 0}
    return [{"code": code, "meaning": meaning, **nothing, **by_code.get(code, {})} for code, meaning in INTEGRITY.items()]


def _runs(connection: duckdb.DuckDBPyConnection) -> list[dict]:
    """The last runs that were gated, the oldest first."""
    counts = ", ".join(f"count(*) filter (not success and severity = '{name}') as {name}" for name in SEVERITIES)
    found = _rows(
        connection,
        f"""
        select run_id, strftime(max(checked_at), '%Y-%m-%d %H:%M UTC') as gated_at, strftime(max(checked_at), '%m-%d') as day,
            count(*) as checks, {counts}
        from ({HISTORY}) group by run_id order by max(checked_at) desc limit {RUNS_SHOWN}
        """,
    )
    return found[::-1]


def _chart(runs: list[dict]) -> dict[str, object]:
    """A bar per run, stacked by severity, in user units of the drawing."""
    highest = max([sum(run[name] for name in SEVERITIES) for run in runs] or [0]) or 1
    bars, labels = [], []
    for number, run in enumerate(runs):
        x, top = number * (BAR_WIDTH + BAR_GAP), CHART_HEIGHT
        for name in SEVERITIES:
            height = round(run[name] / highest * (CHART_HEIGHT - 18), 1)
            top = round(top - height, 1)
            if run[name]:
                bars.append({"severity": name, "x": x, "y": top, "width": BAR_WIDTH, "height": height,
                             "title": f"{run['run_id']}: {run[name]} {name}"})  # fmt: skip
        middle = x + BAR_WIDTH // 2
        labels.append({"x": middle, "y": top - 5, "text": sum(run[name] for name in SEVERITIES)})
        labels.append({"x": middle, "y": CHART_HEIGHT + 18, "text": run["day"]})
    width = max(len(runs) * (BAR_WIDTH + BAR_GAP), BAR_WIDTH)
    return {"width": width, "height": CHART_HEIGHT + LABEL_HEIGHT, "bars": bars, "labels": labels}


def _trend(connection: duckdb.DuckDBPyConnection, runs: list[dict]) -> list[tuple[str, list[dict | None]]]:
    """Per suite that has ever failed in these runs: what each run said of it, None where it was not gated."""
    found = _rows(
        connection,
        f"""
        select suite, run_id, count(*) filter (not success) as failed, case
            when bool_or(not success and severity = 'critical') then 'critical'
            when bool_or(not success and severity = 'warning') then 'warning'
            when bool_or(not success) then 'info' else 'none' end as worst
        from ({HISTORY}) group by all order by suite
        """,
    )
    cells = {(row["suite"], row["run_id"]): row for row in found}
    shown = {run["run_id"] for run in runs}
    suites = dict.fromkeys(row["suite"] for row in found if row["failed"] and row["run_id"] in shown)
    return [(suite, [cells.get((suite, run["run_id"])) for run in runs]) for suite in suites]


def _checks(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, list[dict]]]:
    """Every expectation that counts now, by suite."""
    found = _rows(
        connection,
        """
        select suite, expectation, severity, integrity, count(*) as times, count(*) filter (not success) as failed
        from ops.gate_result_current group by all order by all
        """,
    )
    return [(suite, list(of_suite)) for suite, of_suite in groupby(found, key=lambda row: row["suite"])]


def _parts(message: str) -> list[tuple[str, str]]:
    """A message of a check, cut into what was expected, what was found, where to look and what to do."""
    parts = []
    for part, following in zip(MESSAGE_PARTS, [*MESSAGE_PARTS[1:], None]):
        text, _, message = message.partition(f"; {following}: ") if following else (message, "", "")
        parts.append((part, text.removeprefix(f"{part}: ")))
        if following:
            message = f"{following}: {message}"
    return parts


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict]:
    found = connection.execute(query)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row)) for row in found.fetchall()]
