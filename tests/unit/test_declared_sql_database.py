"""What may be declared of a database, and what does not go together."""

from __future__ import annotations

import re

import pytest
import yaml
from pydantic import ValidationError

from ingest.declaration import SourceDeclaration
from tests.conftest import PROJECT
from tests.unit.reading import column, source

TABLE = {"type": "sql_database", "connection": "permit_office", "table": "office.permit"}
NEW = {"cursor_path": "updated_at"}
UPSERT = {"mode": "upsert", "key": ["id"]}


def declared(delivery: dict, form: str = "parquet", **connector: object) -> SourceDeclaration:
    known = source({"type": form}, column("id")).model_dump()
    return SourceDeclaration(**{**known, "connector": {**TABLE, **connector}, "delivery": delivery})


@pytest.mark.parametrize(
    ("delivery", "connector"),
    [
        ({"mode": "snapshot"}, {}), (UPSERT, {}), (UPSERT, {"incremental": NEW | {"lag": 60}}),
        ({"mode": "append"}, {"incremental": NEW}), ({"mode": "period", "columns": ["id"]}, {"incremental": NEW}),
        ({"mode": "snapshot"}, {"table": None, "query": " with a as (select 1) select * from a"}),
    ],
)
def test_a_delivery_that_fits_what_a_load_brings_is_accepted(delivery: dict, connector: dict) -> None:
    assert declared(delivery, **connector).connector.is_remote


@pytest.mark.parametrize(
    ("delivery", "connector", "told"),
    [
        ({"mode": "append"}, {}, "found append: each row would be there once per load"),
        ({"mode": "snapshot"}, {"incremental": NEW}, "found snapshot: all other rows would be gone"),
        ({"mode": "append"}, {"incremental": NEW | {"lag": 1}}, "a lag brings rows again"),
        (UPSERT, {"incremental": NEW | {"lag": -1}}, "greater than or equal to 0"),
        (UPSERT, {"incremental": NEW | {"initial_value": "yesterday"}}, "incremental.initial_value"),
        (UPSERT, {"incremental": NEW, "columns": ["id"]}, "expected the column of incremental, updated_at, among them"),
        (UPSERT, {"columns": []}, "at least 1 item"),
        (UPSERT, {"table": None}, "expected either table or query"),
        (UPSERT, {"query": "select 1"}, "expected either table or query"),
        (UPSERT, {"table": "a.b.c"}, "should match pattern"),
        (UPSERT, {"table": None, "query": "delete from permit"}, "expected one statement that begins with select or with"),
        (UPSERT, {"table": None, "query": "select 1; drop table permit"}, "without a semicolon"),
        (UPSERT, {"connection": "postgresql://gmw:secret@host/db"}, "should match pattern"),
        (UPSERT, {"password": "secret"}, "Extra inputs are not permitted"),
    ],
)
def test_what_does_not_go_together_is_told(delivery: dict, connector: dict, told: str) -> None:
    with pytest.raises(ValidationError, match=told) as error:
        declared(delivery, **connector)
    assert told.partition(".")[0] in str(error.value)


def test_rows_of_a_database_are_read_as_parquet() -> None:
    with pytest.raises(ValidationError, match="rows of a database land as Parquet"):
        declared(UPSERT, form="csv")


def test_the_example_of_the_page_can_be_declared() -> None:
    page = (PROJECT / "docs" / "adding_a_remote_source.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page.partition("## From a database")[2], re.DOTALL)
    parts = yaml.safe_load(example)
    assert declared(parts["delivery"], parts["format"]["type"], **parts["connector"]).connector.table == "office.permit"
