"""From a number down to its source rows: which rows stand behind the numerator and the denominator of a KPI.

The rows come from the row models `kpi_row_<topic>` of the build database; the metric catalogue says which of their columns
(components) a metric is made of.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from exports.catalogue import models_of
from exports.periods import Period, parse_period
from ingest import warehouse
from ingest.settings import settings

PARTS = ("numerator", "denominator")
UP_TO_THE_END = ("stock", "cumulative_ratio")  # statistics that all rows before the end of the period are behind


@dataclass(frozen=True)
class SourceRow:
    """One row of a file behind a number. `adds`: what it adds to the part; `text`: what the row says, without persons."""

    file_name: str
    row_no: int
    place: str
    month: date
    adds: float
    text: str
    source: str
    file_id: str


@dataclass(frozen=True)
class Part:
    """Numerator or denominator: the component, its rows, their sum, and the figure of the KPI."""

    name: str
    component: str
    rows: list[SourceRow]
    total: float
    figure: float | None


@dataclass(frozen=True)
class Explanation:
    """A KPI with its definition, its value and the rows behind it."""

    metric: dict[str, Any]
    value: dict[str, Any]
    models: list[Path]
    parts: list[Part] = field(default_factory=list)


class Hidden(RuntimeError):
    """The number is hidden in what is published, because it would tell of single persons."""


def explain(
    metric_code: str,
    place: str,
    period: str,
    breakdown: str | None = None,
    currency: str | None = None,
    show_hidden: bool = False,
) -> Explanation:
    """Find the rows behind one KPI.

    Args:
        metric_code: e.g. `R02`.
        place: name, path (`青禾区 / 云溪镇`), code or key of a place.
        period: `2026`, `2026-Q1`, `2026-03`, `all` or `wave:2026-03-10` (the wave's first day).
        breakdown: `type=member`, e.g. `category=物业管理`; None is the total.
        currency: needed where a place has money in several.
        show_hidden: explain a number, too, that the publication hides.
    Returns: the explanation; rows are ordered by file and row number.
    Raises: LookupError naming what is known when metric, place, period or member is unknown; Hidden for a suppressed number;
        RuntimeError before the first build.
    """
    wanted = parse_period(period)
    kind, member = parse_breakdown(breakdown)
    with warehouse.reader() as connection:
        metric = find_metric(connection, metric_code)
        place_key = find_place(connection, place)
        value = find_value(connection, metric, place_key, wanted, kind, member, currency)
        if value["is_hidden"] and not show_hidden:
            raise Hidden(
                f"{metric_code} at {place}, {period}: hidden where it is published, since it would tell of single persons; "
                "--show-hidden explains it to those who may read the build database"
            )
        parts = [
            part for name in PARTS if metric[f"{name}_component"]
            and (part := find_part(connection, name, metric[f"{name}_component"], value)) is not None
        ]
    return Explanation(
        metric, value, models_of(settings().project, {key: str(entry or "") for key, entry in metric.items()}), parts
    )


def parse_breakdown(text: str | None) -> tuple[str, str]:
    """`type=member` → (type, member); None → the total. Raises: ValueError for anything else."""
    if text is None:
        return "none", "total"
    kind, separator, member = text.partition("=")
    if not separator:
        raise ValueError(f"breakdown: expected type=member, such as category=物业管理, found {text!r}")
    return kind, member


def records(connection: duckdb.DuckDBPyConnection, query: str, parameters: list) -> list[dict[str, Any]]:
    """The result of a query as one dict per row."""
    found = connection.execute(query, parameters)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row)) for row in found.fetchall()]


def find_metric(connection: duckdb.DuckDBPyConnection, code: str) -> dict[str, Any]:
    """The row of the catalogue. Raises: LookupError naming similar codes."""
    found = records(connection, "select * from seeds.metric_catalogue where metric_code = ?", [code])
    if not found:
        family = records(
            connection, "select metric_code from seeds.metric_catalogue where starts_with(metric_code, ?)", [code[:1].upper()]
        )
        known = ", ".join(row["metric_code"] for row in family) or "see docs/kpi_catalogue.md"
        raise LookupError(f"metric: expected a code of the catalogue, found {code!r}; known: {known}")
    return found[0]


def find_place(connection: duckdb.DuckDBPyConnection, place: str) -> str:
    """The key of a place. Raises: LookupError when none or several have that name."""
    found = records(
        connection,
        "select distinct place_key, place_path from marts.dim_place where ? in (place_key, place_code, place_name, place_path) order by 2",
        [place],
    )
    keys = {row["place_key"] for row in found}
    if len(keys) == 1:
        return keys.pop()
    if found:
        raise LookupError(f"place: expected one place, found {len(keys)} named {place!r}; use one of these paths: "
                          + "; ".join(row["place_path"] for row in found))
    raise LookupError(f"place: expected a name, path, code or key of dim_place, found {place!r}; "
                      "see `gmw sql \"select place_path from dim_place\"`")


def find_value(
    connection: duckdb.DuckDBPyConnection, metric: dict[str, Any], place_key: str, period: Period, kind: str, member: str,
    currency: str | None,
) -> dict[str, Any]:
    """The row of kpi_computed. Raises: LookupError naming the periods, members or currencies that there are."""
    rows = records(
        connection,
        """
        select computed.*, catalogue.statistic, published.status = 'suppressed' as is_hidden
        from kpis.kpi_computed as computed
        inner join seeds.metric_catalogue as catalogue using (metric_code)
        inner join kpis.kpi_value as published using (metric_code, place_key, period_type, period_start, breakdown_type, breakdown_value)
        where metric_code = ? and place_key = ? and (? is null or computed.currency = ?)
            and computed.currency is not distinct from published.currency
        """,
        [metric["metric_code"], place_key, currency, currency],
    )
    what = f"{metric['metric_code']} at {place_key}"
    if not rows:
        raise LookupError(f"{what}: expected a value, found none: there are no records behind it")
    in_period = [row for row in rows if row["period_type"] == period.period_type and period.start in (None, row["period_start"])]
    if not in_period:
        there = sorted({str(row["period_start"]) for row in rows if row["period_type"] == period.period_type})
        raise LookupError(
            f"{what}: expected {period.period_type} {period.start}, found these: {', '.join(there) or 'none of that type'}"
        )
    found = [row for row in in_period if (row["breakdown_type"], row["breakdown_value"]) == (kind, member)]
    if not found:
        there = sorted({f"{row['breakdown_type']}={row['breakdown_value']}" for row in in_period})
        raise LookupError(f"{what}: expected breakdown {kind}={member}, found these: {', '.join(there)}")
    if len(found) > 1:
        raise LookupError(
            f"{what}: expected one currency, found {', '.join(str(row['currency']) for row in found)}; choose one with --currency"
        )
    return found[0]


def find_part(connection: duckdb.DuckDBPyConnection, name: str, component: str, value: dict[str, Any]) -> Part | None:
    """The rows behind one part of a KPI; None when no row model has the component."""
    found = connection.execute(
        "select table_name from information_schema.columns where table_schema = 'kpis' and starts_with(table_name, 'kpi_row_') "
        "and column_name = ?", [component]
    ).fetchone()
    if found is None:
        return None
    table = found[0]
    columns = {row[0] for row in connection.execute(
        "select column_name from information_schema.columns where table_schema = 'kpis' and table_name = ?", [table]
    ).fetchall()}
    wanted, parameters = conditions(columns, value)
    rows = records(
        connection,
        f"""
        with behind as (
            select rows.source, rows.file_id, rows.row_no, rows.place_key,
                {"rows.period_month" if "period_month" in columns else "rows.period_start"} as period_month,
                rows."{component}" as adds
            from kpis.{table} as rows
            where rows."{component}" != 0 and {" and ".join(wanted)}
        )
        select
            behind.*, places.place_path, files.file_name
        from behind
        left join (select place_key, any_value(place_path) as place_path from marts.dim_place group by place_key) as places using (place_key)
        left join (select file_id, source, any_value(file_name) as file_name from ops.file group by all) as files using (file_id, source)
        order by files.file_name, behind.row_no, behind.period_month
        """,
        parameters,
    )
    texts = raw_texts(connection, rows)
    return Part(
        name, component,
        [
            SourceRow(row["file_name"], row["row_no"], row["place_path"], row["period_month"], float(row["adds"]),
                      texts.get((row["source"], row["file_id"], row["row_no"]), ""), row["source"], row["file_id"])
            for row in rows
        ],
        float(sum(row["adds"] for row in rows)), value[name],
    )


def conditions(columns: set[str], value: dict[str, Any]) -> tuple[list[str], list[Any]]:
    """The conditions that lead from a row of kpi_value to the rows of a row model with these columns, and their parameters."""
    # A row model of states has one row per period in which it counts.
    by_period = {"period_type", "period_start", "period_end"} <= columns
    month = "rows.period_end - 1" if by_period else "rows.wave_end - 1" if value["period_type"] == "wave" else "rows.period_month"
    wanted = [
        "exists (from intermediate.int_place_ancestor as above where above.place_key = rows.place_key and above.ancestor_place_key = ? "
        f"and last_day({month}) >= coalesce(above.counts_from, date '0001-01-01') and last_day({month}) < coalesce(above.counts_to, date '9999-12-31'))"
    ]
    parameters: list[Any] = [value["place_key"]]
    if by_period:
        wanted.append("rows.period_type = ? and rows.period_start = ?")
        parameters += [value["period_type"], value["period_start"]]
    elif value["period_type"] == "wave":
        wanted.append("rows.wave_start = ?")
        parameters.append(value["period_start"])
    elif value["statistic"] in UP_TO_THE_END:
        wanted.append("rows.period_month < ?")
        parameters.append(value["period_end"])
    else:
        wanted.append("rows.period_month >= ? and rows.period_month < ?")
        parameters += [value["period_start"], value["period_end"]]
    if value["breakdown_type"] != "none":
        column = next((name for name in (value["breakdown_type"], f"{value['breakdown_type']}_key") if name in columns), None)
        if column is None:
            raise LookupError(
                f"breakdown {value['breakdown_type']}: expected a column of that name in the row model, found {sorted(columns)}"
            )
        wanted.append(f"coalesce(rows.\"{column}\", 'unknown') = ?")
        parameters.append(value["breakdown_value"])
    if value["currency"] is not None and "currency" in columns:
        wanted.append("rows.currency = ?")
        parameters.append(value["currency"])
    return wanted, parameters


def raw_texts(connection: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]]) -> dict[tuple[str, str, int], str]:
    """What the raw rows say: (source, file, row) → `header: value` of the cells that are neither empty nor keyed hashes."""
    from ingest.declaration import declarations

    declared = {source.name: source for source in declarations()}
    texts = {}
    for source in {row["source"] for row in rows} & declared.keys():
        shown = [column.name for column in declared[source].columns if not column.personal]
        names = {column.name: column.headers[0] if column.headers else column.name for column in declared[source].columns}
        there = {
            row[0]
            for row in connection.execute(
                "select column_name from information_schema.columns where table_schema = 'raw' and table_name = ?", [source]
            ).fetchall()
        }
        shown = [name for name in shown if name in there]
        wanted = list({(row["file_id"], row["row_no"]) for row in rows if row["source"] == source and row["file_id"]})
        quoted = ", ".join(f'"{name}"' for name in shown)
        for raw in records(
            connection,
            f"select _file_id, _row_no, {quoted} from raw.{source} "
            "where (_file_id, _row_no) in (select unnest(?::varchar[]), unnest(?::bigint[]))",
            [[file_id for file_id, _ in wanted], [row_no for _, row_no in wanted]],
        ):
            said = [
                f"{names[name]}: {str(raw[name]).strip()}" for name in shown if raw[name] is not None and str(raw[name]).strip()
            ]
            texts[source, raw["_file_id"], raw["_row_no"]] = " · ".join(said)
        for row in records(
            connection,
            """
            select file_id, row_no, column_name, found_value, corrected_value, correction_id
            from ops.correction_outcome inner join ops.batch using (batch_id)
            where batch.source = ? and outcome = 'applied'
                and (file_id, row_no) in (select unnest(?::varchar[]), unnest(?::bigint[]))
            order by correction_id
            """,
            [source, [file_id for file_id, _ in wanted], [row_no for _, row_no in wanted]],
        ):
            found, meant = (row[name] or "empty" for name in ("found_value", "corrected_value"))
            texts[source, row["file_id"], row["row_no"]] += (
                f" · (corrected by {row['correction_id']}: {names[row['column_name']]}: {found} → {meant})"
            )
    return texts
