"""Every check of the raw suite has been seen to fail on the fault that it is for, and passes on clean rows."""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb
import pytest

from expectations import runner
from expectations.raw_suite import Batch, raw_suite
from expectations.results import CheckResult
from ingest.declaration import SourceDeclaration
from ingest.warehouse import OPS_TABLES

ROWS = 40
BATCH = Batch("orders-00007", 7, "orders", "orders_2026-09.csv")
STORED = {
    "order_no": "integer",
    "state": "varchar",
    "level": "integer",
    "district_code": "varchar",
    "remark": "varchar",
    "case_number": "varchar",
    "person_key": "varchar",
}


def source(**changes: object) -> SourceDeclaration:
    """A source with a column for each kind of check."""
    declared = {
        "name": "orders",
        "description": "One row per order.",
        "folder": Path("."),
        "family": "activity",
        "title": "工单",
        "owner": "the office",
        "producer": "the office",
        "licence": "internal",
        "schedule": "0 2 * * *",
        "time_zone": "Asia/Shanghai",
        "connector": {"type": "drop_folder", "pattern": "orders/*.csv"},
        "delivery": {"mode": "upsert", "key": ["order_no"]},
        "columns": [
            {"name": "order_no", "type": "integer", "not_null": True},
            {"name": "state", "values": ["open", "done: yes"], "severity": "critical"},
            {"name": "level", "type": "integer", "values": ["1", "2"]},
            {"name": "district_code", "pattern": r"\d{6}", "unique": True},
            {"name": "remark", "free_text": True},
            {"name": "case_number", "may_contain_numbers": True},
            {"name": "person_key", "personal": "person"},
            {"name": "phone", "personal": "drop"},
        ],
    }
    return SourceDeclaration(**{**declared, **changes})


@pytest.fixture
def warehouse() -> duckdb.DuckDBPyConnection:
    """GIVEN one loaded batch of 40 clean rows, beside a faulty one of another file that is not looked at."""
    connection = duckdb.connect()
    connection.execute(OPS_TABLES)
    columns = ", ".join(f"{name} {type_}" for name, type_ in STORED.items())
    connection.execute(
        f"create table raw.orders ({columns}, _layout varchar, _file_id varchar, _row_no bigint, _batch_id varchar, "
        "_loaded_at timestamptz)"
    )
    connection.executemany(
        f"insert into raw.orders values ({', '.join('?' * 12)})",
        [
            (
                number, ("open", "done: yes", "open")[number % 3], number % 2 + 1, f"{110000 + number}",
                f"第{number}号楼 3.5 万元 {number}.13912345678 a13912345678b 1391234567 139123456789", "13912345678",
                "0a1b2c3d:" + hashlib.sha256(str(number).encode()).hexdigest(), "default", "f" * 64, number, BATCH.batch_id, None,
            )
            for number in range(1, ROWS + 1)
        ]
        + [(1, "?", 9, "x", "13912345678", None, "张三", "default", "e" * 64, 1, "orders-00001", None)] * 2,
    )  # fmt: skip
    connection.execute(
        "insert into ops.batch values (?, 7, 'orders', ?, 'default', 'loaded', 41, 40, 0, 1, '', now(), null, 'utf-8')",
        [BATCH.batch_id, "f" * 64],
    )
    connection.execute(
        "insert into ops.batch values ('orders-00006', 6, 'orders', 'd', 'default', 'accepted', 40, 40, 0, 0, '', now(), now(), 'utf-8')"
    )
    connection.execute(
        """
        insert into ops.file_column
        select batch_id, 'orders', 1, column_name, column_name, 'text', 40 from
            (values ('orders-00006'), ('orders-00007')) as batch (batch_id), (values ('order_no'), ('state')) as found (column_name)
        """
    )
    return connection


