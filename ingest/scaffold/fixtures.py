"""Small invented files for a new source: one that loads, one that does not. Only declared words are from the sample."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from ingest.scaffold.column import Column
from ingest.scaffold.propose import Proposal

ROWS = 3
NO_VALUE = "not a value"


def files(proposal: Proposal) -> dict[Path, str]:
    """The fixtures by their path below tests/fixtures/<source>: `valid/invented.*` and `invalid/<fault>.*`.

    Of a workbook they are written as CSV (a repository holds no binary files); the test makes the workbook.
    Args: proposal: of the source. Returns: path → text.
    """
    columns = [column for column in proposal.columns if not column.is_filled]
    rows = [{column.header: _invented(column, number) for column in columns} for number in range(1, ROWS + 1)]
    kind = str(proposal.layout.format["type"])
    suffix = kind if kind in ("json", "jsonl") else "csv"
    fault, broken = _broken(columns, rows)
    return {
        Path("valid", f"invented.{suffix}"): _text(proposal, rows, suffix),
        Path("invalid", f"{fault}.{suffix}"): _text(proposal, broken, suffix),
    }


def _broken(columns: list[Column], rows: list[dict[str, str]]) -> tuple[str, list[dict[str, str]]]:
    """The rows with one fault, named: a value that its type does not take, else a column that is missing. In every row: some may come
    to be skipped."""
    typed = next((column for column in columns if column.type != "varchar"), None)
    if typed:
        return f"wrong_{typed.name}", [{**row, typed.header: NO_VALUE} for row in rows]
    needed = next(column for column in columns if column.required)
    return f"without_{needed.name}", [{header: value for header, value in row.items() if header != needed.header} for row in rows]


def _invented(column: Column, number: int) -> str:
    if column.question:
        codes = column.question.get("codes")
        return next(iter(codes)) if codes else str(column.question["scale_max"])
    if column.personal:
        return {
            "age": str(30 + number),
            "birth_date": f"{1980 + number}-01-01",
            "household": f"invented household {number}",
            "person": f"invented person {number}",
            "health": "invented",
            "drop": f"invented {number}",
        }[column.personal]
    if column.formats:
        from datetime import datetime

        return datetime(2026, 1, number, 9, 30).strftime(column.formats[0])
    if column.values:
        return column.values[number % len(column.values)]
    kind = column.type.partition("(")[0]
    if kind == "varchar":
        return f"{number}" if column.is_number_of_something else f"invented {column.name} {number}"
    return {
        "integer": str(number),
        "bigint": str(number),
        "double": f"{number}{column.decimal}5",
        "decimal": f"{number}{column.decimal}50",
        "boolean": "true",
        "date": f"2026-01-0{number}",
        "timestamp": f"2026-01-0{number} 09:30:00",
    }[kind]


def _text(proposal: Proposal, rows: list[dict[str, str]], suffix: str) -> str:
    if suffix == "jsonl":
        return "".join(json.dumps(_nested(row), ensure_ascii=False) + "\n" for row in rows)
    if suffix == "json":
        return (
            json.dumps(
                _around([_nested(row) for row in rows], str(proposal.layout.format.get("records", "[]"))),
                ensure_ascii=False,
                indent=1,
            )
            + "\n"
        )
    out = io.StringIO()
    quote = str(proposal.layout.format.get("quote", '"'))
    quoting = {"quoting": csv.QUOTE_NONE, "escapechar": "\\"} if quote == "none" else {"quotechar": quote}
    writer = csv.writer(out, delimiter=str(proposal.layout.format.get("delimiter", ",")), lineterminator="\n", **quoting)
    headers = list(rows[0])
    if proposal.layout.format.get("unit_note_as"):
        writer.writerow(["单位：元", *[""] * (len(headers) - 1)])
    elif proposal.layout.format.get("header_row") == "auto":
        writer.writerow(["invented title", *[""] * (len(headers) - 1)])
    if proposal.layout.format.get("header_rows") == 2:
        writer.writerow([header.rpartition("/")[0] or header for header in headers])
        writer.writerow([header.rpartition("/")[2] if "/" in header else "" for header in headers])
    elif proposal.layout.format.get("header_row") != "none":
        writer.writerow(headers)
    writer.writerows([list(row.values()) for row in rows])
    if proposal.layout.format.get("wrapped_lines"):
        return "".join('"' + line.replace('"', '""') + '"\n' for line in out.getvalue().splitlines())
    return out.getvalue()


def _nested(row: dict[str, str]) -> dict[str, object]:
    """A record whose headers are dotted paths, as the objects inside each other that they stand for."""
    record: dict[str, object] = {}
    for header, value in row.items():
        inside, keys = record, header.split(".")
        for key in keys[:-1]:
            inside = inside.setdefault(key, {})
        inside[keys[-1]] = value
    return record


def _around(records: list[dict[str, object]], path: str) -> object:
    """The records as the list that a path such as `data.list[]` leads to."""
    document: object = records
    for key in reversed([key for key in path.removesuffix("[]").split(".") if key]):
        document = {key: document}
    return document
