"""HTTP APIs as sources, against a real server: everything arrives once, whatever breaks, and what changes is told."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from ingest import warehouse
from ingest.cli import app
from ingest.connectors import Interval
from ingest.connectors.careful_session import UnexpectedAnswer
from ingest.connectors.extraction import SourceBusy, extraction
from ingest.declaration import DeclarationError, declaration
from ingest.landing import LandedFile, land
from ingest.load import load
from ingest.settings import settings
from tests.conftest import PROJECT
from tests.integration import api_server
from tests.integration.api_server import Platform, as_usual, breaks_off, fails

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
        write_declaration(tmp_path, {"path": path, "pagination": pagination, **connector}, ingest or {})

    return declared


def connect(monkeypatch: pytest.MonkeyPatch, platform: Platform, **more) -> None:
    """Set the Airflow connection of the platform."""
    monkeypatch.setenv("AIRFLOW_CONN_CASE_PLATFORM", json.dumps({"conn_type": "http", "host": platform.url, **more}))


def write_declaration(project: Path, connector: dict, ingest: dict) -> None:
    """Write `_case_api__sources.yml` below a project of the test."""
    content = {
        "sources": [{
            "name": "case_api", "schema": "raw",
            "tables": [{
                "name": "case_api", "description": "One row per case.",
                "config": {"meta": {"ingest": {
                    "family": "activity", "title": "cases", "owner": "us", "producer": "them", "licence": "internal",
                    "connector": {"type": "rest_api", "connection": "case_platform", "records": "data.list", **connector},
                    "format": {"type": "jsonl"}, "schedule": "@daily", "time_zone": "Asia/Shanghai",
                    "as_of_pattern": r"(\d{4}-\d{2}-\d{2})\.jsonl$",
                    "delivery": {"mode": "append"} if "incremental" in connector else {"mode": "upsert", "key": ["id"]}, **ingest,
                }}},
                "columns": [
                    {"name": "id", "config": {"meta": {"ingest": {"type": "bigint"}}}},
                    {"name": "updated_at"},
                    {"name": "problem", "config": {"meta": {"ingest": {"header": ["问题"]}}}},
                ],
            }],
        }],
    }  # fmt: skip
    path = project / "dbt_project" / "models" / "staging" / "case_api" / "_case_api__sources.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


def landed(files: list[LandedFile]) -> list[str]:
    """The lines of the files that were landed now."""
    lines = []
    for file in files:
        assert file.is_new
        lines += (settings().landing / file.source / file.file_id[:2] / file.file_id).read_text("utf-8").splitlines()
    return lines


def ids(files: list[LandedFile]) -> list[int]:
    return [json.loads(line)["id"] for line in landed(files)]


def rows(sql: str) -> list[tuple]:
    with warehouse.reader() as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize("paging", PATHS)
def test_all_pages_arrive_by(declare, platform, paging):
    more = {"records": None} if paging == "header_link" else {}
    declare(paging, **more)
    assert ids(land("case_api")) == [1, 2, 3, 4, 5]


def test_records_are_landed_as_the_api_gives_them(declare, platform):
    platform.records = ['{"id": 12345678901234567890123, "a b": 1.10, "Größe": [1.000, {"x": null}], "updated_at": "x", "名": "居民"}']
    declare(pagination={"type": "single_page"})
    assert landed(land("case_api")) == platform.records


def test_half_a_character_is_landed_as_the_api_writes_it(declare, platform):
    platform.records = [r'{"id": 1, "问题": "\ud83d"}', case(2, 2)]
    declare()
    assert landed(land("case_api")) == [r'{"id": 1, "\u95ee\u9898": "\ud83d"}', case(2, 2)]


def test_what_arrives_is_loaded_like_any_file(declare, platform):
    declare()
    (file,) = land("case_api")
    (report,) = load("case_api")
    assert (report.status, report.rows_loaded) == ("loaded", 5)
    assert rows("select id, problem from raw.case_api order by id")[0] == (1, "漏水1")
    assert rows("select file_name, original_path, as_of is not null from ops.file") == [
        (file.file_name, f"{platform.url}/pages", True)
    ]


@pytest.mark.parametrize(
    ("auth", "wants", "login"),
    [
        ({"type": "bearer"}, api_server.bearer, {}),
        ({"type": "api_key", "name": "X-API-Key"}, api_server.key_in_header, {}),
        ({"type": "api_key", "name": "api_key", "location": "query"}, api_server.key_in_query, {}),
        ({"type": "http_basic"}, api_server.basic, {"login": api_server.LOGIN}),
        ({"type": "oauth2_client_credentials"}, api_server.bearer, {"login": api_server.LOGIN}),
    ],
    ids=["bearer", "key in a header", "key as a parameter", "login and password", "client credentials"],
)  # fmt: skip
def test_the_secret_of_the_connection_lets_in(declare, platform, monkeypatch, auth, wants, login):
    platform.wants = wants
    connect(monkeypatch, platform, password=api_server.SECRET, extra={"access_token_url": f"{platform.url}/token"}, **login)
    declare(auth=auth)
    assert ids(land("case_api")) == [1, 2, 3, 4, 5]
    assert api_server.SECRET not in str(rows("from ops.file"))


def test_a_wrong_secret_is_told_without_showing_it(declare, platform, monkeypatch):
    platform.wants = api_server.key_in_query
    connect(monkeypatch, platform, password="an-old-secret")
    declare(auth={"type": "api_key", "name": "api_key", "location": "query"})
    message = fault()
    assert "401" in message and "case_platform" in message and "renew it" in message
    assert "an-old-secret" not in message


def test_a_client_that_gets_no_token_is_told(declare, platform, monkeypatch):
    connect(monkeypatch, platform, login="nobody", password="no-secret", extra={"access_token_url": f"{platform.url}/token"})
    declare(auth={"type": "oauth2_client_credentials"})
    message = fault()
    assert "expected an access token first, found HTTPError" in message and "case_platform" in message and "no-secret" not in message


def test_a_connection_without_the_needed_parts_is_told(declare):
    declare(auth={"type": "http_basic"})
    with pytest.raises(DeclarationError, match="expected password and login in the Airflow connection case_platform"):
        land("case_api")


def test_the_second_load_brings_only_what_is_new(declare, platform):
    declare(incremental=SINCE)
    assert ids(land("case_api")) == [1, 2, 3, 4, 5]
    platform.records += [case(6, 5), case(7, 6)]
    assert ids(land("case_api")) == [6, 7]
    assert platform.asked[-1][1]["since"] == "2026-03-05T08:00:00+08:00"


def test_without_new_records_nothing_is_landed_and_nothing_is_wrong(declare, platform):
    declare(incremental=SINCE)
    land("case_api")
    assert land("case_api") == []
    platform.records = []
    assert land("case_api") == []
    platform.records = [case(8, 9)]
    assert ids(land("case_api")) == [8]


def test_a_cursor_that_is_a_number(declare, platform):
    declare(incremental={"cursor_path": "id", "type": "integer", "start_param": "after", "initial_value": 0})
    land("case_api")
    platform.records.append(case(6, 1))
    assert ids(land("case_api")) == [6]


@pytest.mark.parametrize(
    ("type", "format", "value", "asked"),
    [
        ("epoch_seconds", None, "1772323200", "1772323200"),
        ("epoch_milliseconds", None, "1772323200500", "1772323200500"),
        ("timestamp", "%Y/%m/%d %H:%M", '"2026/03/01 08:00"', "2026/03/01 08:00"),
        ("timestamp", None, '"2026-03-01 08:00:00.25"', "2026-03-01T08:00:00.250000+08:00"),
    ],
)
def test_times_are_asked_for_as_they_are_written(declare, platform, type, format, value, asked):
    platform.heeds_since = False
    platform.records = [f'{{"id": 1, "updated_at": {value}}}']
    declare(incremental=SINCE | {"type": type, "format": format, "initial_value": "2026-01-01T00:00:00Z", "end_param": None})
    assert ids(land("case_api")) == [1]
    assert land("case_api") == []
    assert platform.asked[-1][1]["since"] == asked


def test_a_run_of_a_schedule_ends_with_its_interval_and_the_next_goes_on(declare, platform):
    declare(incremental=SINCE)
    assert ids(land("case_api", interval=march(2, 3, is_next=True))) == [1, 2]
    assert ids(land("case_api", interval=march(4, 5, is_next=True))) == [3, 4]
    assert land("case_api", interval=march(4, 5, is_next=True)) == []
    assert ids(land("case_api")) == [5]


def test_an_interval_that_is_asked_for_again_is_brought_exactly_and_leaves_the_cursor(declare, platform):
    declare(incremental=SINCE, ingest={"delivery": {"mode": "upsert", "key": ["id"]}})
    land("case_api")
    (file,) = again = land("case_api", interval=march(2, 4))
    assert ids(again) == [2, 3]
    assert file.file_name == "case_api_2026-03-03.jsonl"
    assert {key: value for key, value in platform.asked[-1][1].items() if key in SINCE.values()} == {
        "since": "2026-03-02T00:00:00+08:00", "until": "2026-03-04T00:00:00+08:00",
    }  # fmt: skip
    platform.records.append(case(6, 6))
    assert ids(land("case_api")) == [6]


def test_an_interval_is_exact_even_if_the_api_knows_days_and_no_end_only(declare, platform):
    days = SINCE | {"parameter_format": "%Y-%m-%d", "end_param": None}
    declare(incremental=days, ingest={"delivery": {"mode": "upsert", "key": ["id"]}})
    noon = Interval(*(datetime.fromisoformat(f"2026-03-0{day}T12:00:00+08:00") for day in (2, 4)))
    platform.heeds_since = True
    assert ids(land("case_api", interval=noon)) == [3, 4]
    assert platform.asked[-1][1]["since"] == "2026-03-02"


def test_appended_records_are_not_asked_for_again(declare, platform):
    declare(incremental=SINCE)
    with pytest.raises(DeclarationError, match="expected a delivery that replaces .* found append"):
        land("case_api", interval=march(2, 4))
    assert platform.asked == []


def test_an_api_without_a_time_cannot_be_asked_for_an_interval(declare, platform):
    declare()
    with pytest.raises(DeclarationError, match="cursor of time.*found no incremental"):
        land("case_api", interval=march(2, 4))


def test_errors_that_pass_are_waited_out(declare, platform):
    platform.faults = [fails(429, Retry_After="1"), as_usual, breaks_off, fails(503), as_usual]
    declare()
    assert ids(land("case_api")) == [1, 2, 3, 4, 5]


def test_no_more_requests_per_minute_than_declared(declare, platform):
    declare(requests_per_minute=240)
    started = time.monotonic()
    assert ids(land("case_api")) == [1, 2, 3, 4, 5]
    assert len(platform.asked) == 3
    assert time.monotonic() - started > 2 * 60 / 240


def test_an_api_may_be_asked_with_post(declare, platform):
    declare(method="POST", body={"status": "all"}, pagination={"type": "page_number", "page_body_path": "page", "total_path": "data.pages"})
    assert ids(land("case_api")) == [1, 2, 3, 4, 5]
    assert platform.asked[0][1]["status"] == "all"


def fault() -> str:
    """What a load says that fails; it has landed nothing and moved no cursor."""
    before = known()
    with pytest.raises(UnexpectedAnswer) as error:
        land("case_api")
    assert known() == before
    message = str(error.value)
    assert message.startswith("source case_api, ") and "expected" in message and "found" in message
    assert "Nothing of this load was landed." in message and "漏水" not in message
    return message


def known() -> list[tuple]:
    if not settings().database.exists():
        return []
    return rows("select file_id from ops.file union all select state from ops.cursor")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (fails(200, '{"data": {"items": []}}'), "expected a list at data.list, found nothing; the answer has: data"),
        (fails(200, '{"data": {"list": {"id": 1}, "pages": 1}}'), "expected a list at data.list, found dict"),
        (fails(200, '{"data": {"list": [1], "pages": 3}}'), "expected records with keys, found int"),
        (fails(200, '{"data": {"list": [{"id": 1}]}}'), "expected a number at data.pages, found nothing"),
        (fails(200, "<html>Log in", Content_Type="text/html; charset=utf-8"), "found text/html (a web page, perhaps a login)"),
        (fails(200, '{"data": {"list": [{"id": 1'), "expected JSON, found application/json of 27 bytes"),
        (fails(302, "", Location="https://sso.example.org/login?token=abc"), "a redirect to https://sso.example.org/login."),
        (fails(403, "{}"), "found 403: not let in"),
        (fails(404, "{}"), "found 404"),
        (api_server.unpacks_to(2_000_000), "expected at most 1 MB per answer, found more"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
@pytest.mark.parametrize("page", [1, 2])
def test_an_answer_that_is_not_as_declared_is_told(declare, platform, answer, told, page):
    platform.faults = [as_usual] * (page - 1) + [answer]
    declare(largest_answer_mb=1)
    assert told in fault()


def test_a_server_that_stays_down_is_told(declare, platform):
    platform.faults = [fails(500), fails(500)]
    declare(attempts=2)
    assert "found 500 after 2 attempts" in fault()


def test_an_api_that_asks_to_wait_for_long_is_told(declare, platform):
    platform.faults = [fails(429, Retry_After="3600"), fails(429, Retry_After="3600")]
    declare(attempts=2, longest_wait=0.1)
    message = fault()
    assert "found 429, to wait 3600 after 2 attempts" in message and "requests_per_minute" in message


def test_a_server_that_is_not_there_is_told(declare, platform, monkeypatch):
    connect(monkeypatch, Platform(url="http://127.0.0.1:1"))
    declare(attempts=1)
    assert "found none after 1 attempts (ConnectionError)" in fault()


def test_an_error_that_is_answered_with_200_is_told(declare, platform):
    platform.faults = [fails(200, '{"code": 40001, "message": "token expired", "data": {"list": null}}')]
    declare(expect={"code": 0})
    assert "expected 0 at code, found 40001" in fault()


def test_a_list_that_is_null_is_empty(declare, platform):
    platform.faults = [fails(200, '{"code": 0, "data": {"list": null}}')]
    declare(expect={"code": 0})
    assert land("case_api") == []


def test_pages_that_go_in_a_circle_are_told(declare, platform):
    platform.wrap = lambda page, facts: json.dumps({"data": {"list": [json.loads(text) for text in page], "next": "2"}})
    declare("cursor")
    assert "leads to one that was asked for before" in fault()


def test_an_api_that_does_not_heed_the_page_is_told(declare, platform):
    platform.wrap = lambda page, facts: f'{{"data": {{"list": [{case(1, 1)}], "pages": 99}}}}'
    declare()
    assert "page 2 to be the same as one before" in fault()


def test_pages_without_end_are_told(declare, platform):
    platform.records = [case(number, 1) for number in range(1, 100)]
    declare(most_pages=10)
    assert "expected at most 10 pages, found more" in fault()


def test_a_record_on_two_pages_is_told(declare, platform):
    platform.before_answer = lambda path: platform.records.insert(0, case(9, 9)) if "page=2" in path else None
    declare(record_id="id")
    assert "expected each id once" in fault()


def test_a_record_that_vanishes_between_pages_is_told(declare, platform):
    platform.before_answer = lambda path: platform.records.pop(0) if "offset=2" in path else None
    declare("offset")
    assert "found 4: the list shrank while it was paged" in fault()


def test_a_page_size_that_the_api_does_not_keep_is_told(declare, platform):
    platform.records = [case(number, 1) for number in range(1, 10)]
    platform.faults = [lambda request: request.send(200, f'{{"data": {{"list": [{case(1, 1)}], "total": 9}}}}')]
    declare("offset")
    assert "expected 2 records per page" in fault()


def test_the_secret_is_not_sent_to_another_server(declare, platform):
    platform.wrap = lambda page, facts: json.dumps({"data": {"list": [{"id": 1}], "next_url": "http://localhost:1/steal"}})
    declare("json_link")
    assert "found another server" in fault()


@pytest.mark.parametrize("start_param", ["since", None])
def test_a_cursor_that_goes_backwards_is_told(declare, platform, start_param):
    declare(incremental=SINCE | {"start_param": start_param, "end_param": None})
    land("case_api")
    platform.heeds_since = False
    platform.records = [case(1, 1), case(2, 2)]
    assert "expected updated_at: values from 2026-03-05" in fault()


def test_a_cursor_in_the_future_is_told(declare, platform):
    platform.records.append('{"id": 9, "updated_at": "2099-01-01"}')
    declare(incremental=SINCE)
    assert "expected updated_at: times that have passed" in fault()


@pytest.mark.parametrize("record", ['{"id": 9}', '{"id": 9, "updated_at": null}', '{"id": 9, "updated_at": "soon"}'])
def test_a_record_without_its_cursor_is_told(declare, platform, record):
    platform.heeds_since = False
    platform.faults = [fails(200, f'{{"data": {{"list": [{record}], "pages": 1}}}}')]
    declare(incremental=SINCE)
    assert "expected updated_at: " in fault()


KILLED = """
import dataclasses, sys
from pathlib import Path
import ingest.declaration
from ingest.settings import settings
here = dataclasses.replace(settings(), project=Path(sys.argv[1]))
ingest.declaration.settings = lambda: here
from ingest.landing import land
land("case_api")
"""


def test_a_load_that_is_killed_before_the_landing_loses_nothing_and_brings_nothing_twice(declare, platform, tmp_path):
    declare(incremental=SINCE)
    platform.records = [case(1, 1), case(2, 2)]
    land("case_api")
    platform.records += [case(3, 3), case(4, 4), case(5, 5)]
    asked = len(platform.asked)
    # GIVEN a load that has asked for everything and cannot land it, because we hold the warehouse.
    held = []

    def hold(path: str) -> None:
        if not held:
            held.append(warehouse.lock("the test"))
            held[0].__enter__()

    platform.before_answer = hold
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], env=dict(os.environ)) as process:
        brought = settings().home / "landing" / "case_api"
        deadline = time.monotonic() + 60
        while len(list(brought.glob("??/*"))) < 2 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(platform.asked) > asked and process.poll() is None
        # WHEN it is killed.
        process.send_signal(signal.SIGKILL)
    held[0].__exit__(None, None, None)
    platform.before_answer = lambda path: None
    # THEN what it brought comes again, together with what is new.
    platform.records.append(case(6, 6))
    assert ids(land("case_api")) == [3, 4, 5, 6]
    assert land("case_api") == []
    load("case_api")
    assert rows("select list(id order by id) from raw.case_api") == [([1, 2, 3, 4, 5, 6],)]
    assert list((settings().home / "extracting" / "case_api").glob("*")) == []


def test_two_loads_of_a_source_do_not_run_at_once(declare):
    declare(incremental=SINCE)
    with extraction(declaration("case_api"), None):
        with pytest.raises(SourceBusy, match=f"process {os.getpid()} is loading it"):
            land("case_api")
    assert ids(land("case_api")) == [1, 2, 3, 4, 5]


def test_the_example_of_the_documentation_brings_what_it_says(declare, platform, tmp_path, monkeypatch):
    page = (PROJECT / "docs" / "adding_a_source.md").read_text("utf-8").partition("## From an HTTP API")[2]
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (connection,) = re.findall(r"AIRFLOW_CONN_CASE_PLATFORM='(.*)'", page)
    commands = re.findall(r"^\.venv/bin/gmw (.*)$", page, re.MULTILINE)
    content = yaml.safe_load(example)
    write_declaration(tmp_path, content.pop("connector"), content)
    platform.wants = lambda request: request.headers["Authorization"] == "Bearer THE TOKEN"
    monkeypatch.setenv("AIRFLOW_CONN_CASE_PLATFORM", connection.replace("https://cases.example.org", platform.url))
    told = [CliRunner().invoke(app, command.split()).output for command in commands]
    assert len(told) == 3
    assert "landed" in told[0] and told[1] == "" and "case_api_2026-03-31.jsonl: known already" in told[2]
    platform.records[0] = case(1, 1, ', "more": 1')
    assert "case_api_2026-03-31.jsonl: landed" in CliRunner().invoke(app, commands[2].split()).output
    assert rows("select count(*) from ops.file") == [(2,)]
