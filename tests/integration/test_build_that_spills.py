"""A build that needs more memory than it may take goes on from disk: asked of dbt's own connections, with the project's profile."""

from __future__ import annotations

from pathlib import Path

import yaml
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.environments.local import LocalEnvironment
from jinja2 import Environment

from tests.conftest import PROJECT

# Some 800 MB of state, in one aggregate.
LARGE = "select count(*) from (select i, count(*) as n from range(10_000_000) as rows (i) group by i)"


def test_models_that_follow_one_that_was_spilled_to_disk_still_get_a_connection(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    values = {"GMW_DATABASE": str(tmp_path / "build.duckdb"), "GMW_MEMORY_LIMIT": "200MB", "GMW_SCRATCH": str(scratch)}
    profile = (PROJECT / "dbt_project" / "profiles.yml").read_text(encoding="utf-8")
    templates = Environment()
    templates.filters["as_number"] = int
    output = yaml.safe_load(templates.from_string(profile).render(env_var=lambda name, default=None: values.get(name, default)))
    environment = LocalEnvironment(
        DuckDBCredentials.from_dict(output["governance_metrics_warehouse"]["outputs"]["duckdb"] | {"database": "build"})
    )
    first = environment.handle()
    first.cursor().execute(LARGE)
    assert list(scratch.rglob("*")), "expected that the query did not fit into memory"
    second = environment.handle()
    second.cursor().execute("select 1")
    environment.close()
