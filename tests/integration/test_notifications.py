"""Failures and late sources reach a real mail server and a real web server; a channel that is down hurts nobody."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from ingest import warehouse
from ingest.cli import app
from orchestration import lateness, notifications
from orchestration.notifications import Notice, send
from tests.conftest import PROJECT, SECRET, rows_of
from tests.integration.notified import MailServer, WebServer, self_made_certificate
from tests.unit.ledger_project import COLUMNS, Ledger, ledger  # noqa: F401

HOOK_SECRET = "what the receiver knows, too"
NOTICE = Notice(
    "failure", "build_marts.dbt_build failed", "expected 3 rows, found 2; ask 13812345678 <b>", dag="build_marts", source="账"
)
NOBODY_LISTENS = json.dumps(
    {"conn_type": "smtp", "host": "127.0.0.1", "port": 9, "password": "hush-hush-hush", "extra": {"disable_ssl": True}}
)

DAG_FILE = """
# Airflow reads files only that hold its name.
from ingest.declaration import declaration
from orchestration.dag_factory import ingest_dag

dag = ingest_dag(declaration("ledger"))

if __name__ == "__main__":
    print("ENDED", dag.test().state)
"""


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """GIVEN a mail server, and an environment that names it."""
    with MailServer() as server:
        monkeypatch.setenv("GMW_NOTIFY_EMAIL", "duty@district.example, second@district.example")
        monkeypatch.setenv("AIRFLOW_CONN_GMW_SMTP", server.connection)
        yield server


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    """GIVEN a web server, and an environment that names it."""
    with WebServer() as server:
        monkeypatch.setenv("GMW_NOTIFY_WEBHOOK", "duty_hook")
        monkeypatch.setenv("AIRFLOW_CONN_DUTY_HOOK", server.connection(HOOK_SECRET))
        yield server


def text_of(mail: MailServer) -> str:
    return mail.mails[-1][2].get_body(("html", "plain")).get_content()


def test_a_mail_says_what_and_where_and_names_nobody(home: Path, mail: MailServer) -> None:
    assert send(NOTICE) == {"mail": ""}
    ((sender, recipients, message),) = mail.mails
    assert (sender, recipients) == ("gmw@district.example", ["duty@district.example", "second@district.example"])
    assert message["Subject"] == "[gmw] build_marts.dbt_build failed"
    assert "expected 3 rows, found 2; ask [phone] &lt;b&gt;" in text_of(mail)
    assert "dag: build_marts" in text_of(mail) and "source: 账" in text_of(mail)


@pytest.fixture
def encrypted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[MailServer, Path]]:
    """GIVEN a mail server that demands STARTTLS, an environment that names it, and its self-made certificate."""
    certificate = self_made_certificate(tmp_path)
    with MailServer(certificate) as server:
        monkeypatch.setenv("GMW_NOTIFY_EMAIL", "duty@district.example")
        monkeypatch.setenv("AIRFLOW_CONN_GMW_SMTP", server.connection)
        yield server, certificate


def test_a_mail_goes_encrypted_to_a_server_whose_certificate_is_trusted(
    home: Path, encrypted: tuple[MailServer, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, certificate = encrypted
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert send(NOTICE) == {"mail": ""}
    assert len(server.mails) == 1


def test_no_mail_goes_to_a_server_whose_certificate_nobody_vouches_for(home: Path, encrypted: tuple[MailServer, Path]) -> None:
    server, _ = encrypted
    assert "certificate verify failed" in send(NOTICE)["mail"]
    assert server.mails == []


def test_a_webhook_is_signed_so_that_the_receiver_knows_who_sent_it(home: Path, web: WebServer) -> None:
    assert send(NOTICE) == {"webhook": ""}
    ((headers, body),) = web.requests
    told = json.loads(body)
    assert (told["kind"], told["dag"], told["source"]) == ("failure", "build_marts", "账")
    assert "13812345678" not in body.decode()
    digest = hmac.new(HOOK_SECRET.encode(), f"{headers['X-GMW-Timestamp']}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["X-GMW-Signature"] == f"sha256={digest}"
    assert abs(int(headers["X-GMW-Timestamp"]) - time.time()) < 60


def test_a_webhook_that_is_overloaded_is_tried_again_and_one_that_refuses_is_not(home: Path, web: WebServer) -> None:
    web.answers = [503]
    assert send(NOTICE) == {"webhook": ""}
    assert len(web.requests) == 2
    web.answers = [403]
    assert "answered 403" in send(NOTICE)["webhook"]
    assert len(web.requests) == 3


def test_a_channel_that_is_down_stops_neither_the_other_nor_anything_else(
    home: Path, web: WebServer, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_GMW_SMTP", NOBODY_LISTENS)
    sent = send(NOTICE)
    assert sent["webhook"] == "" and "refused" in sent["mail"]
    assert "hush" not in sent["mail"]


def test_a_connection_that_is_not_set_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GMW_NOTIFY_WEBHOOK", "nowhere")
    assert "expected the Airflow connection 'nowhere', found none of that name" in send(NOTICE)["webhook"]


def test_the_command_line_sends_a_test_and_says_when_there_is_no_channel(home: Path, web: WebServer, mail: MailServer) -> None:
    result = CliRunner().invoke(app, ["notify", "test"])
    assert (result.exit_code, len(mail.mails), len(web.requests)) == (0, 1, 1), result.output
    web.answers = [403]
    assert CliRunner().invoke(app, ["notify", "test"]).exit_code == 1
    del os.environ["GMW_NOTIFY_EMAIL"], os.environ["GMW_NOTIFY_WEBHOOK"]
    result = CliRunner().invoke(app, ["notify", "test"])
    assert (result.exit_code, "found neither" in result.output) == (1, True)


@dataclass
class KilledTask:
    """What a run knows of a task: its names, and what it has left behind."""

    left: dict[str, object]
    task_id: str = "dbt_build"
    log_url: str = "http://airflow.example/log"

    def xcom_pull(self, task_ids: str, key: str) -> object:
        return self.left.get(key)


def test_a_run_tells_of_a_task_that_could_not_and_of_no_other(home: Path, web: WebServer) -> None:
    run = {"dag": SimpleNamespace(dag_id="build_marts"), "run_id": "asset_triggered__1"}
    notifications.TellWhatNoTaskTold().notify({**run, "ti": KilledTask({notifications.TOLD: True})})
    assert web.requests == []
    notifications.TellWhatNoTaskTold().notify({**run, "ti": KilledTask({})})
    told = json.loads(web.requests[0][1])
    assert told["title"] == "build_marts.dbt_build failed without an error"
    assert "it was killed" in told["text"] and "GMW_SCHEDULER_MEMORY" in told["text"]


@pytest.fixture
def blocked(ledger: Ledger) -> Ledger:  # noqa: F811
    """GIVEN a file without one of its columns in the drop folder."""
    ledger.declare({**COLUMNS, "entry_no": {"header": ["编号"], "required": True}})
    ledger.file("ledger_1.csv", "10,2026-01-01,路灯", header="人数,日期,主题")
    return ledger


def run_dag(ledger: Ledger, folder: Path) -> tuple[str, str]:  # noqa: F811
    """Run the DAG of the source in an Airflow of its own. Returns: how it ended, and all that it said."""
    (folder / "dags").mkdir()
    (folder / "dags" / "ledger.py").write_text(DAG_FILE)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW__")},
        "AIRFLOW_HOME": str(folder / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "GMW_PERSON_KEY_SECRET": SECRET,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow.db", "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "PYTHONPATH": str(PROJECT),
    }  # fmt: skip
    start = f"import runpy; import ingest.settings as s; s.__file__ = {str(ledger.folder / 'ingest' / 'settings.py')!r}; "
    start += "from airflow.utils.db import initdb; initdb(); "
    start += f"runpy.run_path({str(folder / 'dags' / 'ledger.py')!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", start], env=environment, capture_output=True, text=True)
    ended = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("ENDED")]
    assert ended, done.stdout[-3000:] + done.stderr[-6000:]
    return ended[0], done.stdout + done.stderr


def test_a_blocked_file_is_told_by_the_dag_itself_though_another_channel_is_down(
    blocked: Ledger, mail: MailServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GMW_NOTIFY_WEBHOOK", "duty_hook")
    monkeypatch.setenv("AIRFLOW_CONN_DUTY_HOOK", json.dumps({"conn_type": "http", "host": "http://127.0.0.1:9/hook"}))
    state, said = run_dag(blocked, tmp_path)
    assert state == "failed"
    assert rows_of("select status from ops.batch") == [("blocked",)]
    assert "notification by webhook: not sent" in said and "notification by mail: sent" in said
    ((_, _, message),) = mail.mails
    assert message["Subject"] == "[gmw] ingest_ledger.report_blocked_files failed (source ledger)"
    for part in ("ledger_1.csv", "编号", "docs/runbooks/failed_run.md", "owner: us", "source: ledger", "log: http"):
        assert part in text_of(mail)


PATTERN = r"_(\d{4}-\d{2}-\d{2})"


@pytest.fixture
def monthly(ledger: Ledger) -> Ledger:  # noqa: F811
    """GIVEN a source that is looked for every night and gets a file each 30 days, the newest one of 40 days ago."""
    ledger.declare(as_of_pattern=PATTERN)
    for ago in (100, 70, 40):
        ledger.file(f"ledger_{day(ago)}.csv", f"{ago},10,2026-01-01,路灯")
    accept(ledger)
    return ledger


def accept(ledger: Ledger) -> None:  # noqa: F811
    ledger.arrive()
    with warehouse.writer("test") as connection:
        connection.execute("update ops.batch set status = 'accepted'")


def day(ago: int) -> str:
    return f"{datetime.now(timezone.utc) - timedelta(days=ago):%Y-%m-%d}"


def age(days: int) -> None:
    """GIVEN that so many days more have passed."""
    with warehouse.writer("test") as connection:
        connection.execute(f"update ops.file set as_of = as_of - {days}")
        connection.execute(f"update ops.batch set loaded_at = loaded_at - to_days({days})")


def test_a_source_is_late_by_its_own_rhythm_and_as_its_declaration_says(monthly: Ledger) -> None:
    age(22)
    assert lateness.late() == []
    age(2)
    (late,) = lateness.late()
    assert (late.source, late.usual_days, late.allowed_days, late.age_days) == ("ledger", 30, 63, 64)
    monthly.declare(as_of_pattern=PATTERN, late_after_days=70)
    assert lateness.late() == []


def test_a_source_of_which_nothing_has_ever_come_is_not_late(ledger: Ledger) -> None:  # noqa: F811
    assert lateness.late() == []


def test_a_lateness_is_told_once_and_once_that_it_is_over(monthly: Ledger, mail: MailServer, web: WebServer) -> None:
    monthly.declare(as_of_pattern=PATTERN, late_after_days=20)
    said = []
    for _ in range(3):
        lateness.tell(said.append)
    assert len(mail.mails) == len(web.requests) == 1
    assert "late: ledger: expected a file within 20 days of" in said[0]
    assert "late_after_days" in text_of(mail) and "owner us" in text_of(mail)
    monthly.file(f"ledger_{day(1)}.csv", "9,10,2026-01-01,路灯")
    accept(monthly)
    for _ in range(2):
        lateness.tell(said.append)
    assert [json.loads(body)["kind"] for _, body in web.requests] == ["late", "arrived"]
    assert rows_of("select source, over_at is not null from ops.lateness") == [("ledger", True)]


def test_a_lateness_that_no_channel_took_is_told_by_the_next_check(monthly: Ledger, web: WebServer) -> None:
    monthly.declare(as_of_pattern=PATTERN, late_after_days=20)
    web.answers = [403]
    lateness.tell(print)
    lateness.tell(print)
    lateness.tell(print)
    assert len(web.requests) == 2


def test_a_long_message_is_cut_and_says_so(home: Path, web: WebServer) -> None:
    send(Notice("failure", "long", "x" * 50_000))
    assert 6_000 < len(web.requests[0][1]) < 7_500
    assert "the log has all of it" in json.loads(web.requests[0][1])["text"]
    assert notifications.ATTEMPTS == 3
