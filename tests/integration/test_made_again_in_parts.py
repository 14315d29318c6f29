"""Of a table in parts, a build makes those parts again that read something new, and comes to what a full refresh makes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, note, seed, settings as hypothesis_settings, strategies as st

from ingest import build as builds, warehouse
from tests.conftest import rows_of
from tests.integration.two_ledgers import TwoLedgers, begin_again, contents, use_installation

SEED = int(os.environ.get("GMW_ARRIVALS_SEED", "2026"))
# People of a month and of the one before it: each part reads two months of the entries, and the limit beside them.
MONTHS = "(select distinct unnest([month, (month + interval 1 month)::date]) as month from {{ ref('int_entry') }})"
ENTRIES = "{{ ref('int_entry') }} as entries on entries.month in (months.month, (months.month - interval 1 month)::date)"
MODEL = f"""
{{{{ config(meta={{'parts': {{'are': "'month ' || month", 'models': ['int_entry']}}}}) }}}}
select months.month, sum(entries.people)::bigint as people, any_value(month_limit.most) as most
from (select * from {MONTHS} where {{{{ is_in_a_touched_part("'month ' || month") }}}}) as months
inner join {ENTRIES}
cross join {{{{ ref('month_limit') }}}}
group by months.month
"""
PARTS = f"""
{{% macro kpi_running__parts() -%}}
    select
        'month ' || months.month as part,
        md5(string_agg(concat_ws(' ', entries.month, entries.people), ', ' order by entries.month, entries.people)) as content
    from {MONTHS} as months inner join {ENTRIES}
    group by part
{{%- endmacro %}}
"""
RUNNING = "select month::varchar, people, most from kpis.kpi_running order by all"
TOUCHED_BY_HAND = -1


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GIVEN January and February, built. Returns: a folder with a copy of all that in `kept`, whose place is `used`."""
    folder = tmp_path_factory.mktemp("parts")
    (folder / "used" / "project" / "dbt_project").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        use_installation(folder / "used", patch)
        project = TwoLedgers(folder / "used" / "project", folder / "used" / "drop")
        project.model("kpis/kpi_running", MODEL)
        (project.folder / "dbt_project" / "macros" / "running.sql").write_text(PARTS, encoding="utf-8")
        project.deliver("ledger", "a_2026-01.csv", "A1,12,2026-01-01,会", "A2,30,2026-01-02,社")
        project.deliver("ledger", "b_2026-02.csv", "A3,5,2026-02-01,会")
        project.build()
    shutil.copytree(folder / "used", folder / "kept")
    return folder


@pytest.fixture
def built(first: Path, monkeypatch: pytest.MonkeyPatch) -> TwoLedgers:
    """GIVEN January and February, built. In the same place each time, so that dbt need not read the project anew."""
    used = begin_again(first, monkeypatch)
    return TwoLedgers(used / "project", used / "drop")


def touch_by_hand() -> None:
    """Change each row behind the warehouse's back: what is made again shows, and what is left alone does."""
    with warehouse.writer("test") as connection:
        connection.execute("update kpis.kpi_running set people = ?", [TOUCHED_BY_HAND])


def is_as_a_full_refresh_makes_it(project: TwoLedgers) -> bool:
    left = contents()
    project.build(full_refresh=True)
    assert left == contents()
    return True


def test_only_the_parts_that_read_something_new_are_made_again(built: TwoLedgers) -> None:
    assert rows_of(RUNNING) == [("2026-01-01", 42, 1000), ("2026-02-01", 47, 1000), ("2026-03-01", 5, 1000)]
    touch_by_hand()
    built.deliver("ledger", "c_2026-03.csv", "A4,7,2026-03-01,会")
    built.build()
    assert rows_of(RUNNING) == [
        ("2026-01-01", TOUCHED_BY_HAND, 1000), ("2026-02-01", TOUCHED_BY_HAND, 1000), ("2026-03-01", 12, 1000),
        ("2026-04-01", 7, 1000),
    ]  # fmt: skip
    # A late row of a month that was there.
    built.deliver("ledger", "d_2026-01.csv", "A5,1,2026-01-09,会")
    built.build()
    assert [people for _, people, _ in rows_of(RUNNING)] == [43, 48, 12, 7]
    touch_by_hand()
    built.build()
    assert {people for _, people, _ in rows_of(RUNNING)} == {TOUCHED_BY_HAND}
    built.build(full_refresh=True)
    assert {people for _, people, _ in rows_of(RUNNING)} == {43, 48, 12, 7}


def test_a_part_that_is_no_more_goes(built: TwoLedgers) -> None:
    with warehouse.writer("test") as connection:
        connection.execute("update ops.batch set status = 'blocked' where source = 'ledger' and batch_no = 1")
    built.build()
    assert rows_of(RUNNING) == [("2026-02-01", 5, 1000), ("2026-03-01", 5, 1000)]
    assert is_as_a_full_refresh_makes_it(built)


