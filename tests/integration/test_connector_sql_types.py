"""Values of databases: each arrives as the text that the server makes of it, by the clock of the source."""

from __future__ import annotations

from tests.conftest import rows_of
from tests.integration.database_servers import Server
from tests.integration.permit_office import Office


def test_every_type_of_postgresql_arrives_as_it_is(postgres: Server, office: Office) -> None:
    long = "12345678901234567890123456789012345678901234567890.123456789"
    evening = "2026-07-06 03:00:00+08"
    cases = {
        "fee numeric(18,2)": ("1200.00", "1200.00"), "huge numeric": (long, long), "no_number numeric": ("'NaN'", "NaN"),
        "opened timestamp": ("'2026-03-05 15:00:00.5'", "2026-03-05 15:00:00.5"), "never timestamp": ("'infinity'", "infinity"),
        "changed timestamptz": ("'2026-07-05 15:00:00-04'", evening), "day date": ("'2026-03-05'", "2026-03-05"),
        "clock time": ("'15:00'", "15:00:00"), "ok boolean": ("true", "TRUE"), "not_ok boolean": ("false", "FALSE"),
        "details jsonb": ("""'{"a": [1, "张"]}'""", '{"a": [1, "张"]}'), "tags text[]": ("'{停车,噪声}'", "停车┋噪声"),
        "raw bytea": ("'\\xff00'", "FF00"), "ratio double precision": ("0.1", "0.1"), "small real": ("0.1", "0.1"),
        "ref uuid": ("'00000000-0000-0000-0000-000000000001'", "00000000-0000-0000-0000-000000000001"),
        "fixed char(5)": ("'ab'", "ab"), "span interval": ("'1 day 02:00'", "1 day 02:00:00"), "nothing text": ("null", None),
    }
    assert_types_arrive(postgres, office, cases)


def test_every_type_of_mysql_arrives_as_it_is(mariadb: Server, office: Office) -> None:
    cases = {
        "title varchar(50) character set latin1": ("'café'", "café"), "fee decimal(38,10)": ("1200.5", "1200.5000000000"),
        "opened datetime(3)": ("'2026-03-05 15:00:00.5'", "2026-03-05 15:00:00.500"),
        "never datetime": ("0", "0000-00-00 00:00:00"),
        "changed timestamp": ("'2026-03-05 07:00:00'", "2026-03-05 15:00:00+08:00"),
        "precise timestamp(1)": ("'2026-03-05 07:00:00.5'", "2026-03-05 15:00:00.500000+08:00"),
        "not_yet timestamp": ("0", "0000-00-00 00:00:00"),
        "day date": ("'2026-03-05'", "2026-03-05"), "no_day date": ("0", "0000-00-00"),
        "clock time": ("'838:59:59'", "838:59:59"), "ok boolean": ("true", "1"),
        "details json": ("""'{"a": [1, "张"]}'""", '{"a": [1, "张"]}'), "raw blob": ("x'ff00'", "FF00"),
        "fixed binary(2)": ("x'00ff'", "00FF"),
        "note longtext": ("'阳台🏠'", "阳台🏠"), "ratio double": ("0.1", "0.1"), "small float": ("1234567", "1234567"),
        "flags bit(8)": ("b'101'", "5"), "kind enum('投诉','咨询')": ("'投诉'", "投诉"), "born year": ("2026", "2026"),
        "big bigint unsigned": ("18446744073709551615", "18446744073709551615"), "place point": ("point(1, 2)", "POINT(1 2)"),
        "nothing text": ("null", None), "blank text": ("''", ""),
    }
    assert_types_arrive(mariadb, office, cases)


def assert_types_arrive(server: Server, office: Office, cases: dict[str, tuple[str, str | None]]) -> None:
    """One row with a column per case: its declaration in SQL → its value in SQL, its text in raw."""
    with server.opened() as connection, connection.cursor() as cursor:
        if server.type == "mysql":
            cursor.execute("set sql_mode = '', time_zone = '+00:00'")
        cursor.execute("drop table if exists permit")
        cursor.execute(f"create table permit ({', '.join(cases)})")
        cursor.execute(f"insert into permit values ({', '.join(value for value, _ in cases.values())})")
        connection.commit()
    names = [case.split()[0] for case in cases]
    office.declare(server, dict.fromkeys(names, "varchar"))
    office.run()
    assert dict(zip(names, office.rows(", ".join(names))[0], strict=True)) == {
        name: text for name, (_, text) in zip(names, cases.values(), strict=True)
    }


def test_a_zero_date_is_quarantined_and_found_although_the_cursor_has_passed_it(mariadb: Server, office: Office) -> None:
    mariadb.execute("drop table if exists permit")
    with mariadb.opened() as connection, connection.cursor() as cursor:
        cursor.execute("set sql_mode = ''")
        cursor.execute("create table permit (id int, changed datetime)")
        cursor.execute("insert into permit values (1, '2026-03-05 09:00:00'), (2, '0000-00-00'), (3, '2026-00-00')")
        connection.commit()
    office.declare(mariadb, {"id": "integer", "changed": "timestamp"}, incremental={"cursor_path": "changed"})
    office.run()
    assert office.rows("id") == [(1,)]
    found = "select raw_value, reason from ops.quarantine order by row_no"
    assert sorted(rows_of(found)) == [("0000-00-00 00:00:00", "wrong_type"), ("2026-00-00 00:00:00", "wrong_type")]
