"""The exports for programs keep their schema, describe themselves, and tell the public nothing that is hidden from it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import duckdb
import pytest
from frictionless import validate

from exports import export, figures, machine_files, publication
from ingest import warehouse
from tests.conftest import PROJECT
from tests.integration.test_publication import build_toy

SCHEMAS = PROJECT / "tests" / "fixtures" / "export_schema"
# Numbers that stand nowhere else, in a row that only the inside may see.
SECRETS = {"numerator": 718281828.0, "denominator": 314159265.0, "value": 271828182.5, "lower": 161803398.5, "upper": 141421356.5, "n": 173205080}
HIDDEN = "metric_code in ('P01', 'R02') and place_key in ('qinghe', 'qinghe/cuiyuan') and period_start >= date '2026-07-01'"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GIVEN a published run in which the public sees less. WHEN it is exported for both audiences."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GMW_HOME", str(folder))
        build_toy("run-1")
        with warehouse.writer(purpose="test") as connection:
            shown = ", ".join(f'"{name}" = {number}' for name, number in SECRETS.items())
            nothing = ", ".join(f'"{name}" = null' for name in SECRETS)
            connection.execute(f"update kpis.kpi_value set {shown} where {HIDDEN}")
            connection.execute(f"update kpis.kpi_value_public set {nothing}, status = 'suppressed' where {HIDDEN}")
        publication.publish("run-1")
        export.export("internal")
        export.export("public")
        yield folder


def files_of(folder: Path) -> dict[str, str]:
    """Everything that stands in the files of an export, as text."""
    found = {}
    for path in folder.iterdir():
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                found |= {f"{path.name}/{name}": book.read(name).decode() for name in book.namelist() if name.endswith(".xml")}
        elif path.suffix == ".parquet":
            found[path.name] = str(duckdb.connect().execute(f"from '{path}'").fetchall())
        else:
            found[path.name] = path.read_text(encoding="utf-8")
    return found


def test_no_file_for_the_public_has_a_number_that_is_hidden_from_it(home: Path) -> None:
    digits = [str(number).removesuffix(".5").removesuffix(".0") for number in SECRETS.values()]

    def telling(folder: Path) -> set[str]:
        return {
            name.split("/")[0] for name, text in files_of(folder).items()
            if any(number in text.replace(",", "") for number in digits)
        }  # fmt: skip

    assert {"kpi.csv", "kpi.parquet", "kpi.xlsx"} <= telling(home / "exports" / "current")
    assert telling(home / "exports" / "public" / "current") == set()


def test_the_audiences_differ_in_suppression_only(home: Path) -> None:
    internal, public = (home / "exports" / folder / "current" for folder in (".", "public"))
    assert {path.name for path in internal.iterdir()} == {path.name for path in public.iterdir()}
    for name in ("metric.csv", "place.csv"):
        assert (internal / name).read_bytes() == (public / name).read_bytes()
    other = duckdb.connect().sql(f"select * exclude (value_display) from '{public / 'kpi.parquet'}' except all select * exclude (value_display) from '{internal / 'kpi.parquet'}'")
    assert {row[other.columns.index("status")] for row in other.fetchall()} == {"suppressed"}


def test_what_lies_below_public_leads_to_nothing_else(home: Path) -> None:
    public = home / "exports" / "public"
    assert not [path for path in public.rglob("*") if not path.resolve().is_relative_to(public.resolve())]


def test_another_audience_is_refused(home: Path) -> None:
    with pytest.raises(ValueError, match="expected internal or public, found 'press'"):
        export.export("press")


@pytest.mark.parametrize("audience", [".", "public"])
def test_the_package_describes_its_files(home: Path, audience: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home / "exports" / audience / "current")
    report = validate("datapackage.json")
    assert report.flatten(["type", "note"]) == [] and len(report.tasks) == 3


def test_a_wrong_file_does_not_fit_its_package(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (home / "exports" / "current").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    text = (tmp_path / "kpi.csv").read_text(encoding="utf-8")
    (tmp_path / "kpi.csv").write_text(text.replace("qinghe/hebin", "nowhere"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert {"foreign-key", "hash-count"} <= {error for (error,) in validate("datapackage.json").flatten(["type"])}


def test_the_manifest_names_every_file_as_it_is(home: Path) -> None:
    folder = home / "exports" / "current"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["files"].keys() == {path.name for path in folder.iterdir()} - {"manifest.json"}
    assert all((folder / name).stat().st_size == file["bytes"] for name, file in manifest["files"].items())
    with figures.current() as published:
        assert (manifest["version"], manifest["run_id"]) == (published.version, "run-1")
        assert manifest["figures"] == published.rows("select count(*) as n from kpi_value")[0]["n"]


def test_the_schema_is_the_one_of_its_version(home: Path) -> None:
    """A column that is added, gone, renamed or of another type: raise SCHEMA_VERSION and keep the new schema beside the old ones."""
    path = SCHEMAS / f"{machine_files.SCHEMA_VERSION}.json"
    with figures.current() as published:
        found = machine_files.schema(published)
    assert found == json.loads(path.read_text(encoding="utf-8"))
