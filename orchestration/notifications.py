"""Tells people what they have to look at, by mail and by webhook: tasks that failed for good, sources that are late.

Both channels are Airflow connections, named in the environment; without names nobody is told, and the task logs are all there is. A
channel that does not work is told in the log and never makes a task fail.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import json
import os
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from airflow.sdk import BaseNotifier

if TYPE_CHECKING:
    from ingest.connectors.credentials import Credentials

MAIL_TO, MAIL_CONNECTION, WEBHOOK_CONNECTION = "GMW_NOTIFY_EMAIL", "GMW_NOTIFY_SMTP", "GMW_NOTIFY_WEBHOOK"
DEFAULT_MAIL_CONNECTION = "gmw_smtp"
SIGNATURE, TIMESTAMP = "X-GMW-Signature", "X-GMW-Timestamp"
# What a task leaves behind that has told of its failure.
TOLD = "told_of_failure"
TIMEOUT_SECONDS = 10.0
ATTEMPTS = 3
LONGEST_TEXT = 6000


@dataclass(frozen=True)
class Notice:
    """One thing to tell. `kind`: failure, late, arrived or test. `text`: what was expected, what was found, what to do."""

    kind: str
    title: str
    text: str
    dag: str = ""
    task: str = ""
    run: str = ""
    source: str = ""
    owner: str = ""
    log: str = ""
    at: str = field(default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="seconds"))
    installation: str = field(default_factory=socket.gethostname)

    @property
    def lines(self) -> list[str]:
        """The message as text: where, what, and where to look."""
        facts = [f"{name}: {value}" for name, value in asdict(self).items() if value and name not in ("kind", "title", "text")]
        return [self.title, "", *self.text.splitlines(), "", *facts]


class TellFailure(BaseNotifier):
    """The `on_failure_callback` of every task: called once, after the last try, with the error at hand."""

    def __init__(self, source: str = "") -> None:
        super().__init__()
        self.source = source

    def notify(self, context) -> None:
        """Send the failure of the task by every channel. Args: context: of the task."""
        send(failure(context, self.source))
        context["ti"].xcom_push(key=TOLD, value=True)


class TellWhatNoTaskTold(BaseNotifier):
    """The `on_failure_callback` of every DAG: tells of a task that could not do so itself, because it was killed. It runs in the
    DAG processor."""

    def __init__(self, source: str = "") -> None:
        super().__init__()
        self.source = source

    def notify(self, context) -> None:
        """Send the failure of a run, unless the task that made it fail has told. Args: context: of the run."""
        instance = context.get("ti")
        if instance is None or not instance.xcom_pull(task_ids=instance.task_id, key=TOLD):
            send(lost(context, self.source))


def lost(context: dict, source: str = "") -> Notice:
    """What to tell of a run that failed without a word. Args: context: of the run. source: the source that it was about."""
    dag, instance = context["dag"].dag_id, context.get("ti")
    task = instance.task_id if instance else ""
    return Notice(
        kind="failure",
        title=f"{dag}{f'.{task}' if task else ''} failed without an error" + (f" (source {source})" if source else ""),
        text="Expected the task to end or to say why not, found neither: it was killed, most often because the memory was used "
        "up, or the scheduler was stopped meanwhile.\n\nWhat to do: look at the memory of the machine (GMW_SCHEDULER_MEMORY, "
        "GMW_MEMORY_LIMIT), then clear the task in Airflow: what it had not finished is done again.",
        dag=dag,
        task=task,
        run=context.get("run_id", ""),
        source=source,
        log=getattr(instance, "log_url", "") or "",
    )


def failure(context: dict, source: str = "") -> Notice:
    """What to tell of a task that failed for good. Args: context: of the task. source: the source that it was about."""
    instance = context["ti"]
    error = context.get("exception")
    found = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else str(error or "no error is known")
    about = f"{instance.dag_id}.{instance.task_id}"
    return Notice(
        kind="failure",
        title=f"{about} failed" + (f" (source {source})" if source else ""),
        text=f"{found}\n\nWhat to do: docs/runbooks/failed_run.md has a line for `{instance.task_id}`. Nothing wrong was "
        f"published; after the cure clear the task in Airflow.",
        dag=instance.dag_id,
        task=instance.task_id,
        run=instance.run_id,
        source=source,
        owner=getattr(context.get("task"), "owner", "") or "",
        log=getattr(instance, "log_url", "") or "",
    )


def send(notice: Notice, echo: Callable[[str], None] = print) -> dict[str, str]:
    """Send a notice by every channel that is configured.

    Args: notice: what to tell; phone numbers, ID numbers and addresses in it are masked. echo: takes one line per channel.
    Returns: channel → "" when it was sent, else why not. Never raises what a channel raises.
    """
    told = {}
    for name, channel in channels().items():
        try:
            channel(_masked(notice))
            told[name] = ""
        except Exception as error:  # whatever a server or a library answers: the pipeline goes on
            told[name] = f"{type(error).__name__}: {error}"
        echo(f"notification by {name}: {f'not sent, {told[name]}' if told[name] else 'sent'}")
    return told


def channels() -> dict[str, Callable[[Notice], None]]:
    """The channels that the environment names: GMW_NOTIFY_EMAIL (addresses, parted by commas; GMW_NOTIFY_SMTP is the connection of
    the mail server, default gmw_smtp), GMW_NOTIFY_WEBHOOK (a connection)."""
    found: dict[str, Callable[[Notice], None]] = {}
    if os.environ.get(MAIL_TO):
        found["mail"] = _mail
    if os.environ.get(WEBHOOK_CONNECTION):
        found["webhook"] = _webhook
    return found


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What the header X-GMW-Signature holds: `sha256=` and HMAC-SHA-256, in hex, of the timestamp, a point and the body."""
    return "sha256=" + hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def _masked(notice: Notice) -> Notice:
    from ingest.privacy import ID_NUMBER, PHONE

    def mask(text: str) -> str:
        for _ in range(2):  # as in the warehouse: of two numbers parted by one character, the first takes that character with it
            text = re.sub(PHONE, r"\1[phone]\3", re.sub(ID_NUMBER, r"\1[id number]\3", text))
        return text

    text = notice.text if len(notice.text) <= LONGEST_TEXT else f"{notice.text[:LONGEST_TEXT]}…\n(cut; the log has all of it)"
    return Notice(**{**asdict(notice), "title": mask(notice.title), "text": mask(text)})


