"""The quality report: one HTML file that opens without a network."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path

import duckdb
from jinja2 import Environment

from expectations.results import MESSAGE_PARTS
from ingest import warehouse
from ingest.settings import settings

NEWEST_BATCHES = 100

TEMPLATE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Quality report</title>
<style>
  body { font: 15px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
         color: #1c2430; background: #fff }
  h1, h2 { line-height: 1.2 } h2 { margin-top: 2.5rem }
  table { border-collapse: collapse; width: 100%; font-size: 14px }
  th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #dde3ea; vertical-align: top }
  td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
  .failure { border-left: 4px solid #8a94a3; padding: .3rem 1rem; margin: 1rem 0; background: #f6f8fa;
             overflow-wrap: anywhere }
  .critical { border-color: #b3261e } .warning { border-color: #a86500 }
  .bad { color: #b3261e; font-weight: 600 } .good { color: #1a6b3c; font-weight: 600 } .unsure { color: #8a5200 }
  dl { margin: .3rem 0 } dt { float: left; clear: left; width: 6rem; color: #5a6675 } dd { margin: 0 0 0 6.5rem }
</style>
<h1>Quality report</h1>
<p>Made {{ made_at }}. {% if marts_run %}Marts gate of run <b>{{ marts_run }}</b>, {{ marts_at }}:
{% if marts_failed %}<span class="bad">failed</span>, nothing of it was published{% else %}<span class="good">passed</span>{% endif %}.
{% else %}The marts gate has not run yet.{% endif %}</p>

<h2>What does not hold ({{ failures | length }})</h2>
{% for failure in failures %}
<div class="failure {{ failure.severity }}">
  <b>{{ failure.expectation | replace("_", " ") }}</b> · {{ failure.severity }} · {{ failure.suite }}
  {%- if failure.file_name %} · {{ failure.file_name }}{% endif %}
  <dl>{% for part, text in failure.parts %}<dt>{{ part }}</dt>
  <dd>{{ text.split(" | ") | join("<br>" | safe) }}</dd>{% endfor %}</dl>
</div>
{% else %}<p>Every expectation holds.</p>{% endfor %}

<h2>Sources</h2>
<table>
  <tr><th>Source<th class="number">Files<th class="number">Accepted<th class="number">Blocked<th class="number">Waiting
      <th class="number">Rows in<th class="number">Loaded<th class="number">Quarantined<th class="number">Skipped<th>Last load
  {% for row in sources %}
  <tr><td>{{ row.source }}<td class="number">{{ row.files }}<td class="number">{{ row.accepted }}
      <td class="number {{ 'bad' if row.blocked }}">{{ row.blocked }}<td class="number">{{ row.waiting }}
      <td class="number">{{ row.rows_in }}<td class="number">{{ row.rows_loaded }}
      <td class="number {{ 'unsure' if row.rows_quarantined }}">{{ row.rows_quarantined }}
      <td class="number">{{ row.rows_skipped }}<td>{{ row.last_load }}
  {% endfor %}
</table>

<h2>Batches{% if batches_hidden %} (the newest {{ batches | length }} of {{ batches | length + batches_hidden }})
{% endif %}</h2>
<table>
  <tr><th>Batch<th>File<th>Status<th class="number">Rows in<th class="number">Loaded<th class="number">Quarantined
      <th class="number">Skipped<th>What was said about it
  {% for row in batches %}
  <tr><td>{{ row.batch_id }}<td>{{ row.file_name }}
      <td class="{{ {'accepted': 'good', 'blocked': 'bad'}.get(row.status, 'unsure') }}">{{ row.status }}
      <td class="number">{{ row.rows_in }}<td class="number">{{ row.rows_loaded }}<td class="number">{{ row.rows_quarantined }}
      <td class="number">{{ row.rows_skipped }}<td>{{ row.message }}
  {% endfor %}
</table>

<h2>Everything that was checked</h2>
<table>
  <tr><th>Suite<th>Expectation<th>Severity<th class="number">Times<th class="number">Failed
  {% for row in checks %}
  <tr><td>{{ row.suite }}<td>{{ row.expectation | replace("_", " ") }}<td>{{ row.severity }}<td class="number">{{ row.times }}
      <td class="number {{ 'bad' if row.failed }}">{{ row.failed }}
  {% endfor %}
</table>
</html>
"""

# What the gates said last: of each batch (the ledger keeps one verdict per batch), and of the marts.
LATEST = """
select * from ops.gate_result
where gate = 'raw' or (gate = 'marts' and run_id = (
    select max_by(run_id, checked_at) from ops.gate_result where gate = 'marts'))"""


def write_report() -> Path:
    """Write the quality report of the latest gates and batches to `reports/quality.html`.

    The file is replaced whole, never seen half-written.

    Returns: its path. Raises: FileNotFoundError when nothing has been loaded yet; WarehouseBusy.
    """
    with warehouse.reader() as connection:
        content = _content(connection)
    page = Environment(autoescape=True, trim_blocks=True).from_string(TEMPLATE).render(content)
    path = settings().reports / "quality.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.write_text(page, encoding="utf-8")
    os.replace(draft, path)
    return path


def _content(connection: duckdb.DuckDBPyConnection) -> dict[str, object]:
    failures = _rows(
        connection,
        f"""
        select latest.suite, latest.expectation, latest.severity, latest.message, file.file_name
        from ({LATEST}) as latest
        left join ops.batch as batch using (batch_id)
        left join ops.file as file on file.source = batch.source and file.file_id = batch.file_id
        where not latest.success
        order by latest.severity = 'critical' desc, latest.gate, latest.suite, batch.batch_no desc, latest.expectation
        """,
    )
    marts = _rows(
        connection,
        f"""
        select run_id, strftime(max(checked_at), '%Y-%m-%d %H:%M UTC') as checked_at,
            count(*) filter (not success and severity = 'critical') as failed
        from ({LATEST}) where gate = 'marts' group by run_id
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
    return {
        "made_at": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "marts_run": marts[0]["run_id"] if marts else None,
        "marts_at": marts[0]["checked_at"] if marts else None,
        "marts_failed": marts[0]["failed"] if marts else 0,
        "failures": [{**failure, "parts": _parts(failure["message"])} for failure in failures],
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
        "checks": _rows(
            connection,
            f"""
            select suite, expectation, severity, count(*) as times, count(*) filter (not success) as failed
            from ({LATEST}) group by all order by all
            """,
        ),
    }


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
