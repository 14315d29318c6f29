"""The data dictionary: every published table and column with grain, key and meaning in two languages.

What the English says stands in dbt's YAML, beside the model. The Chinese stands in dbt_project/dictionary_zh.yml, once per name of a
column: the same name has the same meaning everywhere (docs/naming.md); `table.column` there says where it has another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from exports.restricted import restrictions
from ingest.settings import settings

PAGE = "docs/data_dictionary.md"
CHINESE = "dictionary_zh.yml"
HEAD = """# 数据字典 · The data dictionary

Every table of `published/current/marts.duckdb`: its grain, its columns and what they mean. This page is written by `gmw dictionary` from
the YAML of the dbt models (English; of the tables that no model makes: exports/published_tables.yml) and [`dictionary_zh.yml`](../dbt_project/dictionary_zh.yml) (Chinese). 🔑 a row is told from others
by it; → it leads to a row of another table; 🔒 only in `restricted.duckdb`, which the owner of the installation reads.
What the metrics mean: [the KPI catalogue](kpi_catalogue.md). Questions with their SQL: [the cookbook](cookbook.md).
"""
# The published tables that no model makes, told in the same way.
OTHER_TABLES = Path(__file__).parent / "published_tables.yml"
# Columns of a model that has those of another one.
SAME_COLUMNS = {"kpi_value_public": "kpi_value"}


@dataclass(frozen=True)
class Column:
    """A column: `leads_to` names table and column of a foreign key."""

    name: str
    data_type: str
    meaning: str
    meaning_zh: str
    is_key: bool
    leads_to: str
    is_restricted: bool


@dataclass(frozen=True)
class Table:
    """A published table; its description begins with the grain."""

    name: str
    description: str
    description_zh: str
    key: tuple[str, ...]
    is_restricted: bool
    columns: list[Column]


def is_published(name: str) -> bool:
    """Whether a model is part of what is published, by its name."""
    return name.startswith(("dim_", "fct_", "figure_", "quality_")) or name in (
        "kpi_catalogue", "kpi_like_for_like", "kpi_survival_curve", "kpi_target", "kpi_value", "kpi_value_public", "process_coverage"
    )  # fmt: skip


@cache
def _models() -> dict[str, dict[str, Any]]:
    """Model → its YAML, of the published ones."""
    found = {model["name"]: model for model in _told(OTHER_TABLES)}
    for folder in ("kpis", "marts"):
        for path in sorted((settings().dbt_project / "models" / folder).rglob("*.yml")):
            found |= {model["name"]: model for model in _told(path) if is_published(model["name"])}
    for name, other in SAME_COLUMNS.items():
        found[name] = {**found[name], "columns": found[other]["columns"], "data_tests": found[other]["data_tests"]}
    return dict(sorted(found.items()))


def _told(path: Path) -> list[dict[str, Any]]:
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {}
    return content.get("models", [])


@cache
def chinese() -> dict[str, dict[str, str]]:
    """What dictionary_zh.yml says: `tables` and `columns`, name → meaning."""
    return yaml.safe_load((settings().dbt_project / CHINESE).read_text(encoding="utf-8"))


def tables() -> list[Table]:
    """All published tables in alphabetical order, KPIs and facts among them.

    Raises: LookupError for a table or column without a Chinese meaning, naming it and where to write it.
    """
    restricted = restrictions()
    return [_table(model, restricted.get(name)) for name, model in _models().items()]


def _table(model: dict[str, Any], restriction: Any) -> Table:
    name = model["name"]
    combined = [_arguments(test)["columns"] for test in model.get("data_tests", []) if "unique_combination" in test]
    unique = [column["name"] for column in model["columns"] if "unique" in column.get("data_tests", [])]
    key = tuple(combined[0] if combined else unique[:1])
    columns = [
        Column(
            name=column["name"],
            data_type=column.get("data_type", ""),
            meaning=" ".join(column["description"].split()),
            meaning_zh=_said_in_chinese("columns", column["name"], name),
            is_key=column["name"] in key,
            leads_to=next(_leads_to(column), ""),
            is_restricted=restriction is not None and column["name"] in restriction.columns,
        )
        for column in model["columns"]
    ]
    return Table(
        name, " ".join(model["description"].split()), _said_in_chinese("tables", name, name), key,
        restriction is not None and restriction.whole, columns,
    )  # fmt: skip


def _arguments(test: dict[str, Any]) -> dict[str, Any]:
    (content,) = test.values()
    return content.get("arguments", content)


def _leads_to(column: dict[str, Any]) -> Iterator[str]:
    for test in column.get("data_tests", []):
        if isinstance(test, dict) and "relationships" in test:
            arguments = _arguments(test)
            yield f"{arguments['to'].split(chr(39))[1]}.{arguments['field']}"


def _said_in_chinese(what: str, name: str, table: str) -> str:
    said = chinese()[what]
    for key in (f"{table}.{name}", name):
        if key in said:
            return said[key]
    raise LookupError(
        f"{table}.{name}: expected its meaning in Chinese in {settings().dbt_project / CHINESE}, under `{what}:`, found none. Add a line."
    )


def column_meanings() -> dict[str, str]:
    """Column → meaning, English and Chinese, of the tables that the exports show."""
    found = {}
    for name in ("publication", "dim_place", "kpi_catalogue", "kpi_value"):
        table = _table(_models()[name], None)
        found |= {column.name: f"{column.meaning} · {column.meaning_zh}" for column in table.columns}
    return found


def page() -> str:
    """The whole page as Markdown."""
    listed = tables()
    lines = [HEAD, "\n| table | 说明 | grain |\n| --- | --- | --- |\n"]
    lines += [
        f"| [`{table.name}`](#{table.name}){' 🔒' if table.is_restricted else ''} | {table.description_zh} | {_cell(_grain(table))} |\n"
        for table in listed
    ]
    for table in listed:
        lines.append(f"\n## {table.name}\n\n{'🔒 ' if table.is_restricted else ''}{table.description}\n\n{table.description_zh}\n")
        lines.append("\n| column | type | meaning | 含义 |\n| --- | --- | --- | --- |\n")
        for column in table.columns:
            marks = f"{' 🔑' if column.is_key else ''}{' 🔒' if column.is_restricted else ''}"
            leads = f" → `{column.leads_to}`" if column.leads_to else ""
            lines.append(
                f"| `{column.name}`{marks} | {column.data_type} | {_cell(column.meaning)}{leads} | {_cell(column.meaning_zh)} |\n"
            )
    return "".join(lines)


def _grain(table: Table) -> str:
    return table.description.split(". ")[0].rstrip(".")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def write() -> str:
    """Write docs/data_dictionary.md and return its path."""
    path = settings().project / PAGE
    path.write_text(page(), encoding="utf-8")
    return str(path)
