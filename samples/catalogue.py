"""The processes of community life and the kinds of records that each leaves, as the seeds of the warehouse list them."""

from __future__ import annotations

import csv
from pathlib import Path

SEEDS = Path(__file__).parents[1] / "dbt_project" / "seeds"


def seed(name: str) -> list[dict[str, str]]:
    """Return the rows of a seed."""
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


PROCESS_NAMES = {row["process_code"]: row["name_zh"] for row in seed("process_catalogue")}
KIND_NAMES = {(row["record"], row["kind"]): row["name_zh"] for row in seed("kind")}
KINDS = {row["process_code"]: row["kinds"].split("|") for row in seed("process_catalogue")}


def leaving(record: str) -> list[tuple[str, str]]:
    """Return (process code, kind) of everything that leaves records of this type."""
    return [(process, kind.split(".")[1]) for process, kinds in KINDS.items() for kind in kinds if kind.startswith(f"{record}.")]
