"""What files mean, whatever the order in which they arrive: late, corrected, overlapping and empty ones."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from expectations.gate import gate_raw
from ingest import declaration, warehouse
from ingest.landing import land
from ingest.load import BatchReport, load
from tests.dbt.project_sql import rendered

DECLARED = """
version: 2
sources:
  - name: {name}
    schema: raw
    tables:
      - name: {name}
        description: One row per hour of a volunteer.
        config:
          meta:
            ingest:
              {{family: activity, title: t, owner: o, producer: p, licence: l, schedule: "@daily", time_zone: Asia/Shanghai,
                connector: {{type: drop_folder, pattern: "{name}/*.csv"}}, delivery: {delivery},
                as_of_pattern: '_(\\d{{4}}-\\d{{2}})', revision_pattern: '_修订(\\d*)'}}
        columns:
          - {{name: month, config: {{meta: {{ingest: {{header: 月份}}}}}}}}
          - {{name: shift_no, config: {{meta: {{ingest: {{header: 编号}}}}}}}}
          - {{name: hours, config: {{meta: {{ingest: {{header: 时长, type: integer}}}}}}}}
          - {{name: updated_at, config: {{meta: {{ingest: {{header: 更新时间, type: timestamp, required: false}}}}}}}}
"""
HEADER = "月份,编号,时长\n"
DATED = "月份,编号,时长,更新时间\n"
EMPTY = ("ledger_2026-12.csv", HEADER)

CASES = {
    # A month that arrives late, and one that is corrected twice: each month counts as its last edition says.
    "period": (
        "{mode: period, columns: [month]}",
        [
            ("ledger_2026-01.csv", HEADER + "1,a,5\n1,b,3\n"),
            ("ledger_2026-02.csv", HEADER + "2,c,2\n"),
            ("ledger_2026-01_修订.csv", HEADER + "1,a,6\n"),
            ("ledger_2026-01_修订2.csv", HEADER + "1,a,7\n1,d,1\n"),
            ("ledger_2025-12.csv", HEADER + "12,z,9\n"),
            EMPTY,
        ],
        [("1", "a", 7), ("1", "d", 1), ("12", "z", 9), ("2", "c", 2)],
    ),
    # A month that repeats the end of the month before it: the later file says what that part is.
    "period with overlapping files": (
        "{mode: period, columns: [month]}",
        [
            ("ledger_2026-02.csv", HEADER + "1,a,5\n2,b,3\n"),
            ("ledger_2026-03.csv", HEADER + "2,b,4\n3,c,2\n"),
        ],
        [("1", "a", 5), ("2", "b", 4), ("3", "c", 2)],
    ),
    "snapshot": (
        "{mode: snapshot}",
        [
            ("ledger_2026-01.csv", HEADER + "1,a,5\n1,b,3\n"),
            ("ledger_2026-03.csv", HEADER + "1,a,5\n3,c,2\n"),
            ("ledger_2026-02.csv", HEADER + "1,a,5\n1,b,3\n2,d,8\n"),
            EMPTY,
        ],
        [("1", "a", 5), ("3", "c", 2)],
    ),
    "upsert": (
        "{mode: upsert, key: [shift_no]}",
        [
            ("ledger_2026-01.csv", HEADER + "1,a,5\n1,b,3\n"),
            ("ledger_2026-03.csv", HEADER + "1,a,6\n3,c,2\n"),
            ("ledger_2026-02.csv", HEADER + "1,a,4\n2,d,8\n"),
            ("ledger_2026-03_修订.csv", HEADER + "3,c,1\n"),
            EMPTY,
        ],
        [("1", "a", 6), ("1", "b", 3), ("2", "d", 8), ("3", "c", 1)],
    ),
    # Names without a date say nothing of the order: the rows do.
    "upsert by the time of the last change": (
        "{mode: upsert, key: [shift_no], order_by: [updated_at]}",
        [
            ("export-7.csv", DATED + "1,a,5,2026-01-03 10:00:00\n1,b,3,2026-01-01 10:00:00\n"),
            ("export-9.csv", DATED + "1,a,4,2026-01-02 10:00:00\n1,b,2,2026-01-05 10:00:00\n"),
            ("export-8.csv", DATED + "1,b,9,\n"),
        ],
        [("1", "a", 5), ("1", "b", 2)],
    ),
    "append": (
        "{mode: append}",
        [("a_2026-01.csv", HEADER + "1,a,5\n1,a,5\n"), ("a_2026-02.csv", HEADER + "1,a,5\n"), EMPTY],
        [("1", "a", 5), ("1", "a", 5), ("1", "a", 5)],
    ),
    # Two equal rows of one file are two shifts; the same two in the next export are the same two.
    "append of exports that overlap": (
        "{mode: append, overlapping: true}",
        [
            ("export_2026-01.csv", HEADER + "1,a,5\n1,a,5\n1,b,3\n"),
            ("export_2026-02.csv", HEADER + "1,a,5\n1,b,3\n2,c,2\n"),
            ("export_2026-03.csv", HEADER + "1,b,3\n2,c,2\n2,c,2\n3,d,1\n"),
            EMPTY,
        ],
        [("1", "a", 5), ("1", "a", 5), ("1", "b", 3), ("2", "c", 2), ("2", "c", 2), ("3", "d", 1)],
    ),
}
ORDERS = 4


@pytest.fixture(params=CASES, ids=[name.replace(" ", "_") for name in CASES])
def case(request: pytest.FixtureRequest, drop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """GIVEN a declared source. Returns: what its delivery is, its files in the order of their making, and the rows that count."""
    delivery, files, expected = CASES[request.param]
    for number in range(ORDERS):
        name = f"shift_ledger_{number}"
        folder = tmp_path / "staging" / name
        folder.mkdir(parents=True)
        (folder / f"_{name}__sources.yml").write_text(DECLARED.format(name=name, delivery=delivery), encoding="utf-8")
        (drop / name).mkdir()
    monkeypatch.setattr(declaration, "_files", lambda name="*": sorted((tmp_path / "staging").rglob(f"_{name}__sources.yml")))
    return files, expected


def arrive(drop: Path, source: str, files: list[tuple[str, str]]) -> list[BatchReport]:
    """Files that are there at one time, through land, load and gate."""
    for name, content in files:
        (drop / source / name).write_text(content, encoding="utf-8")
    land(source)
    reports = load(source)
    gate_raw(source, "test")
    return reports


def counting(source: str) -> list[tuple]:
    """The rows of a source that count, as staging reads them."""
    declared = declaration.declaration(source)
    sql = rendered(
        f"select month, shift_no, hours from {{{{ delivered_rows('{source}') }}}} order by all",
        source=lambda schema, name: f"{'ops' if schema == 'ops' else 'raw'}.{name}",
        ingest_declaration=lambda name: {"delivery": declared.delivery.model_dump()},
        stored_columns=lambda name: [column.name for column in declared.columns],
    )
    with warehouse.reader() as connection:
        return connection.execute(sql).fetchall()


def test_the_same_rows_count_in_whatever_order_the_files_arrive(case: tuple, drop: Path) -> None:
    files, expected = case
    for number in range(ORDERS):
        source, shuffled = f"shift_ledger_{number}", list(files)
        random.Random(number).shuffle(shuffled)
        cut = number % len(shuffled)
        for arriving in (shuffled[:cut], shuffled[cut:]):
            if arriving:
                arrive(drop, source, arriving)
        assert counting(source) == expected, [name for name, _ in shuffled]


def test_an_empty_file_is_refused_where_it_would_replace_rows_and_noted_where_not(case: tuple, drop: Path) -> None:
    files, expected = case
    source = "shift_ledger_0"
    arrive(drop, source, [file for file in files if file != EMPTY])
    (report,) = arrive(drop, source, [EMPTY])
    with warehouse.reader() as connection:
        ((status, message),) = connection.execute("select status, message from ops.batch order by batch_no desc limit 1").fetchall()
    if declaration.declaration(source).delivery.replaces:
        assert (report.status, status) == ("blocked", "blocked")
        assert "an empty file never replaces what is there" in message
    else:
        assert (report.status, status) == ("loaded", "accepted")
        assert "batch_is_not_empty" in message
    assert counting(source) == expected


A, B = HEADER + "1,a,5\n", HEADER + "1,a,6\n2,b,1\n"
# What counts after A, B and A again: under a later name, under the same name, and under a name without a date.
AGAIN = {
    "snapshot": ("{mode: snapshot}", [("1", "a", 5)]),
    "period": ("{mode: period, columns: [month]}", [("1", "a", 5), ("2", "b", 1)]),
    "upsert": ("{mode: upsert, key: [shift_no]}", [("1", "a", 5), ("2", "b", 1)]),
    "append": ("{mode: append}", [("1", "a", 5), ("1", "a", 6), ("2", "b", 1)]),
    "append, overlapping": ("{mode: append, overlapping: true}", [("1", "a", 5), ("1", "a", 6), ("2", "b", 1)]),
}
NAMES = {
    "later names": ["x_2026-01.csv", "x_2026-02.csv", "x_2026-03.csv"],
    "one name": ["x_2026-01.csv"] * 3,
    "revisions": ["x_2026-01.csv", "x_2026-01_修订.csv", "x_2026-01_修订2.csv"],
    "no dates": ["export-1.csv", "export-2.csv", "export-3.csv"],
}


@pytest.fixture
def declare(drop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Declares the source `shifts` with a delivery."""
    (tmp_path / "staging" / "shifts").mkdir(parents=True)
    (drop / "shifts").mkdir()
    monkeypatch.setattr(declaration, "_files", lambda name="*": sorted((tmp_path / "staging").rglob(f"_{name}__sources.yml")))

    def written(delivery: str) -> None:
        path = tmp_path / "staging" / "shifts" / "_shifts__sources.yml"
        path.write_text(DECLARED.format(name="shifts", delivery=delivery), encoding="utf-8")

    return written


