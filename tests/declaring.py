"""Declarations of sources that a test makes up."""

from __future__ import annotations

from pathlib import Path

import yaml

# What a declaration must say and no test is about.
SAID = {
    "family": "activity", "owner": "us", "producer": "them", "licence": "internal", "schedule": "@daily",
    "time_zone": "Asia/Shanghai",
}  # fmt: skip


def write_declaration(staging: Path, name: str, ingest: dict, columns: dict[str, dict]) -> None:
    """Write `_<name>__sources.yml` below a folder of staging models.

    Args: ingest: what is said of the source, over SAID. columns: name → what is said of the column.
    """
    table = {
        "name": name, "description": "One row per entry.",
        "config": {"meta": {"ingest": {**SAID, "title": name, **ingest}}},
        "columns": [{"name": column, "config": {"meta": {"ingest": said}}} for column, said in columns.items()],
    }  # fmt: skip
    path = staging / name / f"_{name}__sources.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"version": 2, "sources": [{"name": name, "schema": "raw", "tables": [table]}]}
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
