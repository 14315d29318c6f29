"""Workbooks into text: .xlsx, .xls and .ods, read in a process of their own that may use only so much memory and time."""

from __future__ import annotations

CHUNK = 1 << 20
MAX_UNPACKED = 2 << 30
MAX_CELLS = 50_000_000
MAX_SHEETS = 1000


class WorkbookRejected(ValueError):
    """A workbook that cannot be read as a whole; the message names expected, found and what to do."""
