"""A build makes those tables again that read something new, and no others; what it leaves is what a full refresh comes to."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, Phase, given, note, seed, settings as hypothesis_settings, strategies as st
from typer.testing import CliRunner

from ingest import build as builds, inputs, warehouse
from ingest.build import run_beside
from ingest.cli import app
from ingest.replay import plan, replay
from ingest.settings import settings
from tests.conftest import rows_of
from tests.integration.two_ledgers import (
    BEHIND_MONTHS, KPIS, OF_LEDGER, TABLES, TwoLedgers, begin_again, contents, made_again, use_installation,
)  # fmt: skip

SEED = int(os.environ.get("GMW_ARRIVALS_SEED", "2026"))
MARCH = ("A1,12,2026-03-01,会", "A2,30,2026-03-02,社")
DIARY = ("D1,5,2026-03-01,会", "D2,6,2026-03-02,会")
KPI_MONTH = "select month::varchar, people from kpis.kpi_month order by all"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GIVEN two ledgers with a file each, built. Returns: a folder with a copy of all that in `kept`, whose place is `used`."""
    folder = tmp_path_factory.mktemp("two_ledgers")
    (folder / "used" / "project" / "dbt_project").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        use_installation(folder / "used", patch)
        project = TwoLedgers(folder / "used" / "project", folder / "used" / "drop")
        project.deliver("ledger", "a_2026-03.csv", *MARCH)
        project.deliver("diary", "d_2026-03.csv", *DIARY)
        assert project.build() == TABLES
    shutil.copytree(folder / "used", folder / "kept")
    return folder


@pytest.fixture
def built(first: Path, monkeypatch: pytest.MonkeyPatch) -> TwoLedgers:
    """GIVEN two ledgers with a file each, built. In the same place each time, so that dbt need not read the project anew."""
    used = begin_again(first, monkeypatch)
    return TwoLedgers(used / "project", used / "drop")


def is_as_a_full_refresh_makes_it(project: TwoLedgers) -> bool:
    left = contents()
    assert project.build(full_refresh=True) == TABLES
    assert left == contents()
    return True


def test_a_new_file_makes_what_is_behind_its_source_again_and_nothing_new_makes_nothing(built: TwoLedgers) -> None:
    assert built.build() == set()
    built.deliver("diary", "d_2026-04.csv", "D3,7,2026-04-01,会")
    assert built.build() == {"int_diary", "kpi_both"}
    built.deliver("ledger", "b_2026-04.csv", "A3,1,2026-04-01,会")
    assert built.build() == OF_LEDGER
    assert rows_of(KPI_MONTH) == [("2026-03-01", 42), ("2026-04-01", 1)]
    assert built.build() == set()
    assert is_as_a_full_refresh_makes_it(built)


def test_a_table_that_comes_out_as_it_was_stops_what_follows(built: TwoLedgers) -> None:
    built.deliver("ledger", "b_2026-03.csv", "A4,0,2026-03-09,会")
    assert built.build() == {"int_entry", "int_month"}
    # A row that the view in between does not show makes the tables that read it again, and stops there.
    built.deliver("ledger", "c_2026-05.csv", "A5,0,2026-05-09,会")
    assert built.build() == OF_LEDGER - {"kpi_both"}
    assert built.build() == set()
    assert is_as_a_full_refresh_makes_it(built)


