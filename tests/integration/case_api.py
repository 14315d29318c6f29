"""The source `case_api`: declared in a project of the test, asked for at a real server."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from ingest.connectors import Interval
from ingest.landing import LandedFile
from ingest.settings import settings
from tests.declaring import write_declaration
from tests.integration import api_server
from tests.integration.api_server import Platform

PATHS = {
    "page_number": ("pages", {"type": "page_number", "total_path": "data.pages"}),
    "page_number_to_empty": ("pages", {"type": "page_number"}),
    "offset": ("offsets", {"type": "offset", "limit": 2, "total_path": "data.total"}),
    "cursor": ("cursors", {"type": "cursor", "cursor_path": "data.next", "cursor_param": "cursor"}),
    "header_link": ("links", {"type": "header_link"}),
    "json_link": ("json_links", {"type": "json_link", "next_url_path": "data.next_url"}),
    "has_more": ("pages", {"type": "page_number", "has_more_path": "data.more"}),
}
SINCE = {"cursor_path": "updated_at", "start_param": "since", "end_param": "until", "initial_value": "2026-01-01"}


def case(number: int, day: int, more: str = "") -> str:
    """A record as the platform writes it."""
    return f'{{"id": {number}, "updated_at": "2026-03-{day:02}T08:00:00+08:00", "问题": "漏水{number}"{more}}}'


def march(start: int, end: int, is_next: bool = False) -> Interval:
    """From the beginning of one day in March to the beginning of another, in Shanghai."""
    return Interval(
        *(datetime.fromisoformat(f"2026-03-{day:02}T00:00:00+08:00") for day in (start, end)), is_next=is_next
    )


@pytest.fixture
def platform() -> Iterator[Platform]:
    """GIVEN a platform with five cases of five days, two to a page."""
    platform = Platform([case(number, number) for number in range(1, 6)])
    server = api_server.serve(platform)
    yield platform
    server.shutdown()
    server.server_close()


@pytest.fixture
def declare(home: Path, platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Declares the source `case_api` of the platform; keys given replace those of the connector, `ingest` those around it."""
    here = dataclasses.replace(settings(), project=tmp_path)
    monkeypatch.setattr("ingest.declaration.settings", lambda: here)
    connect(monkeypatch, platform)

    def declared(paging: str = "page_number", ingest: dict | None = None, **connector) -> None:
        path, pagination = PATHS[paging]
        declare_api(tmp_path, {"path": path, "pagination": pagination, **connector}, ingest or {})

    return declared


def connect(monkeypatch: pytest.MonkeyPatch, platform: Platform, **more) -> None:
    """Set the Airflow connection of the platform."""
    monkeypatch.setenv("AIRFLOW_CONN_CASE_PLATFORM", json.dumps({"conn_type": "http", "host": platform.url, **more}))


def declare_api(project: Path, connector: dict, ingest: dict, name: str = "case_api") -> None:
    """Declare a source of the platform in a project of the test."""
    said = {
        "connector": {"type": "rest_api", "connection": "case_platform", "records": "data.list", **connector},
        "format": {"type": "jsonl"}, "as_of_pattern": r"(\d{4}-\d{2}-\d{2})\.jsonl$",
        "delivery": {"mode": "append"} if "incremental" in connector else {"mode": "upsert", "key": ["id"]}, **ingest,
    }  # fmt: skip
    columns = {"id": {"type": "bigint"}, "updated_at": {}, "problem": {"header": ["问题"]}}
    write_declaration(project / "dbt_project" / "models" / "staging", name, said, columns)


def landed(files: list[LandedFile]) -> list[str]:
    """The lines of the files that were landed now."""
    lines = []
    for file in files:
        assert file.is_new
        lines += (settings().landing / file.source / file.file_id[:2] / file.file_id).read_text("utf-8").splitlines()
    return lines


def ids(files: list[LandedFile]) -> list[int]:
    return [json.loads(line)["id"] for line in landed(files)]
