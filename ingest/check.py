"""A dry run of a source on a file: what would load, what has drifted from the declaration, what staging would reject."""

from __future__ import annotations

import difflib
import os
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ingest import warehouse
from ingest.declaration import SourceDeclaration, declaration
from ingest.load import BatchReport, dry_run
from ingest.readers.header import normalised_header
from ingest.settings import PERSON_KEY_SECRET

COUNTED_ROWS = 100_000
ALIKE = 0.6


@dataclass(frozen=True)
class Difference:
    """How a file's header differs from the declaration. `renamed`: (declared column, header in the file) that may be the same.
    `layout`: options of the format that the file seems to need otherwise, in words."""

    missing: list[str]
    undeclared: list[str]
    renamed: list[tuple[str, str]]
    layout: list[str]


@dataclass(frozen=True)
class Check:
    """What would become of a file. `rows`: the first rows that would not load; `reasons`: how many for which reason, in words.
    `difference`: None when the layout of the file cannot be told. `blocked_why`: of a file that loads and has more rows in
    quarantine than the declaration lets pass: the raw gate will block it."""

    report: BatchReport
    rows: list[dict]
    reasons: Counter[str]
    difference: Difference | None
    blocked_why: str | None = None


@dataclass(frozen=True)
class Staged:
    """What a staging model makes of a file: rows that are used, and rejected ones by reason."""

    model: str
    rows_used: int
    rejected: dict[str, int]


def check(source_name: str, path: Path, shown: int = 10) -> Check:
    """What of a file would load into a source, and what has drifted; nothing is stored.

    Args: source_name: a declared source. path: the file. shown: how many faulty rows to give in full.
    Returns: Check. Raises: DeclarationError, FileNotFoundError.
    """
    report, rows = dry_run(source_name, path, COUNTED_ROWS)
    reasons = Counter(f"{row['reason']} in {row['column_name']}" if row["column_name"] else row["reason"] for row in rows)
    source = declaration(source_name)
    return Check(report, rows[:shown], reasons, _difference(source, path), _blocked_why(source, report))


def _blocked_why(source: SourceDeclaration, report: BatchReport) -> str | None:
    share, most = source.max_quarantined_share, source.max_quarantined_rows
    if report.rows_quarantined > share * report.rows_in:
        return f"expected at most {share:.0%} of the rows (max_quarantined_share) in quarantine"
    if most is not None and report.rows_quarantined > most:
        return f"expected at most {most} rows (max_quarantined_rows) in quarantine"
    return None


def _difference(source: SourceDeclaration, path: Path) -> Difference | None:
    from ingest.readers import FileRejected
    from ingest.scaffold.layout import NotSniffed, sniff

    try:
        found = sniff(path)
    except (NotSniffed, FileRejected):
        return None
    headers = {normalised_header(text): text for text in found.headers}
    # A category may stand before the name in the file and not in the declaration.
    headers |= {normalised_header(text.rpartition("/")[2]): text for text in found.headers if "/" in text}
    declared = {normalised_header(text) for column in source.columns_in_files for text in column.headers}
    taken = {headers[text] for text in declared & headers.keys()}
    missing = [
        column for column in source.columns_in_files if not {normalised_header(text) for text in column.headers} & headers.keys()
    ]
    undeclared = [text for text in found.headers if text not in taken]
    around = [text for column in missing for text in column.headers if text.startswith("^")]
    missing = [column for column in missing if not set(column.headers) & set(around)]
    renamed = [
        (column.name, text)
        for column in missing
        for text in difflib.get_close_matches(column.headers[0], undeclared, n=1, cutoff=ALIKE)
    ]
    declared_format = source.format.model_dump()
    layout = [
        f"{option}: declared {declared_format.get(option)!r}, the file looks like {value!r}"
        for option, value in found.format.items()
        if option in ("type", "encoding", "delimiter", "records") and declared_format.get(option) != value
    ]
    return Difference([column.name for column in missing if column.required], undeclared, renamed, layout)


def staged(source_name: str, path: Path, echo: Callable[[str], None]) -> tuple[list[Staged], list[str]]:
    """What the staging models of a source make of a file: land, load, gate and build them in an installation that is thrown away.

    Args: source_name: a declared source. path: the file. echo: told what is being done.
    Returns: one Staged per model, and the messages of the raw gate's checks that failed.
    Raises: BuildFailed when a model does not run or a test of it fails; DeclarationError.
    """
    from expectations import gate
    from ingest.build import build
    from ingest.landing import land
    from ingest.load import load

    source = declaration(source_name)
    with _scratch_installation():
        echo("load into an installation that is thrown away")
        land(source_name, [path])
        load(source_name)
        echo("gate")
        gate.gate_raw(source_name, "check")
        build(
            "check",
            " ".join(f"+{model}" for model in source.staging_models.values()),
            echo=lambda line: echo(f"dbt: {line[10:90]}"),
        )
        with warehouse.reader() as connection:
            failed = connection.execute(
                "select severity || ': ' || coalesce(message, expectation) from ops.gate_result_current where not success "
                "order by severity, expectation"
            ).fetchall()
            models = []
            for model in source.staging_models.values():
                rows = connection.execute(
                    f"select _reject_reason, count(*) from staging.{model} group by all order by 2 desc, 1"
                ).fetchall()
                counts = dict(rows)
                models.append(Staged(model, counts.pop(None, 0), counts))
    return models, [message for (message,) in failed]


@contextmanager
def _scratch_installation() -> Iterator[None]:
    """An empty installation with a secret of its own, which every function takes for the real one until the end."""
    with warehouse.scratch() as folder:
        own = {
            "GMW_HOME": str(folder),
            "GMW_DROP_FOLDER": str(folder / "drop"),
            PERSON_KEY_SECRET: secrets.token_hex(32),
            # Tests of a seed that need models of other sources, too, have nothing to test here.
            "DBT_INDIRECT_SELECTION": "buildable",
        }
        before = {name: os.environ.get(name) for name in own}
        os.environ.update(own)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
