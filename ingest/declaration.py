"""Reads the one declaration of each source: dbt_project/models/staging/**/_<source>__sources.yml."""

from __future__ import annotations

import re
import zoneinfo
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from croniter import croniter
from jinja2.nativetypes import NativeEnvironment
from pydantic import Field, ValidationError, field_validator, model_validator

from ingest.declared.connectors import Connector
from ingest.declared.formats import CsvFormat, Format, pattern_of
from ingest.declared.rest_api import RestApi
from ingest.declared.sql_database import SqlDatabase
from ingest.declared.strict import Strict
from ingest.settings import settings

NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
COLUMN_TYPE = re.compile(r"(varchar|integer|bigint|double|boolean|date|timestamp|decimal\(\d{1,2},\d{1,2}\))\Z")
PERSONAL_FILES_KEPT_DAYS = 400
# Declarations that a process keeps: of far more sources than one machine loads.
MOST_KEPT = 5000


class DeclarationError(ValueError):
    """A declaration that cannot be used; the message names file, place, expected and found."""


class Delivery(Strict):
    """What a new file means; applied by the dbt macro `delivered_rows`.

    `order_by` (upsert): columns by which the latest row of a key is found, before files are compared. `overlapping` (append):
    files repeat one another's rows; an equal row counts as often as the file has it that has it most often.
    """

    mode: Literal["append", "snapshot", "period", "upsert"]
    key: list[str] = []
    columns: list[str] = []
    order_by: list[str] = []
    overlapping: bool = False

    @model_validator(mode="after")
    def _complete(self) -> "Delivery":
        if self.mode == "upsert" and not self.key:
            raise ValueError("delivery upsert: expected `key`, a list of columns")
        if self.mode == "period" and not self.columns:
            raise ValueError("delivery period: expected `columns`, a list of columns that name the replaced part")
        if self.order_by and self.mode != "upsert":
            raise ValueError(f"delivery {self.mode}: order_by is for upsert")
        if self.overlapping and self.mode != "append":
            raise ValueError(f"delivery {self.mode}: overlapping is for append; the other modes replace what overlaps")
        return self

    @property
    def replaces(self) -> bool:
        """Whether a file takes the place of earlier rows that it does not have: then an empty one is refused."""
        return self.mode in ("snapshot", "period")


class Skip(Strict):
    """Rows that are not data, such as total rows and notes: `column` holds one of `values` (blank: an empty cell), or something
    that `matches` a regular expression as a whole. `below`: the rows below it in the file, or in the sheet, are no data either."""

    column: str
    values: list[str] = []
    matches: str | None = None
    below: bool = False

    @model_validator(mode="after")
    def _complete(self) -> "Skip":
        if bool(self.values) == bool(self.matches):
            raise ValueError("skip: expected either `values`, a list of texts, or `matches`, a regular expression")
        if self.matches:
            pattern_of(self.matches)
        return self


class Layout(Strict):
    """One of several layouts that files of a source come in. `headers` are those by which it is known. `format`: the options of
    the source's format that are otherwise in this layout."""

    headers: list[str] = []
    format: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _headers_alone(cls, value: Any) -> Any:
        return {"headers": value} if isinstance(value, list) else value


class Question(Strict):
    """A survey question that a column holds; satisfied codes and missing codes are explicit."""

    text: str
    dimension: Literal[
        "satisfaction", "awareness", "acquaintance", "recommendation", "need", "having", "behaviour", "age_band", "sex"
    ] = "satisfaction"
    topic: str | None = None
    scale_min: int = 1
    scale_max: int = 5
    satisfied: list[int] = [4, 5]
    missing: list[str] = []
    codes: dict[str, int] = {}
    is_headline: bool = False


