"""How long, how large: the exports of a district of 200 communities over 24 months, `make bench-export`.

A published version is made up: every metric of the catalogue with a figure in every place and period, questions of surveys by wave,
money by source, and curves; numbers are drawn by hash, so that they pack no better than real ones. Then `gmw export` is run as people
run it, for each audience: from the start of the process to its end.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import duckdb

from bench.load import PAGE, PROJECT
from bench.memory import peak_memory

BEGIN, END = "<!-- written by make bench-export -->\n", "<!-- end of exports -->\n"
VERSION = "20261001T000000Z-bench"
FILES = ("kpi.csv", "kpi.parquet", "kpi.xlsx", "index.html")  # whose sizes are told
DRAWN = "hash(metric_code, place_key, period_type, period_start, breakdown_value, '{}') % 1000000 / 1e6"


def main() -> None:
    """Measure, print the table, and write it where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--communities", type=int, default=200)
    parser.add_argument("--density", type=float, default=1.0, help="share of the places and periods in which a metric has a figure")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.relative_to(PROJECT)}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-exports-", dir=os.environ.get("GMW_BENCH_FOLDER")) as folder:
        table = measure(Path(folder), options.communities, options.density)
    print(table)
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(page.split(BEGIN)[0] + BEGIN + table + END + page.split(END)[1], encoding="utf-8")


def measure(home: Path, communities: int, density: float) -> str:
    """Make a version up and export it. Returns: the table."""
    rows = make_version(home, communities, density)
    lines = [
        f"{communities} communities, 24 months, {rows:,} rows of kpi_value; DuckDB {duckdb.__version__}, Python "
        f"{platform.python_version()}, {os.cpu_count()} cores; one run each.",
        "",
        f"| command | seconds | CPU seconds | peak memory, MB | {', '.join(FILES)}, MB |",
        "|---|---|---|---|---|",
    ]
    for audience in ("internal", "public"):
        command = [str(PROJECT / ".venv" / "bin" / "gmw"), "export", "--audience", audience]
        started, used = time.monotonic(), _cpu_seconds()
        with peak_memory() as peak:
            process = subprocess.run(command, cwd=PROJECT, env={**os.environ, "GMW_HOME": str(home)}, capture_output=True, text=True)
        took, used = time.monotonic() - started, _cpu_seconds() - used
        if process.returncode:
            raise RuntimeError(f"{audience}: ended with exit code {process.returncode}:\n{process.stdout}{process.stderr}")
        written = {path.name: path.stat().st_size / 1e6 for path in map(Path, process.stdout.split())}
        sizes = ", ".join(f"{written[name]:.1f}" for name in FILES)
        lines.append(f"| `gmw export --audience {audience}` | {took:.1f} | {used:.1f} | {peak.of_a_child:.0f} | {sizes} |")
    return "\n".join(lines) + "\n"


