"""What is chosen to be hidden is kept from build to build: only what has changed is chosen anew, and it comes to the same."""

from __future__ import annotations

import importlib.util
import shutil
from argparse import Namespace
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest
from dbt import flags
from hypothesis import example, given, settings
from hypothesis import strategies as st

from expectations import suppression
from tests.conftest import PROJECT
from tests.unit.test_suppression import grid

MODEL = PROJECT / "dbt_project" / "models" / "kpis" / "disclosure" / "kpi_hidden.py"
# A table of counts, and several of them, each for itself, as those of metrics that share nobody.
table = st.lists(st.integers(0, 12), min_size=6, max_size=6)
tables = st.lists(table, min_size=1, max_size=3)
ONE, ANOTHER = [3, 20, 30, 40, 50, 60], [50, 60, 70, 80, 90, 1]
CELLS = 12  # of one table, sums included


@dataclass
class Relation:
    """What dbt tells a model of itself."""

    database: str = "memory"
    schema: str = "kpis"
    identifier: str = "kpi_hidden"

    def __str__(self) -> str:
        return f"{self.database}.{self.schema}.{self.identifier}"


@dataclass
class Build:
    """One build of `kpi_hidden` after the other, in a database in memory."""

    k: int = 5
    is_full_refresh: bool = False
    session: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)
    this: Relation = field(default_factory=Relation)

    def __post_init__(self) -> None:
        self.session.execute("create schema kpis")

    @property
    def config(self) -> dict[str, int]:
        return {"suppression_k": self.k, "suppression_k_public": 2 * self.k}

    def ref(self, name: str) -> duckdb.DuckDBPyRelation:
        return self.session.table(f"kpis.{name}")

    def run(self, counts: list[list[int]]) -> list[tuple[str, int]]:
        """Build on tables of counts. Returns: (audience, cell_no) of what is hidden."""
        cells, parts = _cells(counts)
        self.session.execute(
            "create or replace table kpis.kpi_cell as select unnest(range(len($1))) as cell_no, unnest($1)::bigint as amount, "
            "null::bigint as whole, false as hides_zero, true as is_shown, nullif(unnest($1), 0)::bigint as exposed_count",
            [cells],
        )
        self.session.execute(
            "create or replace table kpis.kpi_cell_part "
            "(whole_no bigint, relation varchar, part_no bigint, is_exact boolean default true)"
        )
        self.session.executemany("insert into kpis.kpi_cell_part (whole_no, relation, part_no) values (?, ?, ?)", parts)
        specification = importlib.util.spec_from_file_location("kpi_hidden", MODEL)
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        before = flags.get_flags()
        flags.set_flags(Namespace(FULL_REFRESH=self.is_full_refresh))
        try:
            found = module.model(self, self.session)  # noqa: F841 - the statement reads it
        finally:
            flags.set_flags(before)
        self.session.execute("create or replace table kpis.kpi_hidden as from found")
        return self.hidden()

    def hidden(self) -> list[tuple[str, int]]:
        return self.session.execute("select audience, cell_no from kpis.kpi_hidden order by all").fetchall()

    def forget_one(self) -> None:
        """Let one cell of a choice that was kept be missing: where it stays so, the choice was taken over."""
        self.session.execute("delete from kpis.kpi_hidden where cell_no = (select min(cell_no) from kpis.kpi_hidden)")


def _cells(counts: list[list[int]]) -> tuple[list[int], list[tuple[int, str, int]]]:
    """Tables of three months at each of two places with their sums, and what is part of what."""
    cells, parts = [], []
    for table in counts:
        amounts, of_table, _ = grid([table[:3], table[3:]])
        parts += [(len(cells) + whole, relation, len(cells) + part) for whole, relation, part in of_table]
        cells += amounts
    return cells, parts