def test_late_replayed_corrected_and_withdrawn_rows_are_noticed(built: TwoLedgers) -> None:
    latest = "select people from intermediate.int_diary where entry_no = 'D1'"
    # A file of a month before comes late: what is newer stays.
    built.deliver("diary", "d_2026-02.csv", "D1,99,2026-02-01,会", "D0,1,2026-02-01,会")
    assert built.build() == {"int_diary", "kpi_both"} and rows_of(latest) == [(5,)]
    # Another version of a file, then the bytes of the first one again.
    built.deliver("diary", "d_2026-03.csv", "D1,8,2026-03-01,会", DIARY[1])
    assert built.build() == {"int_diary", "kpi_both"} and rows_of(latest) == [(8,)]
    built.deliver("diary", "d_2026-03.csv", *DIARY)
    assert built.build() == {"int_diary", "kpi_both"} and rows_of(latest) == [(5,)]
    # A correction of a cell, with a replay.
    built.correct({"file": "a_2026-03.csv", "row_no": 1, "column_name": "people", "found_value": "12", "corrected_value": "13"})
    assert [result.outcome for result in replay(plan())] == ["replayed"]
    assert built.build() == OF_LEDGER and rows_of(KPI_MONTH) == [("2026-03-01", 43)]
    # A batch that counts no longer: its rows lie in the raw table as before.
    with warehouse.writer("test") as connection:
        connection.execute("update ops.batch set status = 'blocked' where source = 'ledger'")
    assert built.build() == OF_LEDGER and rows_of(KPI_MONTH) == []
    assert is_as_a_full_refresh_makes_it(built)


def test_a_blocked_file_is_nothing_new_until_it_is_accepted(built: TwoLedgers) -> None:
    built.deliver("ledger", "b_2026-04.csv", "A6,many,2026-04-01,会")
    assert rows_of("select status from ops.batch where source = 'ledger' order by batch_no") == [("accepted",), ("blocked",)]
    # Its rows lie in the raw table: the table that reads them comes out as it was.
    assert built.build() <= {"int_entry"}
    built.deliver("ledger", "b_2026-04.csv", "A6,2,2026-04-01,会")
    assert built.build() == OF_LEDGER and rows_of(KPI_MONTH)[1:] == [("2026-04-01", 2)]


def test_another_text_seed_or_code_makes_tables_again(built: TwoLedgers, monkeypatch: pytest.MonkeyPatch) -> None:
    built.model("intermediate/int_month", "select month, 2 * sum(people)::bigint as people from {{ ref('int_entry') }} group by 1")
    assert built.build() == {"int_month"} | BEHIND_MONTHS and rows_of(KPI_MONTH) == [("2026-03-01", 84)]
    built.fill("topic_label", "topic,label", "会,gathering")
    assert built.build() == {"int_entry", "int_month"}
    assert rows_of("select topic from intermediate.int_entry where entry_no = 'A1'") == [("gathering",)]
    largest = built.models / "kpis" / "kpi_largest.py"
    largest.write_text(largest.read_text(encoding="utf-8").replace("max(people)", "min(people)"), encoding="utf-8")
    assert built.build() == {"kpi_largest"}
    monkeypatch.setattr(inputs, "code", lambda: "another")
    assert built.build() == TABLES
    assert built.build() == set()


def test_a_seed_that_was_not_loaded_is_new_when_it_is(built: TwoLedgers) -> None:
    """GIVEN another seed. WHEN a model that reads it is made before it is loaded. THEN the build that loads it makes it again."""
    built.fill("topic_label", "topic,label", "会,gathering")
    built.model("intermediate/int_entry", (built.models / "intermediate" / "int_entry.sql").read_text(encoding="utf-8") + " ")
    built.build("int_entry")
    assert "int_entry" in built.build()
    assert rows_of("select topic from intermediate.int_entry where entry_no = 'A1'") == [("gathering",)]


def test_a_seed_may_get_other_columns(built: TwoLedgers) -> None:
    """In another order, and one more."""
    topic = "select topic from intermediate.int_entry where entry_no = 'A1'"
    for columns, line, label in (("label,topic", "gathering,会", "gathering"), ("topic,label,note", "会,tea,often", "tea")):
        built.fill("topic_label", columns, line)
        assert built.build() == {"int_entry", "int_month"}
        assert rows_of(topic) == [(label,)]
    assert is_as_a_full_refresh_makes_it(built)


