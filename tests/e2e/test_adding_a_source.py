"""`docs/adding_a_source.md`, followed literally in a copy of the project, leads from two files to published figures."""

from __future__ import annotations

import csv
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT, SECRET

SHARED = Path(os.environ.get("GMW_PUBLIC_DATA", PROJECT.parent / "shared" / "data"))
SURVEY_FILE = "somerville/SomervilleHappinessSurvey2015_utf8.csv"
QUESTIONS = {
    "D": "happiness",
    "X1": "information",
    "X2": "housing",
    "X3": "schools",
    "X4": "police",
    "X5": "streets",
    "X6": "events",
}
STEP = re.compile(r"^(?:`(?P<path>dbt_project/[^`]+)`\n\n)?```(?P<language>\w*)\n(?P<content>.*?)```", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GIVEN the public files of the page, or, where they are not at hand, invented ones of the same shape."""
    folder = tmp_path_factory.mktemp("examples")
    for name in ("somerville", "swiss_turnout"):
        if (SHARED / name).exists():
            shutil.copytree(SHARED / name, folder / name)
        else:
            (folder / name).mkdir()
    if not (folder / SURVEY_FILE).exists():
        dice = random.Random(1)
        answers = [[dice.randint(0, 1), *(dice.randint(1, 5) for _ in range(6))] for _ in range(60)]
        _write(folder / SURVEY_FILE, ",", [list(QUESTIONS), *answers, *answers[:9]])
        _invent_elections(folder / "swiss_turnout")
    return folder


def _invent_elections(folder: Path) -> None:
    """2023 mixes levels and has its columns in another order than 2019, which begins with a byte order mark."""
    communes = [(number, f"Gemeinde {number}", f"Kanton {number % 2}", 500 + number, 200 + number) for number in range(1, 31)]
    counts = ["wahlberechtigte", "eingelegte_wahlzettel", "gueltige_wahlzettel"]
    earlier = [["gemeinde_bezeichnung", "wahl_jahr", "kanton_bezeichnung", "gemeinde_nummer", *counts]]
    earlier += [[name, 2019, canton, number, eligible, cast, cast - 1] for number, name, canton, eligible, cast in communes]
    _write(folder / "NRW2019.csv", ";", earlier, "utf-8-sig")
    later = [["wahl_jahr", "ebene_resultat", "kanton_bezeichnung", "gemeinde_nummer", "gemeinde_bezeichnung", *counts]]
    later += [[2023, "Schweiz", "", "", "", 60000, 30000, 29000], [2023, "Kanton", "Kanton 1", "", "", 30000, 15000, 14500]]
    later += [
        [2023, "Gemeinde", canton, number, name, eligible, cast + 5, cast] for number, name, canton, eligible, cast in communes
    ]
    _write(folder / "NRW2023.csv", ";", later)


def _write(path: Path, delimiter: str, rows: list[list[object]], encoding: str = "utf-8") -> None:
    with open(path, "w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GIVEN a copy of the project, with the command line where `make setup` puts it."""
    copy = tmp_path_factory.mktemp("project")
    for name in ("ingest", "expectations", "exports", "orchestration", "dbt_project"):
        shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "target"))
    command = copy / ".venv" / "bin" / "gmw"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ingest.cli "$@"\n')
    command.chmod(0o755)
    return copy


