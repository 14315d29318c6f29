"""The public data sets from file to publication: every figure that is known of them, read from the published marts.

The data lie beside the repository (GMW_PUBLIC_DATA, default ../shared/data) and are never part of it. Where the folder
exists, a figure that differs is a failure.
"""

import csv
import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import duckdb
import pytest

from ingest import warehouse
from ingest.build import dbt
from ingest.declaration import declarations
from ingest.run import run_all
from ingest.settings import settings
from tests.conftest import PROJECT, SECRET

PUBLIC_DATA = Path(os.environ.get("GMW_PUBLIC_DATA") or PROJECT.parent / "shared" / "data").resolve()
LOS_ANGELES_2017 = ("los_angeles:city", "year", date(2017, 1, 1))
LOS_ANGELES_2020 = ("los_angeles:city", "year", date(2020, 1, 1))
AUTUMN_2021, SPRING_2022 = date(2021, 9, 1), date(2022, 3, 1)
LOTTERY, EXCHEQUER = ("fund", "lottery"), ("fund", "exchequer")

pytestmark = pytest.mark.skipif(
    not PUBLIC_DATA.is_dir(), reason=f"the public data sets are not here: no folder {PUBLIC_DATA} (GMW_PUBLIC_DATA)"
)


@pytest.fixture(scope="module", autouse=True)
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """GIVEN the public data sets, and nothing in the drop folder, WHEN everything runs once."""
    home = tmp_path_factory.mktemp("public")
    (home / "drop").mkdir()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GMW_HOME", str(home))
        environment.setenv("GMW_DROP_FOLDER", str(home / "drop"))
        environment.setenv("GMW_EXAMPLES_FOLDER", str(PUBLIC_DATA))
        environment.setenv("GMW_DBT_VARS", "{example_sources: true}")
        environment.setenv("GMW_PERSON_KEY_SECRET", SECRET)
        assert run("first") == []
        yield


def run(run_id: str) -> list:
    """Run the whole way, also when nothing is new. Returns the batches that are blocked."""
    return run_all(run_id, None, step=lambda what: None, echo=print, rebuild=True)


def published(query: str, *parameters: object) -> list[SimpleNamespace]:
    """Rows of a query on the published marts."""
    connection = duckdb.connect(str(settings().published / "current" / "marts.duckdb"), read_only=True)
    try:
        found = connection.execute(query, list(parameters))
        names = [column[0] for column in found.description]
        return [SimpleNamespace(**dict(zip(names, row, strict=True))) for row in found.fetchall()]
    finally:
        connection.close()


def kpi(
    metric_code: str, place_key: str, period_type: str, period_start: date | None = None,
    breakdown: tuple[str, str] = ("none", "total"),
) -> SimpleNamespace:
    """The one row of a KPI. A period without a start is the whole time."""
    rows = published(
        """
        from kpi_value where metric_code = ? and place_key = ? and period_type = ? and period_start = coalesce(?, period_start)
            and breakdown_type = ? and breakdown_value = ?
        """,
        metric_code, place_key, period_type, period_start, *breakdown,
    )  # fmt: skip
    assert len(rows) == 1, f"expected one row of {metric_code} at {place_key}, found {len(rows)}"
    return rows[0]


def cases(outcome: str, when: tuple = LOS_ANGELES_2017) -> float:
    return kpi(f"R01.{outcome}", *when).value


def rounded(value: float, decimals: int) -> object:
    """A figure as printed with so many decimals: half a unit of the last one, and a hair for halves."""
    return pytest.approx(value, rel=0, abs=0.5000001 * 10**-decimals)


def test_los_angeles_2017_resolution_rate_counts_closed_requests_only():
    rate = kpi("R02", *LOS_ANGELES_2017)
    assert (rate.numerator, rate.denominator) == (9_739, 9_999)
    assert rate.value == pytest.approx(9_739 / 9_999, rel=1e-12)


def test_los_angeles_2017_raised_is_the_sum_of_its_outcomes():
    assert cases("raised") == 9_999
    assert (cases("resolved"), cases("cancelled"), cases("referred_out"), cases("open")) == (9_739, 246, 9, 5)
    outcomes = ("resolved", "rejected", "withdrawn", "cancelled", "referred_out", "open")
    assert cases("raised") == sum(cases(outcome) for outcome in outcomes)


