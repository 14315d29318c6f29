"""The project as dbt has read it, for installations of tests: dbt reads all its files anew in each new one, which takes longer than
many a test.

What dbt keeps of a project (`partial_parse.msgpack`) is good for one database and one folder, so a copy is told those of the
installation that it is for. dbt itself decides whether it may use it: files that differ are read again, and all of them where
variables, profile or version are others.
"""

from __future__ import annotations

import hashlib
import pprint
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack
import yaml
from jinja2 import Environment

from ingest.build import BUILD_MEMORY, dbt
from ingest.settings import settings

KEPT = "partial_parse.msgpack"


@dataclass(frozen=True)
class ParsedProject:
    """What dbt keeps of the project that lies in a folder."""

    project: Path
    kept: dict[str, Any]

    def put_into(self, home: Path, project: Path | None = None) -> None:
        """Let an installation know it, whose project is a copy in another folder if one is given."""
        own = _moved(self.kept, str(self.project), str(project)) if project else self.kept
        own["state_check"]["profile_hash"]["checksum"] = _checksum(home)
        (home / "dbt").mkdir(parents=True, exist_ok=True)
        (home / "dbt" / KEPT).write_bytes(msgpack.packb(own))


def parse(file: Path) -> None:
    """Let dbt read the project of this installation, and keep what it knows then."""
    said: list[str] = []
    assert dbt(["parse"], "parse", said.append) == 0, said
    file.write_bytes((settings().dbt_target / KEPT).read_bytes())


def read(file: Path) -> ParsedProject:
    """What `parse` has kept."""
    return ParsedProject(settings().dbt_project, msgpack.unpackb(file.read_bytes(), strict_map_key=False))


def _moved(value: Any, before: str, after: str) -> Any:
    if isinstance(value, dict):
        return {key: _moved(part, before, after) for key, part in value.items()}
    if isinstance(value, list):
        return [_moved(part, before, after) for part in value]
    return after if value == before else value


def _checksum(home: Path) -> str:
    """dbt's checksum of the connection of an installation."""
    from dbt.adapters.duckdb.credentials import DuckDBCredentials  # a second, which most tests need not wait for

    values = {
        "GMW_DATABASE": str(home / "warehouse" / "gmw_build.duckdb"), "GMW_SCRATCH": str(home / "scratch" / "dbt"),
        "GMW_MEMORY_LIMIT": BUILD_MEMORY,
    }  # fmt: skip
    templates = Environment()
    templates.filters["as_number"] = int
    profile = templates.from_string((settings().dbt_project / "profiles.yml").read_text(encoding="utf-8"))
    output = yaml.safe_load(profile.render(env_var=lambda name, default=None: values.get(name, default)))
    given = output["governance_metrics_warehouse"]["outputs"]["duckdb"] | {"database": "gmw_build"}
    return hashlib.sha256(pprint.pformat(sorted(DuckDBCredentials.from_dict(given).connection_info())).encode()).hexdigest()
