"""What may be declared of an HTTP API, and what does not go together."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from ingest.declaration import SourceDeclaration
from tests.unit.reading import column, source

API = {"type": "rest_api", "connection": "case_platform", "path": "v1/cases", "pagination": {"type": "single_page"}}
BY_TIME = {"cursor_path": "updated_at", "initial_value": "2026-01-01", "start_param": "since"}
UPSERT = {"mode": "upsert", "key": ["id"]}


def declared(format: str = "jsonl", delivery: dict | None = None, **connector) -> SourceDeclaration:
    more = {"connector": {**API, **connector}, "delivery": delivery or UPSERT}
    return SourceDeclaration(**{**source({"type": format}, column("id")).model_dump(), "format": {"type": format}, **more})


def test_an_api_is_declared_with_little():
    assert declared().connector.is_remote


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"path": "https://elsewhere.example.org/cases"}, "expected a path below the address"),
        ({"path": "//elsewhere.example.org/cases"}, "expected a path below the address"),
        ({"path": "../admin"}, "expected a path below the address"),
        ({"path": "cases?api_key=1"}, "parameters go to `parameters`"),
        ({"parameters": {"api_key": "abc"}}, "expected none that holds a secret"),
        ({"headers": {"Authorization": "Bearer abc"}}, "expected none that holds a secret"),
        ({"connection": "http://user:secret@host"}, "connection"),
        ({"records": "data.list[]"}, "expected keys joined by dots"),
        ({"pagination": {"type": "page_number", "total": "x"}}, "Extra inputs"),
        ({"incremental": BY_TIME | {"initial_value": "yesterday"}}, "Invalid isoformat"),
        ({"incremental": BY_TIME | {"initial_value": 0}}, "expected a date or a time as initial_value"),
        ({"incremental": BY_TIME | {"type": "integer"}}, "expected an integer as initial_value"),
        ({"incremental": BY_TIME | {"type": "text", "end_param": "until"}}, "expected end_param and lag with a cursor of time"),
        ({"incremental": BY_TIME | {"start_param": None, "end_param": "until"}}, "expected start_param beside end_param"),
        ({"incremental": BY_TIME, "delivery": {"mode": "snapshot"}}, "expected append or upsert"),
        ({"incremental": BY_TIME | {"lag": 60}, "delivery": {"mode": "append"}}, "expected upsert, because `lag`"),
        ({"delivery": {"mode": "append"}}, "expected snapshot, period or upsert"),
        ({"format": "csv"}, "expected {type: jsonl}"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_told(keys, told):
    with pytest.raises(ValidationError, match=told):
        declared(**keys)


@pytest.mark.parametrize("parameters", [{"keyword": "漏水"}, {"sort_keys": "id"}, {"page_size": 100}])
def test_parameters_that_only_look_like_secrets_are_taken(parameters):
    assert declared(parameters=parameters).connector.parameters == parameters


def test_catching_up_needs_a_first_day():
    with pytest.raises(ValidationError, match="catchup: expected start_date"):
        SourceDeclaration(**{**declared().model_dump(), "catchup": True})