def test_los_angeles_2017_naive_median_takes_resolved_requests_with_a_valid_interval():
    naive = kpi("R06", *LOS_ANGELES_2017)
    assert naive.value == rounded(4.180035, 6)
    assert naive.n == 9_727
    assert kpi("R06.invalid_interval", *LOS_ANGELES_2017).value == 12


def test_los_angeles_2020_counts_closed_requests_without_a_close_date_as_resolved():
    rate = kpi("R02", *LOS_ANGELES_2020)
    assert (rate.numerator, rate.denominator) == (9_723, 10_000)
    assert kpi("R06.missing_end", *LOS_ANGELES_2020).value == 18


def test_los_angeles_2020_naive_median():
    naive = kpi("R06", *LOS_ANGELES_2020)
    assert naive.value == rounded(1.936111, 6)
    assert naive.n == 9_705


def test_los_angeles_requests_without_a_neighbourhood_council_are_counted_as_unknown():
    """100 requests of 2017 name no council, and still the parts add up to the city."""
    parts = published(
        """
        select sum(value) as value from kpi_value join dim_place using (place_key)
        where metric_code = 'R01.raised' and parent_place_key = ? and period_type = ? and period_start = ? and breakdown_type = 'none'
        """,
        *LOS_ANGELES_2017,
    )
    assert parts[0].value == cases("raised")
    assert cases("raised", ("los_angeles:unknown", *LOS_ANGELES_2017[1:])) == 100


def test_los_angeles_2017_kaplan_meier_agrees_with_lifelines():
    """The durations come from the file itself, by the rules of the catalogue: open requests are censored at the last moment
    dated in the file, cancelled and referred ones when they end; missing and negative intervals do not count."""
    from lifelines import KaplanMeierFitter
    from lifelines.utils import median_survival_times, qth_survival_times

    durations, events = durations_of(PUBLIC_DATA / "la311" / "MyLA311_Service_Request_Data_2017_Subset.csv")
    fitted = KaplanMeierFitter().fit(durations, events)
    bounds = median_survival_times(fitted.confidence_interval_)
    median, ninetieth = kpi("R05.median", *LOS_ANGELES_2017), kpi("R05.p90", *LOS_ANGELES_2017)
    assert median.n == len(durations) == 9_999 - 12
    assert median.value == pytest.approx(fitted.median_survival_time_, rel=0, abs=1e-9)
    assert (median.lower, median.upper) == pytest.approx(tuple(bounds.iloc[0]), rel=0, abs=1e-9)
    assert ninetieth.value == pytest.approx(qth_survival_times(0.1, fitted.survival_function_), rel=0, abs=1e-9)


