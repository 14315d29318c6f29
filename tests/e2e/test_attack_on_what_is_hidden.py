"""Nobody who adds and subtracts everything that is published works out a hidden count of people.

The attacker here is built without the models of models/kpis/disclosure and without the code that chooses what is hidden: it
knows the published rows, the place tree and the calendar, and uses numpy and linear programming.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import duckdb
import numpy
import openpyxl
import pytest
from scipy.optimize import linprog
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import lsmr

from exports.export import export, folder_of
from ingest import warehouse
from ingest.settings import settings

# Metric → what its numerator, denominator and n count, by the names of the components. Scores are sums: they only divide.
COUNTS = {
    "P02": {"numerator": "attendances", "n": "attendances"},
    "P05": {"numerator": "attendances_known"},
    "S03": {"numerator": "answers_satisfied", "denominator": "answers_valid", "n": "answers_valid"},
    "S04.mean": {"numerator": "score_sum", "denominator": "answers_valid", "n": "answers_valid"},
    "S04.index": {"numerator": "index_sum", "denominator": "answers_valid", "n": "answers_valid"},
    "S05": {"numerator": "promoters_less_detractors", "denominator": "recommendations_valid", "n": "recommendations_valid"},
    "S05.promoters": {"numerator": "promoters"},
    "S05.passives": {"numerator": "passives"},
    "S05.detractors": {"numerator": "detractors"},
    "R15.mean": {"numerator": "rating_sum", "denominator": "ratings_given", "n": "ratings_given"},
    "R15.satisfied": {"numerator": "ratings_satisfied", "denominator": "ratings_given", "n": "ratings_given"},
    "R15.default": {"numerator": "ratings_by_default", "denominator": "ratings", "n": "ratings"},
    "F01.donors": {"numerator": "donors", "n": "donors"},
}
# Count of people → the metric that shows it, the column, and the column of what it is a part of.
PEOPLE = {
    "attendances": ("P02", "numerator", None), "answers_satisfied": ("S03", "numerator", "denominator"),
    "answers_valid": ("S03", "denominator", None), "promoters": ("S05.promoters", "numerator", None),
    "passives": ("S05.passives", "numerator", None), "detractors": ("S05.detractors", "numerator", None),
    "ratings_satisfied": ("R15.satisfied", "numerator", "denominator"), "ratings_given": ("R15.satisfied", "denominator", None),
    "ratings_by_default": ("R15.default", "numerator", "denominator"), "ratings": ("R15.default", "denominator", None),
    "donors": ("F01.donors", "numerator", None),
}  # fmt: skip
# Whole → parts, at one place and time.
TIES = {
    "recommendations_valid": ["promoters", "passives", "detractors"], "ratings": ["ratings_given", "ratings_by_default"],
}  # fmt: skip
DISTINCT = {"donors"}
NEXT = {"month": "quarter", "quarter": "year", "year": "all", "wave": "month"}
# Table → k. The rows of the public are taken from the file that is given to it.
TABLES = {"kpi_value": 5, "kpi_value_public": 10}
CLOSE = 1e-7

Key = tuple[str, str, str, date, str, str]


@dataclass
class Knowledge:
    """What an attacker has: the counts that are shown, those that are hidden, and sums (whole, parts)."""

    shown: dict[Key, float]
    hidden: set[Key]
    sums: list[tuple[Key, list[Key]]]

    @cached_property
    def systems(self) -> list[tuple[list[Key], csr_matrix, numpy.ndarray]]:
        """Hidden counts that hang together, with the matrix and the right side of their equations."""
        unknowns = sorted(self.hidden, key=str)
        number = {key: place for place, key in enumerate(unknowns)}
        rows, columns, values, right = [], [], [], []
        for row, (whole, parts) in enumerate(self.sums):
            right.append(0.0)
            for key, sign in [(whole, 1.0), *((part, -1.0) for part in parts)]:
                if key in number:
                    rows.append(row), columns.append(number[key]), values.append(sign)
                else:
                    right[-1] -= sign * self.shown[key]
        matrix = coo_matrix((values, (rows, columns)), shape=(len(right), len(unknowns))).tocsr()
        _, label = connected_components(matrix.T @ matrix, directed=False)
        found = []
        for group in range(label.max() + 1 if len(label) else 0):
            members = numpy.flatnonzero(label == group)
            block = matrix[:, members]
            used = numpy.flatnonzero(block.getnnz(axis=1))
            found.append(([unknowns[place] for place in members], block[used], numpy.array(right)[used]))
        return found


def published(query: str) -> list[tuple]:
    with duckdb.connect(str((settings().published / "current").resolve() / "marts.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module", autouse=True)
def public_files(installation: Path) -> Path:
    """WHEN the exports for the public are written."""
    (path, *_) = export("public")
    return path.parent


@pytest.fixture(scope="module")
def known(public_files: Path) -> dict[str, Knowledge]:
    """What the attacker has of each table."""
    return {table: attack(rows_of(table)) for table in TABLES}


def rows_of(table: str) -> list[tuple]:
    exported = f"read_csv('{folder_of('public') / 'current' / 'kpi.csv'}', header = true, delim = ',', quote = '\"', escape = '\"')"
    return published(
        f"""select metric_code, place_key, period_type, period_start, period_end, breakdown_type, breakdown_value, numerator,
            denominator, value, n, status from {exported if table == "kpi_value_public" else table}
            where metric_code in {tuple(COUNTS)}"""
    )


def test_the_files_of_the_public_have_its_rows_and_no_others(public_files: Path) -> None:
    numbers = "metric_code, place_key, period_type, period_start, breakdown_type, currency, numerator, denominator, value, n, lower, upper, status"
    csv = f"read_csv('{public_files / 'kpi.csv'}', header = true, delim = ',', quote = '\"', escape = '\"')"
    for exported in (csv, f"'{public_files / 'kpi.parquet'}'"):
        counted = published(
            f"""select (select count(*) from {exported}), (select count(*) from kpi_value_public),
                (select count(*) from (select {numbers} from {exported} except all select {numbers} from kpi_value_public))"""
        )
        assert counted[0][0] == counted[0][1] > 0 and counted[0][2] == 0


def test_the_workbook_of_the_public_shows_no_number_that_is_hidden_from_it(public_files: Path) -> None:
    hidden = {tuple(map(str, row)) for row in published(
        """select metric_code, place_path, period_type, breakdown_value from kpi_value_public
        where status = 'suppressed' and breakdown_type = 'none' and period_type = 'all'"""
    )}
    assert hidden
    book = openpyxl.load_workbook(public_files / "kpi.xlsx", read_only=True)
    said = [row for sheet in book for row in sheet.iter_rows(values_only=True) if any("已隐去" in str(cell) for cell in row)]
    assert len(said) > 100
    for row in said:
        assert not [cell for cell in row if isinstance(cell, (int, float)) and not isinstance(cell, bool)], row


def parent_of(place: str, day: date, versions: dict[str, list[tuple]]) -> str | None:
    """The parent of a place on a day; of one that is not valid then, as it was nearest in time."""
    last = versions[place][-1]
    return next((parent for parent, until in versions[place] if until is None or day < until), last[0])


def attack(rows: list[tuple]) -> Knowledge:
    """The equations between the counts that published rows show or hide.

    A month and a wave are of the tree on their last day; what a place has beyond the places below it are people of its own.
    """
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
    versions = defaultdict(list)
    for place, parent, until in published("select place_key, parent_place_key, counts_to from dim_place order by counts_from nulls first"):
        versions[place].append((parent, until))
    wholes: dict[tuple[Key, str], list[Key]] = defaultdict(list)
    momentary = [key for key in keys if key[0] not in DISTINCT and key[2] in ("month", "wave")]
    above = {parent for found in versions.values() for parent, _ in found}
    for key in momentary:
        parent = parent_of(key[1], keys[key] - timedelta(days=1), versions)
        if (key[0], parent, *key[2:]) in keys:
            wholes[(key[0], parent, *key[2:]), "places"].append(key)
        if key[1] in above:
            own = (key[0], key[1] + " itself", *key[2:])
            keys[own] = keys[key]
            wholes[key, "places"].append(own)
    series = defaultdict(list)
    for key in keys:
        if key[0] not in DISTINCT:
            series[key[0], key[1], key[2], key[4], key[5]].append(key)
    for key, end in keys.items():
        counted, place, kind, start, split, member = key
        for longer in series[counted, place, NEXT.get(kind), split, member]:
            if longer[3] <= end - timedelta(days=1) < keys[longer] or kind == "year":
                wholes[longer, kind].append(key)
        total = (counted, place, kind, start, "none", "total")
        if split != "none" and total in keys:
            wholes[total, split].append(key)
        parts = [(part, *key[1:]) for part in TIES.get(counted, [])]
        if parts and not place.endswith(" itself") and all(part in keys for part in parts):
            wholes[key, "tie"] = parts
    return Knowledge(shown, set(keys) - set(shown), [(whole, parts) for (whole, _), parts in wholes.items()])


def worked_out(known: Knowledge, counts: set[str]) -> set[Key]:
    """The hidden counts that every solution of the equations gives the same value: those that no direction of the null space
    changes. Random vectors are projected onto it (the residual of a least-squares solution)."""
    found = set()
    draw = numpy.random.default_rng(0)
    for unknowns, matrix, _ in known.systems:
        if not {key[0] for key in unknowns} & counts:
            continue
        free = numpy.zeros(len(unknowns), dtype=bool)
        for _ in range(2):
            vector = draw.standard_normal(len(unknowns))
            solution = lsmr(matrix.T, vector, atol=1e-12, btol=1e-12, conlim=0, maxiter=50 * len(unknowns))[0]
            free |= numpy.abs(vector - matrix.T @ solution) > CLOSE
        found |= {key for key, is_free in zip(unknowns, free) if not is_free and key[0] in counts}
    return found


def computed() -> dict[Key, tuple[float, float | None]]:
    """What is really there: count and, of a proportion, the whole."""
    found = {}
    with warehouse.reader() as connection:
        for counted, (metric, column, whole) in PEOPLE.items():
            rows = connection.execute(
                f"""select place_key, period_type, period_start, breakdown_type, breakdown_value, {column}, {whole or "null"}
                from kpis.kpi_computed where metric_code = ?""", [metric]
            ).fetchall()
            found |= {(counted, *row[:5]): (row[5], row[6]) for row in rows}
    return found


@pytest.mark.parametrize(("table", "k"), TABLES.items())
def test_no_row_shows_fewer_than_k_people_or_their_complement(known: dict[str, Knowledge], table: str, k: int) -> None:
    shown = known[table].shown
    small = [
        key for key, (count, whole) in computed().items()
        if key in shown and (0 < count < k or (whole is not None and 0 < whole - count < k))
    ]
    assert small == []


def small(k: int) -> set[Key]:
    """The counts of 1 to k-1 people, and those whose complement is that small."""
    return {
        key for key, (count, whole) in computed().items()
        if count is not None and (0 < count < k or whole is not None and 0 < whole - count < k)
    }


@pytest.mark.parametrize(("table", "k"), TABLES.items())
def test_no_small_count_follows_from_the_published_ones_by_linear_algebra(known: dict[str, Knowledge], table: str, k: int) -> None:
    hidden = known[table].hidden & small(k)
    assert len(hidden) > 100
    assert worked_out(known[table], set(PEOPLE)) & hidden == set()


@pytest.mark.parametrize("table", TABLES)
def test_no_sum_of_scores_follows_from_the_published_ones_by_linear_algebra(known: dict[str, Knowledge], table: str) -> None:
    sums = {"score_sum", "index_sum", "rating_sum"}
    assert sum(key[0] in sums for key in known[table].hidden) > 100
    found = worked_out(known[table], sums)
    assert {key for key in found if not key[1].endswith(" itself")} == set()


@pytest.mark.parametrize("table", TABLES)
def test_no_hidden_count_is_the_only_number_that_fits(known: dict[str, Knowledge], table: str) -> None:
    tried = 0
    for unknowns, matrix, right in known[table].systems:
        asked = [place for place, key in enumerate(unknowns) if key[0] in PEOPLE and key[0] not in DISTINCT and not key[1].endswith(" itself")]
        most = [
            known[table].shown.get((whole, *key[1:])) if (whole := {"answers_satisfied": "answers_valid", "ratings_satisfied": "ratings_given"}.get(key[0]))
            else None for key in unknowns
        ]
        # What is gained from others may be negative; nobody is counted less than nought times.
        least = [None if key[0] == "promoters_less_detractors" else 0.0 for key in unknowns]
        for place in asked[:: max(1, len(asked) // 4)]:
            goal = numpy.zeros(len(unknowns))
            goal[place] = 1.0
            low, high = (
                linprog(sign * goal, A_eq=matrix, b_eq=right, bounds=list(zip(least, most)), method="highs") for sign in (1, -1)
            )
            tried += 1
            assert low.status in (0, 3) and high.status in (0, 3), "the attack itself is wrong: nothing fits"
            assert high.status == 3 or -high.fun - low.fun > 1e-3, f"{unknowns[place]} is {low.fun}"
    assert tried > 50


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
                from kpis.kpi_computed where metric_code in ('P02', 'S03')
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
        assert connection.execute("select count(*) > 1000 from fct_answer").fetchone() == (True,)
        assert connection.execute("select count(attendance_count) > 0 from fct_activity").fetchone() == (True,)
