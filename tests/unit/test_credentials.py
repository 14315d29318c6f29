"""Credentials of remote sources come from an Airflow connection, and show up nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.connectors.credentials import ConnectionNotFound, Credentials, credentials

PASSWORD = "p/w d@1:熊"


def test_a_connection_is_read_from_json_in_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"conn_type": "sftp", "host": "files.town.example", "port": 2222, "schema": "public", "login": "gmw",
            "password": PASSWORD, "extra": {"known_hosts": "line"}}
    monkeypatch.setenv("AIRFLOW_CONN_TOWN_FILES", json.dumps(told))
    assert credentials("town_files", "ledger") == Credentials(
        "town_files", "sftp", "files.town.example", 2222, "public", "gmw", PASSWORD, {"known_hosts": "line"}
    )


def test_a_connection_is_read_from_a_uri_in_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TOWN_FILES", "postgresql://gmw:p%2Fw@db.town.example:5433/cases?sslmode=require")
    found = credentials("town_files", "ledger")
    assert (found.type, found.host, found.port, found.schema) == ("postgres", "db.town.example", 5433, "cases")
    assert (found.login, found.password, found.extra) == ("gmw", "p/w", {"sslmode": "require"})


def test_a_missing_connection_is_named_with_the_way_to_set_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_TOWN_FILES", raising=False)
    told = "source ledger: expected the Airflow connection 'town_files', found none of that name.*AIRFLOW_CONN_TOWN_FILES="
    with pytest.raises(ConnectionNotFound, match=told):
        credentials("town_files", "ledger")


FAULTY = ["{nonsense-p4ss", '{"conn_type": "aws", "extra": "nonsense-p4ss"}', '{"extra": "[\\"nonsense-p4ss\\"]"}']


@pytest.mark.parametrize("faulty", FAULTY)
def test_an_unreadable_connection_is_an_error_that_does_not_show_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, faulty: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TOWN_FILES", faulty)
    with pytest.raises(ConnectionNotFound, match="town_files.*(is neither JSON nor a URI|expected a JSON object)") as raised:
        credentials("town_files", "ledger")
    assert "p4ss" not in str(raised.value)


def test_neither_the_password_nor_a_secret_of_extra_is_in_the_text_of_credentials() -> None:
    found = Credentials("c", "http", None, None, None, "login", PASSWORD, {"headers": {"X-Api-Key": "s3cret-key"}})
    assert PASSWORD not in repr(found) and "s3cret-key" not in repr(found)


@pytest.mark.parametrize("told", [PASSWORD, "p%2Fw%20d%401%3A%E7%86%8A", "p%2Fw+d%401%3A%E7%86%8A", "s3cret-key", "pem\\nline"])
def test_an_error_of_a_library_is_shown_without_secrets(told: str) -> None:
    found = Credentials("c", "http", None, None, None, "login", PASSWORD,
                        {"headers": {"X-Api-Key": "s3cret-key"}, "private_key": "pem\nline", "endpoint_url": "http://here"})
    assert found.hide(f"https://login:{told}@host and http://here") == "https://login:***@host and http://here"
