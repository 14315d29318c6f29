"""Delivers the report on a month, quarter or year that has ended: frozen in the archive, and sent by mail with the workbook attached."""

from __future__ import annotations

import html
import os
from collections.abc import Callable

from airflow.sdk import DAG, CronDataIntervalTimetable, task

from orchestration.frame import frame
from orchestration.names import deliver_dag_id
from orchestration.notifications import send_mail

ZONE = "Asia/Shanghai"
# The fifth day leaves time for what arrives late; a period is delivered again when somebody triggers it.
SCHEDULES = {"month": "0 7 5 * *", "quarter": "30 7 5 1,4,7,10 *", "year": "0 8 5 1 *"}
MAIL_TO, EXPORTS_ADDRESS = "GMW_DELIVER_EMAIL", "GMW_EXPORTS_URL"


def deliver(period: str, echo: Callable[[str], None] = print) -> bool:
    """Freeze the reports on a period for both audiences, and mail the internal one when it is new.

    GMW_DELIVER_EMAIL: addresses, parted by commas; without it nothing is sent. GMW_EXPORTS_URL: where a web server shows the exports
    folder, for the link. The mail server is the one of the notifications.

    Args: period: `2026-09`, `2026-Q3` or `2026`. echo: takes a line for what was done.
    Returns: whether a mail was sent. Raises: what exports.archive.archive raises; RuntimeError when the mail cannot be sent.
    """
    from exports.archive import WORKBOOK, archive, headline_lines
    from exports.periods import parse_reported

    editions = {audience: archive(period, audience) for audience in ("internal", "public")}
    for audience, edition in editions.items():
        echo(f"{audience} {edition.period}: {'froze' if edition.is_new else 'unchanged,'} edition {edition.number}, {edition.folder}")
    edition, to = editions["internal"], os.environ.get(MAIL_TO, "")
    if not to or not edition.is_new:
        echo(f"no mail: {'the figures are those of the edition that was sent' if to else f'{MAIL_TO} names nobody'}")
        return False
    address = os.environ.get(EXPORTS_ADDRESS, "").rstrip("/")
    link = f"{address}/archive/{edition.period}/edition-{edition.number}/" if address else str(edition.folder)
    lines = [html.escape(line) for line in headline_lines(parse_reported(period))]
    again = f"（第 {edition.number} 版，数字有更改）restated, edition {edition.number}" if edition.number > 1 else ""
    body = (
        f"<p>社区治理指标 {edition.period}{again}</p><ul>{''.join(f'<li>{line}</li>' for line in lines)}</ul>"
        f'<p><a href="{html.escape(link)}">{html.escape(link)}</a></p><p>内部资料 internal</p>'
    )
    send_mail(to, f"[gmw] 社区治理指标 Governance KPIs {edition.period}{again}", body, [str(edition.folder / WORKBOOK)])
    echo(f"mailed edition {edition.number} of {edition.period} to {to}")
    return True


def deliver_dag(period_type: str) -> DAG:
    """Build the DAG `deliver_<period_type>`. Args: period_type: month, quarter or year."""
    with frame(
        deliver_dag_id(period_type),
        description=f"Freezes and mails the report on the {period_type} that has ended.",
        schedule=CronDataIntervalTimetable(SCHEDULES[period_type], timezone=ZONE),
        # People get mail from it: somebody switches it on.
        is_paused_upon_creation=True,
        tags=["exports"],
        purpose=f"Freezes the report on the last {period_type} in `exports/archive` and `exports/public/archive`, and mails the "
        f"internal workbook to {MAIL_TO}.",
        kind=f"export; `{SCHEDULES[period_type]}` ({ZONE}), once it is switched on; reads the published version only.",
        rerun="trigger the DAG: the same figures make no new edition and no new mail, other ones do. Another period: "
        "`gmw export --period 2026-08`.",
    ) as dag:

        @task(task_id="deliver")
        def deliver_period(dag_run=None) -> None:
            import pendulum

            from exports.periods import last_ended

            day = (dag_run.data_interval_end or pendulum.now()).in_timezone(ZONE).date()
            deliver(str(last_ended(period_type, day)))

        deliver_period()
    return dag
