"""The suite of one batch, derived from the declaration of its source: nothing is said twice."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.declaration import ColumnDeclaration, SourceDeclaration
from ingest.privacy import AGE_BANDS
from ingest.sql import literal

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

HISTORY_BATCHES = 5
HISTORY_LOW, HISTORY_HIGH = 0.2, 5.0
PROVENANCE = ["_layout", "_file_id", "_row_no", "_batch_id", "_loaded_at"]
HASH = "[0-9a-f]{8}:[0-9a-f]{64}"


@dataclass(frozen=True)
class Batch:
    """One loaded file that waits for its gate. `message` is what the loader had to say about it."""

    batch_id: str
    batch_no: int
    source: str
    file_name: str
    message: str = ""

    @property
    def query(self) -> str:
        """SQL of the rows of this batch."""
        return f"select * from raw.{self.source} where _batch_id = {literal(self.batch_id)}"

    @property
    def own(self) -> str:
        """SQL condition: what `ops` says of this batch."""
        return f"batch_id = {literal(self.batch_id)}"


@dataclass(frozen=True)
class Batches:
    """Loaded files of one source that wait for their gate. What holds for all of them holds for each: see `suite_of_all`."""

    batches: tuple[Batch, ...]

    @property
    def query(self) -> str:
        """SQL of the rows of these batches."""
        return f"select * from raw.{self.batches[0].source} where _batch_id in ({self._ids})"

    @property
    def own(self) -> str:
        """SQL condition: what `ops` says of these batches."""
        return f"batch_id in ({self._ids})"

    @property
    def _ids(self) -> str:
        return ", ".join(literal(batch.batch_id) for batch in self.batches)


def raw_suite(
    source: SourceDeclaration, batch: Batch, stored: dict[str, str], earlier_rows: list[int]
) -> "ExpectationSuite":
    """Derive what must hold for a batch.

    Args: source: the declaration. batch: the batch under test. stored: the columns of `raw.<source>` and their DuckDB
    types; a check of a column that is not there is left out, because `required_columns_are_present` then fails.
    earlier_rows: the row counts of the source's accepted batches before this one.
    Returns: a Great Expectations suite named `raw.<source>`, to be run on `batch.query`.
    """
    import great_expectations as gx

    table = f"raw.{source.name}"
    expectations = [
        _not_empty(source, table),
        *_accounting(batch, table),
        *_quarantine(batch, source),
        *_columns(source, stored, table),
        *_drift(source, batch),
        *_rows(source, stored, table),
        *_history(earlier_rows, table),
        _nothing_missing_before(source, batch),
        _nothing_of_the_future(source, batch),
    ]
    return gx.ExpectationSuite(name=table, expectations=expectations)


def suite_of_all(source: SourceDeclaration, batches: Batches, stored: dict[str, str]) -> "ExpectationSuite":
    """The checks of `raw_suite`, under their names, as far as they can be asked of several batches at once: one that holds for
    all of them holds for each. Those that look at the files accepted before are not among them.

    Args: as for `raw_suite`. Returns: a suite to be run on `batches.query`.
    """
    import great_expectations as gx

    table = f"raw.{source.name}"
    expectations = [
        _none_empty(batches, table),
        *_accounting(batches, table),
        *_quarantine(batches, source),
        *_columns(source, stored, table),
        *_rows(source, stored, table),
        _nothing_of_the_future(source, batches),
    ]
    return gx.ExpectationSuite(name=table, expectations=expectations)


def _rows(source: SourceDeclaration, stored: dict[str, str], table: str) -> list:
    """What must hold for the rows of a file, whatever other files there are."""
    present = [column for column in source.columns if not column.is_dropped and column.name in stored]
    return [
        *_keys(source, present, table),
        *(check for column in present for check in _values(column, table, source.owner)),
        *_personal_data(present, stored, table),
        *_misread_text(present, stored, table, source.producer),
    ]


def _not_empty(source: SourceDeclaration, table: str):
    """A file without rows does harm where it would take the place of others."""
    from expectations.checks import not_empty

    return not_empty(
        table,
        severity="critical" if source.delivery.replaces else "warning",
        advice="see ops.quarantine for the rows that could not be read; if the file has none, ask the producer for it again",
    )


def _none_empty(batches: Batches, table: str):
    """The check of `_not_empty` for several batches."""
    from expectations.checks import NOT_EMPTY, no_rows

    return no_rows(
        NOT_EMPTY,
        f"select batch_id from ops.batch where {batches.own} and batch_id not in (select _batch_id from batch)",
        severity="critical",
        table=table,
        expected="at least 1 row of each",
        advice="see which it is: the checks of each batch say so",
    )


def _accounting(batch: Batch | Batches, table: str) -> list:
    """Every row of the file is accounted for."""
    from expectations.checks import no_rows

    return [
        no_rows(
            "every_row_of_the_file_is_accounted_for",
            f"""
            select rows_in, rows_loaded, rows_quarantined, rows_skipped from ops.batch where {batch.own}
                and rows_in is distinct from rows_loaded + rows_quarantined + rows_skipped""",
            severity="critical",
            table="ops.batch",
            expected="rows in = rows loaded + rows quarantined + rows skipped",
            advice="a fault of the loader, not of the file: tell the data team",
        ),
        no_rows(
            "the_rows_stored_are_the_rows_loaded",
            f"""
            select rows_loaded, coalesce(rows_stored, 0) as rows_stored from ops.batch
            left join (select _batch_id as batch_id, count(*) as rows_stored from batch group by all) using (batch_id)
            where {batch.own} and rows_loaded is distinct from coalesce(rows_stored, 0)""",
            severity="critical",
            table=table,
            expected="as many rows stored as ops.batch says were loaded",
            advice="a fault of the loader, not of the file: tell the data team",
        ),
    ]


def _quarantine(batch: Batch | Batches, source: SourceDeclaration) -> list:
    """Most rows of the file could be read: not more of them are in quarantine than the declaration lets pass."""
    from expectations.checks import no_rows

    own = batch.own
    share, most = source.max_quarantined_share, source.max_quarantined_rows
    limits = [f"rows_quarantined > {share} * rows_in"] + ([f"rows_quarantined > {most}"] if most is not None else [])
    rows = f"select row_no, column_name, reason from ops.quarantine where {own}"
    above = f"{rows} and batch_id in (select batch_id from ops.batch where {own} and ({' or '.join(limits)}))"
    reasons = f"""
        select reason, column_name, count(*) || ' of ' || (select rows_in from ops.batch where {own}) as rows,
            array_to_string(list(row_no order by row_no)[:3], ', ') as first_rows, arg_min(expected, row_no) as expected,
            arg_min(raw_value, row_no) as found
        from ops.quarantine where {own} group by reason, column_name order by count(*) desc limit 5"""
    allowed = f"at most {share:.0%} of the rows (max_quarantined_share)"
    allowed += f" and at most {most} rows (max_quarantined_rows)" if most is not None else ""
    batch_id = batch.batch_id if isinstance(batch, Batch) else "BATCH"
    listed = f"`gmw quarantine {source.name}` lists the rows"
    return [
        no_rows(
            "few_rows_are_quarantined",
            above,
            severity="critical",
            table="ops.quarantine",
            expected=f"{allowed} quarantined",
            advice=f"compare the file with the declaration ({listed}), mend the one that is wrong, then `gmw replay "
            f"{batch_id}`, or land the mended file",
            shown=reasons,
        ),
        no_rows(
            "no_row_is_quarantined",
            rows,
            severity="warning",
            table="ops.quarantine",
            expected="no row quarantined",
            advice=f"ask the source's owner to mend these rows ({listed}); the other rows are used meanwhile",
            shown=reasons,
        ),
    ]


def _columns(source: SourceDeclaration, stored: dict[str, str], table: str) -> list:
    from expectations.checks import columns_present, no_rows

    kept = [column for column in source.columns if not column.is_dropped]
    types = ", ".join(f"({literal(column.name)}, {literal(column.type)})" for column in kept)
    checks = [
        columns_present(
            [column.name for column in kept] + PROVENANCE,
            table=table,
            advice="load the source again; if the column stays away, compare the table with the declaration",
        ),
        no_rows(
            "columns_have_their_declared_types",
            f"""
            select stored.column_name, declared.declared_type, stored.column_type as stored_type
            from (describe {table}) as stored
            inner join (values {types}) as declared (column_name, declared_type) using (column_name)
            where upper(replace(declared.declared_type, ' ', '')) != upper(stored.column_type)""",
            severity="critical",
            table=table,
            expected="each column stored as the type that it is declared as",
            advice="the declaration has another type than when the table was made: `gmw replay` the source loads it anew",
        ),
    ]
    for column in source.columns:
        if column.is_dropped and column.name in stored:
            checks.append(
                no_rows(
                    f"{column.name}_is_not_stored",
                    f'select _row_no from batch where "{column.name}" is not null',
                    severity="critical",
                    table=table,
                    expected=f"no value of {column.name}, which is declared `personal: {column.personal}`",
                    advice=f"drop the column: `alter table {table} drop column {column.name}`",
                    column=column.name,
                )
            )
    return checks


CHANGES = {
    "added": ("no_column_was_added", "the columns of the file before", "declare the new column, then `gmw replay` the source"),
    "removed": (
        "no_column_was_removed",
        "the columns of the file before",
        "ask the producer for the column; take it out of the declaration if it will not come back",
    ),
    "renamed": ("no_column_was_renamed", "the headers of the file before", "nothing: the new header is declared"),
    "retyped": (
        "no_column_changed_its_kind",
        "values of the kind that the file before had",
        "look at the values and at the staging model that reads them; ask the producer what has changed",
    ),
}


def _drift(source: SourceDeclaration, batch: Batch) -> list:
    """The file has the columns of the one before it. How much a change matters is the source's policy; a header that is declared
    as another name of its column matters to nobody."""
    from expectations.checks import no_rows

    severity = {"evolve": "info", "warn": "warning", "block": "critical"}[source.drift]
    return [
        no_rows(
            name,
            f"""
            select coalesce(header, column_name) as header, "before", "after", previous_batch_id from ops.column_drift
            where batch_id = {literal(batch.batch_id)} and change = '{change}'""",
            severity="info" if change == "renamed" else severity,
            table="ops.column_drift",
            expected=expected,
            advice=advice,
        )
        for change, (name, expected, advice) in CHANGES.items()
    ]


def _keys(source: SourceDeclaration, present: list[ColumnDeclaration], table: str) -> list:
    """The delivery's key is unique within the batch, and so is every column that is declared unique."""
    available = {column.name for column in present} | set(PROVENANCE)
    key = [name for name in source.delivery.key if name in available]
    checks = []
    if key:
        replaces = source.delivery.mode in ("upsert", "period")
        checks.append(_unique(key, table, "critical" if replaces else "warning"))
    for column in present:
        if column.unique and key != [column.name]:
            checks.append(_unique([column.name], table, column.severity))
    return checks