def gate(
    connection: duckdb.DuckDBPyConnection, declared: SourceDeclaration | None = None, earlier: list[int] | None = None
) -> dict[str, CheckResult]:
    """Results of the raw suite on the batch, by the name of the check."""
    declared = declared or source()
    stored = dict(connection.execute("select column_name, column_type from (describe raw.orders)").fetchall())
    with runner.data_source(connection) as data_source:
        results = runner.run_suite(
            connection,
            data_source,
            raw_suite(declared, BATCH, stored, earlier or []),
            BATCH.query,
            batch_id=BATCH.batch_id,
            place=f"file {BATCH.file_name}",
        )
    return {result.expectation: result for result in results}


def failed(results: dict[str, CheckResult]) -> dict[str, str]:
    """Name → severity of the checks that do not hold."""
    return {name: result.severity for name, result in results.items() if not result.success}


OWN = f"_batch_id = '{BATCH.batch_id}'"
QUARANTINED = """
    delete from raw.orders where {own} and _row_no > 40 - {rows};
    update ops.batch set rows_loaded = 40 - {rows}, rows_quarantined = {rows};
    insert into ops.quarantine select 'orders-00007', 'orders', null, i, 'level', 'wrong_type', 'integer', 'x', null, now()
    from range({rows}) as numbers (i)"""

# Files of January to May, loaded and accepted.
FILES = """
    insert into ops.file (source, file_id, as_of, retrieved_at)
    select 'orders', i::varchar, last_day(make_date(2026, i::integer, 1)), now() from range(1, 6) as months (i);
    insert into ops.batch (batch_id, source, file_id, status) select 'month ' || i, 'orders', i::varchar, 'accepted'
    from range(1, 6) as months (i);"""

FAULTS = {
    "no rows": (
        f"delete from raw.orders where {OWN}; update ops.batch set rows_in = 1, rows_loaded = 0",
        {"batch_is_not_empty": "warning"},
    ),
    "a row vanished in the loader": (
        "update ops.batch set rows_in = 42",
        {"every_row_of_the_file_is_accounted_for": "critical"},
    ),
    "a row vanished from the table": (
        f"delete from raw.orders where {OWN} and _row_no = 5",
        {"the_rows_stored_are_the_rows_loaded": "critical"},
    ),
    "one row in quarantine": (QUARANTINED.format(own=OWN, rows=1), {"no_row_is_quarantined": "warning"}),
    "more than a fifth in quarantine": (
        QUARANTINED.format(own=OWN, rows=9),
        {"no_row_is_quarantined": "warning", "few_rows_are_quarantined": "critical"},
    ),
    "a column is gone": (
        "alter table raw.orders drop column state",
        {"required_columns_are_present": "critical"},
    ),
    "a column to be dropped is stored": (
        "alter table raw.orders add column phone varchar; update raw.orders set phone = 'x' where _row_no = 3",
        {"phone_is_not_stored": "critical"},
    ),
    "the key twice": (
        f"update raw.orders set order_no = 1 where {OWN} and _row_no = 2",
        {"order_no_is_unique": "critical"},
    ),
    "a unique value twice": (
        f"update raw.orders set district_code = '110001' where {OWN} and _row_no = 2",
        {"district_code_is_unique": "warning"},
    ),
    "a key is missing": (
        f"update raw.orders set order_no = null where {OWN} and _row_no = 2",
        {"order_no_is_never_empty": "critical"},
    ),
    "an unknown value in a critical column": (
        f"update raw.orders set state = 'lost' where {OWN} and _row_no = 2",
        {"state_has_known_values": "critical"},
    ),
    "an unknown number": (
        f"update raw.orders set level = 3 where {OWN} and _row_no = 2",
        {"level_has_known_values": "warning"},
    ),
    "a value out of form": (
        f"update raw.orders set district_code = '1100011' where {OWN} and _row_no = 2",
        {"district_code_has_its_form": "warning"},
    ),
    "a name in the clear": (
        f"update raw.orders set person_key = '张三' where {OWN} and _row_no = 2",
        {"person_key_holds_keyed_hashes_only": "critical"},
    ),
    "a column that the file before did not have": (
        "insert into ops.file_column values ('orders-00007', 'orders', 3, 'colour', null, null, null)",
        {"no_column_was_added": "warning"},
    ),
    "a column that only the file before has": (
        "delete from ops.file_column where batch_id = 'orders-00007' and column_name = 'state'",
        {"no_column_was_removed": "warning"},
    ),
    "a column under another of its names": (
        "update ops.file_column set header = 'order number' where batch_id = 'orders-00007' and column_name = 'order_no'",
        {"no_column_was_renamed": "info"},
    ),
    "a column of numbers that holds words": (
        "update ops.file_column set kind = 'integer' where batch_id = 'orders-00006' and column_name = 'order_no'",
        {"no_column_changed_its_kind": "warning"},
    ),
    "a mobile number in a remark": (
        f"update raw.orders set remark = '请回电13912345678谢谢' where {OWN} and _row_no = 2",
        {"no_personal_data_in_text": "critical"},
    ),
    "a column of another type than declared": (
        "alter table raw.orders alter column level type varchar",
        {"columns_have_their_declared_types": "critical"},
    ),
    "three months without a file of a monthly source": (
        FILES + "insert into ops.file (source, file_id, as_of, retrieved_at) values ('orders', repeat('f', 64), date '2026-09-30', now())",
        {"no_file_is_missing_before_this_one": "warning"},
    ),
    "a file of the future": (
        "insert into ops.file (source, file_id, as_of, retrieved_at) values ('orders', repeat('f', 64), date '2099-09-30', now())",
        {"the_file_does_not_speak_of_the_future": "warning"},
    ),
    "text that was read in a wrong encoding": (
        f"update raw.orders set remark = '鐢ㄦ埛' where {OWN} and _row_no = 2",
        {"no_text_was_read_in_a_wrong_encoding": "warning"},
    ),
}


