"""Database servers, started when a test first asks for one, and an installation that reads from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.database_servers import MariaDbServer, PostgreSqlServer, Server, running
from tests.integration.permit_office import Office


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """GIVEN a PostgreSQL server whose own clock is that of New York."""
    with running(PostgreSqlServer, "initdb") as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    """GIVEN a MariaDB server whose own clock is five hours behind UTC."""
    with running(MariaDbServer, "mariadbd") as server:
        yield server


@pytest.fixture(params=["postgres", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    """GIVEN each server in turn, with an empty table of permits."""
    found = request.getfixturevalue(request.param)
    found.execute(
        "drop table if exists permit",
        "create table permit (id bigint primary key, title varchar(200), updated_at timestamp(6) null)"
        if request.param == "mariadb"
        else "create table permit (id bigint primary key, title varchar(200), updated_at timestamptz)",
    )
    return found


@pytest.fixture
def office(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """GIVEN an empty installation."""
    return Office(tmp_path / "project", monkeypatch)
