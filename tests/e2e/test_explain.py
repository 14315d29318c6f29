"""`gmw explain`: from a number down to its source rows."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
from typer.testing import CliRunner

from exports.explain import PARTS, Hidden, explain, parse_period, records
from exports.explain_trail import trail
from ingest import warehouse
from ingest.cli import app
from tests.conftest import Sample

ADDED_UP = ("count", "sum", "ratio", "proportion", "mean")


def some_values() -> list[dict]:
    """Up to three KPI values of every metric whose components add up, of different places, periods and members."""
    with warehouse.reader() as connection:
        return records(
            connection,
            """
            select kpi_value.*, catalogue.statistic
            from kpis.kpi_computed as kpi_value
            inner join seeds.metric_catalogue as catalogue using (metric_code)
            where catalogue.numerator_component in (select component from kpis.kpi_component) and kpi_value.numerator > 0
            qualify row_number() over (partition by metric_code order by md5(place_key || period_type || period_start || breakdown_value)) <= 3
            """,
            [],
        )


def spelled(value: dict) -> tuple[str, str | None]:
    """Period and breakdown as the command line spells them."""
    start = value["period_start"]
    period = {
        "all": "all", "year": f"{start:%Y}", "quarter": f"{start:%Y}-Q{(start.month + 2) // 3}", "month": f"{start:%Y-%m}",
        "wave": f"wave:{start}",
    }[value["period_type"]]
    return period, None if value["breakdown_type"] == "none" else f"{value['breakdown_type']}={value['breakdown_value']}"


def test_the_rows_of_every_additive_metric_add_up_to_its_numerator_and_denominator(installation: Path) -> None:
    values = [value for value in some_values() if value["statistic"] in ADDED_UP]
    assert len(values) > 30
    for value in values:
        period, breakdown = spelled(value)
        explanation = explain(value["metric_code"], value["place_key"], period, breakdown, value["currency"], show_hidden=True)
        assert explanation.parts, value
        for part in explanation.parts:
            assert math.isclose(part.total, value[part.name], rel_tol=1e-9, abs_tol=1e-6), (value, part.name, part.total)
            # A window in which nothing took place has no row in any file.
            assert all(row.file_name and row.row_no and row.text for row in part.rows if value["metric_code"] != "P15"), value


def test_a_row_leads_to_the_record_in_its_file(installation: Path, sample: Sample) -> None:
    rows = [row for row in explain("R02", "和畅社区", "2026-03").parts[1].rows if row.source == "issue_ledger"]
    assert rows
    for row in rows:
        with next(sample.raw.rglob(row.file_name)).open(encoding="utf-8-sig", newline="") as file:
            record = [cells for cells in csv.reader(file)][row.row_no]
        assert row.text.startswith(f"编号: {record[0].strip()} ·")


def test_persons_are_not_shown(installation: Path) -> None:
    explanation = explain("R02", "青禾区", "all")
    everything = " ".join(row.text for part in explanation.parts for row in part.rows)
    assert "反映人" not in everything and "1990000" not in everything and "联系电话" not in everything


def test_the_command_prints_definition_value_sql_and_rows(installation: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["explain", "R02", "--place", "和畅社区", "--period", "2026-03", "--csv", str(tmp_path / "rows.csv")]
    )
    assert result.exit_code == 0, result.output
    for said in (
        "of the cases raised in the period",
        "dbt_project/models/kpis/rows/kpi_row_case.sql",
        "= the numerator",
        "= the denominator",
        "诉求台账_2026-",
    ):
        assert said in result.output
    with (tmp_path / "rows.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["part"] for row in rows} == set(PARTS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("R99", "青禾区", "all"), "known: R01.raised"),
        (("R02", "乌有社区", "all"), "expected a name, path, code or key"),
        (("R02", "幸福里", "all"), "use one of these paths: 青禾区 /"),
        (("R02", "青禾区", "2019"), "found these: "),
        (("R02", "青禾区", "all", "category=乌有"), "category=物业管理"),
    ],
)
def test_what_is_not_known_is_answered_with_what_is(installation: Path, arguments: tuple, said: str) -> None:
    with pytest.raises(LookupError, match=said):
        explain(*arguments)


def test_a_period_that_nobody_understands_is_named() -> None:
    with pytest.raises(ValueError, match="expected 2026, 2026-Q1, 2026-03"):
        parse_period("March")


def test_a_number_that_is_hidden_where_it_is_published_is_explained_only_on_request(installation: Path) -> None:
    with warehouse.reader() as connection:
        value = records(
            connection, "select * from kpis.kpi_value where status = 'suppressed' and metric_code = 'S03' limit 1", []
        )[0]
    period, breakdown = spelled(value)
    with pytest.raises(Hidden, match="--show-hidden"):
        explain("S03", value["place_key"], period, breakdown)
    assert explain("S03", value["place_key"], period, breakdown, show_hidden=True).value["value"] is not None


def test_the_report_follows_a_number_to_files_gates_and_earlier_versions(installation: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    result = CliRunner().invoke(app, ["explain", "R02", "--place", "和畅社区", "--period", "2026-03", "--limit", "2", "--html", str(page)])
    assert result.exit_code == 0, result.output
    explanation = explain("R02", "和畅社区", "2026-03")
    followed = trail(explanation)
    used = {(row.source, row.file_name) for part in explanation.parts for row in part.rows}
    assert {(row["source"], row["file_name"]) for row in followed.files} == used
    assert sum(row["row_count"] for row in followed.files) == explanation.value["denominator"]
    assert all(row["checks"] > 0 and row["status"] == "accepted" for row in followed.files)
    assert followed.gates and all(row["failed_critical"] == 0 for row in followed.gates)
    (current,) = [row for row in followed.published if row["is_current"]]
    assert (current["value"], current["n"]) == (explanation.value["value"], explanation.value["n"])
    text = page.read_text(encoding="utf-8")
    for said in (explanation.metric["formula"], current["version"], *(name for _, name in used), "kpi_row_case.sql"):
        assert said in text
        assert said in result.output or said.endswith(".sql") or len(said) > 60 or said in "".join(result.output.split("\n"))
    assert "<script" not in text and "default-src 'none'" in text and "反映人" not in text


def test_the_report_says_what_was_corrected(installation: Path) -> None:
    with warehouse.reader() as connection:
        corrected = records(
            connection,
            """
            select batch.source, batch.file_id, row_no from ops.correction_outcome inner join ops.batch using (batch_id)
            where outcome = 'applied' and batch.status = 'accepted'
            """, [],
        )  # fmt: skip
    whole = {name: explain(name, "青禾区", "all") for name in ("P01", "R01.raised")}
    for explanation in whole.values():
        rows = {(row.source, row.file_id, row.row_no) for part in explanation.parts for row in part.rows}
        expected = [row for row in corrected if (row["source"], row["file_id"], row["row_no"]) in rows]
        assert len(trail(explanation).corrections) == len(expected)
