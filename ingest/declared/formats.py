"""What a declaration says of a file's format: one class per `type`, the reader of the same name reads it."""

from __future__ import annotations

import re
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, Field, ValidatorFunctionWrapHandler, WrapValidator, field_validator, model_validator

from ingest import plugin
from ingest.declared.strict import Strict

KEYS = r"[^\[\].$\"]+(\.[^\[\].$\"]+)*"
RECORDS_PATH = re.compile(rf"(?=.)({KEYS})?(\[\]\.{KEYS})*(\[\])?\Z")


Encoding = Literal["utf-8", "gb18030", "cp1252", "utf-16", "utf-16-le", "utf-16-be"]


class TableFormat(Strict):
    """How a table of cells is laid out. `header_row` counts from 1; `auto` takes the row with the most declared headers.

    `title_as`: column → a pattern whose first group is looked for in the cells above the header.
    """

    header_row: Literal["auto"] | int = 1
    header_rows: Literal[1, 2] = 1
    unit_note_as: str | None = None
    title_as: dict[str, str] = {}

    @field_validator("header_row")
    @classmethod
    def _from_one(cls, value: str | int) -> str | int:
        if isinstance(value, int) and value < 1:
            raise ValueError(f"header_row: expected auto or the number of a row, from 1; found {value}")
        return value

    @field_validator("title_as")
    @classmethod
    def _one_group(cls, value: dict[str, str]) -> dict[str, str]:
        for pattern in value.values():
            if pattern_of(pattern).groups != 1:
                raise ValueError(f"title_as: expected a pattern with one group, the value, found {pattern!r}")
        return value

    @property
    def filled(self) -> dict[str, str]:
        """Columns whose value is no cell of the row: column → the option that names it."""
        options = {"unit_note_as": self.unit_note_as, "sheet_as": getattr(self, "sheet_as", None)}
        return {name: option for option, name in options.items() if name} | dict.fromkeys(self.title_as, "title_as")


def pattern_of(text: str) -> re.Pattern:
    """A declared regular expression. Raises: ValueError when it is none."""
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"expected a regular expression, found {text!r}: {error}") from error


class CsvFormat(TableFormat):
    """Comma-separated text. A leading byte order mark is always taken off.

    `header_row: none`: the columns are the declared ones, in their order. `wrapped_lines`: every line stands in quotes as a
    whole. `decimal` and `thousands` are the marks in columns of a number type.
    """

    type: Literal["csv"] = "csv"
    encoding: Encoding = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quote: Literal['"', "'", "none"] = '"'
    escape: Literal["doubled", "backslash"] = "doubled"
    header_row: Literal["auto", "none"] | int = 1
    wrapped_lines: bool = False
    decimal: Literal[".", ","] = "."
    thousands: Literal[".", ",", "'", " "] | None = None

    @model_validator(mode="after")
    def _marks_differ(self) -> "CsvFormat":
        if self.decimal == self.thousands:
            raise ValueError(f"thousands: expected another mark than decimal, found {self.thousands!r} for both")
        if self.delimiter == self.quote or self.delimiter in "\r\n\\":
            raise ValueError(f"delimiter: expected a character that is no quote, line end or backslash, found {self.delimiter!r}")
        if self.header_row == "none" and (self.filled or self.header_rows == 2):
            raise ValueError("header_row none: nothing stands above the rows, found header_rows, unit_note_as or title_as")
        return self

    @property
    def has_marks(self) -> bool:
        """Whether numbers are written otherwise than 1234.5."""
        return self.decimal != "." or self.thousands is not None


class WorkbookFormat(TableFormat):
    """A workbook: of one form, or (`workbook`) of whichever the bytes are. `sheet` and `skip_sheets` are names or globs; without
    `sheet`, the only sheet that holds anything."""

    type: Literal["xlsx", "xls", "ods", "workbook"]
    sheet: str | None = None
    skip_sheets: list[str] = []
    sheet_as: str | None = None


class JsonFormat(Strict):
    """A JSON document, or one per line (`jsonl`). `records` leads to the records: `data.list[]`, `data.list[].events[]`."""

    type: Literal["json", "jsonl"]
    encoding: Encoding = "utf-8"
    records: str = "[]"

    @field_validator("records")
    @classmethod
    def _path(cls, value: str) -> str:
        if not RECORDS_PATH.match(value):
            raise ValueError(f"records: expected a path such as data.list[] or data.list[].events[], found {value!r}")
        return value

    @model_validator(mode="after")
    def _lines_are_the_list(self) -> "JsonFormat":
        if self.type == "jsonl" and self.levels[0]:
            raise ValueError(f"records: the lines are the list, expected a path such as [].events[], found {self.records!r}")
        return self

    @property
    def levels(self) -> list[str]:
        """The dotted path from each level of records to the next, from the document on."""
        return [part.strip(".") for part in self.records.removesuffix("[]").split("[]")]

    @property
    def filled(self) -> dict[str, str]:
        """No column is filled by the reader."""
        return {}


class PluggedFormat(Strict):
    """A format that an installed package reads. `options` are those of the package, checked by its own model."""

    type: str
    options: BaseModel

    @property
    def filled(self) -> dict[str, str]:
        """No column is filled by the reader."""
        return {}


class ParquetFormat(Strict):
    """A Parquet file. Names and types stand in the file, so there is nothing to declare."""

    type: Literal["parquet"]

    @property
    def filled(self) -> dict[str, str]:
        """No column is filled by the reader."""
        return {}


BuiltInFormat = CsvFormat | WorkbookFormat | JsonFormat | ParquetFormat
BUILT_IN = [name for model in get_args(BuiltInFormat) for name in get_args(model.model_fields["type"].annotation)]


def _of_a_package(value: object, built_in: ValidatorFunctionWrapHandler) -> Strict:
    """Formats that are not built in are looked for in the installed packages."""
    name = value.get("type") if isinstance(value, dict) else None
    if not isinstance(name, str) or name in BUILT_IN:
        return built_in(value)
    try:
        reader = plugin.load(name)
    except KeyError:
        raise ValueError(
            f"expected a type among {', '.join(sorted({*BUILT_IN, *plugin.names()}))}, found {name!r}; install the package that "
            f"brings it as an entry point of {plugin.GROUP}"
        ) from None
    return PluggedFormat(type=name, options=reader.options.model_validate({k: v for k, v in value.items() if k != "type"}))


Format = Annotated[BuiltInFormat, Field(discriminator="type"), WrapValidator(_of_a_package)]
