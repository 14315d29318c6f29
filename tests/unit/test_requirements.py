"""What the code imports stands in requirements.in: what only another library brings may be gone with its next version."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions

from tests.conftest import PROJECT

OURS = ("distributed", "ingest", "expectations", "exports", "orchestration")


def imported() -> set[str]:
    """The packages that the code imports, by the name of the import."""
    found = set()
    for folder in (*OURS, "dags", "dbt_project/models"):
        for path in (PROJECT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - set(OURS)


def test_every_library_that_is_imported_is_asked_for() -> None:
    lines = (PROJECT / "requirements.in").read_text(encoding="utf-8").splitlines()
    asked_for = {re.match(r"[\w.-]+", line)[0].lower() for line in lines if line and not line.startswith("#")}
    brought_by = packages_distributions()
    found = {name: {distribution.lower().replace("_", "-") for distribution in brought_by[name]} for name in imported()}
    assert len(found) > 20
    assert {name: sorted(by) for name, by in found.items() if not by & asked_for} == {}