@pytest.mark.parametrize("broken", ["digest_of_content()", "adapter.commit()"])
def test_parts_whose_making_was_cut_off_are_made_again(built: TwoLedgers, broken: str) -> None:
    macro = built.folder / "dbt_project" / "macros" / "unchanged.sql"
    whole = macro.read_text(encoding="utf-8")
    assert broken in whole
    macro.write_text(
        whole.replace(broken, f"(exceptions.raise_compiler_error('cut off') if this.identifier == 'kpi_running' else {broken})", 1),
        encoding="utf-8",
    )
    before = rows_of(RUNNING)
    built.deliver("ledger", "c_2026-03.csv", "A4,7,2026-03-01,会")
    with pytest.raises(builds.BuildFailed, match="cut off"):
        built.build()
    assert rows_of(RUNNING) == before
    macro.write_text(whole, encoding="utf-8")
    built.build()
    assert [people for _, people, _ in rows_of(RUNNING)] == [42, 47, 12, 7]
    assert is_as_a_full_refresh_makes_it(built)


def test_what_all_parts_read_makes_all_of_them_again(built: TwoLedgers) -> None:
    touch_by_hand()
    built.fill("month_limit", "most", "500")
    built.build()
    assert rows_of(RUNNING) == [("2026-01-01", 42, 500), ("2026-02-01", 47, 500), ("2026-03-01", 5, 500)]
    # Another type of what the parts read, with the same values; and parts that are called otherwise.
    touch_by_hand()
    entries = built.models / "intermediate" / "int_entry.sql"
    built.model("intermediate/int_entry", entries.read_text(encoding="utf-8").replace("people,", "people::smallint as people,"))
    built.build()
    assert {people for _, people, _ in rows_of(RUNNING)} == {42, 47, 5}
    touch_by_hand()
    built.model("kpis/kpi_running", MODEL.replace("'month ' ||", "'MONTH ' ||"))
    built.build()
    assert {people for _, people, _ in rows_of(RUNNING)} == {42, 47, 5}


def test_a_staging_model_that_is_no_view_makes_all_parts_again(built: TwoLedgers) -> None:
    """GIVEN parts that are files, told by their raw rows, of a staging model that is a table. WHEN its text changes, they do."""
    (built.folder / "dbt_project" / "macros" / "files.sql").write_text(
        "{% macro kpi_by_file__parts() -%} {{ files_of_records(['activity']) }} {%- endmacro %}", encoding="utf-8"
    )
    staged = "select entry_no, people, day, topic, _file_id as file_id from {{ delivered_rows('ledger') }}"
    built.model("staging/ledger/stg_ledger__activity", "{{ config(materialized='table_if_changed') }} " + staged)
    built.model("staging/diary/stg_diary__activity", staged.replace("'ledger'", "'diary'"))
    built.model(
        "kpis/kpi_by_file",
        "{{ config(meta={'parts': {'are': 'file_id', 'records': ['activity']}}) }} select file_id, people "
        "from {{ ref('stg_ledger__activity') }} where {{ is_in_a_touched_part('file_id') }}",
    )
    people = "select people from kpis.kpi_by_file order by all"
    built.build()
    assert rows_of(people) == [(5,), (12,), (30,)]
    built.model(
        "staging/ledger/stg_ledger__activity",
        "{{ config(materialized='table_if_changed') }} " + staged.replace("people,", "people + 1 as people,"),
    )
    built.build()
    assert rows_of(people) == [(6,), (13,), (31,)]


row = st.builds("E{},{},2026-0{}-01,会".format, st.integers(1, 3), st.integers(0, 3), st.integers(1, 4))


@seed(SEED)
@hypothesis_settings(
    max_examples=1, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.generate],
)  # fmt: skip
@given(
    files=st.lists(st.lists(row, min_size=1, max_size=2), min_size=2, max_size=4),
    order=st.lists(st.integers(0, 3), min_size=3, max_size=5),
)
def test_builds_after_any_arrivals_leave_what_a_full_refresh_makes(built: TwoLedgers, files: list, order: list[int]) -> None:
    """GIVEN some files. WHEN they arrive in any order, some under a name that was there, with a build after each. THEN all tables
    are as a full refresh makes them."""
    note(f"GMW_ARRIVALS_SEED={SEED}")
    built.forget()
    for turn, number in enumerate(order):
        built.deliver("ledger", f"x{number % 2}_2026-03.csv", *files[(number + turn) % len(files)])
        built.build()
    assert is_as_a_full_refresh_makes_it(built)