@given(st.lists(tables, min_size=2, max_size=4))
@settings(max_examples=15, deadline=None)
def test_builds_one_after_the_other_hide_what_the_last_one_alone_would(arrivals: list[list[list[int]]]) -> None:
    build = Build()
    for counts in arrivals:
        assert build.run(counts) == Build().run(counts)


@given(tables, table)
# Two members that are as good as each other: the last digits of their cost decide.
@example([[3, 20, 20, 30, 30, 30]], ONE)
@settings(max_examples=15, deadline=None)
def test_what_is_hidden_of_a_count_does_not_depend_on_counts_elsewhere(counts: list[list[int]], other: list[int]) -> None:
    alone, after_another = Build().run(counts), Build().run([other, *counts])
    assert [(audience, cell - CELLS) for audience, cell in after_another if cell >= CELLS] == alone


def test_a_choice_whose_counts_are_the_same_is_taken_over() -> None:
    build = Build()
    build.run([ONE])
    build.forget_one()
    kept = build.hidden()
    assert build.run([ONE]) == kept


def test_a_choice_is_taken_over_though_other_counts_have_come_before_it() -> None:
    build = Build()
    build.run([ONE])
    build.forget_one()
    kept = build.hidden()
    assert [(audience, cell - CELLS) for audience, cell in build.run([ANOTHER, ONE]) if cell >= CELLS] == kept


@pytest.mark.parametrize("counts", [[3, 20, 30, 40, 50, 61], [2, 20, 30, 40, 50, 60]], ids=["another-count", "another-small-count"])
def test_a_choice_is_made_anew_when_a_count_has_changed(counts: list[int]) -> None:
    build = Build()
    build.run([ONE])
    build.forget_one()
    assert build.run([counts]) == Build().run([counts])


def test_a_choice_is_made_anew_for_another_k() -> None:
    build = Build()
    build.run([ONE])
    build.forget_one()
    build.k = 25
    assert build.run([ONE]) == Build(k=25).run([ONE])


def test_a_full_refresh_makes_all_choices_anew() -> None:
    build = Build()
    fresh = build.run([ONE])
    build.forget_one()
    build.is_full_refresh = True
    assert build.run([ONE]) == fresh


def test_another_version_of_the_code_makes_all_choices_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = Build()
    fresh = build.run([ONE])
    build.forget_one()
    changed = tmp_path / "suppression.py"
    shutil.copy(suppression.__file__, changed)
    changed.write_text(changed.read_text() + "\n# Chosen in another way.\n")
    monkeypatch.setattr(suppression, "__file__", str(changed))
    suppression._version.cache_clear()
    try:
        assert build.run([ONE]) == fresh
    finally:
        suppression._version.cache_clear()


def test_what_an_older_version_has_left_is_made_anew() -> None:
    build = Build()
    build.session.execute("create table kpis.kpi_hidden (audience varchar, cell_no bigint)")
    assert build.run([ONE]) == Build().run([ONE])


def test_a_choice_is_made_once_for_tables_with_the_same_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    made, hide = [], suppression._Block.hide
    monkeypatch.setattr(suppression._Block, "hide", lambda block, *of_cells: (made.append(block), hide(block, *of_cells))[1])
    alone = Build().run([ONE])
    once = len(made)
    assert once == 2  # one for each audience
    together = Build().run([ONE, ANOTHER, ONE])
    assert len(made) == once + 4
    assert [(audience, cell) for audience, cell in together if cell < CELLS] == alone
    assert [(audience, cell - 2 * CELLS) for audience, cell in together if cell >= 2 * CELLS] == alone


def test_only_choices_of_the_last_build_are_kept() -> None:
    build = Build()
    build.run([ONE, ANOTHER])
    build.run([ONE])
    kept = build.session.execute("select distinct block_digest from kpis.kpi_hidden order by all").fetchall()
    alone = Build()
    alone.run([ONE])
    assert kept == alone.session.execute("select distinct block_digest from kpis.kpi_hidden order by all").fetchall()