def delivered(drop: Path, *files: tuple[str, str]) -> None:
    """Files that are there at one time, landed, loaded and accepted."""
    for name, content in files:
        (drop / "shifts" / name).write_text(content, encoding="utf-8")
    land("shifts")
    load("shifts")
    with warehouse.writer("test") as connection:
        connection.execute("update ops.batch set status = 'accepted' where status = 'loaded'")


def batches() -> list[tuple]:
    with warehouse.reader() as connection:
        return connection.execute("select batch_no, rows_loaded from ops.batch order by all").fetchall()


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize(("delivery", "expected"), AGAIN.values(), ids=AGAIN)
def test_a_file_that_comes_again_after_another_one_counts_as_the_latest_and_is_loaded_once(
    drop: Path, declare, delivery: str, expected: list[tuple], names: list[str]
) -> None:
    declare(delivery)
    for name, content in zip(names, (A, B, A), strict=True):
        delivered(drop, (name, content))
    assert counting("shifts") == expected
    assert batches() == [(1, 1), (2, 2)]
    # Looking again at what lies there changes nothing, and B is the latest when it comes once more.
    for _ in range(2):
        assert not any(file.is_again for file in land("shifts"))
    assert counting("shifts") == expected
    if "snapshot" in delivery:
        delivered(drop, (names[-1], B))
        assert counting("shifts") == [("1", "a", 6), ("2", "b", 1)]


