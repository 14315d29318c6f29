"""The generator of the demonstration district: the same seed gives the same bytes, what it draws is consistent, and it scales."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from ingest.declaration import declarations
from samples import catalogue
from samples.atlas import Atlas
from samples.make_samples import make_world
from samples.sources import IN_ORDER
from samples.world import DATA_END, FIRST_DAY, UNKNOWN, Size, World
from tests.conftest import PROJECT, Sample

LAST_DAY = DATA_END - timedelta(days=1)


@pytest.fixture(scope="module")
def world(sample: Sample) -> World:
    return sample.world


@pytest.fixture(scope="module")
def atlas(world: World) -> Atlas:
    return Atlas(world.places)


def located(world: World) -> list[tuple[str, str, object]]:
    """(What it is, place, day) of every record that has a place and a day."""
    return [
        *(("population", one.place, one.as_of) for one in world.populations),
        *(("activity", one.place, one.day) for one in world.activities),
        *(("participation", one.place, one.day) for one in world.participations),
        *(("points", one.place, one.posted.date()) for one in world.points),
        *(("case", one.place, one.opened.date()) for one in world.cases),
        *(("vote", one.place, one.day) for one in world.votes),
        *(("survey", one.place, one.closed) for one in world.surveys),
        *(("answer", answer.place, survey.closed) for survey in world.surveys for answer in survey.answers),
        *(("evaluation", one.place, one.day) for one in world.evaluations),
        *(("money", one.place, one.day) for one in world.money),
    ]


def test_the_same_seed_gives_the_same_bytes_and_the_same_truth(sample: Sample, tmp_path: Path) -> None:
    again = make_world(tmp_path)
    assert again == sample.world
    for path in tmp_path.rglob("*.*"):
        assert path.read_bytes() == (sample.raw / path.relative_to(tmp_path)).read_bytes(), path.name


def test_another_seed_gives_another_district(sample: Sample, tmp_path: Path) -> None:
    assert make_world(tmp_path, seed=1).cases != sample.world.cases


def test_a_workbook_bears_no_time_of_its_making(sample: Sample) -> None:
    for path in sample.raw.rglob("*.xlsx"):
        with zipfile.ZipFile(path) as package:
            assert {entry.date_time for entry in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_every_file_belongs_to_a_declared_source_and_every_source_has_files(sample: Sample) -> None:
    patterns = {source.connector.pattern for source in declarations() if getattr(source.connector, "root", None) == "drop"}
    files = [str(path.relative_to(sample.raw)) for path in sample.raw.rglob("*") if path.is_file()]
    assert [name for name in files if not any(Path(name).match(pattern) for pattern in patterns)] == []
    assert [pattern for pattern in patterns if not any(Path(name).match(pattern) for name in files)] == []


def test_every_place_exists_on_the_day_of_what_happens_there(world: World, atlas: Atlas) -> None:
    assert [one for one in located(world) if one[1] != UNKNOWN and not atlas.exists(one[1], one[2])] == []


def test_everything_happens_within_the_two_years(world: World) -> None:
    assert [one for one in located(world) if one[0] != "population" and not FIRST_DAY <= one[2] <= LAST_DAY] == []


def test_every_place_hangs_below_one_that_exists_as_long(world: World, atlas: Atlas) -> None:
    for place in world.places:
        for day in (place.valid_from or FIRST_DAY, (place.valid_to or DATA_END) - timedelta(days=1)):
            assert place.parent is None or atlas.exists(place.parent, day), place


def test_a_boundary_change_ends_the_old_place_and_begins_the_new_one(world: World, atlas: Atlas) -> None:
    kinds = Counter(change.change_type for change in world.place_changes)
    assert kinds == {"merge": 2, "split": 2, "transfer": 2, "rename": 1}
    for change in world.place_changes:
        eve = change.effective_date - timedelta(days=1)
        before, after = atlas.at(change.old, eve), atlas.at(change.new, change.effective_date)
        if change.change_type in ("merge", "split"):
            assert not atlas.exists(change.old, change.effective_date) and not atlas.exists(change.new, eve)
        elif change.change_type == "transfer":
            assert before.parent != after.parent and before.name == after.name
        else:
            assert before.name != after.name and before.parent == after.parent


def test_age_bands_and_sexes_add_up_to_the_permanent_population(world: World) -> None:
    counts: dict[tuple, dict[str, int]] = {}
    for one in world.populations:
        counts.setdefault((one.place, one.as_of), {})[one.measure] = one.value
    for key, measures in counts.items():
        bands = sum(value for measure, value in measures.items() if measure.startswith("permanent_age_"))
        assert bands == measures["permanent_male"] + measures["permanent_female"] == measures["permanent"], key


def test_every_kind_of_a_record_is_one_that_its_process_leaves(world: World) -> None:
    records = {"activity": world.activities, "case": world.cases, "money": world.money, "survey": world.surveys,
               "vote": world.votes, "participation": world.participations, "points": world.points, "role": world.roles,
               "evaluation": world.evaluations, "organisation": world.organisations}  # fmt: skip
    foreign = {(one.process_code, f"{record}.{one.kind}") for record, rows in records.items() for one in rows
               if one.process_code and f"{record}.{one.kind}" not in catalogue.KINDS[one.process_code]}  # fmt: skip
    assert foreign == set()


def test_every_process_that_is_held_anywhere_is_held_in_the_district(world: World) -> None:
    assert set(catalogue.leaving("activity")) <= {(one.process_code, one.kind) for one in world.activities}


def test_a_case_that_is_open_has_no_end_and_no_rating(world: World) -> None:
    assert [one for one in world.cases if one.outcome == "open" and (one.ended or one.rating)] == []


def test_a_case_names_a_session_that_was_held_on_the_day_it_was_raised(world: World) -> None:
    held = {one.activity_id: one for one in world.activities}
    assert [one for one in world.cases if one.activity_id and held[one.activity_id].day != one.opened.date()] == []
    assert sum(one.activity_id is not None for one in world.cases) > 100


def test_ids_are_given_once(world: World) -> None:
    for ids in ([one.activity_id for one in world.activities], [one.case_id for one in world.cases],
                [one.participation_id for one in world.participations]):  # fmt: skip
        assert len(ids) == len(set(ids))


def test_every_fault_of_the_readme_stands_in_the_files_as_often_as_it_says(world: World) -> None:
    text = (PROJECT / "samples" / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| `(\w+)` \| ([^|]+?) \| (\d+) \|", text, re.MULTILINE)
    assert {(source, fault): int(rows) for source, fault, rows in lines} == world.dirt


def test_three_times_the_factor_is_three_times_as_much_and_more_communities_are_possible(world: World, tmp_path: Path) -> None:
    larger = make_world(tmp_path / "factor", size=Size(factor=3))
    assert 2.5 * len(world.cases) < len(larger.cases) < 3.5 * len(world.cases)
    wider = make_world(tmp_path / "communities", size=Size(communities=30))
    assert len(Atlas(wider.places).on("community", FIRST_DAY)) == 30
    assert 2.5 * len(world.cases) < len(wider.cases) < 4 * len(world.cases)


def test_fewer_communities_than_the_story_needs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected 9 to .* communities, found 3"):
        make_world(tmp_path, size=Size(communities=3))


def test_a_source_is_one_module_and_one_folder(sample: Sample) -> None:
    modules = {path.stem for path in (PROJECT / "samples" / "sources").glob("*.py")} - {"__init__"}
    assert modules == set(IN_ORDER)
    assert {path.name for path in sample.raw.iterdir()} == modules | {"published_figures"}