def _unique(names: list[str], table: str, severity: str):
    from expectations.checks import no_rows

    columns = ", ".join(f'"{name}"' for name in names)
    filled = " and ".join(f'"{name}" is not null' for name in names)
    return no_rows(
        f"{'_and_'.join(names)}_{'is' if len(names) == 1 else 'are'}_unique",
        f"select {columns}, count(*) as times, min(_row_no) as first_row, max(_row_no) as last_row from batch "
        f"where {filled} group by _batch_id, {columns} having count(*) > 1",
        severity=severity,
        table=table,
        expected=f"each {' + '.join(names)} once in a file",
        advice="ask the source's owner which of the rows holds, and send the file again without the others",
        column=names[0] if len(names) == 1 else None,
    )


def _values(column: ColumnDeclaration, table: str, owner: str) -> list:
    """What the declaration says about the values of one column."""
    from expectations.checks import in_set, no_rows, not_null

    checks = []
    name = column.name
    if column.not_null:
        checks.append(
            not_null(name, ["_row_no"], severity="critical", table=table, advice=f"ask {owner} to fill in the missing values")
        )
    if column.values:
        checks.append(
            in_set(
                name,
                column.values,
                ["_row_no"],
                severity=column.severity,
                table=table,
                advice=f"ask {owner} what the new value means, then add it to `values` and to the value map, or mend the file",
            )
        )
    if column.pattern:
        checks.append(
            no_rows(
                f"{name}_has_its_form",
                f'select _row_no, "{name}" from batch '
                f'where not regexp_full_match("{name}"::varchar, {literal(column.pattern)})',
                severity=column.severity,
                table=table,
                expected=f"{name} in the form {column.pattern}",
                advice=f"ask {owner} to mend the values, or widen `pattern` in the declaration",
                column=name,
            )
        )
    if column.personal in ("person", "household"):
        checks.append(
            no_rows(
                f"{name}_holds_keyed_hashes_only",
                f"select _row_no from batch where not regexp_full_match(\"{name}\", '{HASH}')",
                severity="critical",
                table=table,
                expected=f"{name}, which is declared personal, as keyed hashes: 8 hexadecimal characters, a colon, 64 more",
                advice="delete these rows and load the file again: the identifiers in them were stored in the clear",
                column=name,
            )
        )
    if column.personal in ("age", "birth_date"):
        checks.append(
            no_rows(
                f"{name}_holds_age_bands_only",
                f'select _row_no from batch where "{name}" not in {AGE_BANDS}',
                severity="critical",
                table=table,
                expected=f"{name}, which is declared personal, as one of the bands {', '.join(AGE_BANDS)}",
                advice="delete these rows and load the file again: ages in them were stored in the clear",
                column=name,
            )
        )
    return checks


