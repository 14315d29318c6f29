"""What all tasks have in common: who is told when one fails for good, and when one is tried again."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import RetryDecision, RetryPolicy

from ingest.settings import settings
from orchestration.names import WRITER_POOL
from orchestration.notifications import TellFailure

LONGEST_TASK = timedelta(hours=2)
LONGEST_RETRY_DELAY = timedelta(minutes=30)
RETRIES = 2
RETRY_DELAY = timedelta(seconds=30)
BACK_OFF = 2.0

# By name: their modules are not imported while a DAG file is parsed.
SAYS_THE_SAME_AGAIN = frozenset({
    "exports.publication.NothingPublished", "exports.publication.PublicationRefused", "expectations.results.GateFailed",
    "ingest.backup.BackupDamaged", "ingest.backup.UnknownBackup", "ingest.build.BuildFailed", "ingest.compaction.CompactionRefused",
    "ingest.connectors.credentials.ConnectionNotFound", "ingest.corrections.CorrectionError", "ingest.declaration.DeclarationError",
    "ingest.load.RowsLost", "ingest.load.TypeKept", "ingest.maintenance.BackupIncomplete", "ingest.privacy.OtherKeys",
    "ingest.quarantine.UndeclaredReason", "ingest.settings.SecretMissing",
})  # fmt: skip

RETRIES_DOC = (
    f"A task that was killed, found the warehouse busy, had no disk or no network is tried again {RETRIES} times, first after "
    f"{RETRY_DELAY.seconds} s, then after {BACK_OFF:.0f} times as long. What says something about the data, the models, a "
    f"declaration or the secret of the person keys is not: it would say the same again."
)


class UnlessItSaysTheSameAgain(RetryPolicy):
    """Fails a task at once when its error is about the data, the models or what is declared and set; everything else is tried
    again."""

    def evaluate(self, exception, try_number, max_tries, context=None) -> RetryDecision:
        """Returns: fail for the errors in SAYS_THE_SAME_AGAIN and what derives from them, else what the task says."""
        names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(exception).__mro__}
        if known := names & SAYS_THE_SAME_AGAIN:
            return RetryDecision.fail(f"{min(known).rpartition('.')[2]} would say the same again")
        return RetryDecision.default()


def task_defaults(owner: str, source: str = "") -> dict:
    """The default arguments of the tasks of a DAG.

    Args: owner: who answers for it. source: the source that the DAG is about, if it is about one.
    """
    return {
        "owner": owner,
        "retries": RETRIES,
        "retry_delay": RETRY_DELAY,
        "retry_exponential_backoff": BACK_OFF,
        "max_retry_delay": LONGEST_RETRY_DELAY,
        "retry_policy": UnlessItSaysTheSameAgain(),
        "execution_timeout": LONGEST_TASK,
        "on_failure_callback": TellFailure(source),
    }


def whole_pool() -> dict:
    """The pool of a task that has the build database for itself for long: while it runs no other task waits inside of it."""
    return {"pool": WRITER_POOL, "pool_slots": settings().parallel_loads}


def documentation(*, purpose: str, kind: str, rerun: str, owner: str) -> str:
    """The `doc_md` of a DAG: what it is for, when it runs, what may be run again, what is tried again by itself, its owner."""
    return (
        f"**Purpose**: {purpose}\n\n**Type**: {kind}\n\n**Re-run**: {rerun}\n\n**Retries**: {RETRIES_DOC}\n\n**Owner**: {owner}\n"
    )
