"""Looks at every value of a file, with the reader that will load it: what types fit, what repeats, what is empty."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from pydantic import TypeAdapter

from ingest import readers, warehouse
from ingest.declaration import SourceDeclaration
from ingest.declared.formats import Format
from ingest.sql import literal, quoted
from ingest.scaffold.layout import Layout
from ingest.settings import settings

MAX_BYTES = 128 << 20
MOST_WORDS = 12
DATE_FORMATS = [
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y年%m月%d日",
    "%Y.%m.%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%d %B %Y",
    "%B %d, %Y",
]
TOTAL_WORDS = ["合计", "总计", "小计", "共计", "总和", "total", "subtotal", "grand total", "sum", "summe", "gesamt"]
# A remark in a row of its own, as `skip` declares it.
NOTE_PATTERN = "(注|备注|说明|制表人|填表人|审核人?|制表日期|填报单位|[Nn]otes?|[Ss]ource)[:：].*"
TIMES = ["%H:%M:%S", "%H:%M", "%I:%M %p", "%I:%M:%S %p"]
TIMESTAMP_FORMATS = [f"{day} {time}" for day in DATE_FORMATS for time in TIMES] + [f"%Y-%m-%dT{time}" for time in TIMES]


@dataclass(frozen=True)
class Profile:
    """What the values of one column are like. `words`: all its values, most frequent first, where there are at most 12.
    `format`: the one strptime format that all values fit, for dates. `also_format`: another one that all fit, too.
    `sample`: values to look at, never written anywhere. `totals`: the words of total rows in this column; `has_notes`: whether
    rows hold a remark in it and nothing else. Rows of totals and remarks are told of here only. `constant`: the only value of
    all rows."""

    header: str
    position: int
    rows: int
    filled: int
    distinct: int
    type: str
    why: str
    format: str | None = None
    also_format: str | None = None
    words: list[str] = field(default_factory=list)
    lowest: float | None = None
    highest: float | None = None
    longest: int = 0
    mean_length: float = 0.0
    sample: list[str] = field(default_factory=list)
    totals: list[str] = field(default_factory=list)
    has_notes: bool = False
    decimal: str = "."
    thousands: str | None = None

    @property
    def is_unique(self) -> bool:
        return self.rows > 1 and self.filled == self.rows and self.distinct == self.rows

    @property
    def constant(self) -> str | None:
        return self.words[0] if self.rows > 1 and self.distinct == 1 and self.filled == self.rows else None


@dataclass(frozen=True)
class Table:
    """The profiles of a file's columns in the order of the file. `is_whole`: whether all rows were looked at."""

    rows: int
    profiles: list[Profile]
    unique_pairs: list[tuple[str, str]]
    is_whole: bool
    rejected: list[str]


def profile(path: Path, layout: Layout) -> Table:
    """Read a file as it is laid out, all columns as text, and describe each column.

    Of text longer than 128 MB, the first 128 MB are looked at. Nothing is stored.
    Args: path: the file. layout: of `layout.sniff`. Returns: Table. Raises: FileRejected when the reader cannot take the file.
    """
    connection = warehouse.in_memory()
    with _bounded(path, str(layout.format["type"])) as (readable, is_whole):
        found = readers.read(connection, provisional(layout), readable)
        if found.is_prepared:
            connection.execute("create or replace temp view parsed as from numbered_rows where not _is_skipped")
    names = {column.headers[0]: name for name, column in found.columns.items() if column.headers and name not in layout.filled}
    others = _no_data(connection, list(names.values()))
    (rows,) = connection.execute("select count(*) from data_rows").fetchone()
    profiles = [
        _profile(connection, header, position, names[header], *others[names[header]])
        for position, header in enumerate(layout.headers)
        if header in names
    ]
    return Table(
        rows,
        profiles,
        _pairs(connection, profiles, names),
        is_whole,
        [f"row {row.row_no}: {row.reason}, expected {row.expected}" for row in found.rejected],
    )


def provisional(layout: Layout) -> SourceDeclaration:
    """A declaration that reads everything in a file as text: columns c0, c1, … by the headers of the layout."""
    columns = [{"name": f"c{i}", "headers": [header], "required": False} for i, header in enumerate(layout.headers)]
    columns += [{"name": name, "required": False} for name in layout.filled]
    return SourceDeclaration(
        name="sample",
        description="A file to look at.",
        folder=settings().dbt_project,
        columns=columns,
        family="reference",
        title="sample",
        owner="nobody",
        producer="nobody",
        licence="none",
        schedule="@daily",
        time_zone="UTC",
        connector={"type": "drop_folder", "pattern": "sample/*"},
        delivery={"mode": "append"},
        format=TypeAdapter(Format).validate_python(layout.format),
    )


