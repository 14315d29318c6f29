"""Reads the records of a JSON document, or of one document per line, with DuckDB's JSON functions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingest.declaration import SourceDeclaration
from ingest.readers import header
from ingest.readers.parsed import NO_ROWS, FileRejected, Parsed, Rejected, literal, quoted, utf8

LIST_SEPARATOR = "┋"


@dataclass(frozen=True)
class Place:
    """Where a value lies: the header it is declared by, the column of `records` it is in, and the JSON path there."""

    header: str
    holder: str
    path: str


def read(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, path: Path) -> Parsed:
    """Read the declared records of a landed JSON file into the temporary table `parsed`, all values as text.

    A header is a key, or a dotted path of keys; `^.` before it leads to the record around, `^^.` to the one around that.
    A list of plain values becomes one text, joined by `┋`; other lists and objects become JSON text. `_row_no` counts the
    records from 1.

    Args: connection: to DuckDB. source: the declaration. path: the landed bytes.
    Returns: Parsed. Raises: FileRejected when the file is not JSON, or has no records or keys as declared.
    """
    with utf8(path, source.format.encoding) as readable:
        _read_documents(connection, source, readable)
    for around, level in enumerate(source.format.levels[1 if source.format.type == "jsonl" else 0 :]):
        _unfold(connection, source, level, around)
    (rows_in,) = connection.execute("select count(*) from records").fetchone()
    if not rows_in:
        raise FileRejected(NO_ROWS)
    paths = _paths(connection, source)
    match = header.match([path.header for path in paths], source)
    columns = {column.name: column for column in match.by_position.values()}
    kept = {column.name: paths[i] for i, column in match.by_position.items() if not column.is_dropped}
    values = "".join(f", {value} as {quoted(name)}" for name, value in _values(connection, kept).items())
    connection.execute(
        f"create or replace temp table parsed as select rowid + 1 as _row_no{values} from records "
        "where json_type(record) = 'OBJECT'"
    )
    rejected = [
        Rejected(row_no, None, "not_an_object", "an object with keys", None, None)
        for (row_no,) in connection.execute(
            "select rowid + 1 from records where json_type(record) is distinct from 'OBJECT' order by rowid"
        ).fetchall()
    ]
    connection.execute("drop table records")
    return Parsed(
        layout=match.layout,
        rows_in=rows_in,
        columns=columns,
        missing=[column for column in source.columns if column.name not in columns],
        undeclared=match.undeclared,
        rejected=rejected,
        row_no="_row_no",
    )


def _read_documents(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, path: Path) -> None:
    """Make the temporary table `records` of the documents in the file: one, or one per line."""
    form = "newline_delimited" if source.format.type == "jsonl" else "unstructured"
    try:
        connection.execute(
            "create or replace temp table records as select json as record from read_json_objects(?, format = ?, "
            "maximum_object_size = ?, compression = 'none')",
            [str(path), form, min(path.stat().st_size + 64, 2**32 - 1)],
        )
    except duckdb.InvalidInputException as error:
        raise FileRejected(_fault(path, source) or f"expected JSON, found: {str(error).replace(str(path), 'the file')}") from error
    (documents,) = connection.execute("select count(*) from records").fetchone()
    if source.format.type == "json" and documents != 1:
        raise FileRejected(
            f"expected one JSON document, found {documents}; documents one per line are declared as format: {{type: jsonl}}"
        )


def _fault(path: Path, source: SourceDeclaration) -> str | None:
    """Where the JSON breaks off, in words; None when Python's parser takes it."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            if source.format.type == "json":
                json.load(file)
                return None
            for number, line in enumerate(file, start=1):
                try:
                    json.loads(line) if line.strip() else None
                except json.JSONDecodeError as error:
                    return f"expected one JSON document per line, found in line {number}, column {error.colno}: {error.msg}"
    except json.JSONDecodeError as error:
        return (
            f"expected JSON, found in line {error.lineno}, column {error.colno}: {error.msg}; ask for the file again, it may "
            "have been cut off"
        )
    except UnicodeDecodeError as error:
        return f"expected text in UTF-8 as declared, found the byte 0x{error.object[error.start]:02x}; declare its encoding"
    except RecursionError:
        return "expected a list of records, found lists or objects nested too deep to be one"
    return None


