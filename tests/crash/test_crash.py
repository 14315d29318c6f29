"""A short `make crash`: real files and toy marts, killed in every step that needs no dbt, end as those that nobody disturbed."""

from __future__ import annotations

import os
import random
from pathlib import Path

from exports.export import export
from exports.publication import publish
from ingest import warehouse
from tests.conftest import Sample
from tests.crash import results, runs
from tests.crash.lives import Life, Stage, kill_once, must, table, warm_up
from tests.crash.small_project import THEN, copy_home, deliver, make_project, using
from tests.integration.test_publication import build_toy

INGEST = ("land", "load", "gate_raw", "load", "land", "gate_raw")
LATER = ("publish", "publish", "publish", "export", "export", "export")


def test_a_pipeline_that_is_killed_twelve_times_ends_as_one_that_nobody_disturbed(sample: Sample, tmp_path: Path) -> None:
    seed = int(os.environ.get("GMW_CRASH_SEED", "1"))
    stage = _stage(sample, tmp_path)
    dice, life, home, log = random.Random(seed), Life(0), tmp_path / "home", tmp_path / "log"
    copy_home(stage.homes["land"], home)
    with using(stage.project, home, stage.drop):
        for step in INGEST:
            kill_once(stage, life, step, "land", "", dice, log, until="gate_raw")
        must(runs.run("arrived", log, until="gate_raw"))
        start = "publish"
        for step in LATER:
            start, _ = kill_once(stage, life, step, start, "toy-2", dice, log)
        must(runs.run("toy-2", log, start))
        differences = results.differences(home, stage.undisturbed)
    print(f"seed {seed}\n{table([life])}")
    assert (life.faults, differences) == ([], []), f"seed {seed}: {life.kills}"
    assert len(life.kills) == len(INGEST + LATER)


def _stage(sample: Sample, folder: Path) -> Stage:
    """GIVEN one toy run that is published, another one that is gated, and files that have arrived."""
    project, drop, home = make_project(folder / "project"), folder / "drop", folder / "undisturbed"
    deliver(sample.raw, drop, THEN)
    homes = {"land": folder / "before", "publish": folder / "before_publish", "export": folder / "before_export"}
    with using(project, home, drop):
        warm_up()
        build_toy("toy-1")
        publish("toy-1")
        export()
        before = results.published(home)
        build_toy("toy-2", more=1)
        with warehouse.writer("the files of the toy are invented") as connection:
            connection.execute("delete from ops.file; delete from ops.batch")
        arrived = must(runs.run("arrived", folder / "stage.log", copies=homes, until="gate_raw"))
        measured = must(runs.run("toy-2", folder / "stage.log", "publish", copies=homes))
        measured.steps |= arrived.steps
        measured.events |= arrived.events
        return Stage(project, drop, homes, home, "toy-2", measured, before, results.published(home))
