"""What was restated is told to the public without a number that it was not to see: the earlier version may have hidden it."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from exports import export, publication
from ingest import warehouse
from tests.integration.test_machine_files import files_of
from tests.integration.test_publication import build_toy, gate

# Numbers that stand nowhere else: of the first version, hidden from the public there, and of the second one, hidden from nobody.
BEFORE = {"value": 0.2718281828, "numerator": 314159265.0, "denominator": 161803398.0, "n": 141421356}
FIGURE = "metric_code = 'R02' and place_key = 'qinghe/cuiyuan' and period_type = 'month' and period_start = date '2026-03-01'"


def publish(run_id: str, *changes: str) -> None:
    build_toy(run_id, gated=False)
    with warehouse.writer(purpose="toy change") as connection:
        for change in changes:
            connection.execute(change)
    gate(run_id)
    publication.publish(run_id)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GIVEN a figure that the first version hid from the public, and another one that the second version shows. WHEN it is exported."""
    folder = tmp_path_factory.mktemp("home")
    shown = ", ".join(f'"{name}" = {number}' for name, number in BEFORE.items())
    hidden = ", ".join(f'"{name}" = null' for name in (*BEFORE, "lower", "upper"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GMW_HOME", str(folder))
        publish(
            "run-1", f"update kpis.kpi_value set {shown} where {FIGURE}",
            f"update kpis.kpi_value_public set {hidden}, status = 'suppressed' where {FIGURE}",
        )  # fmt: skip
        publish("run-2")
        export.export("internal")
        export.export("public")
        yield folder


def restated(folder: Path) -> list[tuple]:
    sheet = openpyxl.load_workbook(folder / "kpi.xlsx")["更改 Restated"]
    return [row for row in sheet.iter_rows(min_row=7, values_only=True) if str(row[2]).startswith("R02 ")]


def test_the_public_reads_that_a_figure_was_restated_and_not_what_it_was(home: Path) -> None:
    (inside,), (outside,) = restated(home / "exports" / "current"), restated(home / "exports" / "public" / "current")
    assert inside[5] == BEFORE["value"] and inside[7] is not None
    assert outside[:5] == inside[:5] and outside[10] == inside[10]
    assert outside[5] == outside[6] == "不显示 not shown" and outside[7:9] == (None, None)


def test_no_file_for_the_public_has_a_number_that_an_earlier_version_hid_from_it(home: Path) -> None:
    def telling(folder: Path) -> set[str]:
        digits = [str(number).removesuffix(".0") for number in BEFORE.values()]
        return {name.split("/")[0] for name, text in files_of(folder).items() if any(number in text for number in digits)}

    assert telling(home / "exports" / "current") == {"kpi.xlsx"}
    assert telling(home / "exports" / "public" / "current") == set()
