"""Helpers of the reader tests: a source declared in the test, loaded through the real loader."""

from __future__ import annotations

from pathlib import Path

from ingest import load, privacy, warehouse
from ingest.declaration import ColumnDeclaration, SourceDeclaration
from tests.declaring import SAID


def column(name: str, *headers: str, **more) -> ColumnDeclaration:
    """A declared column; without headers it is called in files as here."""
    return ColumnDeclaration(name=name, headers=list(headers) or [name], **more)


def source(format: dict, *columns: ColumnDeclaration, **more) -> SourceDeclaration:
    """A source called `ledger`."""
    return SourceDeclaration(
        name="ledger", description="One row per entry.", folder=Path("ledger"), columns=list(columns), title="ledger",
        connector={"type": "drop_folder", "pattern": "ledger/*"}, format=format, delivery={"mode": "append"}, **SAID | more,
    )


class Loaded:
    """What became of one file: the report, and the tables to ask."""

    def __init__(self, declared: SourceDeclaration, path: Path) -> None:
        self.connection = warehouse.in_memory()
        privacy.install(self.connection)
        _, *outcome = load._load_file(self.connection, declared, path, "file", None)
        self.status, self.rows_in, self.loaded, self.quarantined, self.skipped, self.message = outcome
        assert self.rows_in == self.loaded + self.quarantined + self.skipped

    def rows(self, columns: str) -> list[tuple]:
        """Loaded rows, in the order of the file."""
        return self.connection.execute(f"select {columns} from raw.ledger order by _row_no").fetchall()

    def quarantine(self) -> list[tuple]:
        """(row_no, column_name, reason, expected, raw_value), in the order of the file."""
        return self.connection.execute(
            "select row_no, column_name, reason, expected, raw_value from ops.quarantine order by row_no"
        ).fetchall()


def blocked(declared: SourceDeclaration, path: Path) -> str:
    """The message of a file that must be blocked; nothing of it is stored."""
    result = Loaded(declared, path)
    assert result.status == "blocked", result.rows("*")
    assert result.rows("*") == []
    return result.message
