"""Key rotation: every person and household gets a new key, made with the current secret from the landed files.

Keys cannot be turned into other keys: the identifiers are not in the warehouse. They are in the landing, so the files are loaded
again. Each file is one transaction, and what is done already is known by the version that keys begin with: a rotation that was
interrupted goes on where it stopped. Until it is complete nothing else is loaded and nothing is built.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest import privacy, warehouse
from ingest.declaration import SourceDeclaration, declarations
from ingest.load import BatchReport, dry_run, reload
from ingest.settings import settings


class RotationRefused(RuntimeError):
    """A file would not load as it did; nothing was changed. The message names the files and what to do."""


@dataclass(frozen=True)
class Planned:
    """One file that a rotation loads again. `problem`: why it cannot be, else empty."""

    batch_id: str
    source: str
    file_name: str
    rows: int
    problem: str


def plan() -> list[Planned]:
    """The files whose rows have keys of another secret than the current one, each tried out without storing anything.

    Returns: one Planned per batch. Raises: SecretMissing when GMW_PERSON_KEY_SECRET is missing or too short, DeclarationError.
    """
    found = []
    with warehouse.reader() as connection:
        for source in declarations():
            for batch_id in privacy.rows_with_other_keys(connection, source):
                row = connection.execute(
                    "select file_name, landed_path, rows_loaded from ops.batch join ops.file using (source, file_id) "
                    "where batch_id = ?",
                    [batch_id],
                ).fetchone()
                found.append(Planned(batch_id, source.name, row[0], row[2], _problem(source, *row)))
    return found


def rotate() -> list[BatchReport]:
    """Load the files of `plan` again. Their batches wait for the raw gate again; then build and publish anew.

    Returns: one report per file. Raises: RotationRefused when a file would not load as it did, before anything is changed;
        WarehouseBusy, and what `plan` raises.
    """
    planned = plan()
    if problems := [f"{file.source}/{file.file_name}: {file.problem}" for file in planned if file.problem]:
        raise RotationRefused(
            "Expected every landed file to load as it did before, found:\n" + "\n".join(problems)
            + "\nPut the file back into the landing or mend the declaration, then try again. No key was changed."
        )
    by_name = {source.name: source for source in declarations()}
    with warehouse.writer("rotate the person keys") as connection:
        return [reload(connection, by_name[file.source], file.batch_id) for file in planned]


def _problem(source: SourceDeclaration, file_name: str, landed_path: str, rows: int) -> str:
    path = settings().landing / landed_path
    if not path.is_file():
        return f"expected it in the landing as {landed_path}, found no file"
    report, _ = dry_run(source.name, path)
    if report.status != "loaded" or report.rows_loaded != rows:
        return f"expected {rows} rows to load, found {report.rows_loaded} ({report.status}) {report.message}".rstrip()
    return ""