def test_a_clean_batch_passes_every_check(warehouse):
    results = gate(warehouse, earlier=[30, 35, 40, 45, 50])
    assert failed(results) == {}


def test_every_check_has_been_seen_to_fail(warehouse):
    seen = {name for _, expected in FAULTS.values() for name in expected} | {"the_batch_is_about_as_large_as_usual"}
    assert set(gate(warehouse, earlier=[30] * 5)) <= seen


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_fails_the_check_that_is_for_it_and_no_other(warehouse, fault):
    sql, expected = FAULTS[fault]
    warehouse.execute(sql)
    assert failed(gate(warehouse)) == expected


@pytest.mark.parametrize("day", ["2026-06-30", "2026-07-31", "2026-05-15"])
def test_a_file_that_follows_or_comes_late_in_the_rhythm_of_its_source_is_right(warehouse, day):
    warehouse.execute(
        f"{FILES} insert into ops.file (source, file_id, as_of, retrieved_at) values ('orders', repeat('f', 64), date '{day}', now())"
    )
    assert failed(gate(warehouse)) == {}


@pytest.mark.parametrize(("earlier", "holds"), [([300] * 5, False), ([7] * 5, False), ([200] * 5, True), ([8] * 5, True)])
def test_a_batch_far_from_the_usual_size_is_a_warning(warehouse, earlier, holds):
    result = gate(warehouse, earlier=earlier)["the_batch_is_about_as_large_as_usual"]
    assert (result.success, result.severity) == (holds, "warning")


def test_the_usual_size_is_not_asked_for_before_there_are_five_batches(warehouse):
    assert "the_batch_is_about_as_large_as_usual" not in gate(warehouse, earlier=[300] * 4)


