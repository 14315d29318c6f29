"""dbt's own unit tests pass: delivery semantics, interval rules, statuses."""

from __future__ import annotations

import re
from pathlib import Path

from ingest.build import dbt
from tests.conftest import PROJECT


def test_every_dbt_unit_test_passes(installation: Path) -> None:
    written = sum(
        len(re.findall(r"^    model: ", path.read_text(encoding="utf-8"), re.MULTILINE))
        for path in (PROJECT / "dbt_project" / "models").rglob("*.yml")
        if "examples" not in path.parts  # switched off here; tested with the public data sets
    )
    assert written >= 5
    lines: list[str] = []
    code = dbt(["test", "--select", "test_type:unit"], purpose="dbt unit tests", echo=lines.append)
    assert code == 0, "\n".join(lines)
    assert any(f"PASS={written} " in line for line in lines), "\n".join(lines[-3:])
