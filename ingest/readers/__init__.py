"""Readers turn the bytes of one file into a temporary table `parsed` and a list of the rows that did not fit."""

from __future__ import annotations

from pathlib import Path

import duckdb

from ingest import content
from ingest.declaration import SourceDeclaration
from ingest.readers import csv, json, parquet, plugged, workbook
from ingest.readers.parsed import FileRejected, Parsed

WORKBOOKS = dict.fromkeys(("xlsx", "xls", "ods", "workbook"), workbook.read)
READERS = {"csv": csv.read, "json": json.read, "jsonl": json.read, "parquet": parquet.read} | WORKBOOKS
NAMES_OF_NO_WORKBOOK = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet")

__all__ = ["FileRejected", "Parsed", "place_in_file", "read"]


def read(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, path: Path) -> Parsed:
    """Read a landed file into the temporary table `parsed`, by the reader that the source declares.

    Layouts with a format of their own are tried in their order, when the file is not as the source's own format says.
    Args: connection: to DuckDB. source: the declaration. path: the landed bytes.
    Returns: Parsed. Raises: FileRejected when the file is empty, is not of the declared format, cannot be decoded, or its
    header is not that of the source.
    """
    if path.stat().st_size == 0:
        raise FileRejected("expected a header and rows, found an empty file (0 bytes); ask for the file again")
    faults = []
    for variant in source.variants:
        try:
            return _read(connection, variant, path)
        except FileRejected as fault:
            faults.append(f"as {', '.join(variant.layouts) or 'declared'}: {fault}" if len(source.variants) > 1 else str(fault))
    raise FileRejected("; ".join(faults))


def _read(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, path: Path) -> Parsed:
    if different := content.mismatch(source.format.type, path):
        raise FileRejected(different)
    return READERS.get(source.format.type, plugged.read)(connection, source, path)


def place_in_file(row_no: int, file_name: str | None = None) -> str:
    """Where a row number leads a person: `row 15`, or `sheet 2, row 15` for a workbook of which several sheets are read.

    Args: file_name: where it is known: a text has no sheets, however many rows it has.
    """
    sheet, row = divmod(row_no, workbook.SHEET_STEP)
    is_text = (file_name or "").lower().endswith(NAMES_OF_NO_WORKBOOK)
    return f"sheet {sheet}, row {row}" if sheet and 0 < row <= workbook.MOST_ROWS and not is_text else f"row {row_no}"
