"""Nobody who adds and subtracts everything that is published works out a hidden count of people.

The attacker here is built without the models of models/kpis/disclosure and without the code that chooses what is hidden: it
knows the published rows, the place tree and the calendar, and uses numpy and linear programming.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy
import pytest
from scipy.optimize import linprog
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ingest import warehouse
from ingest.settings import settings

# Metric → what its numerator, denominator and n count. Scores are sums, activities are no people: both only divide.
COUNTS = {
    "P05": {"numerator": "attendances"},
    "S03": {"numerator": "satisfied", "denominator": "answers", "n": "answers"},
    "S04.mean": {"numerator": "score sum", "denominator": "answers", "n": "answers"},
    "S04.index": {"numerator": "index sum", "denominator": "answers", "n": "answers"},
    "F01.donors": {"numerator": "donors", "n": "donors"},
}
PEOPLE = {"attendances": "P05", "satisfied": "S03", "answers": "S03", "donors": "F01.donors"}
DISTINCT = {"donors"}
NEXT = {"month": "quarter", "quarter": "year", "year": "all", "wave": "month"}
TABLES = {"kpi_value": 5, "kpi_value_public": 10}
CLOSE = 1e-7

Key = tuple[str, str, str, date, str, str]


@dataclass
class Knowledge:
    """What an attacker has: the counts that are shown, those that are hidden, and sums (whole, parts)."""

    shown: dict[Key, float]
    hidden: set[Key]
    sums: list[tuple[Key, list[Key]]]


def published(query: str) -> list[tuple]:
    with duckdb.connect(str((settings().published / "current").resolve() / "marts.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def rows_of(table: str) -> list[tuple]:
    return published(
        f"""select metric_code, place_key, period_type, period_start, period_end, breakdown_type, breakdown_value, numerator,
            denominator, value, n, status from {table} where metric_code in {tuple(COUNTS)}"""
    )


def attack(rows: list[tuple]) -> Knowledge:
    """The equations between the counts that published rows show or hide."""
    shown: dict[Key, float] = {}
    keys: dict[Key, date] = {}
    for code, place, kind, start, end, split, member, numerator, denominator, value, n, _ in rows:
        columns = {"numerator": numerator, "denominator": denominator, "n": n}
        if columns["numerator"] is None and value is not None and denominator is not None:
            columns["numerator"] = value * denominator
        for column, counted in COUNTS[code].items():
            key = (counted, place, kind, start, split, member)
            keys[key] = end
            if columns[column] is not None:
                shown[key] = columns[column]
    parents = defaultdict(set)
    for place, parent, since, until in published("select place_key, parent_place_key, valid_from, valid_to from dim_place"):
        parents[place].add(parent)
    assert all(len(found) == 1 for found in parents.values()), "no place of the samples changes its parent"
    wholes: dict[tuple[Key, str], list[Key]] = defaultdict(list)
    # People of a place itself, whom none of the places below counts.
    above = {parent for found in parents.values() for parent in found}
    for key in [key for key in keys if key[1] in above and key[0] not in DISTINCT]:
        own = (key[0], key[1] + " itself", *key[2:])
        keys[own] = keys[key]
        parents[own[1]] = {key[1]}
    series = defaultdict(list)
    for key in keys:
        series[key[0], key[1], key[2], key[4], key[5]].append(key)
    for key, end in keys.items():
        counted, place, kind, start, split, member = key
        (parent,) = parents[place]
        if (counted, parent, kind, start, split, member) in keys:
            wholes[(counted, parent, kind, start, split, member), "places"].append(key)
        for longer in series[counted, place, NEXT.get(kind), split, member]:
            if longer[3] <= (end - timedelta(days=1) if kind == "wave" else start) < keys[longer]:
                wholes[longer, kind].append(key)
        total = (counted, place, kind, start, "none", "total")
        if split != "none" and total in keys:
            wholes[total, split].append(key)
    return Knowledge(shown, set(keys) - set(shown), [(whole, parts) for (whole, _), parts in wholes.items()])


def systems(known: Knowledge) -> Iterator[tuple[list[Key], numpy.ndarray, numpy.ndarray]]:
    """Hidden counts that hang together, with the matrix and the right side of their equations."""
    unknowns = sorted(known.hidden, key=str)
    number = {key: place for place, key in enumerate(unknowns)}
    rows, columns, values, right = [], [], [], []
    for row, (whole, parts) in enumerate(known.sums):
        right.append(0.0)
        for key, sign in [(whole, 1.0), *((part, -1.0) for part in parts)]:
            if key in number:
                rows.append(row), columns.append(number[key]), values.append(sign)
            else:
                right[-1] -= sign * known.shown[key]
    matrix = coo_matrix((values, (rows, columns)), shape=(len(right), len(unknowns))).tocsr()
    _, label = connected_components(matrix.T @ matrix, directed=False)
    for group in range(label.max() + 1 if len(label) else 0):
        members = numpy.flatnonzero(label == group)
        block = matrix[:, members]
        used = numpy.flatnonzero(block.getnnz(axis=1))
        yield [unknowns[place] for place in members], block[used].toarray(), numpy.array(right)[used]


def worked_out(known: Knowledge, counts: set[str]) -> set[Key]:
    """The hidden counts that every solution of the equations gives the same value (a row of the null space that is all 0)."""
    found = set()
    for unknowns, matrix, _ in systems(known):
        if unknowns[0][0] in counts:
            _, singular, directions = numpy.linalg.svd(matrix, full_matrices=True)
            null_space = directions[int((singular > CLOSE).sum()):]
            found |= {key for key, free in zip(unknowns, numpy.abs(null_space).sum(axis=0)) if free < CLOSE}
    return found


def computed() -> dict[Key, tuple[float, float | None]]:
    """What is really there: count and, of a proportion, the whole."""
    with warehouse.reader() as connection:
        rows = connection.execute(
            f"""select metric_code, place_key, period_type, period_start, breakdown_type, breakdown_value, numerator, denominator
            from kpis.kpi_computed where metric_code in {tuple(COUNTS)}"""
        ).fetchall()
    found = {}
    for code, place, kind, start, split, member, numerator, denominator in rows:
        for counted, metric in PEOPLE.items():
            if metric == code:
                key = (counted, place, kind, start, split, member)
                found[key] = (denominator, None) if counted == "answers" else (
                    numerator, denominator if counted == "satisfied" else None)
    return found


@pytest.mark.parametrize(("table", "k"), TABLES.items())
def test_no_row_shows_fewer_than_k_people_or_their_complement(installation: Path, table: str, k: int) -> None:
    shown = attack(rows_of(table)).shown
    small = [
        key for key, (count, whole) in computed().items()
        if key in shown and (0 < count < k or (whole is not None and 0 < whole - count < k))
    ]
    assert small == []


@pytest.mark.parametrize("table", TABLES)
def test_no_hidden_count_follows_from_the_published_ones_by_linear_algebra(installation: Path, table: str) -> None:
    known = attack(rows_of(table))
    hidden = {key for key in known.hidden if key[0] in PEOPLE and not key[1].endswith(" itself")}
    assert len(hidden) > 100
    assert worked_out(known, set(PEOPLE)) & hidden == set()


@pytest.mark.parametrize("table", TABLES)
def test_no_sum_of_scores_follows_from_the_published_ones_by_linear_algebra(installation: Path, table: str) -> None:
    known = attack(rows_of(table))
    found = worked_out(known, {"score sum", "index sum"})
    assert {key for key in found if not key[1].endswith(" itself")} == set()


@pytest.mark.parametrize(("table", "k"), TABLES.items())
def test_no_hidden_count_is_the_only_whole_number_that_fits(installation: Path, table: str, k: int) -> None:
    known = attack(rows_of(table))
    tried = 0
    for unknowns, matrix, right in systems(known):
        counted = unknowns[0][0]
        if counted not in PEOPLE or counted in DISTINCT:
            continue
        # A row with nobody is shown, unless it is hidden for the whole that it is a part of.
        least = [
            0.0 if key[1].endswith(" itself") or counted == "satisfied" and ("answers", *key[1:]) in known.hidden else 1.0
            for key in unknowns
        ]
        most = [known.shown.get(("answers", *key[1:]), None) if counted == "satisfied" else None for key in unknowns]
        for place, key in list(enumerate(unknowns))[:: max(1, len(unknowns) // 12)]:
            if key[1].endswith(" itself"):
                continue
            goal = numpy.zeros(len(unknowns))
            goal[place] = 1.0
            low, high = (
                linprog(sign * goal, A_eq=matrix, b_eq=right, bounds=list(zip(least, most)), method="highs") for sign in (1, -1)
            )
            tried += 1
            assert low.status in (0, 3) and high.status in (0, 3), "the attack itself is wrong: nothing fits"
            assert high.status == 3 or -high.fun - low.fun > 1e-3, f"{key} is {low.fun}"
    assert tried > 50


def test_people_of_a_place_itself_are_not_worked_out_when_they_are_few(installation: Path) -> None:
    with warehouse.reader() as connection:
        few = {
            (component, place.replace(" (own)", " itself"), kind, start, split, member)
            for component, place, kind, start, split, member in connection.execute(
                """select case component when 'answers_valid' then 'answers' when 'answers_satisfied' then 'satisfied'
                    else component end, place_key, period_type, period_start, breakdown_type, breakdown_value
                from kpis.kpi_cell where not is_shown and exposed_count < 5"""
            ).fetchall()
        }
    assert few
    assert worked_out(attack(rows_of("kpi_value")), set(PEOPLE)) & few == set()


def test_without_complementary_suppression_the_same_attack_succeeds(installation: Path) -> None:
    """The attack is worth something: hiding small counts alone does not stop it."""
    with warehouse.reader() as connection:
        rows = connection.execute(
            """
            select metric_code, place_key, period_type, period_start, period_end, breakdown_type, breakdown_value,
                case when not hides then numerator end, case when not hides then denominator end,
                case when not hides then value end, case when not hides then n end, status
            from (
                select *, coalesce(numerator between 1 and 4 or denominator - numerator between 1 and 4
                    or denominator between 1 and 4, false) as hides
                from kpis.kpi_computed where metric_code in ('S03', 'F01.donors')
            )
            """
        ).fetchall()
    known = attack(rows)
    assert {key for key in worked_out(known, set(PEOPLE)) if not key[1].endswith(" itself")}


def test_published_tables_hold_no_key_of_a_person_and_no_count_of_people_beside_the_kpis(installation: Path) -> None:
    columns = published("select table_name, column_name from duckdb_columns() where schema_name = 'main' and not internal")
    assert {"fct_participation", "fct_points", "fct_role", "fct_answer", "fct_population"}.isdisjoint({table for table, _ in columns})
    counts = {
        (table, column) for table, column in columns
        if column.endswith("_count") and not table.startswith(("quality_", "process_", "kpi_"))
    }
    assert counts == set()
    assert {column for _, column in columns}.isdisjoint({"person_key", "counterparty_key", "respondent_key", "account_key"})


def test_the_restricted_copy_has_them_and_is_its_owners_only(installation: Path) -> None:
    path = (settings().published / "current").resolve() / "restricted.duckdb"
    assert path.stat().st_mode & 0o777 == 0o600
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("select count(*) from fct_answer").fetchone() == (900,)
        assert connection.execute("select count(attendance_count) > 0 from fct_activity").fetchone() == (True,)