def test_a_copy_of_a_file_that_nothing_came_after_changes_nothing(drop: Path, declare) -> None:
    declare("{mode: snapshot}")
    delivered(drop, ("a.csv", A))
    delivered(drop, ("b.csv", B))
    (drop / "shifts" / "b copy.csv").write_text(B, encoding="utf-8")
    for _ in range(2):
        assert [str(file).partition(", ")[0] for file in land("shifts")] == [
            "a.csv: known already", "b copy.csv: known already", "b.csv: known already"
        ]  # fmt: skip
    assert counting("shifts") == [("1", "a", 6), ("2", "b", 1)]


def test_a_file_that_comes_again_under_an_older_name_stays_what_it_was(drop: Path, declare) -> None:
    declare("{mode: snapshot}")
    delivered(drop, ("x_2026-03.csv", A))
    delivered(drop, ("x_2026-02.csv", B))
    delivered(drop, ("x_2026-01.csv", A))
    assert counting("shifts") == [("1", "a", 5)]


def test_the_bytes_of_another_period_are_refused_where_the_name_alone_says_the_period(drop: Path, declare) -> None:
    declare("{mode: period, columns: [_file_as_of]}")
    delivered(drop, ("x_2026-01.csv", A), ("x_2026-01 copy.csv", A))
    delivered(drop, ("x_2026-02.csv", A))
    with warehouse.reader() as connection:
        found = connection.execute(
            "select file_name, status, message from ops.batch join ops.file using (file_id) order by all"
        ).fetchall()
    assert [row[:2] for row in found] == [("x_2026-01 copy.csv", "accepted"), ("x_2026-02.csv", "blocked")]
    assert "expected the rows of 2026-02-28, found byte for byte those of x_2026-01 copy.csv (2026-01-31)" in found[1][2]
    delivered(drop, ("x_2026-02.csv", B))
    assert counting("shifts") == [("1", "a", 5), ("1", "a", 6), ("2", "b", 1)]


def test_the_first_landing_of_an_installation_of_before_moves_nothing(drop: Path, declare) -> None:
    declare("{mode: snapshot}")
    delivered(drop, ("a.csv", A))
    delivered(drop, ("b.csv", B))
    with warehouse.writer("test") as connection:
        connection.execute("delete from ops.arrival; update ops.file set delivered_at = null")
    assert not any(file.is_again for file in land("shifts"))
    assert counting("shifts") == [("1", "a", 6), ("2", "b", 1)]
