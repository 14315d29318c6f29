"""Great Expectations works inside the open DuckDB connection and leaves nothing behind; personal data is told from numbers."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import duckdb
import pytest
import sqlalchemy

from expectations import personal_data, runner
from expectations.duckdb_dialect import BufferedCursor, lend
from expectations.results import CheckResult, GateCrashed, GateReport

PROJECT = Path(__file__).resolve().parents[2]
ROWS = 300_000
MOST_MEGABYTES = 25
MOST_ROWS_FETCHED = 100


def checks() -> list:
    """One check of each kind; all but the first two fail on `big_table`."""
    from expectations import checks as kinds

    told = {"table": "raw.big", "advice": "nothing"}
    return [
        kinds.not_empty("raw.big", severity="critical", advice="nothing"),
        kinds.columns_present(["number", "word"], **told),
        kinds.row_count_between("is_small", 1, 10, expected="at most 10 rows", **told),
        kinds.not_null("maybe", ["number"], severity="warning", **told),
        kinds.in_set("word", ["word 1", "it's: {a} word"], ["number"], severity="critical", **told),
        kinds.no_rows("has_no_odd_numbers", "select number from batch where number % 2 = 1", severity="critical",
                      expected="even numbers", **told),
        kinds.no_rows("has_no_text_like_this", r"select number from batch where regexp_matches(word, '^(?:word) [0-9]{2}$')",
                      severity="warning", expected="other text", column="word", **told),
    ]  # fmt: skip


@pytest.fixture
def big_table() -> duckdb.DuckDBPyConnection:
    """GIVEN a table of 300 000 rows with texts, in a database that is open for writing."""
    connection = duckdb.connect()
    connection.execute("create schema raw")
    connection.execute(
        f"create table raw.big as select i as number, 'word ' || (i % 100) as word, if(i % 3 = 0, null, i) as maybe, "
        f"repeat('长文', 20) || i as long_text from range({ROWS}) as numbers (i)"
    )
    return connection


def run(connection: duckdb.DuckDBPyConnection, expectations: list) -> list[CheckResult]:
    import great_expectations as gx

    suite = gx.ExpectationSuite(name="raw.big", expectations=expectations)
    with runner.data_source(connection) as source:
        return runner.run_suite(connection, source, suite, "select * from raw.big")


def test_every_kind_of_check_counts_in_duckdb(big_table):
    results = run(big_table, checks())
    assert [(result.expectation, result.success, result.observed) for result in results] == [
        ("batch_is_not_empty", True, "300000 rows"),
        ("required_columns_are_present", True, "all of them"),
        ("is_small", False, "300000 rows"),
        ("maybe_is_never_empty", False, "100000 of 300000 rows"),
        ("word_has_known_values", False, "297000 of 300000 rows, such as word 0, word 2, word 3, word 4, word 5"),
        ("has_no_odd_numbers", False, "150000 rows that break it"),
        ("has_no_text_like_this", False, "270000 rows that break it"),
    ]


def test_no_table_leaves_duckdb(big_table, monkeypatch):
    fetched = []
    for name in ("fetchall", "fetchmany", "fetchone", "df", "arrow"):

        def counted(cursor: BufferedCursor, *arguments: object, name: str = name):
            rows = getattr(cursor._cursor, name)(*arguments)
            fetched.extend(rows if isinstance(rows, list) else [rows])
            return rows

        monkeypatch.setattr(BufferedCursor, name, counted, raising=False)
    run(big_table, checks())  # what is loaded on first use is no matter of this test
    fetched.clear()
    tracemalloc.start()
    try:
        run(big_table, checks())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 5 <= len(fetched) <= MOST_ROWS_FETCHED
    assert peak < MOST_MEGABYTES * 1_000_000
    assert big_table.execute("select count(*) from duckdb_tables() where temporary").fetchone() == (0,)


def test_a_check_that_cannot_be_evaluated_names_suite_and_check(big_table):
    from expectations.checks import no_rows

    broken = no_rows("is_sound", "select nowhere from batch", severity="critical", table="raw.big", expected="x", advice="y")
    with pytest.raises(GateCrashed, match="(?s)suite raw.big: expected an answer from is_sound, found an error: .*nowhere"):
        run(big_table, [*checks(), broken])


def test_a_table_that_is_not_there_names_the_suite(big_table):
    big_table.execute("drop table raw.big")
    with pytest.raises(GateCrashed, match="suite raw.big"):
        run(big_table, checks())


def test_a_connection_that_was_taken_back_cannot_be_used(big_table):
    with lend(big_table) as url:
        engine = sqlalchemy.create_engine(url)
        with engine.connect() as connection:
            assert connection.execute(sqlalchemy.text("select count(*) from raw.big")).scalar() == ROWS
    with pytest.raises(sqlalchemy.exc.DBAPIError, match="it has been taken back"):
        engine.connect()
    assert big_table.execute("select 1").fetchone() == (1,)


def test_the_workaround_is_still_needed(tmp_path):
    """When this fails, Great Expectations has learnt DuckDB: expectations/duckdb_dialect.py can go."""
    import great_expectations.expectations as gxe

    path = tmp_path / "plain.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table numbers as from range(3) as numbers (i)")
    source = runner.context().data_sources.add_sql(name="plain", connection_string=f"duckdb:///{path}")
    try:
        asset = source.add_query_asset("numbers", query="select * from numbers")
        batch = asset.add_batch_definition_whole_table("all").get_batch()
        result = batch.validate(gxe.ExpectColumnValuesToNotBeNull(column="i"))
        assert "list index out of range" in str(result.exception_info)
    finally:
        runner.context().data_sources.delete("plain")


SCRIPT = """
import sys
from expectations import gate, mart_suite, raw_suite, report, runner
assert not {"great_expectations", "sqlalchemy"} & set(sys.modules), "imported before it is needed"
import duckdb
connection = duckdb.connect()
connection.execute("create table numbers as from range(3) as numbers (i)")
import os
assert not os.listdir(os.environ["HOME"])
with runner.data_source(connection) as source:
    import great_expectations as gx
    from expectations.checks import not_empty, not_null
    suite = gx.ExpectationSuite(
        name="numbers", expectations=[
            not_empty("numbers", severity="critical", advice="x"), not_null("i", ["i"], severity="critical", table="numbers", advice="x")])
    assert all(result.success for result in runner.run_suite(connection, source, suite, "select * from numbers"))