@contextmanager
def _bounded(path: Path, kind: str) -> Iterator[tuple[Path, bool]]:
    """The file, or a copy of its first whole lines where it is very large text."""
    if kind not in ("csv", "jsonl") or path.stat().st_size <= MAX_BYTES:
        yield path, True
        return
    with warehouse.scratch() as folder, open(folder / f"sample{path.suffix}", "wb") as copy, open(path, "rb") as file:
        part = file.read(MAX_BYTES)
        copy.write(part[: part.rindex(b"\n") + 1] if b"\n" in part else part)
        copy.flush()
        yield Path(copy.name), False


def _trimmed(name: str) -> str:
    return f"nullif(trim({quoted(name)}, ' ' || chr(9) || chr(160) || chr(12288)), '')"


def _no_data(connection: duckdb.DuckDBPyConnection, names: list[str]) -> dict[str, tuple[list[str], bool]]:
    """Set the rows of totals, and those that hold one remark and nothing else, apart: the others are the view `data_rows`.

    Returns: column → the words of totals in it, and whether remarks stand in it; of a row, its first such column tells.
    """
    says_one_thing = f"len(list_distinct([{', '.join(map(_trimmed, names))}])) = 1"  # a merged cell stands in each of its cells
    apart, found = "false", {}
    for name in names:
        is_total = f"lower({_trimmed(name)}) in ({', '.join(map(literal, TOTAL_WORDS))})"
        is_note = f"{says_one_thing} and regexp_full_match({_trimmed(name)}, {literal(NOTE_PATTERN)})"
        totals, has_notes = found[name] = connection.execute(
            f"select coalesce(list_sort(list(distinct {_trimmed(name)}) filter ({is_total})), []), "
            f"coalesce(bool_or({is_note}), false) from parsed where not ({apart})"
        ).fetchone()
        if totals or has_notes:
            apart += f" or coalesce({is_total} or ({is_note}), false)"
    connection.execute(f"create or replace temp view data_rows as select * from parsed where not ({apart})")
    return found


def _profile(
    connection: duckdb.DuckDBPyConnection, header: str, position: int, name: str, totals: list[str], has_notes: bool
) -> Profile:
    connection.execute(f"create or replace temp table looked_at as select {_trimmed(name)} as value from data_rows")
    rows, filled, distinct, longest, mean_length = connection.execute(
        """
        select count(*), count(value), count(distinct value), coalesce(max(length(value)), 0), coalesce(avg(length(value)), 0)
        from looked_at
        """
    ).fetchone()
    frequent = [
        word
        for (word,) in connection.execute(
            "select value from looked_at where value is not null group by value order by count(*) desc, value limit ?",
            [MOST_WORDS + 1],
        ).fetchall()
    ]
    connection.execute(
        "create or replace temp table sample as "
        "select distinct value from looked_at where value is not null order by hash(value) limit 400"
    )
    sample = [word for (word,) in connection.execute("select value from sample").fetchall()]
    type_, why, formats = _type(connection, filled)
    decimal, thousands = ".", None
    if type_ == "varchar" and filled and (marked := _number_with_marks(connection)):
        type_, decimal, thousands = marked
        why = f"numbers written as 1{thousands or ''}234{decimal}5"
    if totals or has_notes:
        type_, why, formats, decimal, thousands = "varchar", "words of totals or remarks stand in it", [], ".", None
    lowest, highest = connection.execute(
        "select min(try_cast(value as double)), max(try_cast(value as double)) from looked_at"
    ).fetchone()
    return Profile(
        header,
        position,
        rows,
        filled,
        distinct,
        type_,
        why,
        *(formats + [None, None])[:2],
        words=frequent if distinct <= MOST_WORDS else [],
        lowest=lowest,
        highest=highest,
        longest=longest,
        mean_length=mean_length,
        sample=sample,
        totals=totals,
        has_notes=has_notes,
        decimal=decimal,
        thousands=thousands,
    )


