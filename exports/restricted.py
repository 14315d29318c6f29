"""What of the marts is about persons, and is published in the restricted copy only.

A model says so in its YAML, `config: {meta: …}`: `restricted: true` at the model keeps all of it back, at a column that column,
and `restricted_where` (SQL) some of its rows. See docs/decisions/0008-suppression.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from ingest.settings import settings

# Columns that tell one person or household from another: a table that has one can be counted.
PERSON_KEYS = frozenset({"person_key", "household_key", "account_key", "respondent_key", "counterparty_key"})


@dataclass(frozen=True)
class Restriction:
    """What the restricted copy has of a table and the open one has not; `columns` and `where` may be empty."""

    whole: bool = False
    columns: frozenset[str] = frozenset()
    where: str = ""

    def __bool__(self) -> bool:
        return bool(self.whole or self.columns or self.where)

    def open_select(self, table: str) -> str:
        """SQL: what everybody may read of a table that is not restricted as a whole."""
        names = ", ".join(f"'{name}'" for name in sorted(self.columns))
        columns = f"columns(lambda name: name not in ({names}))" if names else "*"
        return f"select {columns} from {table}" + (f" where ({self.where}) is not true" if self.where else "")


def restrictions() -> dict[str, Restriction]:
    """Table → what of it is restricted, for the tables of which anything is."""
    found = {}
    for folder in ("marts", "kpis"):
        for path in sorted((settings().dbt_project / "models" / folder).rglob("*.yml")):
            text = path.read_text(encoding="utf-8")
            if "restricted" not in text:
                continue  # parsing all of them takes as long as a small publication
            for model in (yaml.load(text, Loader=yaml.CSafeLoader) or {}).get("models", []):
                meta = _meta(model)
                restriction = Restriction(
                    whole=bool(meta.get("restricted")),
                    columns=frozenset(c["name"] for c in model.get("columns", []) if _meta(c).get("restricted")),
                    where=meta.get("restricted_where", ""),
                )
                if restriction:
                    found[model["name"]] = restriction
    return found


def _meta(node: dict) -> dict:
    return node.get("config", {}).get("meta", {})
