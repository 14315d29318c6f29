"""A day of participations makes again only what it counts in: its files, and periods of volunteers."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, note, seed, settings as hypothesis_settings, strategies as st

from bench import district, product
from expectations.gate import gate_raw
from ingest import build as builds, warehouse
from ingest.landing import land
from ingest.load import load
from tests.conftest import rows_of
from tests.integration.two_ledgers import begin_again, use_installation

SEED = int(os.environ.get("GMW_ARRIVALS_SEED", "2026"))
SCALE = 0.0001
SOURCE = "bench_participation"
HEADER = "row_no,participation_date,place_code,kind,action,state,person,age,hours"
TABLES = (
    "intermediate.int_participation", "intermediate.int_person", "intermediate.int_person_month",
    "intermediate.int_participation_known", "kpis.kpi_volunteer_count", "kpis.kpi_volunteer", "kpis.kpi_participant",
)  # fmt: skip
LEFT_ALONE = -1


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GIVEN a ten-thousandth of the benchmark's workload, built as far as persons are counted."""
    folder = tmp_path_factory.mktemp("participation")
    product.assemble(folder / "used")
    (folder / "used" / "checkout").rename(folder / "used" / "project")
    district.write(folder / "used" / "drop", SCALE)
    with pytest.MonkeyPatch.context() as patch:
        use_installation(folder / "used", patch)
        for source in district.SOURCES:
            arrive(source)
        assert builds.dbt(["seed"], "test", lambda line: None) == 0
        build()
    shutil.copytree(folder / "used", folder / "kept")
    return folder


@pytest.fixture
def built(first: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """GIVEN that, in the same place each time. Returns: the folder in which participations arrive."""
    return begin_again(first, monkeypatch) / "drop" / SOURCE


def arrive(source: str) -> None:
    land(source)
    load(source)
    gate_raw(source, "test")


def build(*options: str) -> None:
    assert builds.dbt(["run", "--select", "+kpi_volunteer +kpi_participant", *options], "test", lambda line: None) == 0


def deliver(folder: Path, name: str, *rows: str) -> None:
    (folder / name).write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    arrive(SOURCE)


def made_again(part: str, table: str, column: str) -> tuple[set[str], int]:
    """Of a table whose column was LEFT_ALONE in each row: the parts that are other ones now, and how many are as they were."""
    parts = rows_of(f"select {part} as part, bool_and({column} is not distinct from {LEFT_ALONE}) from {table} group by part")
    return {part for part, is_left_alone in parts if not is_left_alone}, sum(is_left_alone for _, is_left_alone in parts)


def contents() -> dict[str, list[tuple]]:
    return {table: rows_of(f"from {table} order by all") for table in TABLES}


def is_as_a_full_refresh_makes_it() -> bool:
    left = contents()
    build("--full-refresh")
    assert left == contents() and all(left.values())
    return True


def test_a_new_day_leaves_other_files_and_periods_alone(built: Path) -> None:
    with warehouse.writer("test") as connection:
        connection.execute(f"update intermediate.int_participation set hours = {LEFT_ALONE}")
        connection.execute(f"update kpis.kpi_volunteer_count set numerator = {LEFT_ALONE}")
    deliver(built, "day_2026-09.csv", "900001,2026-09-30,990101000001,志愿服务记录,服务,已登记,P9,30,1.5")
    build()
    assert made_again("file_name", "intermediate.int_participation join ops.file using (file_id)", "hours") == (
        {"day_2026-09.csv"}, district.MONTHS
    )  # fmt: skip
    periods, left_alone = made_again("period_type || ' ' || period_start", "kpis.kpi_volunteer_count", "numerator")
    assert periods == {"month 2026-09-01", "quarter 2026-07-01", "year 2026-01-01", "all 2024-10-01"} and left_alone >= 30


# A few people, places and months, so that rows of one file come before, after and beside those of another.
participation = st.builds(
    "{},2026-0{}-1{},99010{}00000{},{},P{},{},1.5".format, st.integers(900_000, 999_999), st.integers(3, 9), st.integers(0, 9),
    st.integers(1, 2), st.integers(1, 3), st.sampled_from(["签到,参加,已签到", "志愿服务记录,服务,已登记", "签到,参加,已报名"]),
    st.integers(1, 5), st.sampled_from([15, 30, 70]),
)  # fmt: skip
file = st.lists(participation, min_size=1, max_size=4, unique_by=lambda row: row.split(",")[0])
number_of_batch = st.integers(1, district.MONTHS)


# What is known of a person changes in other months than those of the file; and what a file holds counts no longer, and again.
PLACE, CAME, SERVED = "990101000001", "签到,参加,已签到", "志愿服务记录,服务,已登记"
AFTER_ANOTHER = [
    [f"900001,2026-06-10,{PLACE},{CAME},P1,30,", f"900002,2026-06-10,{PLACE},{SERVED},P2,30,1.5"],
    [f"900003,2026-03-10,{PLACE},{CAME},P1,70,", f"900004,2026-05-31,{PLACE},{SERVED},P2,70,1.5"],
    3, 20, 3,
]  # fmt: skip


@seed(SEED)
@hypothesis_settings(
    max_examples=1, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],
)  # fmt: skip
@example(arrivals=AFTER_ANOTHER)
@given(arrivals=st.lists(st.one_of(file, number_of_batch), min_size=3, max_size=4))
def test_builds_after_any_arrivals_leave_what_a_full_refresh_makes(built: Path, arrivals: list) -> None:
    """GIVEN two years. WHEN files come with rows of any months, and batches are withdrawn or count again, with a build after each.
    THEN all tables are as a full refresh makes them."""
    note(f"GMW_ARRIVALS_SEED={SEED}")
    for number, what in enumerate(arrivals):
        if isinstance(what, int):
            with warehouse.writer("test") as connection:
                connection.execute(
                    f"""update ops.batch set status = if(status = 'blocked', 'accepted', 'blocked') where source = '{SOURCE}'
                    and batch_no = (select min(batch_no) + {what - 1} from ops.batch where source = '{SOURCE}')"""
                )
        else:
            deliver(built, f"late{number}_2026-09.csv", *what)
        build()
    assert is_as_a_full_refresh_makes_it()
