"""The demonstration district: every KPI of the warehouse equals the figure recomputed from the raw files in plain Python."""

from __future__ import annotations

import math
from pathlib import Path

import duckdb

from ingest import warehouse
from ingest.run import run_all
from ingest.settings import settings
from tests.e2e.conftest import RAW
from tests.e2e.sample_truth import quarantined, truth

def published(query: str) -> list[tuple]:
    with duckdb.connect(str((settings().published / "current").resolve() / "marts.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


WORDS = {"offline": "线下", "online": "线上"}
KPI_ROWS = """
    select metric_code, place_name, period_type, period_start, breakdown_type, breakdown_value, currency, value, numerator,
        denominator, n, status
    from kpis.kpi_computed inner join marts.dim_place using (place_key)
    where kpi_computed.place_level in ('district', 'town', 'community', 'unknown')
"""


def test_every_kpi_equals_its_recomputation(installation: Path) -> None:
    expected = truth(RAW)
    found = {}
    with warehouse.reader() as connection:
        rows = connection.execute(KPI_ROWS).fetchall()
    for code, place, period, start, kind, member, currency, value, numerator, denominator, n, status in rows:
        if period == "all":
            start = None
        elif period == "wave":
            start = start.replace(day=1)
        member = WORDS.get(member, member).removeprefix("satisfaction_survey.")
        key = (code, place, period, start and start.isoformat(), kind, member, currency)
        found[key] = {"value": value, "numerator": numerator, "denominator": denominator, "n": n}
    differences = []
    for key, figures in expected.items():
        have = found.get(key)
        if have is None:
            if figures["value"]:
                differences.append(f"{key}: expected {figures}, found no row")
            continue
        for name, figure in figures.items():
            same = figure == have[name] or (
                figure is not None and have[name] is not None and math.isclose(figure, have[name], rel_tol=1e-9, abs_tol=1e-9)
            )
            if figure is not None and not same or name == "value" and not same:
                differences.append(f"{key}: {name} expected {figure}, found {have[name]}")
    assert len(expected) > 10_000
    assert not differences, f"{len(differences)} of {len(expected)} differ:\n" + "\n".join(sorted(differences)[:20])
    recomputed = {(code, period, kind) for code, _, period, _, kind, _, _ in expected}
    beyond = [
        key for key, figures in found.items()
        if key not in expected and figures["value"] and (key[0], key[2], key[4]) in recomputed
    ]
    assert not beyond, f"{len(beyond)} figures that the recomputation does not have: {sorted(map(str, beyond))[:20]}"


def test_what_is_published_is_what_was_computed_or_hidden(installation: Path) -> None:
    with warehouse.reader() as connection:
        differing, hidden, wrongly_shown = connection.execute(
            """
            select
                count(*) filter (published.status != 'suppressed' and published is distinct from computed),
                count(*) filter (published.status = 'suppressed'),
                count(*) filter (published.status = 'suppressed' and (published.value is not null or published.n is not null
                    or published.numerator is not null or published.denominator is not null or published.lower is not null
                    or published.upper is not null))
            from kpis.kpi_computed as computed
            full join kpis.kpi_value as published
                using (metric_code, place_key, period_type, period_start, breakdown_type, breakdown_value)
            where computed.currency is not distinct from published.currency
            """
        ).fetchone()
        (computed,), (published,) = (
            connection.execute(f"select count(*) from kpis.{name}").fetchone() for name in ("kpi_computed", "kpi_value")
        )
    assert (differing, wrongly_shown) == (0, 0)
    assert hidden > 0
    assert published == computed


def test_every_metric_of_the_catalogue_has_a_value(installation: Path) -> None:
    assert published("select metric_code from kpi_catalogue except select metric_code from kpi_value") == []


def test_rows_that_cannot_be_read_are_listed_with_their_reason(installation: Path) -> None:
    with warehouse.reader() as connection:
        found = dict(connection.execute("select source, count(*) from marts.quality_rejected_row group by source").fetchall())
    assert found == {source: rows for source, rows in quarantined(RAW).items() if rows}


def test_loaded_rows_are_staged_or_rejected_never_lost(installation: Path) -> None:
    with warehouse.reader() as connection:
        for raw, staged in (("issue_ledger", "case"), ("activity_ledger", "activity"), ("donation_list", "money"),
                            ("grant_ledger", "money"), ("place_register", "place")):
            rows = connection.execute(
                f"select count(distinct case_no) from raw.{raw}" if raw == "issue_ledger" else f"select count(*) from raw.{raw}"
            ).fetchone()
            assert rows == connection.execute(f"select count(*) from staging.stg_{raw}__{staged}").fetchone(), raw


def test_names_of_people_are_in_no_published_table(installation: Path) -> None:
    current = (settings().published / "current").resolve()
    everything = (current / "marts.duckdb").read_bytes()
    for name in ("郑阿姨", "张女士", "王伯伯", "19900"):
        assert name.encode() not in everything


def test_running_everything_twice_changes_no_figure_and_no_row_count(installation: Path) -> None:
    figures = "select * exclude (run_id) from kpi_value order by all"
    counts = """
        select schema_name || '.' || table_name, estimated_size from duckdb_tables()
        where schema_name in ('raw', 'ops', 'marts', 'kpis') and table_name not in ('gate_result', 'run') order by 1
    """
    with warehouse.reader() as connection:
        counts_before = connection.execute(counts).fetchall()
    before = published(figures)
    run_all("second", None, lambda step: None, print)
    with warehouse.reader() as connection:
        assert connection.execute(counts).fetchall() == counts_before
    after = published(figures)
    assert after == before
    assert published("select distinct run_id from kpi_value") == [("second",)]
