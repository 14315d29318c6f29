"""HTTP APIs that answer with JSON, paged by dlt's REST API source."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from ingest.connectors.arrivals import Arrivals, Interval
from ingest.connectors.credentials import Credentials, credentials
from ingest.connectors.extraction import Extraction, extraction
from ingest.declaration import DeclarationError, SourceDeclaration
from ingest.declared.rest_api import Pagination

if TYPE_CHECKING:
    from ingest.connectors.careful_session import CarefulSession

RESOURCE = "records"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
CLOCKS_DIFFER_BY = timedelta(days=1)
STEPS = (timedelta(0), timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(days=31))


@contextmanager
def arrivals(source: SourceDeclaration, interval: Interval | None = None) -> Iterator[Arrivals]:
    """The records of an HTTP API, exactly as it gives them, as one file of JSON lines; none when there are no new ones.

    Args: source: with a connector of type rest_api. interval: see `extraction`; a cursor that is no time, and an API without a
    cursor, cannot be asked for an interval again.
    Raises: UnexpectedAnswer, ConnectionNotFound, DeclarationError, SourceBusy.
    """
    from requests import RequestException

    from ingest.connectors.careful_session import CarefulSession

    connector = source.connector
    if interval and not interval.is_next and not (connector.incremental and connector.incremental.is_time):
        raise DeclarationError(
            f"source {source.name}: expected connector.incremental with a cursor of time, by which an interval can be asked for, "
            f"found {connector.incremental.type if connector.incremental else 'no incremental'}. Load it without an interval."
        )
    secret = credentials(connector.connection, source.name)
    address = _address(secret, source.name)
    with extraction(source, interval) as load:
        session = CarefulSession(source, secret, address)
        cursor = Cursor(source, load, session) if connector.incremental else None
        if cursor and cursor.is_past_end:
            yield load.arrivals([], session.url)
            return
        items = load.items(_resource(source, session, secret, address, cursor))
        try:
            arrived = load.json_lines((item["record"] for item in items), session.url)
        except RequestException as error:
            raise session.problem(
                session.url, "an access token first", type(error).__name__,
                f"See login, password and access_token_url of the connection {connector.connection}.",
            ) from None
        session.check_total()
        if cursor:
            cursor.check_direction()
        yield arrived


def _resource(source: SourceDeclaration, session: CarefulSession, secret: Credentials, address: str, cursor: Cursor | None):
    """The resource of dlt's REST API source that the declaration describes. Its items hold the record beside its cursor and
    id."""
    from dlt.sources.rest_api import rest_api_resources

    from ingest.connectors.careful_session import at

    declared = source.connector
    parameters, steps = dict(declared.parameters), []
    endpoint = {
        "path": declared.path,
        "method": declared.method,
        "params": parameters,
        "paginator": _paginator(declared.pagination),
        "data_selector": _json_path(declared.records) if declared.records else "$",
        **({"json": declared.body} if declared.body is not None else {}),
    }

    def item(record: dict) -> dict:
        found = {"record": record}
        if cursor:
            found["cursor"] = cursor.of(record)
        if declared.record_id:
            found["id"] = str(at(record, declared.record_id))
        return found

    steps.append({"map": item})
    if cursor:
        endpoint["incremental"] = cursor.config()
        if cursor.stops_before:
            steps.append({"filter": lambda found: found["cursor"] < cursor.stops_before})
            if declared.incremental.end_param:
                parameters[declared.incremental.end_param] = cursor.write(cursor.stops_before)
    (resource,) = rest_api_resources(
        {
            "client": {
                "base_url": address,
                "headers": declared.headers,
                "session": session.session(),
                "auth": _authentication(source, secret, session),
            },
            "resources": [
                {
                    "name": RESOURCE,
                    "endpoint": endpoint,
                    "processing_steps": steps,
                    **({"primary_key": "id"} if declared.record_id else {}),
                }
            ],
        }
    )
    return resource


def _paginator(declared: Pagination) -> dict:
    options = {name: value for name, value in declared.model_dump().items() if value is not None}
    if declared.type in ("page_number", "offset"):
        options.setdefault("total_path", None)
    return {
        name: _json_path(value) if value and name.endswith("_path") and "body" not in name else value
        for name, value in options.items()
    }


def _json_path(keys: str) -> str:
    """Keys joined by dots as dlt takes them, whatever their letters."""
    return ".".join(f"'{key}'" for key in keys.split("."))


def _address(secret: Credentials, source_name: str) -> str:
    """The base URL that a connection holds: its host is a URL or a name, with `schema` (https, unless it says http) and `port`.

    Raises: DeclarationError when it is no address, or a login stands in it.
    """
    host = (secret.host or "").rstrip("/")
    if "://" not in host:
        scheme = secret.schema if secret.schema in ("http", "https") else "https"
        host = f"{scheme}://{host}"
    url = urlsplit(host)
    if url.scheme not in ("http", "https") or not url.hostname or url.username or url.password or url.query or url.fragment:
        raise DeclarationError(
            f"source {source_name}: expected the address of an API as host of the Airflow connection {secret.connection} "
            "(api.example.org, or https://api.example.org/base), without login and parameters, found another. Correct it in "
            "Airflow."
        )
    if secret.port and not url.port:
        url = url._replace(netloc=f"{url.netloc}:{secret.port}")
    return url.geturl()


def _authentication(source: SourceDeclaration, secret: Credentials, session: CarefulSession) -> dict | None:
    """dlt's configuration of it. Raises: DeclarationError when the connection lacks what it needs."""
    declared = source.connector.auth
    if declared is None:
        return None
    needed = {"password": secret.password}
    if declared.type in ("http_basic", "oauth2_client_credentials"):
        needed["login"] = secret.login
    if declared.type == "oauth2_client_credentials":
        needed["extra.access_token_url"] = secret.extra.get("access_token_url")
    if missing := [name for name, value in needed.items() if not value]:
        raise DeclarationError(
            f"source {source.name}: expected {' and '.join(missing)} in the Airflow connection {secret.connection} for auth "
            f"{declared.type}, found nothing there. Set it in Airflow, or declare another auth."
        )
    return {
        "bearer": {"type": "bearer", "token": secret.password},
        "api_key": {"type": "api_key", "api_key": secret.password, "name": declared.name, "location": declared.location},
        "http_basic": {"type": "http_basic", "username": secret.login, "password": secret.password},
        "oauth2_client_credentials": {
            "type": "oauth2_client_credentials",
            "access_token_url": secret.extra.get("access_token_url"),
            "client_id": secret.login,
            "client_secret": secret.password,
            "session": session.token_session(),
        },
    }[declared.type]


