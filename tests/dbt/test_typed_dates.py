"""Dates as people type them into a column of dates."""

from __future__ import annotations

import duckdb
import pytest

from tests.dbt.macro_sql import rendered


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("2026-03-05 14:30", "2026-03-05 14:30:00"),
        ("2026/3/5", "2026-03-05 00:00:00"),
        ("2026.3.5", "2026-03-05 00:00:00"),
        ("2026.03.05  9:05", "2026-03-05 09:05:00"),
        ("20260305", "2026-03-05 00:00:00"),
        (" 2026年3月5日", "2026-03-05 00:00:00"),
        ("2026355", None),
        ("3月5日", None),
        ("2026.3", None),
        ("20261305", None),
    ],
)
def test_a_typed_date_is_read_or_not(typed: str, read: str | None) -> None:
    sql = rendered("{{ parse_local_timestamp('typed') }}")
    query = f"select ({sql})::varchar from (select ? as typed)"
    assert duckdb.connect().execute(query, [typed]).fetchone() == (read,)