def test_a_repeated_key_is_only_a_warning_where_rows_do_not_replace_each_other(warehouse):
    warehouse.execute(f"update raw.orders set order_no = 1 where {OWN} and _row_no = 2")
    declared = source(delivery={"mode": "append", "key": ["order_no"]})
    assert failed(gate(warehouse, declared)) == {"order_no_is_unique": "warning"}


def test_quarantined_rows_are_counted_and_named(warehouse):
    warehouse.execute(QUARANTINED.format(own=OWN, rows=9))
    result = gate(warehouse)["few_rows_are_quarantined"]
    assert (result.observed, result.unexpected_count) == ("9 rows that break it", 9)
    assert result.message == (
        "expected: at most 20% of the rows (max_quarantined_share) quarantined; found: 9 rows that break it; look at: "
        "ops.quarantine, file orders_2026-09.csv: reason=wrong_type, column_name=level, rows=9 of 41, first_rows=0, 1, 2, expected=integer, found=x; do: "
        "compare the file with the declaration (`gmw quarantine orders` lists the rows), mend the one that is wrong, then "
        "`gmw replay orders-00007`, or land the mended file"
    )


def test_the_declared_share_of_quarantined_rows_decides(warehouse):
    warehouse.execute(QUARANTINED.format(own=OWN, rows=9))
    assert "few_rows_are_quarantined" not in failed(gate(warehouse, source(max_quarantined_share=0.5)))


@pytest.mark.parametrize(("most", "holds"), [(8, False), (9, True), (0, False), (None, True)])
def test_the_declared_number_of_quarantined_rows_decides_too(warehouse, most, holds):
    warehouse.execute(QUARANTINED.format(own=OWN, rows=9))
    result = gate(warehouse, source(max_quarantined_share=1, max_quarantined_rows=most))["few_rows_are_quarantined"]
    assert (result.success, result.severity) == (holds, "critical")
    assert holds or f"at most 100% of the rows (max_quarantined_share) and at most {most} rows (max_quarantined_rows)" in result.message


def test_the_main_reasons_are_named_whatever_comes_first_by_name(warehouse):
    warehouse.execute(QUARANTINED.format(own=OWN, rows=9))
    for number in range(6):
        warehouse.execute(f"update ops.quarantine set reason = 'a{number}' where row_no = {number}")
    message = gate(warehouse)["few_rows_are_quarantined"].message
    assert "reason=wrong_type, column_name=level, rows=3 of 41, first_rows=6, 7, 8" in message
    assert message.count("reason=") == 5


def test_a_failure_says_what_was_expected_and_found_where_and_what_to_do(warehouse):
    warehouse.execute(f"update raw.orders set state = 'lost' where {OWN} and _row_no in (2, 17)")
    result = gate(warehouse)["state_has_known_values"]
    assert result.unexpected_count == 2
    assert result.message == (
        "expected: state one of open, done: yes; found: 2 of 40 rows, such as lost; look at: raw.orders, file "
        "orders_2026-09.csv: row 2, state=lost | row 17, state=lost; do: ask the office what the new value means, then add it "
        "to `values` and to the value map, or mend the file"
    )


def test_a_report_names_at_most_five_rows(warehouse):
    warehouse.execute(f"update raw.orders set level = 3 where {OWN}")
    assert gate(warehouse)["level_has_known_values"].message.count("row ") == 5


def test_a_failure_about_personal_data_does_not_repeat_it(warehouse):
    warehouse.execute(f"update raw.orders set remark = '请回电13912345678谢谢' where {OWN} and _row_no = 2")
    warehouse.execute(f"update raw.orders set district_code = '13912345678', state = '13912345678' where {OWN} and _row_no = 3")
    results = gate(warehouse)
    assert results["state_has_known_values"].observed == "1 of 40 rows, such as •••••••••••"
    assert "row 2, found_in=remark" in results["no_personal_data_in_text"].message
    assert "row 3, district_code=•••••••••••" in results["district_code_has_its_form"].message
    assert not any("13912345678" in result.message + result.observed for result in results.values())
