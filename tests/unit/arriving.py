"""Files of the issue ledger as a test needs them, and other ways for them to arrive."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from ingest.declaration import SourceDeclaration, declaration
from ingest.declared.connectors import Connector
from ingest.landing import LandedFile, land

HEADER = "编号,收集时间,社区,小区,反映人,联系电话,收集渠道,问题类别,问题描述,责任单位,办理情况,办结时间,满意度"
ROW = "QH2026-{:04d},2026-01-14 19:28,和畅社区,银杏里,张女士,19900001234,网格,停车秩序,描述{},居委会,办理中,,"


def issue_file(drop: Path, name: str, *rows: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    """Put a file of the issue ledger into the drop folder."""
    path = drop / "issue_ledger" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n", encoding=encoding)
    return path


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