class ColumnDeclaration(Strict):
    """One column of a source. `headers` are the names it has in files; `type` is what the reader casts to.

    `personal`: person and household columns are stored as keyed hashes, age and birth_date ones as an age band, drop and health
    ones not at all (health is a reported aggregate, never a person's). `free_text`: phone numbers, ID numbers and IP addresses in
    it are masked before it is stored. `decimal` and `thousands`: the marks in numbers.
    """

    name: str
    description: str = ""
    headers: list[str] = []
    type: str = "varchar"
    formats: list[str] = []
    decimal: Literal[".", ","] = "."
    thousands: Literal[".", ",", "'", " "] | None = None
    required: bool = True
    not_null: bool = False
    unique: bool = False
    values: list[str] | None = None
    pattern: str | None = None
    severity: Literal["critical", "warning"] = "warning"
    personal: Literal["person", "household", "age", "birth_date", "health", "drop"] | None = None
    may_contain_numbers: bool = False
    free_text: bool = False
    question: Question | None = None

    @property
    def is_number(self) -> bool:
        """Whether the type is one of numbers."""
        return self.type in ("integer", "bigint", "double") or self.type.startswith("decimal")

    @property
    def has_marks(self) -> bool:
        """Whether its numbers are written otherwise than 1234.5."""
        return self.is_number and (self.decimal, self.thousands) != (".", None)

    @property
    def is_dropped(self) -> bool:
        """Whether the column is read and never stored."""
        return self.personal in ("drop", "health")

    @property
    def is_corrected(self) -> bool:
        """Whether cells of the file that is being read are corrected."""
        return False

    @property
    def is_read_as_text(self) -> bool:
        """Whether readers that cast leave the text of the column as it stands: the loader casts it (readers take NaN for a number and
        drop the zone of a time)."""
        return bool(self.formats) or self.has_marks or self.type in ("double", "timestamp") or self.is_corrected

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        if not NAME.match(value):
            raise ValueError(f"expected a column name of lower-case letters, digits and _, found {value!r}")
        return value

    @field_validator("type")
    @classmethod
    def _type(cls, value: str) -> str:
        if not COLUMN_TYPE.match(value):
            raise ValueError(
                "expected varchar, integer, bigint, double, boolean, date, timestamp or decimal(p,s), "
                f"found {value!r}"
            )
        return value

    @model_validator(mode="after")
    def _personal_is_text(self) -> "ColumnDeclaration":
        if self.personal and self.type != "varchar":
            raise ValueError(f"column {self.name}: a personal column is text before it is hashed, found {self.type}")
        return self


