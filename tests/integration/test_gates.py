"""The gates on a real warehouse: one faulty file harms no other, verdicts are kept, nothing is accepted by accident."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from expectations import gate, history, personal_data
from expectations.gate import GateCrashed, GateFailed, gate_marts, gate_raw
from expectations.report import write_report
from exports.publication import PublicationRefused, publish
from ingest import privacy, retention, warehouse
from ingest.landing import land
from ingest.load import load
from tests.conftest import rows_of
from tests.unit.test_expectations_marts import clean_marts

HEADER = "编号,收集时间,社区,小区,反映人,联系电话,收集渠道,问题类别,问题描述,责任单位,办理情况,办结时间,满意度"
ROW = "QH2026-{:04d},2026-{:02d}-14 19:28,和畅社区,银杏里,张女士,19900001234,网格,停车秩序,夜间停车 电话19900001234,{},办理中,,"
PHONE = "13912345678"


def issue_file(drop: Path, month: int, unit: str = "社区居委会", rows: int = 6, number: int | None = None) -> Path:
    """A ledger of one month; `unit` is what its third row says of the responsible unit."""
    path = drop / "issue_ledger" / f"诉求台账_2026-{month:02d}.csv"
    path.parent.mkdir(exist_ok=True)
    lines = [ROW.format(number or month * 100 + row, month, unit if row == 2 else "社区居委会") for row in range(rows)]
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return path


def arrive(run_id: str) -> gate.GateReport:
    """Land, load and gate what lies in the drop folder."""
    land("issue_ledger")
    load("issue_ledger")
    return gate_raw("issue_ledger", run_id)


def statuses() -> dict[str, str]:
    """File name → status of its batch."""
    return dict(rows_of("select file_name, status from ops.batch join ops.file using (source, file_id)"))


def test_clean_files_are_accepted_and_every_result_is_filed(drop):
    issue_file(drop, 1)
    issue_file(drop, 2)
    report = arrive("run 1")
    assert (report.passed, report.failures, report.warnings) == (True, [], [])
    assert set(statuses().values()) == {"accepted"}
    ((filed, batches, failed),) = rows_of(
        "select count(*), count(distinct batch_id), count(*) filter (not success) from ops.gate_result "
        "where run_id = 'run 1' and gate = 'raw' and suite = 'raw.issue_ledger' and checked_at is not null"
    )
    assert (filed, batches, failed) == (len(report.results), 2, 0)
    assert rows_of("select count(*) from ops.batch where gated_at >= loaded_at") == [(2,)]


def test_a_blocked_file_stays_blocked_and_the_others_are_accepted(drop):
    issue_file(drop, 1)
    issue_file(drop, 2, unit=f"物业 {PHONE}")
    issue_file(drop, 3)
    report = arrive("run 1")
    after = {"诉求台账_2026-01.csv": "accepted", "诉求台账_2026-02.csv": "blocked", "诉求台账_2026-03.csv": "accepted"}
    assert statuses() == after
    assert [failure.expectation for failure in report.failures] == ["no_personal_data_in_text"]
    assert len(report.blocked_batches) == 1

    assert gate_raw("issue_ledger", "run 1") == report
    assert statuses() == after
    ((message,),) = rows_of("select message from ops.batch where status = 'blocked'")
    assert message.startswith("no_personal_data_in_text: expected: no 11-digit mobile number")
    assert "诉求台账_2026-02.csv: row 3, found_in=responsible_unit; do: declare the column `free_text: true`" in message
    assert PHONE not in message


def test_a_blocked_file_that_is_loaded_again_is_judged_again_and_has_one_verdict(drop):
    issue_file(drop, 1, unit=f"物业 {PHONE}")
    first = arrive("run 1")
    second = arrive("run 2")
    assert [failure.message for failure in second.failures] == [failure.message for failure in first.failures]
    assert statuses() == {"诉求台账_2026-01.csv": "blocked"}
    assert rows_of("select distinct run_id from ops.gate_result_current") == [("run 2",)]


def test_what_was_said_of_a_blocked_file_before_is_kept_with_its_rows(drop):
    issue_file(drop, 1, unit=f"物业 {PHONE}")
    first, second = arrive("run 1"), arrive("run 2")
    assert rows_of("select run_id, superseded_at is null, count(*) from ops.gate_result group by all order by all") == [
        ("run 1", False, len(first.results)), ("run 2", True, len(second.results))
    ]  # fmt: skip
    rows = rows_of("select run_id, expectation, row_keys->>'_row_no', row_keys->>'found_in' from ops.gate_failing_row order by all")
    assert rows == [(run, "no_personal_data_in_text", "3", "responsible_unit") for run in ("run 1", "run 2")]


def test_results_that_count_no_longer_go_after_a_time_and_the_others_stay(drop, monkeypatch):
    issue_file(drop, 1, unit=f"物业 {PHONE}")
    arrive("run 1")
    arrive("run 2")
    with warehouse.writer("test") as connection:
        connection.execute("update ops.gate_result set checked_at = checked_at - interval 40 day")
        connection.execute("update ops.gate_failing_row set checked_at = checked_at - interval 40 day")
        assert history.purge(connection) == 0
    monkeypatch.setenv("GMW_GATE_HISTORY_DAYS", "30")
    retention.purge()
    assert rows_of("select run_id, expectation from ops.gate_result") == [("run 2", "no_personal_data_in_text")]
    assert rows_of("select run_id, expectation from ops.gate_failing_row") == [("run 2", "no_personal_data_in_text")]


def test_the_same_batch_gated_twice_gets_the_same_verdict(drop):
    issue_file(drop, 1)
    issue_file(drop, 2, number=7)
    first = arrive("run 1")
    with warehouse.writer("test") as connection:
        connection.execute("update ops.batch set status = 'loaded', message = ''")
    second = gate_raw("issue_ledger", "run 2")
    assert [failure.expectation for failure in first.failures] == ["case_no_is_unique"]
    assert second.results == first.results


def test_files_that_are_asked_together_get_the_verdicts_that_each_gets_alone(drop, monkeypatch):
    """GIVEN nine files with a fault of another kind in most of them."""
    for month in range(1, 10):
        unit = {2: f"物业 {PHONE}", 3: "锟斤拷"}.get(month, "社区居委会")
        issue_file(drop, month, unit=unit, number=7 if month == 4 else None)
    with open(issue_file(drop, 5), "a", encoding="utf-8") as file:
        file.write("QH2026-0999,too,few\n")
    land("issue_ledger")
    load("issue_ledger")
    own = "(select batch_id from ops.batch join ops.file using (source, file_id) where file_name like '%-{:02d}.csv')"
    with warehouse.writer("test") as connection:
        connection.execute(f"delete from raw.issue_ledger where _batch_id = {own.format(6)}")
        connection.execute(f"delete from raw.issue_ledger where _batch_id = {own.format(7)} and _row_no = 6")
        # As many rows more as the others have less: together, they are as many as there should be.
        connection.execute(
            f"""insert into raw.issue_ledger
            select issue_ledger.* replace (_row_no + 7 + i as _row_no, 'QH2026-' || (9000 + i) as case_no)
            from raw.issue_ledger, range(7) as more (i) where _batch_id = {own.format(8)} and _row_no = 1"""
        )
        connection.execute("update ops.file set as_of = current_date + 9 where file_name like '%-09.csv'")
    together = gate_raw("issue_ledger", "together").results
    with warehouse.writer("test") as connection:
        connection.execute("update ops.batch set status = 'loaded', message = ''")
    monkeypatch.setattr(gate, "MOST_ROWS_TOGETHER", 0)
    alone = gate_raw("issue_ledger", "alone").results

    assert together == alone
    assert {(result.batch_id, result.expectation) for result in alone if not result.success} == {
        ("issue_ledger-00002", "no_personal_data_in_text"),
        ("issue_ledger-00003", "no_text_was_read_in_a_wrong_encoding"),
        ("issue_ledger-00004", "case_no_is_unique"),
        ("issue_ledger-00005", "no_row_is_quarantined"),
        ("issue_ledger-00006", "batch_is_not_empty"),
        ("issue_ledger-00006", "the_rows_stored_are_the_rows_loaded"),
        ("issue_ledger-00007", "the_rows_stored_are_the_rows_loaded"),
        ("issue_ledger-00008", "the_rows_stored_are_the_rows_loaded"),
        ("issue_ledger-00009", "no_file_is_missing_before_this_one"),
        ("issue_ledger-00009", "the_file_does_not_speak_of_the_future"),
    }


def test_a_warning_is_accepted_and_said(drop):
    issue_file(drop, 1)
    with open(issue_file(drop, 2), "a", encoding="utf-8") as file:
        file.write("QH2026-0999,too,few\n")
    report = arrive("run 1")
    assert report.passed
    assert [warning.expectation for warning in report.warnings] == ["no_row_is_quarantined"]
    assert set(statuses().values()) == {"accepted"}
    ((message,),) = rows_of("select message from ops.batch where message != ''")
    assert message.startswith("no_row_is_quarantined: expected: no row quarantined; found: ")


def test_a_gate_that_crashes_accepts_nothing_and_names_the_suite(drop):
    issue_file(drop, 1)
    land("issue_ledger")
    load("issue_ledger")
    with warehouse.writer("test") as connection:
        connection.execute("alter table raw.issue_ledger rename column _row_no to row_no")
    named = "suite raw.issue_ledger on batch issue_ledger-00001: .* from case_no_is_unique, .*_row_no"
    with pytest.raises(GateCrashed, match=named):
        gate_raw("issue_ledger", "run 1")
    with warehouse.writer("test") as connection:
        connection.execute("alter table raw.issue_ledger rename column row_no to _row_no")
    assert statuses() == {"诉求台账_2026-01.csv": "loaded"}
    assert rows_of("select count(*) from ops.gate_result") == [(0,)]
    assert gate_raw("issue_ledger", "run 1").passed


def test_nothing_to_gate_is_no_failure(drop):
    issue_file(drop, 1)
    arrive("run 1")
    report = gate_raw("issue_ledger", "run 2")
    assert (report.passed, report.results) == (True, [])


SPOKEN = [
    f"电话{PHONE}",
    f"{PHONE},{PHONE}",
    f"{PHONE} {PHONE} {PHONE}",
    f"打{PHONE}或{PHONE}都行。",
    "身份证11010519491231002X办理",
    "来自203.0.113.15(青禾)",
    "来自203.0.113.15.",
    "203.0.113.15 203.0.113.16 203.0.113.17。",
]


@pytest.mark.parametrize("text", SPOKEN)
def test_what_the_loader_has_masked_passes_the_gate(home, text):
    connection = duckdb.connect()
    privacy.install(connection)
    found = connection.execute(
        "select regexp_matches($text, $any), regexp_matches(mask_personal($text), $any)",
        {"text": text, "any": personal_data.ANY},
    ).fetchone()
    assert found == (True, False)


@pytest.fixture
def build(home) -> Path:
    """GIVEN a warehouse with clean marts, made by run 1."""
    with warehouse.writer("test") as connection:
        clean_marts(connection)
        connection.execute(
            "insert into ops.batch (batch_id, source, status, loaded_at) values ('b1', 'x', 'accepted', now())"
        )
    return home


def test_clean_marts_pass_and_the_results_are_filed(build):
    report = gate_marts("run 1")
    assert report.passed
    ((filed, failed),) = rows_of(
        "select count(*), count(*) filter (not success) from ops.gate_result where run_id = 'run 1' and gate = 'marts'"
    )
    assert (filed, failed) == (len(report.results), 0)
    assert gate_marts("run 1").results == report.results
    assert rows_of("select count(*), count(*) filter (superseded_at is null) from ops.gate_result") == [(2 * filed, filed)]
    manifest = json.loads((publish("run 1") / "manifest.json").read_text(encoding="utf-8"))
    assert sum(suite["checks"] for suite in manifest["gates"]) == filed


def test_faulty_marts_fail_with_the_report_and_are_not_published(build):
    gate_marts("run 1")
    assert publish("run 1").exists()
    with warehouse.writer("test") as connection:
        connection.execute("update kpis.kpi_value set value = value + 1 where metric_code = 'R01.open'")
    said = "(?s)CRITICAL kpis.kpi_value cases_raised_are_.*found: .*look at: .*do: "
    for _ in range(2):
        with pytest.raises(GateFailed, match=said) as raised:
            gate_marts("run 1")
        assert "place_key=q:1" in str(raised.value)
        assert not raised.value.report.passed
    with pytest.raises(PublicationRefused):
        publish("run 1")


def test_a_marts_gate_that_crashes_leaves_nothing_that_publication_could_rely_on(build):
    gate_marts("run 1")
    with warehouse.writer("test") as connection:
        connection.execute("alter table kpis.kpi_value drop column lower")
    with pytest.raises(GateCrashed, match="suite kpis.kpi_value"):
        gate_marts("run 1")
    assert rows_of("select count(*) from ops.gate_result_current where gate = 'marts'") == [(0,)]
    assert rows_of("select count(*) > 0 from ops.gate_result where gate = 'marts'") == [(True,)]
    with pytest.raises(PublicationRefused):
        publish("run 1")


def test_the_quality_report_is_one_file_that_needs_no_network(drop, home):
    issue_file(drop, 1)
    with open(issue_file(drop, 2, unit=f"物业 {PHONE}"), "a", encoding="utf-8") as file:
        file.write(ROW.format(9, 2, "物业").replace("QH2026-0009", "<i>9</i>") + "\n")
    arrive("run 1")
    with warehouse.writer("test") as connection:
        clean_marts(connection)
        connection.execute("delete from kpis.kpi_value where metric_code = 'P01'")
    gate_marts("run 2")
    page = write_report().read_text(encoding="utf-8")
    assert write_report() == home / "reports" / "quality.html"
    assert "http" not in page and "src=" not in page and "@import" not in page
    assert "What does not hold (4)" in page
    assert "<td>&lt;i&gt;9&lt;/i&gt;" in page and "<i>" not in page
    for said in (
        "no personal data in text",
        "诉求台账_2026-02.csv",
        "<td>row 3<td>responsible_unit",
        "every metric of the catalogue has rows",
        "<td>P01<td>activity",
        "run 2",
        "no batch waits or is blocked",
    ):
        assert said in page
    assert PHONE not in page
    assert list((home / "reports").iterdir()) == [home / "reports" / "quality.html"]


def test_the_quality_report_of_a_warehouse_without_gates_says_so(home):
    with warehouse.writer("test"):
        pass
    page = write_report().read_text(encoding="utf-8")
    assert "The marts gate has not run yet." in page
    assert "Every expectation holds." in page