def _number_with_marks(connection: duckdb.DuckDBPyConnection) -> tuple[str, str, str | None] | None:
    """(type, decimal mark, thousands mark) of a column of numbers that are written otherwise than 1234.5; None when the values of
    `looked_at` are none, or can be read in two ways (1,234)."""
    readings = set()
    for decimal, thousands in ((",", None), (",", "."), (".", ","), (",", "'"), (".", "'"), (",", " "), (".", " ")):
        mark, point = re.escape(thousands or ""), re.escape(decimal)
        whole = rf"([0-9]{{1,3}}({mark}[0-9]{{3}})+|[0-9]+)" if thousands else "[0-9]+"
        misfits, with_point, with_mark, scale = connection.execute(
            """
            select count(*) filter (not regexp_full_match(value, $number)), count(*) filter (contains(value, $decimal)),
                count(*) filter (contains(value, $thousands)), max(length(regexp_extract(value, $fraction, 1)))
            from looked_at where value is not null
            """,
            {
                "number": rf"[+-]?{whole}({point}[0-9]+)?", "decimal": decimal, "thousands": thousands,
                "fraction": rf"{point}([0-9]+)$",
            },
        ).fetchone()  # fmt: skip
        if misfits or not (with_mark if thousands else with_point):
            continue
        if not with_point:
            readings.add(("bigint", "," if thousands == "." else ".", thousands))
        else:
            readings.add((f"decimal(18,{max(scale, 2)})" if scale <= 4 else "double", decimal, thousands))
    return readings.pop() if len(readings) == 1 else None


def _type(connection: duckdb.DuckDBPyConnection, filled: int) -> tuple[str, str, list[str]]:
    """The type that every value of `looked_at` fits, why, and the date formats that all values fit (ISO first)."""
    if not filled:
        return "varchar", "no value at all", []
    counts = connection.execute(
        """
        select
            count(*) filter (regexp_full_match(value, '-?(0|[1-9][0-9]{0,17})')),
            count(*) filter (regexp_full_match(value, '-?(0|[1-9][0-9]*)?([.][0-9]+)?') and value not in ('-', '.')),
            count(*) filter (lower(value) in ('true', 'false')),
            max(length(regexp_extract(value, '[.]([0-9]+)$', 1))),
            max(length(regexp_extract(value, '^-?([0-9]*)', 1))),
            max(abs(try_cast(value as double)))
        from looked_at where value is not null
        """
    ).fetchone()
    whole, decimal, boolean, scale, digits, largest = counts
    if whole == filled:
        return ("integer" if largest < 2**31 else "bigint"), "whole numbers", []
    if decimal == filled:
        fits = digits + scale <= 18 and scale <= 4
        return (f"decimal(18,{max(scale, 2)})" if fits else "double"), "numbers", []
    if boolean == filled:
        return "boolean", "true or false", []
    for type_, formats in (("date", DATE_FORMATS), ("timestamp", TIMESTAMP_FORMATS)):
        # Most forms are ruled out by the values looked at; only the others are tried on all of them.
        tried = ", ".join(f"count(*) filter (try_strptime(value, {literal(form)}) is null) = 0" for form in formats)
        likely = connection.execute(f"select {tried} from sample").fetchone()
        fitting = [
            form
            for form, is_likely in zip(formats, likely, strict=True)
            if is_likely
            and connection.execute(
                f"select count(*) = 0 from looked_at where value is not null and try_strptime(value, {literal(form)}) is null"
            ).fetchone()[0]
        ]
        if fitting:
            return type_, "dates", fitting
    (fits,) = connection.execute(
        """
        select count(*) = 0 from looked_at where value is not null
            and (try_cast(value as timestamp) is null or not regexp_matches(value, '^[0-9]{4}-[0-9]{2}-[0-9]{2}'))
        """
    ).fetchone()
    return ("timestamp", "moments", []) if fits else ("varchar", "", [])


def _pairs(connection: duckdb.DuckDBPyConnection, profiles: list[Profile], names: dict[str, str]) -> list[tuple[str, str]]:
    """Pairs of columns that number the rows together, where no single column does; the first column is often a group."""
    if any(found.is_unique for found in profiles):
        return []
    candidates = [
        found
        for found in profiles
        if found.filled == found.rows > 1
        and 1 < found.distinct
        and not found.type.startswith(("decimal", "double"))
        and found.longest <= 40
    ][:12]
    pairs = []
    for i, first in enumerate(candidates):
        for second in candidates[i + 1 :]:
            if first.distinct * second.distinct < first.rows:
                continue
            (is_key,) = connection.execute(
                f"select count(*) = count(distinct ({quoted(names[first.header])}, {quoted(names[second.header])})) from data_rows"
            ).fetchone()
            if is_key:
                pairs.append((first.header, second.header))
    return pairs


def is_iso(found: Profile) -> bool:
    """Whether the dates of a column need no format of their own: the reader casts ISO dates itself."""
    forms = {"date": r"\d{4}-\d{2}-\d{2}\Z", "timestamp": r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2})?"}
    return found.type in forms and all(re.match(forms[found.type], value) for value in found.sample)
