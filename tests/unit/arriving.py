"""Helpers of the connector tests: the issue ledger, arriving in another way than it does in the demonstration district."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from ingest.declaration import SourceDeclaration, declaration
from ingest.declared.connectors import Connector
from ingest.landing import LandedFile, land


def arrives_by(monkeypatch: pytest.MonkeyPatch, **connector) -> SourceDeclaration:
    """GIVEN the source issue_ledger, declared with this connector."""
    source = declaration("issue_ledger")
    source = source.model_copy(update={"connector": TypeAdapter(Connector).validate_python(connector)})
    monkeypatch.setattr("ingest.landing.declaration", lambda name: source)
    monkeypatch.setattr("ingest.load.declaration", lambda name: source)
    return source


def land_all() -> tuple[dict[str, LandedFile], dict[str, str]]:
    """Land the source. Returns name → file of what landed, name → reason of what was not taken."""
    files = land("issue_ledger")
    landed = {file.file_name: file for file in files if not file.problem}
    return landed, {file.file_name: file.problem for file in files if file.problem}