def _personal_data(present: list[ColumnDeclaration], stored: dict[str, str], table: str) -> list:
    from expectations import personal_data
    from expectations.checks import no_rows

    searched = [
        column.name
        for column in present
        if stored[column.name] == "VARCHAR" and not column.personal and not column.may_contain_numbers
    ]
    if not searched:
        return []
    return [
        no_rows(
            "no_personal_data_in_text",
            personal_data.rows_with_personal_data(searched, ["_row_no"]),
            severity="critical",
            table=table,
            expected=personal_data.EXPECTED,
            integrity="R18",
            advice="declare the column `free_text: true` (masked) or `personal` (hashed or dropped) and load again; if its "
            "numbers are no personal data, declare `may_contain_numbers: true`",
        )
    ]


def _misread_text(present: list[ColumnDeclaration], stored: dict[str, str], table: str, producer: str) -> list:
    from expectations import misread_text
    from expectations.checks import no_rows

    searched = [column.name for column in present if stored[column.name] == "VARCHAR" and not column.personal]
    if not searched:
        return []
    found, shown = misread_text.rows_with_misread_text(searched, ["_row_no"])
    return [
        no_rows(
            "no_text_was_read_in_a_wrong_encoding",
            found,
            shown=shown,
            severity="warning",
            table=table,
            expected=misread_text.EXPECTED,
            advice=f"the text was damaged before it came here: ask {producer} for an export in UTF-8, made anew from the system",
        )
    ]


