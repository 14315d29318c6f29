"""What a declaration may say of the way files arrive, and the examples of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from ingest.connectors.credentials import credentials
from ingest.declared.connectors import Connector
from tests.conftest import PROJECT

DOCS = PROJECT / "docs"


def declared(**connector) -> Connector:
    return TypeAdapter(Connector).validate_python(connector)


def remote(location: str, **more) -> Connector:
    return declared(type="remote_folder", location=location, pattern="*", **more)


def test_every_connector_of_the_documentation_can_be_declared() -> None:
    text = (DOCS / "declaring_a_source.md").read_text(encoding="utf-8")
    examples = [yaml.safe_load(line)["connector"] for line in re.findall(r"^connector: .*", text, re.MULTILINE)]
    assert {example["type"] for example in examples} >= {"drop_folder", "remote_folder"}
    for example in examples:
        declared(**example)


def test_every_connection_of_the_documentation_can_be_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (DOCS / "deployment.md").read_text(encoding="utf-8")
    examples = re.findall(r"^AIRFLOW_CONN_(\w+)='(.*)'$", text, re.MULTILINE)
    assert len(examples) >= 3
    for name, value in examples:
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", value)
        assert credentials(name.lower(), "ledger").type


LOGINS = ["s3://key:p4ss@bucket/a/", "https://gmw:p4ss@host/a/", "sftp://gmw@host/a/", "https://host/a/?t=p4ss"]


@pytest.mark.parametrize("location", LOGINS)
def test_a_login_in_a_location_is_refused_without_showing_it(location: str) -> None:
    with pytest.raises(ValidationError, match="a login belongs into the Airflow connection") as raised:
        remote(location, connection="town")
    assert "p4ss" not in "".join(error["msg"] for error in raised.value.errors())


@pytest.mark.parametrize("location", ["ftp://host/a/", "/a/", "s3:///a/", "sftp://host/a/", "file://host/a/", "s3://bucket/../a/",
                                      "s3://bucket//a/"])
def test_other_locations_are_refused_with_an_example(location: str) -> None:
    with pytest.raises(ValidationError, match="location\n.*expected an address"):
        remote(location, connection=None if location.startswith("file") else "town")


def test_a_location_is_a_folder_with_or_without_the_slash_at_its_end() -> None:
    assert remote("s3://bucket/a").location == remote("s3://bucket/a/").location == "s3://bucket/a/"
    assert remote("s3://bucket").location == "s3://bucket/" and remote("sftp:///", connection="town").location == "sftp:///"


@pytest.mark.parametrize("faulty", [
    {"type": "remote_folder", "location": "sftp:///a/", "pattern": "*"},
    {"type": "remote_folder", "location": "file:///a/", "pattern": "*", "connection": "town"},
    {"type": "remote_folder", "location": "s3://a/", "pattern": "*", "connection": "town-bucket"},
    {"type": "remote_folder", "location": "s3://a/", "pattern": "../*"},
    {"type": "remote_folder", "location": "s3://a/", "pattern": "*", "password": "p4ss"},
    {"type": "drop_folder", "pattern": "*", "members": "*.csv"},
    {"type": "drop_folder", "pattern": "*", "archive": "zip", "members": "/etc/*"},
    {"type": "drop_folder", "pattern": "*", "archive": "rar"},
])
def test_what_makes_no_sense_is_refused(faulty: dict) -> None:
    with pytest.raises(ValidationError):
        declared(**faulty)
