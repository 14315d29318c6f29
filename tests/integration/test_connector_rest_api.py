"""HTTP APIs as sources, against a real server: everything arrives once, whatever breaks on the way."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from datetime import datetime

import pytest
import yaml
from typer.testing import CliRunner

from ingest import warehouse
from ingest.cli import app
from ingest.connectors import Interval
from ingest.connectors.extraction import SourceBusy, extraction
from ingest.declaration import DeclarationError, declaration
from ingest.landing import land
from ingest.load import load
from ingest.run import run_all
from ingest.settings import settings
from tests.conftest import PROJECT, rows_of
from tests.integration import api_server
from tests.integration.api_server import as_usual, breaks_off, fails
from tests.integration.case_api import (  # noqa: F401 (fixtures)
    PATHS,
    SINCE,
    case,
    connect,
    declare,
    declare_api,
    ids,
    landed,
    march,
    platform,
)


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
    assert rows_of("select id, problem from raw.case_api order by id")[0] == (1, "漏水1")
    assert rows_of("select file_name, original_path, as_of is not null from ops.file") == [
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
    assert api_server.SECRET not in str(rows_of("from ops.file"))


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


def test_records_that_turn_up_late_are_brought_with_a_lag(declare, platform):
    declare(incremental=SINCE | {"lag": 2 * 24 * 3600}, ingest={"delivery": {"mode": "upsert", "key": ["id"]}})
    land("case_api")
    platform.records.append(case(6, 4))
    assert ids(land("case_api")) == [3, 4, 5, 6]
    assert platform.asked[-1][1]["since"] == "2026-03-03T08:00:00+08:00"


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
    assert ids(land("case_api")) == [5]
    asked = len(platform.asked)
    assert land("case_api", interval=march(4, 5, is_next=True)) == []
    assert len(platform.asked) == asked


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
    times = []
    platform.before_answer = lambda path: times.append(time.monotonic())
    declare(requests_per_minute=120)
    assert ids(land("case_api")) == [1, 2, 3, 4, 5]
    assert len(times) == 3
    assert times[-1] - times[0] > 0.8  # 2 × 0.5 s, less what the first request may have waited for the server


def test_an_api_may_be_asked_with_post(declare, platform):
    declare(method="POST", body={"status": "all"}, pagination={"type": "page_number", "page_body_path": "page", "total_path": "data.pages"})
    assert ids(land("case_api")) == [1, 2, 3, 4, 5]
    assert platform.asked[0][1]["status"] == "all"


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
    assert rows_of("select list(id order by id) from raw.case_api") == [([1, 2, 3, 4, 5, 6],)]
    assert list((settings().home / "extracting" / "case_api").glob("*")) == []


def test_two_loads_of_a_source_do_not_run_at_once(declare):
    declare(incremental=SINCE)
    with extraction(declaration("case_api"), None):
        with pytest.raises(SourceBusy, match=f"process {os.getpid()} is loading it"):
            land("case_api")
    assert ids(land("case_api")) == [1, 2, 3, 4, 5]


class BuildReached(Exception):
    """Ends a run where the models would be built."""


def test_a_source_that_does_not_answer_does_not_stop_the_others(declare, platform, tmp_path, monkeypatch):
    declare("header_link", records=None)
    declare_api(tmp_path, {"path": "x", "pagination": {"type": "single_page"}, "connection": "nowhere"}, {}, name="a_api")
    declare_api(tmp_path, {"path": "pages", "pagination": {"type": "single_page"}, "expect": {"code": 1}}, {}, name="b_api")
    said = []

    def build(*_, **__):
        raise BuildReached

    monkeypatch.setattr("ingest.run.build", build)
    with pytest.raises(BuildReached):
        run_all("run", None, step=lambda what: None, echo=said.append)
    assert "source a_api: expected the Airflow connection 'nowhere'" in said[0]
    assert "source b_api, " in said[2] and "expected 1 at code" in said[2]
    assert said[4].startswith("case_api: 1 new files, 5 rows loaded")


def test_the_example_of_the_documentation_brings_what_it_says(declare, platform, tmp_path, monkeypatch):
    page = (PROJECT / "docs" / "adding_a_remote_source.md").read_text("utf-8").partition("## From an HTTP API")[2].partition("\n## ")[0]
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (connection,) = re.findall(r"AIRFLOW_CONN_CASE_PLATFORM='(.*)'", page)
    commands = re.findall(r"^\.venv/bin/gmw (.*)$", page, re.MULTILINE)
    content = yaml.safe_load(example)
    declare_api(tmp_path, content.pop("connector"), content)
    platform.wants = lambda request: request.headers["Authorization"] == "Bearer THE TOKEN"
    monkeypatch.setenv("AIRFLOW_CONN_CASE_PLATFORM", connection.replace("https://cases.example.org", platform.url))
    told = [CliRunner().invoke(app, command.split()).output for command in commands]
    assert len(told) == 3
    assert "landed" in told[0] and told[1] == "" and "case_api_2026-03-31.jsonl: known already" in told[2]
    platform.records[0] = case(1, 1, ', "more": 1')
    assert "case_api_2026-03-31.jsonl: landed" in CliRunner().invoke(app, commands[2].split()).output
    assert rows_of("select count(*) from ops.file") == [(2,)]