class SourceDeclaration(Strict):
    """One source, as declared. `folder` holds the declaration and the staging models.

    `catchup`: its DAG makes a run for each interval since `start_date`, not for the last one only. `retries` and `retry_delay`
    (seconds) say how often and how soon a failed landing is tried again. `late_after_days`: how old its newest file may become
    before somebody is told; default: by its files and its schedule (`expectations.rhythm`).
    """

    name: str
    description: str
    folder: Path
    columns: list[ColumnDeclaration]
    family: Literal["activity", "survey", "funding", "reference"]
    title: str
    owner: str
    producer: str
    licence: str
    schedule: str
    time_zone: str
    start_date: date | None = None
    catchup: bool = False
    retries: int | None = Field(default=None, ge=0)
    retry_delay: float | None = Field(default=None, ge=0)
    late_after_days: int | None = Field(default=None, ge=1)
    connector: Connector
    format: Format = CsvFormat()
    delivery: Delivery
    as_of_pattern: str | None = None
    revision_pattern: str | None = None
    layouts: dict[str, Layout] = {}
    drift: Literal["evolve", "warn", "block"] = "warn"
    skip: list[Skip] = []
    retention_days: int | Literal["forever"] | None = None
    max_quarantined_share: float = Field(default=0.2, ge=0, le=1)
    max_quarantined_rows: int | None = Field(default=None, ge=0)

    @field_validator("retention_days")
    @classmethod
    def _from_one_day(cls, value: int | str | None) -> int | str | None:
        if isinstance(value, int) and value < 1:
            raise ValueError(f"retention_days: expected forever or a number of days, from 1; found {value}")
        return value

    @field_validator("schedule")
    @classmethod
    def _schedule(cls, value: str) -> str:
        if not croniter.is_valid(value):
            raise ValueError(f"schedule: expected cron such as '0 2 * * *' or @daily, found {value!r}")
        return value

    @field_validator("time_zone")
    @classmethod
    def _time_zone(cls, value: str) -> str:
        if value not in _time_zones():
            raise ValueError(f"time_zone: expected a name such as Asia/Shanghai, found {value!r}")
        return value

    @model_validator(mode="after")
    def _columns_exist(self) -> "SourceDeclaration":
        names = [column.name for column in self.columns]
        if len(names) != len(set(names)):
            raise ValueError(f"columns: expected unique names, found {sorted({n for n in names if names.count(n) > 1})}")
        used = [*self.delivery.key, *self.delivery.columns, *self.delivery.order_by, *(skip.column for skip in self.skip)]
        used += self.format.filled
        unknown = [name for name in used if name not in names and name not in ("_layout", "_file_as_of")]
        if unknown:
            raise ValueError(f"delivery, skip and format name columns that are not declared: {unknown}; declared: {names}")
        typed = [c.name for c in self.columns if c.type != "varchar" and c.name in {skip.column for skip in self.skip}]
        if typed:
            raise ValueError(f"skip: expected text columns (a total row holds a word there), found typed ones: {typed}")
        not_text = [c.name for c in self.columns if c.name in self.format.filled and (c.type != "varchar" or c.personal)]
        if not_text:
            raise ValueError(f"format: expected unit_note_as, title_as and sheet_as to name text columns, found {not_text}")
        if isinstance(self.connector, RestApi | SqlDatabase) and (
            faults := self.connector.faults(self.delivery.mode, self.format.type)
        ):
            raise ValueError("; ".join(faults))
        if self.catchup and self.start_date is None:
            raise ValueError("catchup: expected start_date, the first day to catch up from")
        assert self.variants
        return self

    @property
    def variants(self) -> list["SourceDeclaration"]:
        """The source as its files may come: with the layouts of its own format, then with each layout that has another one.

        Raises: DeclarationError when the options of a layout do not fit the format.
        """
        own = {name: layout for name, layout in self.layouts.items() if not layout.format}
        others = [name for name in self.layouts if name not in own]
        try:
            return [
                self.model_copy(update={"layouts": own}),
                *(
                    self.model_copy(
                        update={
                            "layouts": {name: self.layouts[name]},
                            "format": type(self.format)(**self.format.model_dump() | self.layouts[name].format),
                        }
                    )
                    for name in others
                ),
            ]
        except ValidationError as error:
            raise DeclarationError(f"source {self.name}, layouts: {error}") from error

    @property
    def is_private(self) -> bool:
        """Whether its files tell of people, or may do so tomorrow: their text is hashed or masked before it is stored."""
        return self.drift == "evolve" or any(column.personal or column.free_text for column in self.columns)

    @property
    def columns_in_files(self) -> list[ColumnDeclaration]:
        """The columns that a file has a header for: all but those that the reader fills."""
        return [column for column in self.columns if column.name not in self.format.filled]

    @property
    def landed_files_kept_days(self) -> int | None:
        """How many days the bytes of landed files are kept; None: for ever. Files about people go after PERSONAL_FILES_KEPT_DAYS
        where the declaration does not say otherwise: long enough to load a year again, not longer than that."""
        if self.retention_days is None:
            return PERSONAL_FILES_KEPT_DAYS if self.is_private else None
        return None if self.retention_days == "forever" else self.retention_days

    @property
    def staging_models(self) -> dict[str, str]:
        """Record → staging model, from the files `stg_<source>__<record>.sql` beside the declaration."""
        prefix = f"stg_{self.name}__"
        return {path.stem.removeprefix(prefix): path.stem for path in sorted(self.folder.glob(f"{prefix}*.sql"))}


