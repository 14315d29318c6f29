"""Quarantine and replays as a person reads them: on the terminal, or as CSV."""

from __future__ import annotations

from pathlib import Path

import duckdb
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ingest import warehouse
from ingest.readers import place_in_file
from ingest.reasons import REASONS
from ingest.replay import QuarantinedRow, Replayed, Trial
from ingest.sql import quoted

EXAMPLES = 3
LONGEST_VALUE = 60
BUILD_ADVICE = {
    "staging": "the row is loaded, but staging cannot make a record of it: correct the cell in seeds/correction.csv and replay, "
    "or teach the staging model to read it, which acts with the next build",
    "place": "the row is used, and counted at the unknown place or the one above: add the spelling to seeds/place_alias.csv, which "
    "acts with the next build, or correct the cell",
}


def print_groups(console: Console, source: str | None, reason: str | None, file: str | None) -> None:
    """Print the rows that are not used now, by source, stage, reason and column, with the first rows and what to do.

    Args: console: where to. source, reason: only of these. file: only of files whose name matches the glob.
    Raises: LookupError when there is no such source; FileNotFoundError when nothing was loaded yet.
    """
    with warehouse.reader() as connection:
        _make_rows(connection, source, reason, file)
        groups = connection.execute(
            f"""
            select source, stage, reason, column_name, count(*), count(distinct file_name), min(opened_at)::date,
                list((file_name, row_no, expected, raw_value) order by opened_at, file_name, row_no)[:{EXAMPLES}]
            from listed group by all order by source, count(*) desc, reason, column_name
            """
        ).fetchall()
    table = Table()
    for name in ("source", "stage", "reason", "column", "rows", "files", "since", "first rows"):
        table.add_column(name, overflow="fold")
    for *cells, examples in groups:
        shown = "\n".join(
            f"{name or '–'} {place_in_file(row_no, name) if row_no is not None else '–'}"
            f"{f', expected {expected}' if expected else ''}{_found(value)}"
            for name, row_no, expected, value in examples
        )
        table.add_row(*("" if cell is None else escape(str(cell)) for cell in cells), escape(shown))
    if not groups:
        console.print("No row in quarantine.")
        return
    console.print(table)
    for stage, code in dict.fromkeys((group[1], group[2]) for group in groups):
        if stage == "load" and code in REASONS:
            console.print(f"{code}: {REASONS[code].meaning}. Do: {REASONS[code].advice}.", soft_wrap=True, markup=False)
    for stage in sorted({group[1] for group in groups} & BUILD_ADVICE.keys()):
        console.print(f"{stage}: {BUILD_ADVICE[stage]}.", soft_wrap=True, markup=False)
    console.print("Then `gmw replay --dry-run` shows what would change; see docs/runbooks/quarantine.md.")


def print_history(console: Console, source: str | None, reason: str | None, file: str | None) -> None:
    """Print the faults that are no longer in quarantine: since when, until when, how and by what they were closed."""
    with warehouse.reader() as connection:
        _make_rows(connection, source, reason, file, is_history=True)
        rows = connection.execute(
            """
            select source, file_name, row_no, column_name, reason, raw_value, opened_at::date, closed_at::date, resolution,
                closed_by, replayed_by, why
            from listed order by closed_at, source, file_name, row_no
            """
        ).fetchall()
    if not rows:
        console.print("No row has left quarantine yet.")
    for name, file_name, row_no, column, code, value, since, until, resolution, closed_by, who, why in rows:
        where = f"{name}/{file_name} {place_in_file(row_no, file_name)}" + (f", column {column}" if column else "")
        by = f"{closed_by} ({who}: {why})" if who else closed_by
        console.print(
            f"{where}: {code}{_found(value)}; since {since}, {resolution} on {until} by {by}", soft_wrap=True, markup=False
        )


