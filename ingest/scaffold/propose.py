"""Puts together what a new source's declaration would say, with the reason for each part and what a person must look at."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from ingest.declaration import SourceDeclaration
from ingest.scaffold import glossary, layout, personal, profile, questions, records
from ingest.scaffold.column import Column

PERIOD_WORDS = re.compile(r"(^|_)(year|jahr|month|quarter|wave|period|round|season|term)(_|$)|年$|年度|年份|月份|届|期$|批次")
LEVEL_WORDS = re.compile(r"(^|_)(level|ebene|stufe|niveau)(_|$)|级别|层级")
DATE_IN_NAME = [
    (r"(?<!\d)((?:19|20)\d{2}[-_.]?(?:0[1-9]|1[0-2])[-_.]?(?:0[1-9]|[12]\d|3[01]))(?!\d)", r"(\d{4}[-_.]?\d{2}[-_.]?\d{2})"),
    (r"(?<!\d)((?:19|20)\d{2}[-_.]?(?:0[1-9]|1[0-2]))(?!\d)", r"(\d{4}[-_.]?\d{2})"),
    (r"(?<!\d)((?:19|20)\d{2})(?!\d)", r"((?:19|20)\d{2})"),
]


class RecordNeeded(ValueError):
    """Nothing in the file says which record it tells of: a person has to."""


@dataclass
class Proposal:
    """All that `gmw source add` would declare. `review`: what a person must decide. `day_of_file`: the first group of
    `as_of_pattern` in the name of the sample."""

    name: str
    file: Path
    layout: layout.Layout
    rows: int
    is_whole: bool
    rejected: list[str]
    columns: list[Column]
    key: list[str]
    delivery: dict[str, object]
    delivery_why: str
    as_of_pattern: str | None
    guesses: list[records.Guess]
    records: list[str]
    family: str
    title: str
    owner: str
    time_zone: str
    tree: str | None
    skip: list[dict[str, object]] = field(default_factory=list)
    review: list[str] = field(default_factory=list)


FAMILY = {
    "money": "funding",
    "survey": "survey",
    "evaluation": "survey",
    "figure": "survey",
    "place": "reference",
    "place_change": "reference",
    "population": "reference",
    "organisation": "reference",
}


def propose(
    name: str,
    file: Path,
    sources: list[SourceDeclaration],
    *,
    family: str | None = None,
    chosen: list[str] | None = None,
    key: list[str] | None = None,
    title: str | None = None,
    owner: str = "Data team",
    time_zone: str | None = None,
    tree: str | None = None,
) -> Proposal:
    """Look at a file and propose a source.

    Args: name: of the source. file: the sample. sources: the declared ones, whose names for headers are taken. family, chosen
    (records), key (columns), title, owner, time_zone, tree: what the person has said already.
    Returns: Proposal. Raises: NotSniffed, FileRejected, RecordNeeded, ValueError (a key or record that is none).
    """
    found = layout.sniff(file)
    table = profile.profile(file, found)
    known = glossary.terms(sources)
    columns, review = _columns(found, table, known)
    review = found.review + review
    keys = _key(columns, table, key)
    guesses = records.guesses(columns)
    if chosen:
        unknown = [record for record in chosen if record not in records.dictionaries()]
        if unknown:
            raise ValueError(f"--record: expected one of {', '.join(sorted(records.SIGNS))}, found {', '.join(unknown)}")
    elif not guesses:
        raise RecordNeeded(
            f"{file.name}: its columns ({', '.join(column.name for column in columns)}) do not say what a row is; say it with "
            f"--record: one of {', '.join(sorted(records.SIGNS))}"
        )
    first = chosen or [guesses[0].record]
    if first != ["survey"] and "survey" not in first:
        for column in columns:
            column.be_no_question()
    for column in columns:
        column.unique = column.not_null = [column.name] == keys
    pattern = _as_of_pattern(file.stem)
    delivery, why, pattern = _delivery(columns, keys, pattern, file)
    for column in columns:
        if column.values and re.search("|".join(pattern for _, pattern in records.PLACES), column.name):
            column.values = []
    listed = [column.name for column in columns if column.values]
    if listed:
        review.append(f"the words of {', '.join(listed)} stand in the declaration: see that none of them names a person")
    is_chinese = any(not column.header.isascii() and re.search("[一-鿿]", column.header) for column in columns)
    return Proposal(
        name,
        file,
        found,
        table.rows,
        table.is_whole,
        table.rejected,
        columns,
        keys,
        delivery,
        why,
        pattern,
        guesses,
        [model for record in first for model in records.models_of(record)],
        family or FAMILY.get(first[0], "activity"),
        title or name.replace("_", " ").capitalize(),
        owner,
        time_zone or ("Asia/Shanghai" if is_chinese else "UTC"),
        tree,
        _skip(columns, table, review),
        review,
    )


def _columns(found: layout.Layout, table: profile.Table, known: dict[str, glossary.Term]) -> tuple[list[Column], list[str]]:
    review = []
    names = glossary.names([column.header for column in table.profiles], known)
    columns = [Column(name, name, description=text, is_filled=True) for name, text in found.filled.items()]
    for looked_at, name in zip(table.profiles, names, strict=True):
        column = Column(
            name.name,
            looked_at.header,
            name_why=name.why,
            rows=looked_at.rows,
            filled=looked_at.filled,
            distinct=looked_at.distinct,
            words=looked_at.words,
            constant=looked_at.constant,
            words_longest=looked_at.longest,
            looked_at=frozenset(looked_at.sample) if looked_at.longest <= 20 else frozenset(),
        )
        if not name.is_certain:
            review.append(f"{column.name}: name of {column.header!r} ({name.why})")
        term = known.get(layout.normalised_header(looked_at.header))
        about_people = personal.find(looked_at, column.name, term and term.personal, term.source if term else "")
        if about_people:
            column.personal, column.free_text, column.personal_why = (
                about_people.personal,
                about_people.free_text,
                about_people.why,
            )
            what = f"personal: {column.personal}" if column.personal else "free_text: true"
            review.append(f"{column.name}: declared {what}, because {about_people.why}")
        else:
            _give_type(column, looked_at, review)
            questions.give_question(column, looked_at)
        columns.append(column)
    questions.give_scales(columns)
    return columns, review


def _give_type(column: Column, looked_at: profile.Profile, review: list[str]) -> None:
    column.type_why = looked_at.why
    if column.is_number_of_something and looked_at.type in ("integer", "bigint"):
        column.type_why = "digits that number something stay text"
    elif looked_at.type in ("date", "timestamp") and looked_at.also_format and not profile.is_iso(looked_at):
        review.append(
            f"{column.name}: kept as text, because its dates read as {looked_at.format} and as {looked_at.also_format}: which?"
        )
        column.type_why = "dates that can be read in two ways stay text"
    elif looked_at.type != "varchar":
        column.type, column.decimal, column.thousands = looked_at.type, looked_at.decimal, looked_at.thousands
        if looked_at.format and not profile.is_iso(looked_at):
            column.formats = [looked_at.format]
    elif (
        looked_at.distinct > 1
        and looked_at.words
        and looked_at.longest <= 30
        and looked_at.rows >= 5 * looked_at.distinct
        and not any(word[0].isdecimal() for word in looked_at.words)  # `2` and `约2小时` are amounts, not a list of words
    ):
        column.values = sorted(looked_at.words)
        column.type_why = f"one of {looked_at.distinct} words"
    else:
        column.type_why = "as people typed it" if looked_at.filled else "no value at all in this file"


def _skip(columns: list[Column], table: profile.Table, review: list[str]) -> list[dict[str, object]]:
    """Total rows, known by a word: they would count twice. Levels that are mixed in one file are left to the person."""
    by_header = {column.header: column for column in columns}
    skip = []
    for looked_at in table.profiles:
        column = by_header[looked_at.header]
        if column.personal and (looked_at.totals or looked_at.has_notes):
            review.append(f"{column.name} has rows of totals or remarks, and is personal: name them under skip by another column")
            continue
        if looked_at.totals:
            skip.append({"column": column.name, "values": looked_at.totals})
            review.append(f"rows with {' or '.join(looked_at.totals)} in {column.name} are skipped as totals")
        if looked_at.has_notes:
            skip.append({"column": column.name, "matches": profile.NOTE_PATTERN})
            review.append(f"rows with nothing but a remark in {column.name} are skipped ({profile.NOTE_PATTERN})")
        if looked_at.totals or looked_at.has_notes:
            continue
        if _says(LEVEL_WORDS, column) and 1 < len(looked_at.words):
            review.append(
                f"{column.name}: rows of {len(looked_at.words)} levels ({', '.join(looked_at.words)}); those that are totals of "
                "others count twice: name them under skip"
            )
    return skip


def _key(columns: list[Column], table: profile.Table, said: list[str] | None) -> list[str]:
    """The columns that number the rows: those that the person said, else a unique one that numbers something, else a pair."""
    named = {column.name: column for column in columns}
    if said:
        unknown = [name for name in said if name not in named]
        if unknown:
            raise ValueError(f"--key: expected columns of the file ({', '.join(named)}), found {', '.join(unknown)}")
        return said
    unique = {found.header for found in table.profiles if found.is_unique}
    for column in columns:
        if column.header in unique and column.is_number_of_something and not column.is_dropped and not _is_running(column, table):
            return [column.name]
    by_header = {column.header: column for column in columns}
    for pair in table.unique_pairs:
        both = [by_header[header] for header in pair]
        if all(column.is_number_of_something and not column.personal for column in both):
            return [column.name for column in both]
    return []


def _is_running(column: Column, table: profile.Table) -> bool:
    """Whether a column counts the rows of its file from 1: such a number begins anew in the next file."""
    looked_at = next(found for found in table.profiles if found.header == column.header)
    return looked_at.lowest == 1 and looked_at.highest == looked_at.rows


def _says(words: re.Pattern[str], column: Column) -> bool:
    return bool(words.search(column.name) or words.search(column.header))


def _as_of_pattern(stem: str) -> str | None:
    for seen, pattern in DATE_IN_NAME:
        if re.search(seen, stem):
            return pattern
    return None


def _delivery(
    columns: list[Column], key: list[str], pattern: str | None, file: Path
) -> tuple[dict[str, object], str, str | None]:
    period = [column.name for column in columns if column.constant and _says(PERIOD_WORDS, column)]
    if period:
        return (
            {"mode": "period", "columns": period[:1]},
            f"{period[0]} is the same in all rows: a new file replaces its own period",
            pattern,
        )
    if key:
        return (
            {"mode": "upsert", "key": key},
            f"{' and '.join(key)} number{'s' if len(key) == 1 else ''} the rows: the latest row of a number counts",
            pattern,
        )
    if pattern:
        return (
            {"mode": "period", "columns": ["_file_as_of"]},
            f"the file name {file.name!r} holds a date: a new file replaces that of its date",
            pattern,
        )
    return (
        {"mode": "snapshot"},
        "no column numbers the rows and the file name holds no date: a new file replaces everything",
        None,
    )
