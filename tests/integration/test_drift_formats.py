"""Changed columns are found whatever the format: the readers tell headers and values alike."""

from __future__ import annotations

import random

import pytest

from ingest import drift, warehouse
from tests.conftest import rows_of
from tests.unit.ledger_project import Ledger, ledger  # noqa: F401 (a fixture)
from tests.unit.test_fuzz_files import MAKERS

FORMS = ("xlsx", "json", "parquet")  # one for each reader; test_drift.py has CSV
COLUMNS = {
    "entry_no": {"header": ["编号", "诉求编号"]},
    "amount": {"header": ["金额"], "required": False},
    "days": {"header": ["天数"], "type": "integer", "required": False},
}
USUAL = [["编号", "金额", "天数"], *([f"A{n:02d}", f"{n}.5", str(n)] for n in range(1, 21))]
GROWN = [[*USUAL[0], "备注"], *([*row, f"请回电1991234{n:04d}"] for n, row in enumerate(USUAL[1:]))]
CHANGED = {
    "added": (GROWN, ("added", "备注", None, None, "备注")),
    "removed": ([row[:2] for row in USUAL], ("removed", "天数", "days", "天数", None)),
    "renamed": ([["诉求编号", "金额", "天数"], *USUAL[1:]], ("renamed", "诉求编号", "entry_no", "编号", "诉求编号")),
    "retyped": ([USUAL[0], *([no, f"{amount}元", days] for no, amount, days in USUAL[1:])], ("retyped", "金额", "amount", "decimal", "text")),
    "a typed column that fits no more": (
        [USUAL[0], *([no, amount, f"{days}天" if int(days) > 15 else days] for no, amount, days in USUAL[1:])],
        ("retyped", "天数", "days", "integer", "5 of 20 rows do not fit"),
    ),
}  # fmt: skip


@pytest.fixture(params=FORMS)
def arrive(request: pytest.FixtureRequest, ledger: Ledger):
    """GIVEN a source in one format. Returns a function that loads a file of rows under a policy, and accepts it."""

    def arrive(name: str, rows: list[list[str]], policy: str = "warn") -> str:
        ledger.declare(COLUMNS, format={"type": request.param}, drift=policy)
        (ledger.drop / name).write_bytes(MAKERS[request.param](rows, random.Random(0), "utf-8"))
        (report,) = ledger.arrive()
        assert report.rows_in == 20 and report.status == "loaded", report
        with warehouse.writer("test") as connection:
            connection.execute("update ops.batch set status = 'accepted'")
        return report.message

    return arrive


def test_every_change_is_reported(arrive) -> None:
    arrive("0", USUAL)
    for name, (rows, change) in CHANGED.items():
        arrive(name, rows)
        arrive(f"{name}, then as usual", [USUAL[0], [name, "1.5", "1"], *USUAL[2:]])
        found = [row for row in drift.changes() if row["file_name"] == name]
        assert [tuple(row[key] for key in ("change", "header", "column_name", "before", "after")) for row in found] == [change]


def test_a_column_that_is_new_is_loaded_where_the_source_evolves_without_numbers_of_people(arrive) -> None:
    arrive("0", USUAL, "evolve")
    assert "columns not declared, loaded as: 备注" in arrive("1", GROWN, "evolve")
    ((column,),) = rows_of("select column_name from (describe raw.ledger) where column_name like 'added_bei_zhu%'")
    assert rows_of(f"select distinct {column} from raw.ledger where {column} is not null") == [("请回电[phone]",)]