def _history(earlier_rows: list[int], table: str) -> list:
    """The batch is about as large as the source's earlier ones; said only when there are enough of them."""
    from expectations.checks import row_count_between

    if len(earlier_rows) < HISTORY_BATCHES:
        return []
    usual = statistics.median(earlier_rows)
    low, high = round(usual * HISTORY_LOW), round(usual * HISTORY_HIGH)
    return [
        row_count_between(
            "the_batch_is_about_as_large_as_usual",
            low,
            high,
            table=table,
            expected=f"{low} to {high} rows (the median of {len(earlier_rows)} earlier batches is {usual:g})",
            advice="ask the source's owner whether the file is complete and holds its own period only",
        )
    ]


def _nothing_missing_before(source: SourceDeclaration, batch: Batch):
    """The file comes when one of its source is due."""
    from expectations import rhythm
    from expectations.checks import no_rows

    return no_rows(
        "no_file_is_missing_before_this_one",
        rhythm.missing_before(batch.batch_id),
        severity="warning",
        table="ops.file",
        expected="the file before it within two turns of the source's own rhythm",
        advice=f"ask {source.owner} for the files in between; figures of those days are without them",
    )


def _nothing_of_the_future(source: SourceDeclaration, batch: Batch | Batches):
    """The file speaks of what has been."""
    from expectations import rhythm
    from expectations.checks import no_rows

    return no_rows(
        "the_file_does_not_speak_of_the_future",
        rhythm.from_the_future(batch.own),
        severity="warning",
        table="ops.file",
        expected="a day in the file's name that is not after the day on which it came",
        advice=f"ask {source.owner} whether the name is wrong, and land it under its right name",
        integrity="R19",
    )