@cache
def _time_zones() -> set[str]:
    """The time zones of this machine: reading their folder for every declaration took longer than all the rest."""
    return zoneinfo.available_timezones()


def declarations(only: str | None = None) -> list[SourceDeclaration]:
    """All enabled sources, by name. Args: only: the name of the one source that is looked for, if it is one.

    Raises: DeclarationError when any declaration that is read is faulty.
    """
    dbt_vars, files = settings().dbt_vars, _files(only or "*")
    found = [source for source, enabled in (read_declaration(path, dbt_vars) for path in files) if enabled]
    return sorted(found, key=lambda source: source.name)


def known_declarations() -> list[SourceDeclaration]:
    """All sources, those that are switched off, too. Raises: DeclarationError."""
    return [read_declaration(path, settings().dbt_vars)[0] for path in _files()]


def declaration(name: str) -> SourceDeclaration:
    """The declaration of one source. Raises DeclarationError when it is unknown or switched off."""
    for path in _files():
        if path.name == f"_{name}__sources.yml":
            source, enabled = read_declaration(path, settings().dbt_vars)
            if enabled:
                return source
            raise DeclarationError(
                f"source {name} is switched off: set the dbt variable that its declaration names "
                "(GMW_DBT_VARS='{example_sources: true}' for the public examples)"
            )
    known = ", ".join(source.name for source in declarations())
    raise DeclarationError(f"no source is called {name!r}; declared are: {known}")


def _files(name: str = "*") -> list[Path]:
    return sorted((settings().dbt_project / "models" / "staging").rglob(f"_{name}__sources.yml"))


def read_declaration(path: Path, dbt_vars: dict[str, object]) -> tuple[SourceDeclaration, bool]:
    """Read one declaration file.

    Args: path: `_<source>__sources.yml`. dbt_vars: values of `var(...)` in `config.enabled`.
    Returns: the declaration, and whether the source is switched on.
    Raises: DeclarationError naming the file, what was expected and what was found.
    """
    try:
        result, enabled = _declared(path, path.read_text(encoding="utf-8"))
        if isinstance(enabled, str):
            enabled = NativeEnvironment().from_string(enabled).render(var=lambda name, default=None: dbt_vars.get(name, default))
        return result, bool(enabled)
    except (KeyError, TypeError, ValueError, ValidationError, yaml.YAMLError) as error:
        if isinstance(error, ValidationError):
            what = "; ".join(f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors())
        else:
            what = f"missing key {error}" if isinstance(error, KeyError) else str(error)
        where = path.relative_to(settings().project) if path.is_relative_to(settings().project) else path.name
        raise DeclarationError(f"{where}: {what}") from error


@lru_cache(maxsize=MOST_KEPT)
def _declared(path: Path, text: str) -> tuple[SourceDeclaration, bool | str]:
    """The declaration that a file holds, and what it says of being switched on. What has been read once is not read again in the
    same process: several DAG files, and every step of a run, ask for all declarations, and YAML takes 1.5 ms for each."""
    content = yaml.load(text, Loader=yaml.CSafeLoader)
    (source,) = content["sources"]
    (table,) = source["tables"]
    expected_name = path.name.removeprefix("_").removesuffix("__sources.yml")
    for what, found in (("source", source["name"]), ("table", table["name"]), ("folder", path.parent.name)):
        if found != expected_name:
            raise ValueError(f"expected the {what} to be called {expected_name} like the file, found {found}")
    declared = SourceDeclaration(
        name=source["name"],
        description=table["description"],
        folder=path.parent,
        columns=[_column(column) for column in table["columns"]],
        **table["config"]["meta"]["ingest"],
    )
    return declared, source.get("config", {}).get("enabled", True)


def _column(column: dict) -> dict:
    meta = dict(column.get("config", {}).get("meta", {}).get("ingest", {}))
    header = meta.pop("header", column["name"])
    return {
        "name": column["name"],
        "description": column.get("description", ""),
        "headers": [header] if isinstance(header, str) else header,
        **meta,
    }
