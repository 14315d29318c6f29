"""Models and macros of the project as SQL, rendered as dbt would do it; `ref` and `source` name tables that a test fills."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2

from tests.dbt.macro_sql import ENGINE, Adapter

DBT = Path(__file__).resolve().parents[2] / "dbt_project"


@cache
def _macros() -> str:
    files = [DBT / "macros" / f"{name}.sql" for name in ("validity", "breakdown", "cell", "statistics", "delivery")]
    return "".join(file.read_text(encoding="utf-8") for file in (*files, *ENGINE))


def rendered(template: str, **names: object) -> str:
    """A template or model as SQL: every macro of the project is known, tables have the names of their models."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, extensions=["jinja2.ext.do"])
    environment.globals.update({
        "ref": lambda name: name,
        "source": lambda schema, name: f"{schema}_{name}" if schema == "ops" else f"raw_{name}",
        "return": lambda value: value,
        "adapter": Adapter(),
        **names,
    })
    # Macros that call one another are put in front of the template in one text.
    return environment.from_string(_macros() + template).render()


@cache
def model(path: str) -> str:
    return rendered((DBT / "models" / path).read_text(encoding="utf-8"))
