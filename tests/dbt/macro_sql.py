"""The SQL of the parsing macros, as dbt would render it."""

from __future__ import annotations

from pathlib import Path

import jinja2

MACROS = Path(__file__).resolve().parents[2] / "dbt_project" / "macros"
# What the engines spell differently: the other macros call these.
ENGINE = [MACROS / "engine.sql", MACROS / "engine_text.sql"]


def rendered(template: str, files: tuple[str, ...] = ("parse*", "place_names")) -> str:
    """A template that may call the macros of some files, rendered.

    The macro files are put in front of it, because macros call one another: dbt shows all of them to each.

    Args: template: Jinja. files: patterns of their names.
    """
    found = [*(file for name in files for file in sorted(MACROS.glob(f"{name}.sql"))), *ENGINE]
    sources = "".join(file.read_text(encoding="utf-8") for file in found)
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, extensions=["jinja2.ext.do"])
    environment.globals.update({"return": lambda value: value, "adapter": Adapter()})
    return environment.from_string(sources + template).render().strip()


class Adapter:
    """What dbt calls `adapter`, for DuckDB: its macros are the default ones."""

    @jinja2.pass_context
    def dispatch(self, context: jinja2.runtime.Context, name: str) -> jinja2.runtime.Macro:
        return context[f"default__{name}"]