class Cursor:
    """The value in a record by which an API is asked for what is new; a time becomes a datetime, so that it can be compared."""

    def __init__(self, source: SourceDeclaration, load: Extraction, session: CarefulSession) -> None:
        self.declared = source.connector.incremental
        self._zone = ZoneInfo(source.time_zone)
        self._load, self._session = load, session
        self._initial = self._as_first(self.declared.initial_value)
        self._latest = datetime.now(timezone.utc) + CLOCKS_DIFFER_BY
        self._highest: object = None
        self._asked_from = None
        if self.declared.start_param:
            self._asked_from = self._read_parameter(self._as_parameter(self._with_lag(self.start)))
    @property
    def start(self) -> object:
        """Where the load begins: the start of the interval, else where the last load ended, else the initial value."""
        return self._load.start or self._last_value() or self._initial

    @property
    def stops_before(self) -> datetime | None:
        """Where the next run of a schedule ends: what lies behind is left to the run after it."""
        return self._load.end if self._load.moves_cursor and self.declared.is_time else None

    @property
    def is_past_end(self) -> bool:
        """Whether a load has been up to the end of the interval, so that there is nothing left to ask for."""
        return self.declared.is_time and self._load.end is not None and self.start >= self._load.end

    def config(self) -> dict:
        """dlt's configuration of it. dlt keeps no state beside an end value, so only an interval asked for again has one."""
        end = {} if self._load.moves_cursor else {"end_value": self._load.end, "end_param": self.declared.end_param}
        return {
            "cursor_path": "cursor",
            "initial_value": self._load.start or self._initial,
            "start_param": self.declared.start_param,
            "convert": self.write,
            "allow_external_schedulers": False,
            **({"lag": self.declared.lag} if self.declared.lag and self._load.moves_cursor else {}),
            **{key: value for key, value in end.items() if value is not None},
        }

    def of(self, record: dict) -> object:
        """The cursor of a record. Raises: UnexpectedAnswer when it is missing, of another kind, or in the future."""
        from ingest.connectors.careful_session import NOT_THERE, at

        value = at(record, self.declared.cursor_path)
        if value is None or value is NOT_THERE:
            raise self._problem("a value in each record", f"a record with: {', '.join(record)}", "Declare cursor_path anew.")
        try:
            cursor = self.read(value)
        except (ValueError, TypeError, ArithmeticError):
            form = self.declared.format or {"timestamp": "a time as in ISO 8601"}.get(self.declared.type, self.declared.type)
            raise self._problem(f"{form} in each record", repr(value), "Declare type and format of the cursor anew.") from None
        if self.declared.is_time and cursor > self._latest:
            raise self._problem(
                "times that have passed", repr(value),
                "The cursor would jump there and miss everything before: have the record corrected, or declare as the cursor a "
                "time that the API sets itself.",
            )
        if self._asked_from is not None and cursor < self._asked_from:
            raise self._problem(
                f"values from {self._asked_from} on, as asked for by {self.declared.start_param}", repr(value),
                "The API does not heed the parameter, or its values began anew: see what it has now. To load everything again, "
                "declare it as a new source.",
            )
        self._highest = cursor if self._highest is None else max(cursor, self._highest)
        return cursor

    def check_direction(self) -> None:
        """Raise UnexpectedAnswer when all that came lies before where the last load ended: the values began anew."""
        if self._highest is not None and self._highest < self._with_lag(self.start):
            raise self._problem(
                f"values from {self.start} on, where the last load ended", f"{self._highest} as the highest",
                "The values of the API began anew, or records were taken away. To load everything again, declare it as a new "
                "source.",
            )

    def read(self, value: object) -> object:
        """A value of a record, as it is compared. Raises: ValueError, TypeError, ArithmeticError."""
        if self.declared.type == "text":
            return str(value)
        if self.declared.type == "integer":
            if isinstance(value, bool) or int(value) != value and not isinstance(value, str):
                raise ValueError(value)
            return int(value)
        if self.declared.type != "timestamp":
            ticks = 1_000 if self.declared.type == "epoch_milliseconds" else 1_000_000
            return EPOCH + timedelta(microseconds=int(Decimal(value) * ticks))
        if not isinstance(value, str):
            raise TypeError(value)
        return self._text_as_time(value, self.declared.format)

    def write(self, value: object) -> object:
        """A value as a parameter. A start is never later than the value, an end never earlier."""
        if self.declared.is_time and value == self._load.end:
            return next(text for step in STEPS if self._read_parameter(text := self._as_parameter(value + step)) >= value)
        return self._as_parameter(value)

    def _as_parameter(self, value: object) -> object:
        if not self.declared.is_time:
            return value
        if self.declared.type == "epoch_seconds":
            return (value - EPOCH) // timedelta(seconds=1)
        if self.declared.type == "epoch_milliseconds":
            return (value - EPOCH) // timedelta(milliseconds=1)
        local = value.astimezone(self._zone)
        form = self.declared.parameter_format or self.declared.format
        return local.strftime(form) if form else local.isoformat()

    def _read_parameter(self, text: object) -> object:
        form = self.declared.parameter_format or self.declared.format
        return self._text_as_time(text, form) if self.declared.type == "timestamp" else self.read(text)

    def _as_first(self, value: object) -> object:
        """The declared initial value as it is compared: a time is an ISO text, a date or a time of YAML."""
        if not self.declared.is_time:
            return value
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, time.min)
        return self._in_zone(value) if isinstance(value, datetime) else self._text_as_time(value, None)

    def _text_as_time(self, text: str, form: str | None) -> datetime:
        return self._in_zone(datetime.strptime(text, form) if form else datetime.fromisoformat(text))

    def _in_zone(self, found: datetime) -> datetime:
        return found if found.tzinfo else found.replace(tzinfo=self._zone)

    def _last_value(self) -> object:
        for section in self._load.state.get("sources", {}).values():
            for resource in section.get("resources", {}).values():
                return resource.get("incremental", {}).get("cursor", {}).get("last_value")
        return None

    def _with_lag(self, value: object) -> object:
        return value - timedelta(seconds=self.declared.lag) if self.declared.lag else value

    def _problem(self, expected: str, found: str, what_to_do: str) -> Exception:
        return self._session.problem(self._session.url, f"{self.declared.cursor_path}: {expected}", found, what_to_do)
