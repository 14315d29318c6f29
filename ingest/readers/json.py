"""Reads the records of a JSON document, or of one document per line, with DuckDB's JSON functions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingest.declaration import SourceDeclaration
from ingest.readers import header
from ingest.readers.csv import public_text
from ingest.readers.parsed import LIST_SEPARATOR, FileRejected, Parsed, Rejected, no_records
from ingest.readers.text import regular, utf8
from ingest.sql import literal, quoted

MAX_DOCUMENT = 512 << 20
MAX_RECORD = 64 << 20
# Which of two values of one key holds, programs do not agree on.
IS_RECORD = "json_type(record) = 'OBJECT' and len(json_keys(record)) = len(list_distinct(json_keys(record)))"


@dataclass(frozen=True)
class Place:
    """Where a value lies: the header it is declared by, the table of records it is in, and the keys that lead there."""

    header: str
    level: str
    keys: tuple[str, ...]

    @property
    def path(self) -> str:
        """The JSON path of the keys."""
        return _json_path(self.keys)


def read(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, path: Path) -> Parsed:
    """Read the declared records of a landed JSON file into the temporary table `parsed`, all values as text.

    A header is a key, or a dotted path of keys; `^.` before it leads to the record around, `^^.` to the one around that.
    A list of plain values becomes one text, joined by `┋`; other lists and objects become JSON text. `_row_no` counts the
    records from 1.

    Args: connection: to DuckDB. source: the declaration. path: the landed bytes.
    Returns: Parsed. Raises: FileRejected when the file is not JSON, or has no records or keys as declared.
    """
    with utf8(path, source.format.encoding, are_lines_rows=source.format.type == "jsonl") as text, _regular(text.path, source) as readable:
        _read_documents(connection, source, readable)
        broken_texts = _texts_of_broken_lines(connection, readable)
    levels = source.format.levels[1 if source.format.type == "jsonl" else 0 :]
    for depth, level in enumerate(levels):
        _unfold(connection, source, level, depth)
    records = f"level_{len(levels)}"
    (rows_in,) = connection.execute(f"select count(*) from {records}").fetchone()
    if not rows_in:
        return no_records(connection, source)
    broken = _broken_lines(connection, source, len(levels), broken_texts)
    places = [place for up in range(len(levels) + 1) for place in _places(connection, source, f"level_{len(levels) - up}", up)]
    match = header.match([place.header for place in places], source)
    columns = {column.name: column for column in match.by_position.values()}
    kept = {column.name: places[i] for i, column in match.by_position.items() if not column.is_dropped}
    decimals = {column.name: column.type for column in columns.values() if column.type.startswith("decimal")}
    _make_parsed(connection, kept, decimals, len(levels))
    rejected = [
        Rejected(row_no, None, "repeated_key", "each key once", None, None)
        if is_object
        else Rejected(row_no, None, "not_an_object", "an object with keys", None, None)
        for row_no, is_object in connection.execute(
            f"""
            select rowid + 1, coalesce(json_type(record) = 'OBJECT', false) from {records}
            where record is not null and not coalesce({IS_RECORD}, false) order by rowid
            """
        ).fetchall()
    ]
    for depth in range(len(levels) + 1):
        connection.execute(f"drop table level_{depth}")
    return Parsed(
        layout=match.layout,
        rows_in=rows_in,
        columns=columns,
        undeclared=match.undeclared,
        rejected=rejected + broken,
        headers=match.headers,
        encoding=text.encoding,
    )


def _regular(path: Path, source: SourceDeclaration) -> AbstractContextManager[Path]:
    """The text with one kind of line end where lines matter."""
    return regular(path, longest_line=MAX_RECORD) if source.format.type == "jsonl" else nullcontext(path)


def _read_documents(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, path: Path) -> None:
    """Make the temporary table `level_0` of the documents in the file: one, or one per line."""
    size = path.stat().st_size
    if source.format.type == "json" and size > MAX_DOCUMENT:
        raise FileRejected(
            f"expected a JSON document of at most {MAX_DOCUMENT >> 20} MB, found {size >> 20} MB; ask for several files, or for "
            "one record per line (format: {type: jsonl})"
        )
    form, longest = ("newline_delimited", MAX_RECORD) if source.format.type == "jsonl" else ("unstructured", MAX_DOCUMENT)
    try:
        connection.execute(
            "create or replace temp table level_0 as select json as record from read_json_objects(?, format = ?, "
            "maximum_object_size = ?, compression = 'none', ignore_errors = ?)",
            [str(path), form, min(size, longest) + 64, source.format.type == "jsonl"],
        )
    except duckdb.InvalidInputException as error:
        raise FileRejected(
            _fault(path, source) or f"expected JSON, found: {str(error).replace(str(path), 'the file')}"
        ) from error
    documents, whole = connection.execute("select count(*), count(record) from level_0").fetchone()
    if documents and not whole:
        raise FileRejected(_fault(path, source) or "expected one JSON document per line, found none that is whole")
    if source.format.type == "json" and documents != 1:
        raise FileRejected(
            f"expected one JSON document, found {documents}; documents one per line are declared as format: {{type: jsonl}}"
        )


def _texts_of_broken_lines(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[int, bytes]:
    """Row in `level_0` → line, of the lines that are no JSON: there the record is null. Blank lines are no records."""
    broken = {row for (row,) in connection.execute("select rowid from level_0 where record is null").fetchall()}
    if not broken:
        return {}
    with open(path, "rb") as file:
        lines = (line for line in file if line.strip())
        return {row: line.rstrip(b"\r\n") for row, line in enumerate(lines) if row in broken}


def _broken_lines(
    connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, depth: int, texts: dict[int, bytes]
) -> list[Rejected]:
    """The records at `depth` that stand for a line that is no JSON, each with what is wrong with the line."""
    joined = "".join(f" inner join level_{n - 1} on level_{n}._around = level_{n - 1}.rowid" for n in range(depth, 0, -1))
    places = connection.execute(
        f"select level_{depth}.rowid + 1, level_0.rowid from level_{depth}{joined} where level_0.record is null order by all"
    ).fetchall()
    return [
        Rejected(
            row_no, None, *_fault_of_line(texts[line]), None, public_text(source, {}, texts[line].decode("utf-8", "replace"))
        )
        for row_no, line in places
    ]


def _fault_of_line(line: bytes) -> tuple[str, str]:
    """(reason, expected) of a line that is no JSON."""
    try:
        json.loads(line)
    except UnicodeDecodeError as error:
        return "invalid_encoding", f"text, found the byte 0x{line[error.start]:02x} in column {error.start + 1} of the line"
    except json.JSONDecodeError as error:
        return "invalid_json", f"one JSON document, found in column {error.colno} of the line: {error.msg}"
    except (RecursionError, ValueError):  # nested too deep, or a number of thousands of digits
        pass
    return "invalid_json", "one JSON document"


def _fault(path: Path, source: SourceDeclaration) -> str | None:
    """Where the JSON breaks off, in words; None when Python's parser takes it."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            if source.format.type == "json":
                json.load(file)
                return None
            for number, line in enumerate(file, start=1):
                try:
                    json.loads(line.rstrip("\r\n")) if line.strip() else None
                except json.JSONDecodeError as error:
                    return (
                        f"expected one JSON document per line, found in line {number}, column {error.colno}: {error.msg}; mend or "
                        "remove that line, or ask for the file again: it may have been cut off"
                    )
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


