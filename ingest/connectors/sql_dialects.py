"""What PostgreSQL and MySQL (MariaDB) do differently: the session, the types, the text of a value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timezone
from typing import TYPE_CHECKING, ClassVar
from zoneinfo import ZoneInfo

from ingest.connectors.credentials import Credentials
from ingest.declaration import DeclarationError, SourceDeclaration
from ingest.readers.parsed import LIST_SEPARATOR

if TYPE_CHECKING:
    import pyarrow
    import sqlalchemy

CURSOR = "_cursor"
CONNECT_SECONDS = 30
SILENT_SECONDS = 600
DAY_SECONDS = 86_400
# What dlt is told of a cursor column, by what its clock is: `instant` has a zone, `utc` is UTC without saying so, `local` is the
# clock of the source.
KINDS: Mapping[str, dict] = {
    "instant": {"data_type": "timestamp", "timezone": True},
    "utc": {"data_type": "timestamp", "timezone": False},
    "local": {"data_type": "timestamp", "timezone": False},
    "date": {"data_type": "date"},
    "number": {"data_type": "bigint"},
}


@dataclass(frozen=True)
class Column:
    """A column of the database. `form` says how its text is made; `clock` is one of KINDS, None when it can be no cursor."""

    name: str
    form: str = "text"
    clock: str | None = None

    @property
    def kind(self) -> dict | None:
        """What dlt is told of the column."""
        return KINDS.get(self.clock)

    @property
    def is_time(self) -> bool:
        """Whether the column can be compared with an interval of time."""
        return self.clock not in (None, "number")


class Dialect:
    """How one kind of database is asked. Its session reads only, and its clock is that of the source."""

    driver: ClassVar[str]
    options: ClassVar[dict[str, object]]
    extra: ClassVar[tuple[str, ...]]

    def __init__(self, login: Credentials, source: SourceDeclaration) -> None:
        self.login, self.source, self.zone = login, source, ZoneInfo(source.time_zone)

    def engine(self) -> sqlalchemy.Engine:
        """An engine with one connection, which `dispose` closes whoever still holds it; its errors and logs show no values."""
        import sqlalchemy

        login = self.login
        url = sqlalchemy.URL.create(self.driver, login.login, login.password, login.host, login.port, login.schema)
        extra = {key: login.extra[key] for key in self.extra if key in login.extra}
        engine = sqlalchemy.create_engine(
            url, connect_args=self.options | extra, hide_parameters=True, poolclass=sqlalchemy.pool.StaticPool
        )
        sqlalchemy.event.listen(engine, "connect", self._prepare)
        return engine

    def _prepare(self, connection: object, _record: object) -> None:
        with connection.cursor() as cursor:
            for statement in self._session():
                cursor.execute(statement)
        connection.commit()

    def columns(self, engine: sqlalchemy.Engine) -> list[Column]:
        """The columns of the table or query, as the database describes its answer."""
        import sqlalchemy

        with engine.connect() as connection:
            nothing = sqlalchemy.select(sqlalchemy.text("*")).select_from(self._rows()).where(sqlalchemy.text("1 = 0"))
            return self._described(connection, connection.execute(nothing).cursor)

    def select(
        self, columns: Iterable[Column], cursor: Column | None, bounds: tuple[object, object, bool] | None
    ) -> sqlalchemy.Select:
        """The query: every column as text; with a cursor the rows in its bounds and order, and its value as CURSOR when
        `bounds[2]` asks for the rows without one, too."""
        import sqlalchemy

        values = [self._text(column).label(column.name) for column in columns]
        if cursor is None:
            return sqlalchemy.select(*values).select_from(self._rows())
        start, end, with_none = bounds
        column, value = _named(cursor), self._cursor(cursor)
        limits = [*([column >= start] if start is not None else []), *([column < end] if end is not None else [])]
        where = sqlalchemy.and_(sqlalchemy.true(), *limits)
        if with_none:
            where = sqlalchemy.or_(where, value.is_(None))
            values.append(value.label(CURSOR))
        return sqlalchemy.select(*values).select_from(self._rows()).where(where).order_by(self._order(value))

    def moment(self, cursor: Column, instant: datetime) -> datetime:
        """A point in time as the column tells it. Args: instant: with a time zone."""
        if cursor.clock == "instant":
            return instant
        return instant.astimezone(timezone.utc if cursor.clock == "utc" else self.zone).replace(tzinfo=None)

    def declared_moment(self, cursor: Column, value: date | datetime) -> date | datetime:
        """A time of the declaration, by the clock of the source, as the column tells it."""
        value = value if isinstance(value, datetime) else datetime.combine(value, time())
        if cursor.clock == "date":
            return value.date()
        return self.moment(cursor, value if value.tzinfo else value.replace(tzinfo=self.zone))

    @staticmethod
    def lag(cursor: Column, seconds: float) -> float:
        """The lag in the unit of the column: whole days of a date, otherwise as declared."""
        return math.ceil(seconds / DAY_SECONDS) if cursor.clock == "date" else seconds

    def on_clock_of_source(self, rows: pyarrow.Table, columns: Iterable[Column]) -> pyarrow.Table:
        """The rows with all their times told by the clock of the source."""
        return rows

    def _rows(self) -> sqlalchemy.FromClause:
        import sqlalchemy

        connector = self.source.connector
        if connector.query:
            # A colon would name a parameter.
            query = connector.query.replace(":", r"\:")
            return sqlalchemy.text(f"({query}\n) as declared_query")
        schema, _, table = connector.table.rpartition(".")
        return sqlalchemy.table(_quoted(table), schema=_quoted(schema) if schema else None)

    def _session(self) -> list[str]:
        raise NotImplementedError

    def _described(self, connection: sqlalchemy.Connection, cursor: object) -> list[Column]:
        raise NotImplementedError

    def _text(self, column: Column) -> sqlalchemy.ColumnElement:
        raise NotImplementedError

    def _cursor(self, cursor: Column) -> sqlalchemy.ColumnElement:
        return _named(cursor)

    def _order(self, value: sqlalchemy.ColumnElement) -> sqlalchemy.ColumnElement:
        return value.asc()


class PostgreSql(Dialect):
    """PostgreSQL: types by their object id, lists by their category in the catalogue."""

    driver = "postgresql+psycopg2"
    options = {
        "connect_timeout": CONNECT_SECONDS, "application_name": "gmw", "client_encoding": "utf8", "keepalives_idle": 60,
        "keepalives_interval": 15, "keepalives_count": 4, "tcp_user_timeout": SILENT_SECONDS * 1000,
    }
    extra = ("sslmode", "sslrootcert", "sslcert", "sslkey")
    forms = {16: "boolean", 17: "bytes"}
    clocks = {1184: "instant", 1114: "local", 1082: "date", 20: "number", 21: "number", 23: "number"}

    def _session(self) -> list[str]:
        return [
            "set session characteristics as transaction read only", f"set timezone = '{self.source.time_zone}'",
            "set datestyle = 'ISO, YMD'", "set intervalstyle = 'postgres'", "set extra_float_digits = 1",
            # Rows of an unchanged table come in the same order again.
            "set synchronize_seqscans = off",
        ]

    def _described(self, connection: sqlalchemy.Connection, cursor: object) -> list[Column]:
        import sqlalchemy

        described = [(part.name, part.type_code) for part in cursor.description]
        lists = "select oid from pg_catalog.pg_type where typcategory = 'A' and oid = any(:types)"
        found = connection.execute(sqlalchemy.text(lists), {"types": [type_ for _, type_ in described]})
        forms = self.forms | {type_: "list" for (type_,) in found}
        return [Column(name, forms.get(type_, "text"), self.clocks.get(type_)) for name, type_ in described]

    def _text(self, column: Column) -> sqlalchemy.ColumnElement:
        from sqlalchemy import Text, cast, func

        value = _named(column)
        if column.form == "bytes":
            return func.upper(func.encode(value, "hex"))
        if column.form == "list":
            return func.array_to_string(value, LIST_SEPARATOR)
        return func.upper(cast(value, Text)) if column.form == "boolean" else cast(value, Text)

    def _order(self, value: sqlalchemy.ColumnElement) -> sqlalchemy.ColumnElement:
        return value.asc().nulls_first()


class MySql(Dialect):
    """MySQL and MariaDB: types by the codes of the protocol. Bytes are known by their character set, 63."""

    driver = "mysql+pymysql"
    options = {
        "connect_timeout": CONNECT_SECONDS, "read_timeout": SILENT_SECONDS, "write_timeout": SILENT_SECONDS,
        "charset": "utf8mb4", "program_name": "gmw",
    }
    extra = ("ssl_ca", "ssl_cert", "ssl_key", "ssl_verify_cert", "ssl_verify_identity")
    forms = {4: "float", 16: "bits", 255: "shape"}
    clocks = {
        7: "utc", 12: "local", 10: "date", 1: "number", 2: "number", 3: "number", 8: "number", 9: "number",
    }
    strings = (249, 250, 251, 252, 253, 254)
    no_character_set = 63

    def _session(self) -> list[str]:
        # Named zones are often not known to the server: times with a zone come in UTC, and are told by the right clock here.
        return [
            "set session transaction read only", "set time_zone = '+00:00'", "set sql_mode = ''",
            f"set net_write_timeout = {SILENT_SECONDS}",
        ]

    def _described(self, connection: sqlalchemy.Connection, cursor: object) -> list[Column]:
        # 2026-11: PyMySQL's public description does not tell text from bytes (both are of type 252); its fields do.
        return [
            Column(
                field.name,
                "bytes"
                if field.type_code in self.strings and field.charsetnr == self.no_character_set
                else self.forms.get(field.type_code, "text"),
                self.clocks.get(field.type_code),
            )
            for field in cursor._result.fields
        ]

    def _text(self, column: Column) -> sqlalchemy.ColumnElement:
        from sqlalchemy import CHAR, cast, func, literal_column

        value = _named(column)
        if column.form == "bytes":
            return func.hex(value)
        if column.form == "shape":
            return func.st_astext(value)
        if column.form == "bits":
            value = value.op("+")(literal_column("0"))
        if column.form == "float":
            # As text a float has six digits, as a double all of its own.
            value = value.op("+")(literal_column("0e0"))
        return cast(value, CHAR)

    def _cursor(self, cursor: Column) -> sqlalchemy.ColumnElement:
        """0000-00-00 and 2026-00-00 are no times: like NULL."""
        from sqlalchemy import case, func

        value = _named(cursor)
        if not cursor.is_time:
            return value
        return case(((func.month(value) > 0) & (func.dayofmonth(value) > 0), value))

    def on_clock_of_source(self, rows: pyarrow.Table, columns: Iterable[Column]) -> pyarrow.Table:
        """Times with a zone come in UTC: `2026-03-05 15:00:00+08:00`."""
        import pyarrow

        for column in columns:
            if column.clock == "utc":
                texts = [text and self._local(text) for text in rows[column.name].to_pylist()]
                position = rows.column_names.index(column.name)
                rows = rows.set_column(position, column.name, pyarrow.array(texts, pyarrow.string()))
        return rows

    def _local(self, text: str) -> str:
        try:
            return str(datetime.fromisoformat(f"{text}+00:00").astimezone(self.zone))
        except ValueError:
            return text


DIALECTS = {"postgres": PostgreSql, "postgresql": PostgreSql, "mysql": MySql, "mariadb": MySql}


def dialect(login: Credentials, source: SourceDeclaration) -> Dialect:
    """How the database of a connection is asked. Raises: DeclarationError when its type is of no known database."""
    if login.type not in DIALECTS:
        raise DeclarationError(
            f"source {source.name}: expected an Airflow connection of type {', '.join(DIALECTS)}, found {login.connection} of "
            f"type {login.type}"
        )
    return DIALECTS[login.type](login, source)


def _quoted(name: str) -> object:
    from sqlalchemy.sql import quoted_name

    return quoted_name(name, quote=True)


def _named(column: Column) -> sqlalchemy.ColumnElement:
    from sqlalchemy import column as named

    return named(_quoted(column.name))
