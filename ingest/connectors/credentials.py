"""Reads an Airflow connection: where the logins of remote sources are kept, never the declaration."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from ingest.settings import settings

METADATA_STORE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
HIDDEN = "***"
SHORTEST_SECRET = 3
SECRET_KEY = re.compile("pass|secret|token|key|credential|auth|cookie|signature|dsn|connection_string", re.IGNORECASE)


class ConnectionNotFound(LookupError):
    """The Airflow connection that a source names is not set, or cannot be read."""


@dataclass(frozen=True)
class Credentials:
    """The parts of an Airflow connection. `password` and `extra` are left out of its text, so that no log shows them."""

    connection: str
    type: str | None
    host: str | None
    port: int | None
    schema: str | None
    login: str | None
    password: str | None = field(repr=False)
    extra: dict[str, object] = field(repr=False)

    def hide(self, text: object) -> str:
        """The text of an error, say, without the password and without any text of `extra` that is a secret by its name."""
        hidden = str(text)
        for secret in sorted(self._secrets(), key=len, reverse=True):
            for spelling in (secret, quote(secret, safe=""), quote(secret), quote_plus(secret), repr(secret)[1:-1]):
                hidden = hidden.replace(spelling, HIDDEN)
        return hidden

    def _secrets(self) -> set[str]:
        found = {self.password or "", *_secrets_in(self.extra)}
        return {secret for secret in found if len(secret) >= SHORTEST_SECRET}


def credentials(connection: str, source_name: str) -> Credentials:
    """Read an Airflow connection, in an Airflow task as well as on the command line.

    Looked for in this order: the secrets backend that Airflow is configured with, the environment (`AIRFLOW_CONN_<ID>`, JSON or
    URI), Airflow's metadata store; on the command line the last one only where AIRFLOW__DATABASE__SQL_ALCHEMY_CONN names it.

    Args: connection: id of the connection. source_name: the source that names it, for the error.
    Returns: Credentials. Raises: ConnectionNotFound, saying how to set it; its text never holds a part of the connection.
    """
    # Airflow makes its home folder on import: on the command line that must not be one in somebody's home directory.
    os.environ.setdefault("AIRFLOW_HOME", str(settings().home / "airflow"))
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        found = Connection.get(connection)
    except AirflowNotFoundException:
        found = _in_metadata_store(connection)
    variable = f"AIRFLOW_CONN_{connection.upper()}"
    if found is None:
        what = f"{variable} is set, but is neither JSON nor a URI" if os.environ.get(variable) else "found none of that name"
        raise ConnectionNotFound(
            f"source {source_name}: expected the Airflow connection {connection!r}, {what}. Set it in the environment "
            f'({variable}=\'{{"conn_type": "…", "host": "…", "login": "…", "password": "…", "extra": {{…}}}}\'), in Airflow '
            f"(Admin → Connections) or in Airflow's secrets backend; the command line sees Airflow's own only where "
            f"{METADATA_STORE} is set. See docs/deployment.md."
        )
    try:
        extra = json.loads(found.extra) if found.extra else {}
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise ConnectionNotFound(
            f"source {source_name}: the extra of the Airflow connection {connection!r} cannot be read: expected a JSON object"
        )
    return Credentials(
        connection, found.conn_type or None, found.host or None, found.port, found.schema or None, found.login or None,
        found.password or None, extra,
    )


def _in_metadata_store(connection: str) -> object | None:
    """A connection from Airflow's metadata store, on the command line of an installation whose environment names the store.
    A task has asked the API server for it already and must not open the store itself."""
    from airflow.sdk.execution_time import task_runner

    if not os.environ.get(METADATA_STORE) or getattr(task_runner, "SUPERVISOR_COMMS", None) is not None:
        return None
    from airflow.secrets.metastore import MetastoreBackend

    return MetastoreBackend().get_connection(connection)


def _secrets_in(value: object, is_secret: bool = False) -> set[str]:
    """The texts in `extra` whose key says that they are secret, at any depth."""
    if isinstance(value, dict):
        return set().union(*(_secrets_in(part, is_secret or bool(SECRET_KEY.search(key))) for key, part in value.items()))
    if isinstance(value, list):
        return set().union(*(_secrets_in(part, is_secret) for part in value))
    return {value} if is_secret and isinstance(value, str) else set()