def write_csv(path: Path, source: str | None, reason: str | None, file: str | None, is_history: bool = False) -> int:
    """Write all the rows as UTF-8 CSV with BOM, text that a spreadsheet would run as a formula with an apostrophe before it.

    Returns: how many. Raises: as `print_groups`.
    """
    import csv

    from exports.machine_files import FORMULA_START

    with warehouse.reader() as connection:
        _make_rows(connection, source, reason, file, is_history)
        names = [name for (name,) in connection.execute("select column_name from (describe listed)").fetchall()]
        rows = connection.execute(
            f"select if(regexp_matches(columns(*)::varchar, '{FORMULA_START}'), '''', '') || columns(*)::varchar "
            "from listed order by source, file_name, row_no"
        ).fetchall()
    with path.open("w", encoding="utf-8-sig", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(names)
        writer.writerows(rows)
    return len(rows)


def print_trial(console: Console, trial: Trial) -> None:
    """Print what a replay of a batch would do."""
    batch = trial.batch
    head = f"{batch.batch_id} {batch.file_name}: {batch.status}"
    if not trial.is_other:
        console.print(f"{head}: nothing changes, {len(trial.stay)} rows stay in quarantine", soft_wrap=True, markup=False)
        return
    console.print(
        f"{head} → {trial.status}: loaded {batch.rows_loaded} → {trial.rows_loaded}, quarantined {batch.rows_quarantined} → "
        f"{trial.rows_quarantined} ({len(trial.leave)} leave, {len(trial.enter)} enter, {len(trial.stay)} stay), "
        f"{trial.changed} loaded rows new or other"
        + (f"; corrections: {', '.join(trial.corrected)}" if trial.corrected else "")
        + ("; WORSE than it is" if trial.is_worse else ""),
        soft_wrap=True,
        markup=False,
    )
    for what, rows in (("leaves", trial.leave), ("enters", trial.enter), ("stays", trial.stay)):
        for row in rows[:EXAMPLES]:
            console.print(f"  {what}: {_row(row, batch.file_name)}", soft_wrap=True, markup=False)
        if len(rows) > EXAMPLES:
            console.print(f"  … and {len(rows) - EXAMPLES} more")
    if trial.status == "blocked":
        console.print(f"  blocked: {trial.message}", soft_wrap=True, markup=False)


def print_replayed(console: Console, result: Replayed) -> None:
    """Print what became of a batch in a replay."""
    batch = result.batch
    said = {
        "replayed": f"replayed, {result.status} now",
        "unchanged": "nothing changed, left as it is",
        "refused": "left as it is: accepted, and a replay would make it worse. Mend the declaration or the correction; "
        "if it is meant so: --accept-worse",
        "impossible": "cannot be replayed",
    }[result.outcome]
    message = f": {result.message}" if result.message and result.outcome != "unchanged" else ""
    console.print(f"{batch.source}/{batch.file_name} ({batch.batch_id}): {said}{message}", soft_wrap=True, markup=False)


def _row(row: QuarantinedRow, file_name: str) -> str:
    column = f", column {row.column_name}" if row.column_name else ""
    return f"{place_in_file(row.row_no, file_name)}{column}: {row.reason}, expected {row.expected}{_found(row.raw_value)}"


def _found(value: str | None) -> str:
    """A value as it may be printed: control characters spelled out, not too long."""
    if value is None:
        return ""
    return f", found {value if len(value) <= LONGEST_VALUE else value[: LONGEST_VALUE - 1] + '…'!r}"


def _make_rows(
    connection: duckdb.DuckDBPyConnection, source: str | None, reason: str | None, file: str | None, is_history: bool = False
) -> None:
    """Make the temporary table `listed` of the rows that people ask for."""
    if source:
        from ingest.declaration import declaration

        (known,) = connection.execute("select count(*) from ops.batch where source = ?", [source]).fetchone()
        if not known:
            declaration(source)  # says which sources there are
    history = """
        select history.* exclude (raw_text), history.raw_text, replayed_by, why,
            if(history.closed_by = 'load' or replay.replay_id is not null, 'load', 'build') as stage
        from ops.quarantine_history as history
        left join ops.replay as replay on replay.replay_id = history.closed_by and replay.batch_id = history.batch_id"""
    open_ = """
        select *, 'load' as stage from ops.quarantine
        union all by name
        select * exclude (record) replace (reason || ' (' || record || ')' as reason) from ops.staging_quarantine"""
    rows = history if is_history else open_
    connection.execute(
        f"""
        create or replace temp table listed as
        select rows.source, rows.stage, files.file_name, rows.row_no, rows.column_name, rows.reason,
            rows.* exclude (source, stage, row_no, column_name, reason)
        from ({rows}) as rows
        left join (select source, file_id, any_value(file_name) as file_name from ops.file group by all) as files
            using (source, file_id)
        where ($source is null or rows.source = $source)
            and ($reason is null or rows.reason = $reason or starts_with(rows.reason, $reason || ' ('))
            and ($file is null or files.file_name glob $file or files.file_name = $file)
        """,
        {"source": source, "reason": reason, "file": file},
    )
    if not is_history:
        _show_unreadable(connection)


def _show_unreadable(connection: duckdb.DuckDBPyConnection) -> None:
    """Add column and text to rows that staging refuses as `unreadable_<column>`: a correction names both."""
    from ingest.declaration import known_declarations

    named = connection.execute(
        "select distinct source, regexp_extract(reason, '^unreadable_(\\w+)', 1) as name from listed where stage = 'staging'"
    ).fetchall()
    plain = {
        (source.name, column.name)
        for source in known_declarations()
        for column in source.columns
        if not column.personal and not column.free_text
    }
    stored = set(
        connection.execute("select table_name, column_name from duckdb_columns() where schema_name = 'raw'").fetchall()
    )
    for source, name in sorted(plain & stored & set(named)):
        connection.execute(
            f"""
            update listed set column_name = $name, raw_value = rows.{quoted(name)}::varchar
            from raw.{quoted(source)} as rows
            where stage = 'staging' and source = $source and regexp_matches(reason, '^unreadable_' || $name || '( |$)')
                and rows._file_id = listed.file_id and rows._row_no = listed.row_no
            """,
            {"name": name, "source": source},
        ).complete()
