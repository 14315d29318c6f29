"""Readers turn the bytes of one file into a temporary table `parsed` and a list of the rows that did not fit."""

from __future__ import annotations

from pathlib import Path

import duckdb

from ingest.declaration import SourceDeclaration
from ingest.readers import csv, json, parquet, xlsx
from ingest.readers.parsed import FileRejected, Parsed

READERS = {"csv": csv.read, "xlsx": xlsx.read, "json": json.read, "jsonl": json.read, "parquet": parquet.read}

__all__ = ["FileRejected", "Parsed", "place_in_file", "read"]


def read(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, path: Path) -> Parsed:
    """Read a landed file into the temporary table `parsed`, by the reader that the source declares.

    Args: connection: to DuckDB. source: the declaration. path: the landed bytes.
    Returns: Parsed. Raises: FileRejected when the file is empty, is not of the declared format, cannot be decoded, or its
    header is not that of the source.
    """
    if path.stat().st_size == 0:
        raise FileRejected("expected a header and rows, found an empty file (0 bytes); ask for the file again")
    return READERS[source.format.type](connection, source, path)


def place_in_file(row_no: int) -> str:
    """Where a row number leads a person: `15`, or `sheet 2, row 15` for a workbook of which several sheets are read."""
    sheet, row = divmod(row_no, xlsx.SHEET_STEP)
    return f"sheet {sheet}, row {row}" if sheet else str(row)