def test_a_model_that_is_made_without_the_view_before_it_reads_what_that_shows_now(built: TwoLedgers) -> None:
    built.deliver("ledger", "b_2026-04.csv", "A3,1,2026-04-01,会")
    assert built.build("int_entry") == {"int_entry"}
    assert ("A3",) in rows_of("select entry_no from intermediate.int_entry")
    # Tried and taken back: what was made of it meanwhile does not stay.
    month = (built.models / "intermediate" / "int_month.sql").read_text(encoding="utf-8")
    built.model("intermediate/int_month", month.replace("sum(people)", "2 * sum(people)"))
    built.model("kpis/kpi_month", KPIS["kpi_month"] + " ")
    built.build("int_month kpi_month")
    assert rows_of(KPI_MONTH) == [("2026-03-01", 84), ("2026-04-01", 2)]
    built.model("intermediate/int_month", month)
    built.build()
    assert rows_of(KPI_MONTH) == [("2026-03-01", 42), ("2026-04-01", 1)]
    assert is_as_a_full_refresh_makes_it(built)


def test_a_database_that_is_set_otherwise_makes_tables_again(built: TwoLedgers) -> None:
    profile = built.folder / "dbt_project" / "profiles.yml"
    profile.write_text(profile.read_text(encoding="utf-8").replace("timezone: UTC", "timezone: Asia/Shanghai"), encoding="utf-8")
    assert built.build() == TABLES


def test_dbt_alone_sees_what_has_been_loaded(built: TwoLedgers) -> None:
    built.deliver("diary", "d_2026-04.csv", "D3,7,2026-04-01,会")
    assert builds.dbt(["run"], "test", lambda line: None) == 0
    assert made_again() == {"int_diary", "kpi_both"}
    assert built.build() == set()


def test_a_column_of_another_name_or_type_is_another_content(built: TwoLedgers) -> None:
    """Its values are the same to DuckDB's hash; what reads it with `*` must be made again."""
    built.model("kpis/kpi_both", "select * from {{ ref('int_diary') }}")
    built.build()
    for column in ("people as persons", "people::smallint as persons", "people > 0 as persons", "1 as persons"):
        built.model("intermediate/int_diary", f"select entry_no, {column} from {{{{ ref('stg_diary__activity') }}}}")
        assert built.build() == {"int_diary", "kpi_both"}
    assert is_as_a_full_refresh_makes_it(built)


def test_two_rows_that_swap_their_last_values_are_another_content(built: TwoLedgers) -> None:
    """GIVEN two rows whose hashes have the same sum after they swap values: found by trying pairs."""
    swap = "select {0} as a, {1} as b union all select {2}, {3}"
    ((x, y),) = rows_of(
        "select a.x, b.x from range(3000) as a(x), range(3000) as b(x) where a.x < b.x "
        "order by bit_count(xor(hash(a.x), hash(b.x))), a.x, b.x limit 1"
    )
    ((p, q),) = rows_of(
        f"""with row_hash as (from range(400) as t(i) select i, hash({{'a': i, 'b': {x}}})::hugeint as with_x,
            hash({{'a': i, 'b': {y}}})::hugeint as with_y)
        select p.i, q.i from row_hash as p, row_hash as q
        where p.i < q.i and p.with_x + q.with_y = p.with_y + q.with_x order by p.i, q.i limit 1"""
    )
    built.model("kpis/kpi_both", "select * from {{ ref('int_diary') }}")
    for last in ((x, y), (y, x)):
        values = [f"{value}::bigint" for value in (p, last[0], q, last[1])]
        built.model("intermediate/int_diary", swap.format(*values))
        assert built.build() == {"int_diary", "kpi_both"}


