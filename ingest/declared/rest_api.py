"""What a declaration says of an HTTP API. The keys are those of dlt's REST API source where it has them."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from ingest.declared.strict import ConnectionId, Strict

KEYS = re.compile(r"[^\s\[\].$\"*]+(\.[^\s\[\].$\"*]+)*\Z")
SECRET_NAME = re.compile(r"(^|[_-])(authorization|(api|access)?[_-]?(key|token)|secret|cookie|password)\Z", re.IGNORECASE)
TIMES = ("timestamp", "epoch_seconds", "epoch_milliseconds")


def _keys(value: str) -> str:
    if not KEYS.match(value):
        raise ValueError(f"expected keys joined by dots, such as data.list, found {value!r}")
    return value


Keys = Annotated[str, AfterValidator(_keys)]


class PageNumber(Strict):
    """`total_path` leads to the number of pages. An empty page is the last one in any case."""

    type: Literal["page_number"]
    page_param: str | None = None
    base_page: int = 1
    total_path: Keys | None = None
    has_more_path: Keys | None = None
    page_body_path: str | None = None


class Offset(Strict):
    """`limit` records per page. `total_path` leads to the number of records: so many must have come in the end."""

    type: Literal["offset"]
    limit: int = Field(gt=0)
    offset_param: str | None = None
    limit_param: str | None = None
    total_path: Keys | None = None
    has_more_path: Keys | None = None
    offset_body_path: str | None = None
    limit_body_path: str | None = None


class CursorInAnswer(Strict):
    """The answer names the next page; it is asked for by a parameter."""

    type: Literal["cursor"]
    cursor_path: Keys
    cursor_param: str | None = None
    cursor_body_path: str | None = None
    has_more_path: Keys | None = None


class LinkInAnswer(Strict):
    """The answer holds the address of the next page."""

    type: Literal["json_link"]
    next_url_path: Keys


class LinkInHeader(Strict):
    """The header `Link` holds the address of the next page."""

    type: Literal["header_link"]
    links_next_key: str = "next"


class SinglePage(Strict):
    """Everything comes in one answer."""

    type: Literal["single_page"]


Pagination = Annotated[
    PageNumber | Offset | CursorInAnswer | LinkInAnswer | LinkInHeader | SinglePage, Field(discriminator="type")
]


class Authentication(Strict):
    """How the password of the connection is shown: `name` and `location` say where an API key stands."""

    type: Literal["bearer", "api_key", "http_basic", "oauth2_client_credentials"]
    name: str = "Authorization"
    location: Literal["header", "query"] = "header"


class Incremental(Strict):
    """Only what is new is asked for: records whose value at `cursor_path` is not below the last one that was landed.

    `type` says what the value is, `format` (strptime) how a time is written if not as ISO, `parameter_format` how it is written
    in the parameters if not like that. `lag` seconds are asked for again, for records that turn up late.
    """

    cursor_path: Keys
    type: Literal["timestamp", "epoch_seconds", "epoch_milliseconds", "integer", "text"] = "timestamp"
    format: str | None = None
    parameter_format: str | None = None
    initial_value: datetime | date | int | str
    start_param: str | None = None
    end_param: str | None = None
    lag: float = Field(default=0, ge=0)

    @property
    def is_time(self) -> bool:
        """Whether the cursor can be compared with an interval of time."""
        return self.type in TIMES

    @model_validator(mode="after")
    def _fits(self) -> "Incremental":
        if self.type == "integer" and not isinstance(self.initial_value, int):
            raise ValueError(f"incremental: expected an integer as initial_value, found {self.initial_value!r}")
        if self.type == "text" and not isinstance(self.initial_value, str):
            raise ValueError(f"incremental: expected a text as initial_value, found {self.initial_value!r}")
        if self.is_time and isinstance(self.initial_value, int):
            raise ValueError(
                f"incremental: expected a date or a time as initial_value, such as 2026-01-01, found {self.initial_value}"
            )
        if self.is_time and isinstance(self.initial_value, str):
            datetime.fromisoformat(self.initial_value)
        if not self.is_time and (self.end_param or self.lag):
            raise ValueError(f"incremental: expected end_param and lag with a cursor of time, found the type {self.type}")
        if self.end_param and not self.start_param:
            raise ValueError("incremental: expected start_param beside end_param")
        return self


class RestApi(Strict):
    """An HTTP API that answers with JSON: `connection` is the Airflow connection that holds its address and its secret.

    `records` leads to the list of records in an answer; without it, the answer is the list. `expect` names keys of the answer and
    the value that each must have, for an API that answers its errors with 200. `record_id` leads to what identifies a record.
    """

    is_remote: ClassVar[bool] = True

    type: Literal["rest_api"]
    connection: ConnectionId
    path: str
    method: Literal["GET", "POST"] = "GET"
    headers: dict[str, str] = {}
    parameters: dict[str, str | int | float | bool] = {}
    body: dict[str, object] | None = None
    records: Keys | None = None
    record_id: Keys | None = None
    expect: dict[str, str | int | bool] = {}
    auth: Authentication | None = None
    pagination: Pagination
    incremental: Incremental | None = None
    requests_per_minute: float | None = Field(default=None, gt=0)
    attempts: int = Field(default=5, ge=1)
    longest_wait: float = Field(default=300, gt=0)
    timeout: float = Field(default=60, gt=0)
    largest_answer_mb: float = Field(default=100, gt=0)
    most_pages: int = Field(default=10_000, ge=1)

    @field_validator("path")
    @classmethod
    def _below_the_address(cls, value: str) -> str:
        if "://" in value or value.startswith("//") or ".." in value.split("/") or "?" in value or "\\" in value:
            raise ValueError(
                f"expected a path below the address of the connection, found {value!r}; parameters go to `parameters`"
            )
        return value

    @field_validator("headers")
    @classmethod
    def _no_secrets(cls, value: dict[str, str]) -> dict[str, str]:
        secret = [name for name in value if SECRET_NAME.search(name)]
        if secret:
            raise ValueError(f"headers: expected none that holds a secret (it belongs to the connection), found {secret}")
        return value

    @field_validator("parameters")
    @classmethod
    def _no_secret_parameters(cls, value: dict) -> dict:
        cls._no_secrets({name: "" for name in value})
        return value

    def faults(self, delivery_mode: str, format_type: str) -> list[str]:
        """What does not go together with the rest of the declaration."""
        found = []
        if format_type != "jsonl":
            found.append(f"format: expected {{type: jsonl}}, as the connector rest_api lands it, found {format_type}")
        if self.incremental is None and delivery_mode == "append":
            found.append("delivery: expected snapshot, period or upsert for an API that gives everything each time, found append")
        if self.incremental and delivery_mode in ("snapshot", "period"):
            found.append(f"delivery: expected append or upsert for an API that is asked for what is new, found {delivery_mode}")
        if self.incremental and self.incremental.lag and delivery_mode != "upsert":
            found.append(f"delivery: expected upsert, because `lag` brings records again, found {delivery_mode}")
        return found