connection.close()
"""


def test_a_process_that_gates_writes_no_file_and_prints_nothing(tmp_path):
    for folder in ("home", "work", "temporary"):
        (tmp_path / folder).mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT],
        cwd=tmp_path / "work",
        env={
            "HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "temporary"), "PYTHONPATH": str(PROJECT),
            "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [str(path) for path in tmp_path.rglob("*") if path.is_file()] == []


PERSONAL = [
    "13912345678",
    "电话13912345678，请回电",
    "Tel13912345678",
    "联系方式:19900001234.",
    "11010519491231002X",
    "身份证110105194912310021办理",
    "来自 203.0.113.15(青禾)",
    "10.0.0.1.",
]
NOT_PERSONAL = [
    "1391234567",
    "139123456789",
    "23912345678",
    "12912345678",
    "¥113,912,345,678",
    "118.13912345678",
    "34.052235, -118.243684",
    "0.13912345678901",
    "QH2026-0139",
    "990101101001",
    "a13912345678f",
    "3f2b1c4d-13912345678a",
    "e3b0c44298fc1c13912345678bf4c8996fb92427ae41e4649b934ca495991b78",
    "110105199913310021",
    "999010194912310021123",
    "256.1.1.1",
    "1.2.3",
    "v1.2.3.4",
    "2026.03.05",
    "1.2.3.4.5",
    "",
    None,
]


@pytest.mark.parametrize("text", PERSONAL)
def test_personal_data_is_found_in_a_text_and_masked(text):
    assert duckdb.execute("select regexp_matches(?, ?)", [text, personal_data.ANY]).fetchone() == (True,)
    masked = personal_data.mask(f"{text} {text}")
    assert "•" in masked
    assert duckdb.execute("select regexp_matches(?, ?)", [masked, personal_data.ANY]).fetchone() == (False,)


@pytest.mark.parametrize("text", NOT_PERSONAL)
def test_other_numbers_are_not_taken_for_personal_data(text):
    assert not duckdb.execute("select regexp_matches(?, ?)", [text, personal_data.ANY]).fetchone()[0]
    assert text is None or personal_data.mask(text) == text


def result(name: str, severity: str, success: bool, batch_id: str | None = "orders-00001") -> CheckResult:
    text = "" if success else "expected: a; found: b; look at: c; do: d"
    return CheckResult("raw.orders", batch_id, name, None, severity, success, "b", 0 if success else 1, text)


def test_a_report_passes_with_warnings_and_fails_with_a_critical_failure():
    warned = GateReport("raw", "raw.orders", "run 1", [result("a", "critical", True), result("b", "warning", False)])
    assert (warned.passed, len(warned.warnings), warned.blocked_batches) == (True, 1, [])
    blocked = GateReport("raw", "raw.orders", "run 1", [*warned.results, result("c", "critical", False)])
    assert (blocked.passed, len(blocked.failures), blocked.blocked_batches) == (False, 1, ["orders-00001"])


def test_a_report_reads_as_text_with_the_critical_failures_first():
    report = GateReport("raw", "raw.orders", "run 1", [result("b", "warning", False), result("c", "critical", False)])
    assert str(report).splitlines() == [
        "Gate raw.orders: FAILED (batches: 1, checks: 2, critical failures: 1, warnings: 1)",
        "- CRITICAL raw.orders [orders-00001] c",
        "    expected: a",
        "    found: b",
        "    look at: c",
        "    do: d",
        "- WARNING raw.orders [orders-00001] b",
        "    expected: a",
        "    found: b",
        "    look at: c",
        "    do: d",
    ]