def test_a_changed_contract_is_enforced(built: TwoLedgers) -> None:
    def contract(*columns: tuple[str, str]) -> None:
        said = [{"name": name, "data_type": data_type} for name, data_type in columns]
        built.say("kpis/kpi_largest_of", config={"contract": {"enforced": True}}, columns=said)

    built.model("kpis/kpi_largest_of", "select max(people) as people, count(*) as months from {{ ref('int_month') }}")
    contract(("people", "bigint"), ("months", "bigint"))
    built.build()
    contract(("people", "bigint"), ("months", "varchar"))
    with pytest.raises(builds.BuildFailed, match="kpi_largest_of"):
        built.build()
    contract(("months", "bigint"), ("people", "bigint"))
    built.build()
    assert [name for name, *_ in rows_of("describe kpis.kpi_largest_of")] == ["months", "people"]


def test_what_a_failed_build_did_not_make_the_next_one_makes(built: TwoLedgers) -> None:
    """GIVEN rows that a model refuses. THEN each build tries it again, until it is mended; what was made before it stays made."""
    built.deliver("ledger", "b_2026-04.csv", "A3,2000,2026-04-01,会")
    for made in ({"int_entry", "int_month", "kpi_largest"}, set()):
        with pytest.raises(builds.BuildFailed, match="kpi_month: .*too many people"):
            built.build()
        assert made_again() == made
        assert rows_of(KPI_MONTH) == [("2026-03-01", 42)]
    built.fill("month_limit", "most", "5000")
    assert built.build() == {"kpi_month", "kpi_both"}
    assert rows_of(KPI_MONTH) == [("2026-03-01", 42), ("2026-04-01", 2000)]
    assert is_as_a_full_refresh_makes_it(built)


@pytest.mark.parametrize("broken", ["digest_of_content()", "adapter.rename_relation(in_the_making, made)", "adapter.commit()"])
def test_a_table_whose_making_was_cut_off_is_made_again(built: TwoLedgers, broken: str) -> None:
    """GIVEN a build that ends while tables are replaced, at each of the steps."""
    macro = built.folder / "dbt_project" / "macros" / "unchanged.sql"
    whole = macro.read_text(encoding="utf-8")
    assert broken in whole
    head, tail = whole.split("{%- endmaterialization %}", 1)
    fails = "exceptions.raise_compiler_error('cut off') if this.identifier in ('int_entry', 'kpi_largest')"
    cut = head.replace(broken, f"({fails} else {broken})")
    built.deliver("ledger", "b_2026-04.csv", "A3,5,2026-04-01,会")
    built.fill("topic_label", "topic,label", "会,gathering")
    macro.write_text(cut + "{%- endmaterialization %}" + tail, encoding="utf-8")
    with pytest.raises(builds.BuildFailed, match="cut off"):
        built.build()
    macro.write_text(whole, encoding="utf-8")
    assert built.build() == OF_LEDGER
    assert is_as_a_full_refresh_makes_it(built)


def test_what_a_killed_build_did_not_make_the_next_one_makes(built: TwoLedgers, monkeypatch: pytest.MonkeyPatch) -> None:
    """GIVEN a build in a process of its own that is killed when it has made tables from something new, and has not made another."""
    # How long the model takes stands where no digest looks: it is the same model before, during and after.
    much = built.folder / "much.csv"
    much.write_text("much\n1\n", encoding="utf-8")
    numbers = f"select unnest(range(much)) as number from read_csv('{much}')"
    slow = f"select max(a.number * b.number) as most from ({numbers}) as a, ({numbers}) as b"
    built.model("kpis/kpi_month", f"select * from ({KPIS['kpi_month']}), ({slow})")
    built.build()
    built.deliver("ledger", "b_2026-04.csv", "A3,500,2026-04-01,会")
    much.write_text("much\n3000000\n", encoding="utf-8")

    def kill(line: str) -> None:
        if "START sql table_if_changed model kpis.kpi_month" in line:
            time.sleep(2)  # it has begun
            (dbt,) = [child for child in psutil.Process().children() if str(settings().dbt_target) in child.cmdline()]
            dbt.kill()

    with monkeypatch.context() as patch:
        patch.setattr(builds, "run_beside", run_beside)
        with pytest.raises(builds.BuildKilled):
            builds.build("killed", echo=kill)
    much.write_text("much\n1\n", encoding="utf-8")
    assert {"kpi_month", "kpi_both"} <= built.build() <= BEHIND_MONTHS
    assert is_as_a_full_refresh_makes_it(built)


