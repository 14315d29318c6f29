"""Keys of persons: one secret at a time, another one only by rotation, and ages only as bands."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from ingest import load as loader
from ingest import privacy, rotation, settings, warehouse
from ingest.build import build
from ingest.declaration import declaration
from ingest.landing import land
from ingest.load import load
from tests.conftest import rows_of
from tests.unit.arriving import ROW, issue_file

OTHER = "another secret of the tests, also long enough"
PEOPLE = ("张女士", "李先生", "张女士", "王阿姨")


@pytest.fixture
def loaded(drop: Path) -> Path:
    """GIVEN two loaded and accepted files in which three people raise four matters."""
    rows = [ROW.format(number, "").replace("张女士", name) for number, name in enumerate(PEOPLE, start=1)]
    issue_file(drop, "a.csv", *rows[:2])
    issue_file(drop, "b.csv", *rows[2:])
    land("issue_ledger")
    load("issue_ledger")
    with warehouse.writer("accept") as connection:
        connection.execute("update ops.batch set status = 'accepted'")
    return drop


def keys() -> list[str]:
    return [key for (key,) in rows_of("select raised_by from raw.issue_ledger order by case_no")]


def test_another_secret_is_refused_until_the_keys_are_rotated(loaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GMW_PERSON_KEY_SECRET", OTHER)
    with pytest.raises(privacy.OtherKeys, match="found 4 rows in 2 batches with keys of another one"):
        load("issue_ledger")
    with pytest.raises(privacy.OtherKeys, match="gmw rotate-key"):
        build("run")


def test_a_rotation_is_shown_before_it_is_done(loaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = keys()
    assert rotation.plan() == []
    monkeypatch.setenv("GMW_PERSON_KEY_SECRET", OTHER)
    assert [(file.file_name, file.rows, file.problem) for file in rotation.plan()] == [("a.csv", 2, ""), ("b.csv", 2, "")]
    assert keys() == before


def test_after_a_rotation_the_same_people_have_other_keys(loaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = keys()
    monkeypatch.setenv("GMW_PERSON_KEY_SECRET", OTHER)
    reports = rotation.rotate()
    after = keys()
    assert [report.rows_loaded for report in reports] == [2, 2]
    assert set(before) & set(after) == set()
    assert {key.split(":")[0] for key in after} == {privacy.key_version()}
    assert len(set(after)) == len(set(before)) == 3
    assert [before.index(key) for key in before] == [after.index(key) for key in after]
    assert rows_of("select distinct status from ops.batch") == [("loaded",)]
    assert rotation.plan() == []


def test_a_rotation_that_was_interrupted_goes_on_where_it_stopped(loaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GMW_PERSON_KEY_SECRET", OTHER)
    do, done = rotation.reload, []

    def one_file_only(*arguments):
        if done:
            raise KeyboardInterrupt
        done.append(do(*arguments))
        return done[0]

    monkeypatch.setattr(rotation, "reload", one_file_only)
    with pytest.raises(KeyboardInterrupt):
        rotation.rotate()
    monkeypatch.setattr(rotation, "reload", do)
    assert [file.file_name for file in rotation.plan()] == ["b.csv"]
    rotation.rotate()
    assert rotation.plan() == []
    assert len(set(keys())) == 3


def test_a_file_that_is_no_longer_in_the_landing_stops_a_rotation_before_it_begins(
    loaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keys()
    ((path,),) = rows_of("select landed_path from ops.file where file_name = 'b.csv'")
    (settings.settings().landing / path).unlink()
    monkeypatch.setenv("GMW_PERSON_KEY_SECRET", OTHER)
    with pytest.raises(rotation.RotationRefused, match="(?s)b.csv: expected it in the landing.*No key was changed"):
        rotation.rotate()
    assert keys() == before


def test_a_local_secret_is_made_once_and_on_demand_only(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GMW_PERSON_KEY_SECRET")
    with pytest.raises(RuntimeError, match="gmw secret create"):
        settings.person_key_secret()
    path = settings.create_secret()
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert settings.person_key_secret() == path.read_bytes()
    with pytest.raises(FileExistsError):
        settings.create_secret()


@pytest.mark.parametrize(
    ("age", "band"),
    [("0", "0-17"), ("17", "0-17"), ("18", "18-44"), ("44岁", "18-44"), ("45", "45-59"), ("59.5", "45-59"), ("60", "60+"),
     ("80多岁", "60+"), ("６５", "60+"), ("不详", "unknown"), ("-3", "unknown"), ("1956", "unknown"), ("999", "unknown"), (" ", None),
     (None, None)],
)
def test_an_age_is_kept_as_its_band_only(home: Path, age: str | None, band: str | None) -> None:
    connection = warehouse.in_memory()
    privacy.install(connection)
    assert connection.execute("select age_band(?)", [age]).fetchone() == (band,)


@pytest.mark.parametrize(
    ("born", "band"),
    [("2008-09-30", "18-44"), ("2008-10-01", "0-17"), ("1966年9月30日", "60+"), ("1966/10/1", "45-59"), ("19660930", "60+"),
     ("1966", "60+"), ("1966年", "60+"), ("2027-01-01", "unknown"), ("春天", "unknown"), ("", None)],
)
def test_a_birthday_is_kept_as_the_band_of_the_age_on_the_day_of_the_file(home: Path, born: str, band: str | None) -> None:
    connection = warehouse.in_memory()
    privacy.install(connection)
    assert connection.execute("select birth_date_band(?, ?)", [born, date(2026, 9, 30)]).fetchone() == (band,)


def test_ages_are_loaded_as_bands_and_health_not_at_all(drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GIVEN the issue ledger with an age in the place of the name and an illness in the place of the telephone."""
    source = declaration("issue_ledger")
    given = {"反映人": "age", "联系电话": "health"}
    columns = [
        column.model_copy(update={"personal": next((given[name] for name in column.headers if name in given), column.personal)})
        for column in source.columns
    ]
    monkeypatch.setattr(loader, "declaration", lambda name: source.model_copy(update={"columns": columns}))
    issue_file(drop, "a.csv", ROW.format(1, "").replace("张女士", "63岁").replace("19900001234", "糖尿病"))
    land("issue_ledger")
    (report,) = load("issue_ledger")
    assert rows_of("select raised_by from raw.issue_ledger") == [("60+",)]
    assert report.message.startswith("columns of health data, not loaded: ")
    with warehouse.reader() as connection:
        tables = connection.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
        assert "糖尿病" not in "".join(str(connection.execute(f"from {table}").fetchall()) for (table,) in tables)