def durations_of(path: Path) -> tuple[list[float], list[bool]]:
    """Days that each request of the 2017 extract was watched, and whether it was resolved then."""
    zone = ZoneInfo("America/Los_Angeles")

    def moment(text: str) -> datetime | None:
        return datetime.strptime(text, "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=zone).astimezone(ZoneInfo("UTC")) if text else None

    with open(path, encoding="utf-8", newline="") as file:
        requests = [
            (row["Status"], moment(row["CreatedDate"]), moment(row["ClosedDate"]), moment(row["UpdatedDate"]))
            for row in csv.DictReader(file)
        ]
    last = max(at for _, *moments in requests for at in moments if at)
    watched = [
        (status, (last if status == "Open" else ended) - created)
        for status, created, ended, _ in requests
        if status == "Open" or (ended and ended >= created)
    ]
    return [length / timedelta(days=1) for _, length in watched], [status == "Closed" for status, _ in watched]


def test_restart_project_held_1727_activities_of_181_groups():
    assert kpi("P01", "restart_project:programme", "all").value == 1_727
    (groups,) = published(
        "select count(distinct host_name) as n, count(*) as events from fct_activity where source = 'open_repair'"
    )
    assert (groups.n, groups.events) == (181, 1_727)


def test_restart_project_items_are_not_taken_for_people():
    attendance = kpi("P05", "restart_project:programme", "all")
    assert (attendance.value, attendance.status) == (None, "no_base")


@pytest.mark.parametrize(
    ("wave", "question", "mean", "n"),
    [
        (AUTUMN_2021, "q1_01", 3.7963, 1_026),
        (SPRING_2022, "q1_01", 3.8430, 981),
        (AUTUMN_2021, "q1_02", 3.4582, 945),
        (AUTUMN_2021, "q2_01", 3.1965, 1_018),
        (SPRING_2022, "q2_01", 3.3186, 976),
    ],
)
def test_kansas_city_means_leave_out_the_nines(wave: date, question: str, mean: float, n: int):
    score = kpi("S04.mean", "kansas_city:city", "wave", wave, ("question", f"kcmo_survey.{question}"))
    assert score.value == rounded(mean, 4)
    assert score.n == n


@pytest.mark.parametrize(
    ("wave", "question", "share"),
    [
        (AUTUMN_2021, "q1_01", 0.7339),
        (SPRING_2022, "q1_01", 0.7655),
        (AUTUMN_2021, "q2_01", 0.4666),
        (SPRING_2022, "q2_01", 0.5451),
    ],
)
def test_kansas_city_satisfied_shares(wave: date, question: str, share: float):
    satisfied = kpi("S03", "kansas_city:city", "wave", wave, ("question", f"kcmo_survey.{question}"))
    assert satisfied.value == rounded(share, 4)


@pytest.mark.parametrize(
    ("wave", "means"),
    [
        (AUTUMN_2021, (3.8344, 3.8938, 3.4832, 3.8788, 3.6685, 3.9579)),
        (SPRING_2022, (3.8864, 3.8457, 3.4967, 3.9821, 3.7582, 4.0473)),
    ],
)
def test_kansas_city_means_by_council_district(wave: date, means: tuple[float, ...]):
    for district, mean in enumerate(means, start=1):
        place = f"kansas_city:district-{district}"
        assert kpi("S04.mean", place, "wave", wave, ("question", "kcmo_survey.q1_01")).value == rounded(mean, 4), place


@pytest.mark.parametrize(
    ("fund", "total", "rows"), [(LOTTERY, 1_180_852_146, 11_140), (EXCHEQUER, 510_872_121, 2_434)]
)
def test_sport_england_instalments_are_not_duplicates(fund: tuple[str, str], total: int, rows: int):
    awarded = kpi("F02.awarded", "england:country", "all", breakdown=fund)
    assert (awarded.value, awarded.n, awarded.currency) == (total, rows, "GBP")


@pytest.mark.parametrize(
    ("first_year", "years", "total"),
    [
        # Three awards of 2009/2010 are dated after its end: by date, only both years together are as published.
        (2009, 2, 255_605_703 + 71_040_809),
        (2011, 1, 153_768_326),
        (2012, 1, 115_391_316),
        (2013, 1, 341_116_489),
        (2014, 1, 243_929_503),
    ],
)
def test_sport_england_lottery_quarters_add_up_to_the_financial_years(first_year: int, years: int, total: int):
    (quarters,) = published(
        """
        select sum(value) as value from kpi_value
        where metric_code = 'F02.awarded' and place_key = 'england:country' and period_type = 'quarter'
            and breakdown_type = ? and breakdown_value = ? and period_start >= ? and period_end <= ?
        """,
        *LOTTERY, date(first_year, 4, 1), date(first_year + years, 4, 1),
    )  # fmt: skip
    assert quarters.value == total


def test_sport_england_awards_of_a_region():
    assert kpi("F02.awarded", "england:south-east", "all", breakdown=LOTTERY).n == 1_723


def test_arts_council_of_wales_awards_with_their_pence():
    awarded = kpi("F02.awarded", "wales:country", "all")
    assert awarded.value == pytest.approx(242_022_953.49, rel=0, abs=1e-6)
    assert (awarded.n, awarded.currency) == (4_020, "GBP")


def test_arts_council_of_wales_recipients_are_keyed_hashes_in_the_restricted_copy_only():
    """Some recipients bear the name of an artist."""
    assert published("select 1 from duckdb_columns() where table_name = 'fct_money' and column_name = 'counterparty_key'") == []
    with duckdb.connect(str(settings().published / "current" / "restricted.duckdb"), read_only=True) as connection:
        assert connection.execute(
            """
            select count(*), count(*) filter (regexp_full_match(counterparty_key, '[0-9a-f]{8}:[0-9a-f]{64}'))
            from fct_money where source = 'arts_council_wales'
            """
        ).fetchone() == (4_020, 4_020)


SOMERVILLE = {
    "happiness": 77 / 143, "information": 4.3147, "housing": 2.5385, "schools": 3.2657, "police": 3.6993, "streets": 3.6154,
    "events": 4.2168,
}  # fmt: skip


@pytest.mark.parametrize(("question", "mean"), SOMERVILLE.items())
def test_somerville_counts_each_respondent_once_although_the_survey_came_in_three_files(question: str, mean: float):
    """15 of the 143 rows are equal to others: they are people of their own."""
    score = kpi("S04.mean", "somerville:city", "wave", date(2015, 1, 1), ("question", f"somerville.{question}"))
    assert score.value == rounded(mean, 4)
    assert score.n == 143


def test_somerville_gives_the_same_rows_in_three_encodings_and_two_layouts():
    with warehouse.reader() as connection:
        files = connection.execute(
            f"""
            select encoding, batch.layout, rows_loaded, rows_quarantined, list([{', '.join(SOMERVILLE)}] order by _row_no)
            from ops.batch as batch join raw.somerville as survey on batch.batch_id = survey._batch_id
            group by batch_id, encoding, batch.layout, rows_loaded, rows_quarantined order by encoding
            """
        ).fetchall()
    assert [row[:4] for row in files] == [
        ("utf-16", "without_header", 143, 0), ("utf-8", "with_header", 143, 0), ("utf-8", "with_header", 143, 0)
    ]  # fmt: skip
    people = files[0][4]
    assert all(row[4] == people for row in files)
    assert (sum(int(person[0]) for person in people), len(people)) == (77, 143)


@pytest.mark.parametrize(
    ("year", "communes", "eligible", "ballots", "percent", "unweighted"),
    [(2023, 2_143, 5_585_212, 2_604_931, 46.639787, 48.793583), (2019, 2_218, 5_459_218, 2_462_641, 45.109776, 47.037196)],
)
def test_swiss_turnout_is_ballots_over_voters_of_the_communes(
    year: int, communes: int, eligible: int, ballots: int, percent: float, unweighted: float
):
    """The file of 2023 has the sums of the country and its cantons, too; the mean of the communes is no turnout."""
    turnout = kpi("P13", "switzerland:country", "year", date(year, 1, 1), ("voter_unit", "person"))
    assert (turnout.numerator, turnout.denominator) == (ballots, eligible)
    assert turnout.value * 100 == rounded(percent, 6)
    (of_communes,) = published(
        """
        select count(*) as n, avg(value) * 100 as mean from kpi_value
        where metric_code = 'P13' and place_level = 'commune' and place_key like 'switzerland:%' and period_type = 'year'
            and period_start = ?
        """,
        date(year, 1, 1),
    )
    assert (of_communes.n, of_communes.mean) == (communes, rounded(unweighted, 6))


def test_swiss_cantons_are_the_sums_that_the_file_itself_gives():
    """Zürich 2023: 454 092 ballots of 967 140 voters stand in a row that is not loaded."""
    zurich = kpi("P13", "switzerland:canton-1", "year", date(2023, 1, 1), ("voter_unit", "person"))
    assert (zurich.numerator, zurich.denominator) == (454_092, 967_140)


def test_a_second_run_changes_no_figure_and_no_row_count(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("exports.export.export", lambda: None)  # the first run has made the files of all this
    figures, counts = every_figure(), row_counts()
    assert len(figures) > 1_000
    assert counts["raw.la311"] == 9_999 + 10_000
    assert run("second") == []
    assert [row.run_id for row in published("select distinct run_id from kpi_value")] == ["second"]
    assert sorted(figures ^ every_figure(), key=repr)[:6] == []
    assert row_counts() == counts


def every_figure() -> set[tuple]:
    """All published KPI rows, but for the run that made them."""
    return {tuple(vars(row).values()) for row in published("select * exclude run_id from kpi_value")}


def row_counts() -> dict[str, int]:
    """Rows of each raw table and of the ledgers of the loader."""
    tables = [f"raw.{source.name}" for source in declarations()] + ["ops.file", "ops.batch", "ops.quarantine"]
    with warehouse.reader() as connection:
        return {table: connection.execute(f"select count(*) from {table}").fetchone()[0] for table in tables}


def test_the_dbt_unit_tests_of_the_examples_pass():
    lines: list[str] = []
    assert dbt(["test", "--select", "test_type:unit,path:models/staging/examples"], "unit tests", lines.append) == 0, lines
    assert any("PASS=8 " in line for line in lines), lines[-3:]
