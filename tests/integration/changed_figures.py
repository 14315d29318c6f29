"""Figures other than those that were published, for one connection."""

from __future__ import annotations

from exports.figures import Published


def change(published: Published, condition: str, **columns: str) -> None:
    """Let the figures that a condition chooses have other columns, each told by an expression."""
    replaced = ", ".join(f'if({condition}, {expression}, "{name}") as "{name}"' for name, expression in columns.items())
    published.connection.execute(f"create temp table changed_figure as select * replace ({replaced}) from figure")
    for view in ("figure", "reported_figure"):
        published.connection.execute(f"create or replace temp view {view} as from changed_figure")
