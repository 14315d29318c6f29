"""Declarations: faults are named with file, expected and found."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from ingest.declaration import DeclarationError, declaration, declarations, read_declaration
from ingest.declared.formats import CsvFormat, Format, JsonFormat, ParquetFormat, WorkbookFormat
from ingest.settings import settings
from tests.conftest import PROJECT

CONTENT = {
    "version": 2,
    "sources": [{
        "name": "toy", "schema": "raw",
        "tables": [{
            "name": "toy", "description": "One row per toy.",
            "config": {"meta": {"ingest": {
                "family": "activity", "title": "toys", "owner": "us", "producer": "them", "licence": "internal",
                "connector": {"type": "drop_folder", "pattern": "toy/*.csv"}, "schedule": "@daily", "time_zone": "UTC",
                "delivery": {"mode": "append"},
            }}},
            "columns": [{"name": "toy_no", "config": {"meta": {"ingest": {"header": ["No"], "type": "integer"}}}}],
        }],
    }],
}


def written(folder: Path, content: dict) -> Path:
    path = folder / "toy" / "_toy__sources.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.fixture
def inside_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    class Here:
        project = tmp_path

    monkeypatch.setattr("ingest.declaration.settings", lambda: Here)
    return tmp_path


def ingest_of(content: dict) -> dict:
    return content["sources"][0]["tables"][0]["config"]["meta"]["ingest"]


def test_every_bundled_source_has_a_declaration_and_staging_models() -> None:
    found = declarations()
    assert len(found) >= 7
    assert all(source.staging_models for source in found)


def test_a_declaration_is_read(inside_project: Path) -> None:
    source, enabled = read_declaration(written(inside_project, CONTENT), {})
    assert enabled
    assert source.columns[0].headers == ["No"]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda ingest: ingest.update(delivery={"mode": "upsert"}), "expected `key`"),
        (lambda ingest: ingest.update(delivery={"mode": "upsert", "key": ["other"]}), "not declared: ['other']"),
        (lambda ingest: ingest.update(connector={"type": "drop_folder", "pattern": "../etc/*"}), "expected a glob below the root"),
        (lambda ingest: ingest.update(schedule="often"), "schedule: expected cron such as"),
        (lambda ingest: ingest.update(time_zone="Mars/X"), "time_zone: expected a name such as"),
        (lambda ingest: ingest.update(shedule="x"), "Extra inputs are not permitted"),
        (lambda ingest: ingest.pop("owner"), "Field required"),
        (lambda ingest: ingest.update(skip=[{"column": "toy_no", "values": ["合计"]}]), "expected text columns"),
    ],
)
def test_a_faulty_declaration_names_file_expected_and_found(inside_project: Path, fault, message: str) -> None:
    content = yaml.safe_load(yaml.safe_dump(CONTENT))
    fault(ingest_of(content))
    with pytest.raises(DeclarationError) as error:
        read_declaration(written(inside_project, content), {})
    assert "toy/_toy__sources.yml" in str(error.value)
    assert message in str(error.value)


def test_a_source_is_switched_by_a_dbt_variable(inside_project: Path) -> None:
    content = yaml.safe_load(yaml.safe_dump(CONTENT))
    content["sources"][0]["config"] = {"enabled": "{{ var('example_sources') }}"}
    path = written(inside_project, content)
    assert read_declaration(path, {"example_sources": False})[1] is False
    assert read_declaration(path, {"example_sources": True})[1] is True


def test_a_declaration_is_read_once_until_its_file_says_something_else(inside_project: Path) -> None:
    path = written(inside_project, CONTENT)
    first, _ = read_declaration(path, {})
    assert read_declaration(path, {})[0] is first
    changed = copy.deepcopy(CONTENT)
    ingest_of(changed)["owner"] = "us, too"
    assert read_declaration(written(inside_project, changed), {})[0].owner == "us, too"


def test_one_source_is_found_without_reading_the_others() -> None:
    assert [source.name for source in declarations("issue_ledger")] == ["issue_ledger"]
    assert declarations("nothing") == []


def test_an_unknown_source_is_answered_with_the_known_ones() -> None:
    with pytest.raises(DeclarationError, match="no source is called 'nothing'; declared are: activity_ledger"):
        declaration("nothing")


def test_the_examples_are_off_by_default(home: Path) -> None:
    assert settings().dbt_vars["example_sources"] is False
    with pytest.raises(DeclarationError, match="switched off"):
        declaration("la311")


def test_the_page_on_sources_names_every_option_of_every_format() -> None:
    page = (PROJECT / "docs" / "declaring_a_source.md").read_text(encoding="utf-8")
    first_cells = re.findall(r"^\| (`[^|]*) \|[^|]*\| ", page.partition("### Formats")[2], re.MULTILINE)
    named = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert named == {option for kind in (CsvFormat, WorkbookFormat, JsonFormat, ParquetFormat) for option in kind.model_fields}


def test_the_formats_on_the_page_can_be_declared() -> None:
    page = (PROJECT / "docs" / "declaring_a_source.md").read_text(encoding="utf-8")
    examples = re.findall(r"^format: (.*)$", page, re.MULTILINE)
    assert {TypeAdapter(Format).validate_python(yaml.safe_load(example)).type for example in examples} == {
        "csv", "xlsx", "workbook", "json", "parquet", "sectioned_report",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"type": "spss"}, "expected a type among csv, json, jsonl, ods, "),
        ({"type": "csv", "sheet": "a"}, "sheet: Extra inputs are not permitted"),
        ({"type": "xlsx", "header_row": 0}, "expected auto or the number of a row, from 1; found 0"),
        ({"type": "xlsx", "header_row": "first"}, "header_row"),
        ({"type": "xlsx", "header_rows": 3}, "header_rows"),
        ({"type": "xlsx", "sheet_as": "town"}, "name columns that are not declared: ['town']"),
        ({"type": "xlsx", "sheet_as": "toy_no"}, "unit_note_as, title_as and sheet_as to name text columns, found ['toy_no']"),
        ({"type": "jsonl", "records": "data.list[]"}, "the lines are the list"),
        ({"type": "json", "records": "data..list"}, "expected a path such as data.list[]"),
    ],
)
def test_a_faulty_format_is_named(inside_project: Path, form: dict, message: str) -> None:
    content = copy.deepcopy(CONTENT)
    ingest_of(content)["format"] = form
    with pytest.raises(DeclarationError, match=re.escape(message)):
        read_declaration(written(inside_project, content), {})