def _mail(notice: Notice) -> None:
    body = f"<pre style=\"white-space: pre-wrap\">{html.escape(chr(10).join(notice.lines))}</pre>"
    send_mail(os.environ[MAIL_TO], f"[gmw] {' '.join(notice.title.split())}", body)


def send_mail(to: str, subject: str, body: str, files: Sequence[str] = ()) -> None:
    """Send a mail by the server that GMW_NOTIFY_SMTP names.

    Args: to: addresses, parted by commas. body: HTML. files: paths of what is attached.
    Raises: RuntimeError with what the server or the network said, without its password.
    """
    from airflow.providers.smtp.hooks.smtp import SmtpHook
    from airflow.sdk import Connection

    held = _credentials(os.environ.get(MAIL_CONNECTION) or DEFAULT_MAIL_CONNECTION)

    class Hook(SmtpHook):
        """Takes the connection from where the sources' logins come from, on the command line as well as in a task."""

        @classmethod
        def get_connection(cls, conn_id: str) -> Connection:
            return Connection(
                conn_id=conn_id, conn_type="smtp", host=held.host, port=held.port, login=held.login, password=held.password,
                extra=json.dumps({"timeout": TIMEOUT_SECONDS, "retry_limit": ATTEMPTS, **held.extra}),
            )  # fmt: skip

    recipients = [address.strip() for address in to.split(",") if address.strip()]
    try:
        with Hook(held.connection) as hook:
            hook.send_email_smtp(to=recipients, subject=subject, html_content=body, files=list(files))
    except Exception as error:
        raise RuntimeError(held.hide(f"{type(error).__name__}: {error}")) from None


def _webhook(notice: Notice) -> None:
    import httpx
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

    held = _credentials(os.environ[WEBHOOK_CONNECTION])
    body = json.dumps({**asdict(notice), "text": "\n".join(notice.lines)}, ensure_ascii=False).encode()
    timestamp = str(int(datetime.now(timezone.utc).timestamp()))
    headers = {"Content-Type": "application/json; charset=utf-8", TIMESTAMP: timestamp, **held.extra.get("headers", {})}
    if held.password:
        headers[SIGNATURE] = signature(held.password, timestamp, body)

    def may_pass(error: BaseException) -> bool:
        if isinstance(error, httpx.HTTPStatusError):
            return error.response.status_code >= 500 or error.response.status_code in (408, 429)
        return isinstance(error, httpx.TransportError)

    try:
        wait, retry = wait_exponential(max=TIMEOUT_SECONDS), retry_if_exception(may_pass)
        for attempt in Retrying(stop=stop_after_attempt(ATTEMPTS), wait=wait, retry=retry, reraise=True):
            with attempt, httpx.Client(timeout=TIMEOUT_SECONDS) as client:
                answer = client.post(_address(held), content=body, headers=headers)
                if not answer.is_success:
                    raise httpx.HTTPStatusError(f"answered {answer.status_code}", request=answer.request, response=answer)
    except (httpx.HTTPError, ValueError) as error:
        raise RuntimeError(held.hide(f"{type(error).__name__}: {error}")) from None


def _address(held: Credentials) -> str:
    if not held.host:
        raise ValueError(f"the Airflow connection {held.connection!r} has no host: expected the address that notices are sent to")
    if "://" in held.host:
        return held.host
    return f"{held.schema or 'https'}://{held.host}" + (f":{held.port}" if held.port else "")


def _credentials(connection: str) -> Credentials:
    from ingest.connectors.credentials import ConnectionNotFound, credentials

    try:
        return credentials(connection, "of notifications")
    except ConnectionNotFound as error:
        raise ConnectionNotFound(str(error).removeprefix("source of ")) from None