def _unfold(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, level: str, around: int) -> None:
    """Replace `records` by the records in the list at `level` of each; the former ones become `around_1`, and so on."""
    of_document = source.format.type == "json" and not around
    path = literal(_json_path(level.split(".") if level else []))
    wrong = connection.execute(
        f"""
        select rowid + 1, json_type(record, {path}), array_to_string(json_keys(record), ', ') from records
        where coalesce(json_type(record, {path}), 'NULL') not in ('ARRAY'{"" if of_document else ", 'NULL'"})
        order by rowid limit 1
        """
    ).fetchone()
    if wrong:
        row_no, found, keys = wrong
        raise FileRejected(
            f"expected a list at {level or 'the top'} of {'the document' if of_document else f'record {row_no} around it'}, "
            f"found {found or 'nothing'}, with the keys: {keys or 'none'}; declare under format.records in "
            f"{header.declaration_file(source)} where the records are"
        )
    former = "".join(f", around_{i} as around_{i + 1}" for i in range(1, around + 1))
    connection.execute(
        f"""
        create or replace temp table unfolded as
        select unnest(json_extract(record, {path} || '[*]')) as record, record as around_1{former} from records
        """
    )
    connection.execute("drop table records")
    connection.execute("alter table unfolded rename to records")


def _paths(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration) -> list[Place]:
    """The keys of the records, and those declared keys of the records around that are there.

    An object is one key, unless a declared header leads into it.
    """
    declared = {header.normalised_header(text) for column in source.columns for text in column.headers}
    holders = [name for (name,) in connection.execute("select column_name from (describe records)").fetchall()]
    found = []
    for holder in holders:
        prefix = "^" * int(holder.removeprefix("around_")) + "." if holder != "record" else ""
        waiting: list[list[str]] = [[]]
        while waiting:
            inside = waiting.pop(0)
            for (key,) in connection.execute(
                f"""
                select key from (
                    select unnest(json_keys({holder}, $path)) as key, rowid as place,
                        generate_subscripts(json_keys({holder}, $path), 1) as position
                    from records
                    where json_type({holder}, $path) = 'OBJECT'
                ) group by key order by min(place), min(position)
                """,
                {"path": _json_path(inside)},
            ).fetchall():
                name = header.normalised_header(prefix + ".".join([*inside, key]))
                if any(text.startswith(f"{name}.") for text in declared) and name not in declared:
                    waiting.append([*inside, key])
                elif not prefix or name in declared:
                    found.append(Place(prefix + ".".join([*inside, key]), holder, _json_path([*inside, key])))
    return found


def _values(connection: duckdb.DuckDBPyConnection, places: dict[str, Place]) -> dict[str, str]:
    """Column → the SQL of its text. Only where lists occur are they looked into."""
    if not places:
        return {}
    lists = connection.execute(
        "select "
        + ", ".join(f"bool_or(json_type({place.holder}, {literal(place.path)}) = 'ARRAY')" for place in places.values())
        + " from records"
    ).fetchone()
    return {
        name: _list_text(place) if is_list else f"json_extract_string({place.holder}, {literal(place.path)})"
        for (name, place), is_list in zip(places.items(), lists, strict=True)
    }


def _list_text(place: Place) -> str:
    whole, each = literal(place.path), literal(place.path + "[*]")
    return (
        f"if(json_type({place.holder}, {whole}) = 'ARRAY' "
        f"and not list_has_any(json_type({place.holder}, {each}), ['OBJECT', 'ARRAY']), "
        f"array_to_string(json_extract_string({place.holder}, {each}), '{LIST_SEPARATOR}'), "
        f"json_extract_string({place.holder}, {whole}))"
    )


def _json_path(keys: list[str]) -> str:
    return "$" + "".join(f'."{key}"' for key in keys)
