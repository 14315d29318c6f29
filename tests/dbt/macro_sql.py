"""The SQL of the parsing macros, as dbt would render it."""

from __future__ import annotations

from pathlib import Path

import jinja2

MACROS = Path(__file__).resolve().parents[2] / "dbt_project" / "macros"


def rendered(template: str) -> str:
    """A template that may call every parsing macro, rendered.

    The macro files are put in front of it, because macros call one another: dbt shows all of them to each.
    """
    files = [*sorted(MACROS.glob("parse*.sql")), MACROS / "place_names.sql"]
    sources = "".join(file.read_text(encoding="utf-8") for file in files)
    return jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(sources + template).render().strip()