def _unfold(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, level: str, depth: int) -> None:
    """Make the temporary table `level_<depth + 1>`: the records in the list at `level` of each record one level up.

    `_around` is the row of that record. A line that is no JSON takes the place of one record. A record is never stored beside what it contains: a document may be large.
    """
    of_document = source.format.type == "json" and not depth
    path = literal(_json_path(level.split(".") if level else []))
    wrong = connection.execute(
        f"""
        select rowid + 1, json_type(record, {path}), array_to_string(json_keys(record), ', ') from level_{depth}
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
    # In two steps: unnest(json_extract(…)) in one reads a large document anew for every 2048 records.
    connection.execute(
        f"""
        create or replace temp table lists as
        select if(record is null, [null::json], json_extract(record, {path} || '[*]')) as records, rowid as _around
        from level_{depth}
        """
    )
    connection.execute(
        f"create or replace temp table level_{depth + 1} as select unnest(records) as record, _around from lists"
    )
    connection.execute("drop table lists")
    (longest,) = connection.execute(f"select coalesce(max(strlen(record)), 0) from level_{depth + 1}").fetchone()
    if longest > MAX_RECORD:
        raise FileRejected(
            f"expected records of at most {MAX_RECORD >> 20} MB, found one of {longest >> 20} MB; ask for smaller ones"
        )


def _places(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, level: str, up: int) -> list[Place]:
    """The keys of the records (`up` is 0), or those declared keys of the records `up` levels around them that are there.

    An object is one key, unless a declared header leads into it.
    """
    declared = {header.normalised_header(text) for column in source.columns for text in column.headers}
    prefix = "^" * up + "." if up else ""
    if prefix and not any(text.startswith(prefix) for text in declared):
        return []
    found, waiting = [], [[]]
    while waiting:
        inside = waiting.pop(0)
        for (key,) in connection.execute(
            f"""
            select key from (
                select unnest(json_keys(record, $path)) as key, rowid as place,
                    generate_subscripts(json_keys(record, $path), 1) as position
                from {level}
                where json_type(record, $path) = 'OBJECT'
            ) group by key order by min(place), min(position)
            """,
            {"path": _json_path(inside)},
        ).fetchall():
            text = prefix + ".".join([*inside, key])
            name = header.normalised_header(text)
            if name not in declared and any(other.startswith(f"{name}.") for other in declared):
                waiting.append([*inside, key])
            elif not prefix or name in declared:
                found.append(Place(text, level, (*inside, key)))
    return found


def _make_parsed(
    connection: duckdb.DuckDBPyConnection, kept: dict[str, Place], decimals: dict[str, str], depth: int
) -> None:
    """Make the temporary table `parsed` of the records at `depth` that are objects, with the texts at the kept places."""
    joined = ""
    for number in range(depth, -1, -1):
        level = f"level_{number}"
        texts = _texts(connection, level, {column: place for column, place in kept.items() if place.level == level}, decimals)
        # The texts are taken before the join: a record around is read once, not once per record inside.
        values = [
            "rowid as _place",
            *(["_around"] if number else []),
            *(f"replace({text}, chr(0), '\ufffd') as {quoted(name)}" for name, text in texts.items()),
        ]
        objects = f"where {IS_RECORD}" if number == depth else ""
        joined += f" inner join (select {', '.join(values)} from {level} {objects}) as {level}"
        joined += f" on level_{number + 1}._around = {level}._place" if number < depth else ""
    columns = ", ".join([f"level_{depth}._place + 1 as _row_no", *map(quoted, kept)])
    connection.execute(
        f"create or replace temp table parsed as select {columns} from {joined.removeprefix(' inner join ')}"
    )


def _texts(
    connection: duckdb.DuckDBPyConnection, level: str, places: dict[str, Place], decimals: dict[str, str]
) -> dict[str, str]:
    """Column → the SQL of its text. Only where lists occur are they looked into; the other texts are taken in one go. DuckDB
    turns numbers with a fraction into doubles on the way to text, and does not when it casts them to a decimal."""
    if not places:
        return {}
    paths = [place.path for place in places.values()]
    kinds = connection.execute(
        f"""
        select distinct path, kind from (select unnest($paths) as path, unnest(json_type(record, $paths)) as kind from {level})
        where kind in ('ARRAY', 'DOUBLE')
        """,
        {"paths": paths},
    ).fetchall()
    plain = [path for path in paths if (path, "ARRAY") not in kinds]
    together = f"json_extract_string(record, [{', '.join(map(literal, plain))}])"
    texts = {
        name: f"({together})[{plain.index(place.path) + 1}]" if place.path in plain else _list_text(place.path)
        for name, place in places.items()
    }
    exact = {name: decimals[name] for name, place in places.items() if name in decimals and (place.path, "DOUBLE") in kinds}
    return texts | {name: f"coalesce({_decimal_text(places[name], type_)}, {texts[name]})" for name, type_ in exact.items()}


def _decimal_text(place: Place, type_: str) -> str:
    """The SQL of a number as a decimal; null where it is none, and where it does not fit."""
    structure: object = type_.upper()
    for key in reversed(place.keys):
        structure = {key: structure}
    value = f"json_transform(record, {literal(json.dumps(structure, ensure_ascii=False))})"
    value += "".join(f".{quoted(key)}" for key in place.keys)
    return f"if(json_type(record, {literal(place.path)}) = 'DOUBLE', {value}::varchar, null)"


def _list_text(path: str) -> str:
    whole, each = literal(path), literal(path + "[*]")
    return (
        f"if(json_type(record, {whole}) = 'ARRAY' and not list_has_any(json_type(record, {each}), ['OBJECT', 'ARRAY']), "
        f"array_to_string(json_extract_string(record, {each}), '{LIST_SEPARATOR}'), json_extract_string(record, {whole}))"
    )


def _json_path(keys: Sequence[str]) -> str:
    return "$" + "".join(f'."{key}"' for key in keys)
