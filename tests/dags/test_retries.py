"""What is tried again: what may pass. What would say the same again is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.sdk import RetryAction
from airflow.sdk.module_loading import import_string

from expectations.results import GateFailed, GateReport
from exports.publication import PublicationRefused
from ingest.backup import BackupBusy
from ingest.build import BuildFailed
from ingest.connectors import SourceUnavailable
from ingest.declaration import DeclarationError
from ingest.privacy import OtherKeys
from ingest.settings import SecretMissing, person_key_secret
from ingest.warehouse import WarehouseBusy
from orchestration.task_defaults import SAYS_THE_SAME_AGAIN, UnlessItSaysTheSameAgain, task_defaults


class StillADeclarationError(DeclarationError):
    """What derives from an error is one."""


def decided(error: BaseException) -> RetryAction:
    return UnlessItSaysTheSameAgain().evaluate(error, try_number=1, max_tries=2).action


@pytest.mark.parametrize(
    "error", [WarehouseBusy("held"), BackupBusy("held"), SourceUnavailable("down"), OSError("disk full"), MemoryError()]
)
def test_what_may_pass_is_tried_again(error: BaseException) -> None:
    assert decided(error) == RetryAction.DEFAULT


@pytest.mark.parametrize(
    "error",
    [BuildFailed("a test failed"), GateFailed(GateReport("marts", "marts", "run")), PublicationRefused("gate"),
     DeclarationError("typo"), StillADeclarationError("typo"), OtherKeys("another secret")],
)  # fmt: skip
def test_what_would_say_the_same_again_is_not(error: BaseException) -> None:
    assert decided(error) == RetryAction.FAIL


@pytest.mark.parametrize("secret", ["", "short"])
def test_a_secret_of_the_person_keys_that_is_missing_or_too_short_is_not_looked_for_again(
    home: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("GMW_PERSON_KEY_SECRET", secret)
    with pytest.raises(SecretMissing) as raised:
        person_key_secret()
    assert decided(raised.value) == RetryAction.FAIL


@pytest.mark.parametrize("name", sorted(SAYS_THE_SAME_AGAIN))
def test_every_error_that_is_listed_exists(name: str) -> None:
    assert issubclass(import_string(name), Exception)


def test_each_try_comes_later_than_the_one_before() -> None:
    defaults = task_defaults("us")
    assert defaults["retries"] >= 2
    assert defaults["retry_exponential_backoff"] > 1
