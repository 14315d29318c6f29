"""What a declaration says of a table, or a query, of a database."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from ingest.declared.strict import ConnectionId, Strict

READS = re.compile(r"\s*(select|with)\b", re.IGNORECASE)


class NewRows(Strict):
    """Only what is new is asked for: rows whose value of the column `cursor_path` is not below the highest one that was landed.

    `lag` is asked for again, for rows that are committed late: seconds, of a date whole days, of a number that many. Without
    `initial_value` the first load takes everything; a time is one of the source's time zone.
    """

    cursor_path: str = Field(min_length=1)
    initial_value: datetime | date | int | None = None
    lag: float = Field(default=0, ge=0)


class SqlDatabase(Strict):
    """A table or a query of PostgreSQL, MySQL or MariaDB: `connection` is the Airflow connection that holds host and login.

    `columns` are those that are asked for (default: all), as the database calls them.
    """

    is_remote: ClassVar[bool] = True

    type: Literal["sql_database"]
    connection: ConnectionId
    table: str | None = Field(default=None, pattern=r"^[^.\s]+(\.[^.\s]+)?$")
    query: str | None = None
    columns: list[str] | None = Field(default=None, min_length=1)
    incremental: NewRows | None = None

    @field_validator("query")
    @classmethod
    def _reads_only(cls, value: str | None) -> str | None:
        if value is not None and (not READS.match(value) or ";" in value):
            raise ValueError("query: expected one statement that begins with select or with, without a semicolon")
        return value

    @model_validator(mode="after")
    def _one_of(self) -> "SqlDatabase":
        if (self.table is None) == (self.query is None):
            raise ValueError("expected either table or query")
        if self.columns and self.incremental and self.incremental.cursor_path not in self.columns:
            raise ValueError(f"columns: expected the column of incremental, {self.incremental.cursor_path}, among them")
        return self

    def faults(self, mode: str, form: str) -> list[str]:
        """What does not fit together. Args: mode: of the delivery. form: type of the format. Returns: messages."""
        found = []
        if form != "parquet":
            found.append(f"format: rows of a database land as Parquet, expected {{type: parquet}}, found {form}")
        if not self.incremental and mode == "append":
            found.append("delivery: without incremental every load brings the whole table, expected snapshot, period or upsert, "
                         "found append: each row would be there once per load")
        if self.incremental and mode == "snapshot":
            found.append("delivery: with incremental a load brings what is new, expected upsert, period or append, found "
                         "snapshot: all other rows would be gone")
        if self.incremental and self.incremental.lag and mode == "append":
            found.append("delivery: a lag brings rows again, expected upsert or period, found append")
        return found