def _cpu_seconds() -> float:
    """Of the processes that have been started and waited for."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def make_version(home: Path, communities: int, density: float) -> int:
    """Write a published version below a home. Returns: the rows of its kpi_value."""
    folder = home / "published" / VERSION
    folder.mkdir(parents=True)
    (home / "published" / "current").symlink_to(VERSION)
    seeds = PROJECT / "dbt_project" / "seeds"
    with duckdb.connect(str(folder / "marts.duckdb")) as connection:
        connection.execute(f"""
            create table kpi_catalogue as
            from read_csv('{seeds / "metric_catalogue.csv"}', types = {{'notes': 'varchar', 'minimum_n': 'integer', 'decimals': 'integer'}});
            create table dim_place as
            with place as (
                select 'd' as place_key, '示范区' as place_name, 'Example District' as place_name_en, 'district' as place_level,
                    null as parent_place_key
                union all select 't' || i, '第' || i || '镇', 'Town ' || i, 'town', 'd' from range(10) as towns (i)
                union all select 'c' || i, '第' || i || '社区', 'Community ' || i, 'community', 't' || i % 10
                from range({communities}) as communities (i)
            )
            select *, 'example' as tree, place_name as place_path, date '2020-01-01' as valid_from, null::date as valid_to from place;
            create table period as
            select 'month' as period_type, m::date as period_start, (m + interval 1 month)::date as period_end
                from range(date '2024-10-01', date '2026-10-01', interval 1 month) as months (m)
            union all select 'quarter', q::date, (q + interval 3 month)::date
                from range(date '2024-10-01', date '2026-10-01', interval 3 month) as quarters (q)
            union all select 'year', y::date, (y + interval 1 year)::date
                from range(date '2024-01-01', date '2027-01-01', interval 1 year) as years (y)
            union all select 'all', date '2024-10-01', date '2026-10-01';
            create table wave as
            select 'wave' as period_type, w::date as period_start, (w + interval 14 day)::date as period_end
                from range(date '2025-03-01', date '2026-10-01', interval 6 month) as waves (w);
            create table member as
            select 'none' as breakdown_type, 'total' as breakdown_value
            union all select 'question', 'q' || i from range(1, 6) as questions (i)
            union all select 'source_type', unnest(['company', 'foundation', 'government', 'resident', 'unknown']);
            create table dim_question as
            select 'q' || i as question_key, '问题' || i as question_text, i = 1 as is_headline from range(1, 6) as questions (i);
        """)  # fmt: skip
        connection.execute(f"""
            create table kpi_value as
            with cell as (
                select metric_code, definition_version, place_key, place_level, place_path, time.*, member.*, unit, minimum_n, statistic
                from kpi_catalogue
                join member on list_contains(string_split(breakdowns, '|'), breakdown_type)
                join (from period union all from wave) as time on time.period_type <> 'wave' or breakdown_type = 'question'
                cross join dim_place
            ),
            drawn as (
                select *, {DRAWN.format('n')} as size, {DRAWN.format('value')} as chance, {DRAWN.format('there')} as there from cell
            ),
            counted as (
                select *, (1 + size * size * 2000)::bigint as n, round((1 + size * size * 2000) * chance) as hits from drawn
                where there < {density} or place_key = 'd'
            ),
            valued as (
                select *,
                    case unit when 'share' then least(hits / n, 1) when 'money' then round(size * 1e6, 2) else round(chance * 1000, 2) end as v,
                    unit = 'share' and statistic in ('proportion', 'weighted_proportion') or statistic = 'mean' as has_interval,
                    {DRAWN.format('hidden')} < 0.03 as is_hidden
                from counted
            )
            select metric_code, definition_version, place_key, place_level, place_path, period_type, period_start, period_end,
                breakdown_type, breakdown_value,
                if(is_hidden, null, if(unit = 'share', least(hits, n)::double, v)) as numerator,
                if(is_hidden or unit <> 'share', null, n::double) as denominator, if(is_hidden, null, v) as "value",
                if(is_hidden, null, n) as n,
                if(is_hidden or not has_interval, null, greatest(v - 1.96 * sqrt(0.25 / n), 0)) as "lower",
                if(is_hidden or not has_interval, null, if(unit = 'share', least(v + 1.96 * sqrt(0.25 / n), 1), v + 1.96 / sqrt(n))) as "upper",
                unit, if(unit = 'money', 'CNY', null) as currency,
                case when is_hidden then 'suppressed' when n < minimum_n then 'low_n' when period_end > date '2026-10-01' then 'partial' else 'ok' end as status,
                date '2026-09-30' as as_of, 'bench' as run_id
            from valued order by all;
            create table kpi_survival_curve as
            select place_key, period_type, period_start, period_end, d::integer as elapsed_days,
                greatest(exp(-d / 30) + {DRAWN.replace('metric_code, ', '').replace('breakdown_value', 'd').format('curve')} / 100, 0) as open_share,
                open_share * 0.95 as "lower", least(open_share * 1.05, 1) as "upper", (400 - d / 2)::bigint as at_risk_count, 400::bigint as n,
                date '2026-09-30' as as_of
            from period cross join dim_place cross join (from range(0, 60) union all from range(63, 700, 7)) as days (d);
            create table quality_summary (source varchar, files bigint, batches_blocked bigint, rows_in bigint, rows_loaded bigint,
                rows_quarantined bigint, rows_skipped bigint, rows_rejected_in_staging bigint, gate_critical_failed bigint,
                gate_warning_failed bigint, last_loaded_at timestamptz);
            create table publication as
            select '{VERSION}' as version, 'bench' as run_id, timestamptz '2026-10-01 00:00:00+00' as published_at,
                date '2026-09-30' as as_of, 'bench' as code_version, 'bench' as catalogue_version, '[]'::json as gates;
            create table kpi_value_public as from kpi_value;
            drop table period; drop table wave; drop table member;
        """)  # fmt: skip
        ((rows,),) = connection.execute("select count(*) from kpi_value").fetchall()
    return rows


if __name__ == "__main__":
    main()
