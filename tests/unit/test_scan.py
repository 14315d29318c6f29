"""The search for personal data looks into everything that an installation holds, however it is stored."""

from __future__ import annotations

import gzip
from pathlib import Path

import duckdb
import pytest

from expectations.scan import Hit, scan

CALL = "请回电13912345678"
STORED = {
    "text": (f"'{CALL}'", "mobile number"),
    "a whole number": ("13912345678::bigint", "mobile number"),
    "a decimal without decimals": ("13912345678::decimal(18, 0)", "mobile number"),
    "a list": (f"['无', '{CALL}']", "mobile number"),
    "an object": ("{'tel': 13912345678, 'count': 1}", "mobile number"),
    "a map": ("map {'张女士': 1}", "name"),
    "JSON": ("""'{"ip": "203.0.113.7"}'::json""", "IP address"),
    "bytes": ("'11010519491231002X'::blob", "ID number"),
}


@pytest.mark.parametrize("stored", STORED)
def test_what_a_column_holds_is_found_in_tables_and_in_parquet(home: Path, stored: str) -> None:
    value, what = STORED[stored]
    (home / "published").mkdir(parents=True)
    with duckdb.connect(str(home / "published" / "marts.duckdb")) as connection:
        connection.execute(f"create table fct_case as select 1.5 as days, date '2026-03-05' as opened, {value} as said")
        connection.execute(f"copy fct_case to '{home / 'published' / 'fct_case.parquet'}' (compression zstd)")
    assert scan(["张女士"]) == [
        Hit("published/fct_case.parquet: said", what, 1), Hit("published/marts.duckdb: main.fct_case.said", what, 1),
    ]  # fmt: skip


def test_a_compressed_log_is_unpacked(home: Path) -> None:
    home.mkdir()
    (home / "task.log.1.gz").write_bytes(gzip.compress(f"{CALL}\n".encode()))
    assert scan() == [Hit("task.log.1.gz", "mobile number", 1)]


def test_numbers_that_are_nobody_s_are_left_alone(home: Path) -> None:
    home.mkdir()
    with duckdb.connect(str(home / "marts.duckdb")) as connection:
        connection.execute(
            "create table kpi as select 13912345678.25::double as amount, 139123456781::bigint as count, md5('x') as key, "
            "118.13912345678::decimal(18, 11) as longitude, 13912345678::double as total"
        )
    assert scan() == []


def test_the_machine_s_own_address_in_a_log_is_nobody_s(home: Path) -> None:
    (home / "logs").mkdir(parents=True)
    (home / "logs" / "server.log").write_text("127.0.0.1 - GET /\n0.0.0.0:8080\n203.0.113.7 - GET /\n", encoding="utf-8")
    assert scan() == [Hit("logs/server.log", "IP address", 1)]


def test_where_there_is_nothing_to_search_nothing_was_found_is_not_said(home: Path) -> None:
    with pytest.raises(FileNotFoundError, match="expected an installation to search at .*, found no file there"):
        scan(["张女士"])