def test_a_data_test_is_asked_again_only_where_what_it_looks_at_is_another(built: TwoLedgers) -> None:
    built.say("intermediate/int_diary", columns=[{"name": "people", "data_tests": ["unique"]}])
    built.build()
    # Edited by hand, behind the warehouse's back: whoever asks sees it, a build that has nothing new does not ask.
    with warehouse.writer("test") as connection:
        connection.execute("update intermediate.int_diary set people = 5")
    built.build()
    assert builds.dbt(["test"], "test", lambda line: None) == 1
    built.build(full_refresh=True)
    # What has failed is asked each time, until it passes.
    built.deliver("diary", "d_2026-04.csv", "D3,6,2026-04-01,会")
    for _ in range(2):
        with pytest.raises(builds.BuildFailed, match="unique_int_diary_people"):
            built.build()
    built.deliver("diary", "d_2026-05.csv", "D3,7,2026-05-01,会")
    assert "int_diary" in built.build()
    # Another text of the test is another test.
    built.say("intermediate/int_diary", columns=[{"name": "people", "data_tests": [{"unique": {"config": {"where": "people < 7"}}}]}])
    built.build()
    built.say("intermediate/int_diary", columns=[{"name": "people", "data_tests": [{"accepted_values": {"values": [5, 6]}}]}])
    with pytest.raises(builds.BuildFailed, match="accepted_values"):
        built.build()


def test_of_the_data_tests_that_passed_the_last_time_is_kept(built: TwoLedgers) -> None:
    built.say("intermediate/int_diary", columns=[{"name": "people", "data_tests": ["not_null"]}])
    for number in (3, 4, 5):
        built.deliver("diary", f"d_2026-0{number + 1}.csv", f"D{number},7,2026-0{number + 1}-01,会")
        built.build()
    kept = "select count(*) from ops.data_test_passed where test like '%not_null_int_diary_people%'"
    assert rows_of(kept) == [(2,)]
    built.build()
    assert rows_of(kept) == [(1,)]


def test_a_full_refresh_can_be_asked_for(built: TwoLedgers) -> None:
    assert CliRunner().invoke(app, ["build"]).exit_code == 0 and made_again() == set()
    assert CliRunner().invoke(app, ["build", "--full-refresh"]).exit_code == 0 and made_again() == TABLES


# Few entries, months and names: then files correct, precede and repeat one another.
row = st.builds(
    "{}{},{},2026-0{}-01,{}".format, st.just("E"), st.integers(1, 3), st.integers(0, 3), st.integers(1, 2), st.sampled_from("会社")
)
file = st.tuples(
    st.sampled_from(["ledger", "diary"]), st.sampled_from(["x_2026-03.csv", "x_2026-04.csv"]), st.lists(row, min_size=1, max_size=3)
)


@seed(SEED)
@hypothesis_settings(
    max_examples=4, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.generate],
)  # fmt: skip
@given(files=st.lists(file, min_size=2, max_size=4), order=st.lists(st.integers(0, 3), min_size=3, max_size=5))
def test_builds_after_any_arrivals_leave_what_a_full_refresh_makes(built: TwoLedgers, files: list[tuple], order: list[int]) -> None:
    """GIVEN some files. WHEN they arrive in any order, some of them again, with a build after each. THEN all tables are as a full
    refresh makes them."""
    note(f"GMW_ARRIVALS_SEED={SEED}")
    built.forget()
    for number in order:
        source, name, rows = files[number % len(files)]
        built.deliver(source, name, *rows)
        built.build()
    assert is_as_a_full_refresh_makes_it(built)
