"""Tables of real databases: what the server holds reaches raw, once, and a load that fails leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ingest.connectors.credentials import ConnectionNotFound
from ingest.connectors.sql_database import DatabaseProblem
from ingest.declaration import DeclarationError
from ingest.landing import land
from ingest.settings import settings
from tests.conftest import rows_of
from tests.integration.database_servers import DATABASE, PASSWORD, Server
from tests.integration.permit_office import Office, at, insert, interval


def test_a_table_without_a_cursor_is_a_snapshot(server: Server, office: Office) -> None:
    insert(server, (1, "阳台改造 🏠", at(15)), (2, "', \\ % :x \n\"", at(16)), (3, "", None), (4, None, at(17)))
    office.declare(server)
    assert len(office.run()) == 1
    assert office.rows("id, title, updated_at::varchar") == [
        (1, "阳台改造 🏠", "2026-03-05 15:00:00"), (2, "', \\ % :x \n\"", "2026-03-05 16:00:00"), (3, "", None),
        (4, None, "2026-03-05 17:00:00"),
    ]


def test_an_unchanged_table_lands_once_and_one_that_is_again_as_it_was_lands_again(server: Server, office: Office) -> None:
    insert(server, (1, "a", at(15)))
    office.declare(server)
    assert len(office.run()) == 1
    assert len(office.run()) == 0
    insert(server, (2, "b", at(15)))
    assert len(office.run()) == 1
    server.execute("delete from permit where id = 2")
    assert len(office.run()) == 1
    assert len(office.run()) == 0
    assert rows_of("select rows_loaded from ops.batch order by batch_no") == [(1,), (2,), (1,)]


def test_an_empty_table_is_blocked_until_it_has_rows_again(server: Server, office: Office) -> None:
    office.declare(server)
    office.run()
    assert rows_of("select status, message like 'expected at least one row%' from ops.batch") == [("blocked", True)]
    insert(server, (1, "a", at(15)))
    office.run()
    assert rows_of("select status, rows_loaded from ops.batch order by batch_no") == [("withdrawn", 0), ("loaded", 1)]


def test_the_second_load_brings_only_what_is_new_or_changed(server: Server, office: Office) -> None:
    insert(server, (1, "a", at(9)), (2, "b", at(10)), (3, "c", at(11)))
    office.declare(server, incremental={"cursor_path": "updated_at"})
    office.run()
    insert(server, (2, "b, changed", at(12)), (4, "d", at(13)))
    office.run()
    # The row at the highest value comes again: another one may have been committed with the same value since.
    assert office.rows("id, title, batch_no") == [
        (1, "a", 1), (2, "b", 1), (3, "c", 1), (3, "c", 2), (2, "b, changed", 2), (4, "d", 2)
    ]
    assert len(office.run()) == 1
    assert office.rows("id", "batch_no = 3") == [(4,)]
    assert office.run() == []


def test_with_append_the_row_at_the_highest_value_does_not_come_again_and_another_one_there_does(
    server: Server, office: Office
) -> None:
    insert(server, (1, "a", at(9)), (2, "b", at(10)))
    office.declare(server, incremental={"cursor_path": "updated_at"}, delivery={"mode": "append"})
    office.run()
    insert(server, (3, "c", at(10)))
    office.run()
    assert office.run() == []
    assert office.rows() == [(1, "a"), (2, "b"), (3, "c")]


def test_rows_that_are_committed_late_are_found_within_the_lag(server: Server, office: Office) -> None:
    insert(server, (5, "e", at(12)), (1, "a", at(9)))
    office.declare(server, incremental={"cursor_path": "updated_at", "lag": 3600})
    office.run()
    insert(server, (2, "within the lag", at(11)), (3, "before it", at(10, 59)))
    office.run()
    assert office.rows("id", "batch_no = 2") == [(2,), (5,)]


def test_an_initial_value_leaves_older_rows_out_for_ever(server: Server, office: Office) -> None:
    insert(server, (1, "a", at(9)), (2, "b", at(10)))
    office.declare(server, incremental={"cursor_path": "updated_at", "initial_value": "2026-03-05T10:00:00", "lag": 86400})
    office.run()
    office.run()
    assert {row[0] for row in office.rows("id")} == {2}


def test_an_interval_takes_exactly_its_half_open_range_and_leaves_the_cursor_alone(server: Server, office: Office) -> None:
    insert(server, *[(hour, str(hour), at(hour)) for hour in (8, 9, 10, 11)], (99, "no time", None))
    office.declare(server, incremental={"cursor_path": "updated_at"})
    office.run(interval(at(9), at(11)))
    assert office.rows("id") == [(9,), (10,)]
    assert rows_of("select count(*) from ops.cursor") == [(0,)]
    office.run()
    assert office.rows("id", "batch_no = 2") == [(8,), (9,), (10,), (11,), (99,)]


def test_a_scheduled_interval_goes_on_from_the_last_one_and_leaves_later_rows_to_the_next(server: Server, office: Office) -> None:
    office.declare(server, incremental={"cursor_path": "updated_at"})
    insert(server, *[(hour, str(hour), at(hour)) for hour in (8, 9, 10, 11)])
    office.run(interval(at(9), at(10), is_next=True))
    office.run(interval(at(10), at(12), is_next=True))
    assert office.rows("id, batch_no") == [(8, 1), (9, 1), (9, 2), (10, 2), (11, 2)]


def test_a_time_in_the_future_does_not_carry_the_cursor_away(server: Server, office: Office) -> None:
    insert(server, (1, "a", at(9)), (2, "mistyped", "2037-01-01 00:00:00"))
    office.declare(server, incremental={"cursor_path": "updated_at"})
    office.run()
    insert(server, (3, "c", at(10)))
    office.run()
    assert sorted(set(office.rows("id"))) == [(1,), (3,)]


def test_rows_without_a_cursor_value_come_with_every_load_or_are_refused(server: Server, office: Office) -> None:
    insert(server, (1, "a", at(9)), (2, "no time", None))
    office.declare(server, incremental={"cursor_path": "updated_at"})
    office.run()
    insert(server, (3, "no time either", None))
    office.run()
    assert office.rows("id, batch_no") == [(1, 1), (2, 1), (1, 2), (2, 2), (3, 2)]
    office.declare(server, incremental={"cursor_path": "updated_at"}, delivery={"mode": "append"})
    with pytest.raises(DatabaseProblem, match="expected a value of updated_at in every row, found none in 2"):
        land("permit")


@pytest.mark.parametrize("lag", [0, 2])
def test_whole_numbers_are_a_cursor_too(server: Server, office: Office, lag: int) -> None:
    insert(server, *[(number, "x", None) for number in (5, 7, 8)])
    office.declare(server, incremental={"cursor_path": "id", "lag": lag, "initial_value": 6})
    office.run()
    insert(server, *[(number, "x", None) for number in (6, 9)])
    office.run()
    assert office.rows("id", "batch_no = 2") == [(6,), (7,), (8,), (9,)][0 if lag else 2 :]
    with pytest.raises(DeclarationError, match="expected a column of time or date as cursor, found id"):
        land("permit", interval=interval(at(9), at(10)))


def test_dates_are_a_cursor_too(server: Server, office: Office) -> None:
    server.execute(
        "alter table permit add column day date", "insert into permit (id, day) values (1, '2026-03-04'), (2, '2026-03-05')"
    )
    columns = {"id": "bigint", "day": "date"}
    new = {"cursor_path": "day", "lag": 3600, "initial_value": "2026-03-03"}
    office.declare(server, columns, columns=["id", "day"], incremental=new)
    office.run()
    server.execute("insert into permit (id, day) values (3, '2026-03-04'), (4, '2026-03-06'), (5, '2026-03-03')")
    office.run()
    assert office.rows("id, day::varchar", "batch_no = 2") == [
        (1, "2026-03-04"), (3, "2026-03-04"), (2, "2026-03-05"), (4, "2026-03-06")
    ]
    office.run(interval("2026-03-04T16:00", "2026-03-05T16:00"))
    assert office.rows("id", "batch_no = 3") == [(2,)]


def test_a_cursor_by_the_clock_of_the_source_meets_intervals_in_utc(server: Server, office: Office) -> None:
    kind = "timestamp" if server.type == "postgres" else "datetime(6)"
    server.execute(
        f"alter table permit add column local {kind}",
        "insert into permit (id, local) values (1, '2026-03-05 08:59:59.999999'), (2, '2026-03-05 09:00:00')",
        "insert into permit (id, local) values (3, '2026-03-05 10:00:00')",
    )
    columns = {"id": "bigint", "local": "timestamp"}
    office.declare(server, columns, columns=["id", "local"], incremental={"cursor_path": "local"})
    office.run(interval(at(9), at(10)))
    assert office.rows("id, local::varchar") == [(2, "2026-03-05 09:00:00")]
    office.run()
    server.execute("insert into permit (id, local) values (4, '2026-03-05 10:00:00.000001'), (5, '2026-03-05 09:59:59')")
    office.run()
    assert office.rows("id", "batch_no = 3") == [(3,), (4,)]


def test_a_query_is_a_table_and_cannot_write(server: Server, office: Office) -> None:
    insert(server, (1, "a:b%", at(9)), (2, "b", at(10)))
    query = f"select id, title, updated_at from {DATABASE}.permit where title like '%:b%%' -- not all"
    office.declare(server, query=query, incremental={"cursor_path": "updated_at"})
    office.run()
    assert office.rows() == [(1, "a:b%")]


def test_the_session_reads_only_whatever_the_login_may(server: Server, office: Office) -> None:
    sequence, writer = f"{DATABASE}.counter", "office" if server.type == "postgres" else "office@'127.0.0.1'"
    server.execute(f"drop sequence if exists {sequence}", f"create sequence {sequence}")
    server.execute(f"grant all on {'sequence ' if server.type == 'postgres' else ''}{sequence} to {writer}")
    value = f"nextval('{sequence}')" if server.type == "postgres" else f"next value for {sequence}"
    office.declare(server, query=f"select {value} as id, 'x' as title, now() as updated_at")
    with pytest.raises(DatabaseProblem, match="(?i)read.only transaction"):
        land("permit")


def test_chosen_columns_are_all_that_leaves_the_database(server: Server, office: Office) -> None:
    server.execute("alter table permit add column phone varchar(20)", "insert into permit (id, phone) values (1, '13800000000')")
    office.declare(server, {"id": "bigint"}, columns=["id"])
    office.run()
    landed = [path for path in settings().landing.rglob("*") if path.is_file()]
    assert len(landed) == 1 and b"13800000000" not in landed[0].read_bytes()


def test_names_that_only_a_quoted_identifier_can_have(server: Server, office: Office) -> None:
    q = '"' if server.type == "postgres" else "`"
    server.execute(
        f"drop table if exists {q}许可 '%{q}", f"create table {q}许可 '%{q} (id int, {q}Order %s :x{q} int, {q}标题{q} varchar(9))",
        f"insert into {q}许可 '%{q} values (1, 2, '甲')",
    )
    office.declare(server, {"id": "bigint", "title": "varchar"}, table=f"{DATABASE}.许可")
    with pytest.raises(DatabaseProblem, match="许可"):
        land("permit")


def test_a_renamed_column_blocks_the_file_and_a_chosen_one_the_load(server: Server, office: Office) -> None:
    insert(server, (1, "a", at(9)))
    server.execute("alter table permit rename column title to heading")
    office.declare(server)
    office.run()
    (message,) = rows_of("select message from ops.batch")[0]
    assert "found id, heading, updated_at; missing: title" in message
    office.declare(server, columns=["id", "title"])
    with pytest.raises(DatabaseProblem, match="expected the columns title in office.permit, found id, heading, updated_at"):
        land("permit")


def assert_nothing_landed(office: Office) -> None:
    """Neither file nor cursor nor anything in the working folder."""
    assert not [path for path in settings().landing.rglob("*") if path.is_file()] if settings().landing.exists() else True
    assert not list(settings().scratch.iterdir())
    if settings().database.exists():
        assert rows_of("select count(*) from ops.file") == [(0,)]
        assert rows_of("select count(*) from ops.cursor") == [(0,)]


def test_a_table_that_was_dropped_is_named(server: Server, office: Office) -> None:
    office.declare(server)
    server.execute("drop table permit")
    with pytest.raises(DatabaseProblem, match="(?s)expected rows of office.permit .*permit.* Nothing was landed"):
        land("permit")
    assert_nothing_landed(office)


def test_a_server_that_is_down_is_named_and_the_next_load_takes_all(server: Server, office: Office) -> None:
    insert(server, (1, "a", at(9)))
    office.declare(server, incremental={"cursor_path": "updated_at"})
    server.stop()
    try:
        with pytest.raises(DatabaseProblem, match="at 127.0.0.1 .Airflow connection permit_office.") as problem:
            land("permit")
        assert PASSWORD not in str(problem.value)
        assert_nothing_landed(office)
    finally:
        server.start()
    office.run()
    assert office.rows("id") == [(1,)]


def test_a_server_that_dies_midway_leaves_nothing(server: Server, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    insert(server, (0, "zero", at(1)))
    numbers = "generate_series(1, 300000) as numbers(seq)" if server.type == "postgres" else "seq_1_to_300000"
    server.execute(f"insert into permit (id, title) select seq, repeat('x', 200) from {numbers}")
    office.declare(server)
    dies_after_the_first_rows(server, monkeypatch)
    try:
        with pytest.raises(DatabaseProblem, match="Nothing was landed"):
            land("permit")
        assert_nothing_landed(office)
    finally:
        monkeypatch.undo()
        server.stop()
        server.start()


def dies_after_the_first_rows(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """WHEN the server is killed after the first part of the rows has arrived."""
    import pyarrow.parquet as pq

    write = pq.ParquetWriter.write_table

    def written(self: object, rows: object) -> None:
        write(self, rows)
        server.process.kill()
        server.process.wait()

    monkeypatch.setattr(pq.ParquetWriter, "write_table", written)


KILLED = """
import os, signal, sys
from pathlib import Path
from types import SimpleNamespace
import ingest.declaration, ingest.landing
here = SimpleNamespace(project=Path(sys.argv[1]), dbt_project=Path(sys.argv[1]), dbt_vars={})
ingest.declaration.settings = lambda: here
ingest.landing.{place} = lambda *_, **more: os.kill(os.getpid(), signal.SIGKILL)
ingest.landing.land("permit")
"""


@pytest.mark.parametrize("place", ["land_arrivals", "as_of_in_name"])
def test_a_load_that_is_killed_before_or_in_the_landing_comes_to_the_same_result(
    server: Server, office: Office, place: str
) -> None:
    insert(server, (1, "a", at(9)), (2, "b", at(10)))
    office.declare(server, incremental={"cursor_path": "updated_at"})
    office.run()
    insert(server, (3, "c", at(11)))
    killed = subprocess.run([sys.executable, "-c", KILLED.replace("{place}", place), str(office.folder)], capture_output=True)
    assert killed.returncode == -9, killed.stderr.decode()
    office.run()
    assert office.rows("id, batch_no") == [(1, 1), (2, 1), (2, 2), (3, 2)]
    assert not list(settings().scratch.iterdir())


def test_a_wrong_password_is_hidden_wherever_it_could_stand(
    server: Server, office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home of the user"))
    insert(server, (1, "a", at(9)))
    office.declare(server, incremental={"cursor_path": "updated_at"})
    office.run()
    monkeypatch.setenv("AIRFLOW_CONN_PERMIT_OFFICE", server.connection(password="another secret"))
    with pytest.raises(DatabaseProblem) as problem:
        land("permit")
    assert problem.value.__cause__ is None and problem.value.__suppress_context__
    told = capfd.readouterr()
    assert "another secret" not in f"{problem.value}{told.out}{told.err}"
    assert PASSWORD not in f"{told.out}{told.err}"
    assert "variable" not in f"{told.out}{told.err}"  # dlt has not asked Airflow for its settings
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert PASSWORD.encode() not in path.read_bytes() and b"another secret" not in path.read_bytes(), path
    assert rows_of("select original_path from ops.file") == [
        (f"{server.type}://127.0.0.1:{server.port}/{'postgres' if server.type == 'postgres' else DATABASE}/office.permit",)
    ]


def test_a_connection_that_is_missing_or_of_another_type_is_named(postgres: Server, office: Office, monkeypatch) -> None:
    office.declare(postgres)
    monkeypatch.setenv("AIRFLOW_CONN_PERMIT_OFFICE", postgres.connection(conn_type="oracle"))
    with pytest.raises(DeclarationError, match="of type postgres, postgresql, mysql, mariadb, found .* of type oracle"):
        land("permit")
    monkeypatch.delenv("AIRFLOW_CONN_PERMIT_OFFICE")
    with pytest.raises(ConnectionNotFound, match="permit_office"):
        land("permit")