def gmw(project: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run the command line of a copy of the project, on an installation of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(project),
        "GMW_HOME": str(home),
        "GMW_DROP_FOLDER": str(home / "drop"),
        "GMW_PERSON_KEY_SECRET": SECRET,
    }
    return subprocess.run(
        [sys.executable, "-m", "ingest.cli", *arguments], cwd=project, env=environment, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def followed(project: Path, files: Path) -> dict[str, str]:
    """WHEN the commands and the files of the page are followed from top to bottom. Returns what each block printed."""
    page = (PROJECT / "docs" / "adding_a_source.md").read_text(encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": str(project),
        "GMW_EXAMPLES_FOLDER": str(files),
        "GMW_HOME": str(project / "var" / "trial"),
    }
    for name in ("GMW_DROP_FOLDER", "GMW_PERSON_KEY_SECRET", "GMW_DBT_VARS"):
        environment.pop(name, None)
    printed = {}
    for step in STEP.finditer(page):
        if step["path"]:
            assert (project / step["path"]).exists(), f"{step['path']} was not proposed"
            (project / step["path"]).write_text(step["content"], encoding="utf-8")
        else:
            assert not step["language"]
            done = subprocess.run(
                ["bash", "-e", "-c", step["content"]], cwd=project, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{step['content']}\n{done.stdout}\n{done.stderr}"
            printed[step["content"]] = done.stdout
    return printed


def output_of(followed: dict[str, str], command: str) -> str:
    """What the first block with a command printed."""
    return next(text for block, text in followed.items() if command in block)


def test_the_proposal_says_what_a_person_must_look_at(followed: dict[str, str]) -> None:
    proposed = output_of(followed, "source add turnout")
    assert "rows of" in proposed and "those that are totals of others count twice" in proposed
    assert "closed_date: no column gives it" in proposed
    assert "kind is 'owners_assembly' in every row" in proposed


def test_the_check_shows_what_loads_and_what_staging_uses(followed: dict[str, str], files: Path) -> None:
    respondents = len((files / SURVEY_FILE).read_text(encoding="utf-8").splitlines()) - 1
    checked = output_of(followed, "source check happiness")
    assert f"{respondents} rows in = {respondents} loaded + 0 quarantined + 0 skipped" in checked
    assert re.search(rf"stg_happiness__answer\s*│ {respondents * len(QUESTIONS)}\s*│ 0", checked), checked


def test_the_means_of_the_survey_are_those_of_the_file(followed: dict[str, str], files: Path) -> None:
    with open(files / SURVEY_FILE, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    published = output_of(followed, "S04.mean")
    for header, question in QUESTIONS.items():
        mean = sum(int(row[header]) for row in rows) / len(rows)
        assert re.search(rf"happiness\.{question}\s*│\s*{round(mean, 6)} │\s*{len(rows)} ", published), (
            question,
            mean,
            published,
        )
    if (SHARED / "somerville").exists():
        assert "0.538462" in published and "4.314685" in published and "4.216783" in published and " 143 " in published


def test_the_turnout_counts_communes_once(followed: dict[str, str], files: Path) -> None:
    published = output_of(followed, "S04.mean")
    for year in ("2019", "2023"):
        with open(files / "swiss_turnout" / f"NRW{year}.csv", encoding="utf-8-sig", newline="") as file:
            communes = [row for row in csv.DictReader(file, delimiter=";") if row.get("ebene_resultat", "Gemeinde") == "Gemeinde"]
        eligible, cast = (sum(int(row[column]) for row in communes) for column in ("wahlberechtigte", "eingelegte_wahlzettel"))
        assert re.search(rf"{year}-01-01\s*│\s*{round(100 * cast / eligible, 6)} │\s*{eligible} ", published), published
    if (SHARED / "swiss_turnout").exists():
        assert "46.639787" in published and "45.109776" in published


def test_what_the_page_says_of_the_fixtures_is_so(followed: dict[str, str], project: Path) -> None:
    for source in ("happiness", "turnout"):
        fixtures = project / "tests" / "fixtures" / source
        (valid,), (invalid,) = (list((fixtures / kind).iterdir()) for kind in ("valid", "invalid"))
        loaded = gmw(project, project / "var" / "other", "source", "check", source, str(valid))
        assert "0 quarantined" in loaded.stdout and loaded.returncode == 0, loaded.stdout + loaded.stderr
        refused = gmw(project, project / "var" / "other", "source", "check", source, str(invalid))
        assert refused.returncode == 1 or "0 quarantined" not in refused.stdout, refused.stdout
