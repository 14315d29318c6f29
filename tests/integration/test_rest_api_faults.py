"""An HTTP API that fails, changes or deceives: the load ends with an error that says what to do, and nothing of it is landed."""

from __future__ import annotations

import json

import pytest

from ingest.connectors.careful_session import UnexpectedAnswer
from ingest.declaration import DeclarationError
from ingest.landing import land
from ingest.settings import settings
from tests.integration import api_server
from tests.integration.api_server import Platform, as_usual, fails
from tests.conftest import rows_of
from tests.integration.case_api import SINCE, case, connect, declare, platform  # noqa: F401 (fixtures)


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
    return rows_of("select file_id from ops.file union all select state from ops.cursor")


def test_a_wrong_secret_is_told_without_showing_it(declare, platform, monkeypatch):
    platform.wants = api_server.key_in_query
    connect(monkeypatch, platform, password="an-old-secret")
    declare(auth={"type": "api_key", "name": "api_key", "location": "query"})
    message = fault()
    assert "401" in message and "case_platform" in message and "renew it" in message
    assert "an-old-secret" not in message


@pytest.mark.parametrize(
    ("login", "address", "found"), [("nobody", "token", "HTTPError"), (api_server.LOGIN, "moved_token", "TooManyRedirects")]
)
def test_a_client_that_gets_no_token_is_told(declare, platform, monkeypatch, login, address, found):
    connect(monkeypatch, platform, login=login, password=api_server.SECRET, extra={"access_token_url": f"{platform.url}/{address}"})
    declare(auth={"type": "oauth2_client_credentials"})
    message = fault()
    assert f"expected an access token first, found {found}" in message and "case_platform" in message
    assert api_server.SECRET not in message


def test_a_connection_without_the_needed_parts_is_told(declare):
    declare(auth={"type": "http_basic"})
    with pytest.raises(DeclarationError, match="expected password and login in the Airflow connection case_platform"):
        land("case_api")


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


def test_fewer_records_than_the_total_says_are_told(declare, platform):
    platform.faults = [as_usual, fails(200, '{"data": {"list": [], "total": 5}}')]
    declare("offset")
    assert "expected 5 records, as its total says, found 2" in fault()


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


def test_an_api_that_does_not_heed_the_start_is_told(declare, platform):
    declare(incremental=SINCE)
    land("case_api")
    platform.heeds_since = False
    platform.records.append(case(6, 6))
    assert "as asked for by since" in fault()


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
