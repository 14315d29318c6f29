"""Small pieces of SQL."""

from __future__ import annotations


def text_literal(text: str) -> str:
    """A SQL literal of a text."""
    return "'" + text.replace("'", "''") + "'"
