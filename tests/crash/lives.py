"""Lives of an installation: killed several times, then left alone; at the end it has to be what an undisturbed one is.

    python -m tests.crash.lives [--points 210] [--seed N] [--processes 2] [--keep FOLDER]

Every kill is SIGKILL to the whole process group (dbt and the reader of workbooks included), at a random moment or at a random
point of the code. The run after a kill is killed itself, later or at the same step; the last one of a life is left alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from ingest.settings import settings
from samples.make_samples import write_all
from tests.crash import results, runs
from tests.crash.runs import STEPS, Kill, Ran
from tests.crash.small_project import FIRST, THEN, copy_home, deliver, make_project, using

INGEST = STEPS[:3]
# How often a life is killed: in each of the steps before the build, in the build, in a later step. What costs most is a build: it
# is in the last run of the former two.
INGEST_KILLS, BUILD_KILLS, LATER_KILLS = 10, 10, 5
TRIES = 6


@dataclass
class Stage:
    """Everything that lives are compared with and begin from. `homes`: step → an installation in which it is the next to run."""

    project: Path
    drop: Path
    homes: dict[str, Path]
    undisturbed: Path
    run_id: str
    measured: Ran
    before: str
    after: str


@dataclass(frozen=True)
class Plan:
    """One life. `steps`: in which to kill, one after the other. `is_whole`: whether the last run is one from the first step on, or
    goes on from the step that was killed, as a scheduler does."""

    number: int
    seed: int
    steps: tuple[str, ...]
    is_whole: bool


@dataclass
class Life:
    """What became of a life. `kills`: (step in which it was killed, how)."""

    number: int
    kills: list[tuple[str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notices: int = 0
    seconds: float = 0.0


def set_the_stage(folder: Path) -> Stage:
    """Make the project, publish a first version, and run once undisturbed when more files have arrived, with a copy before each
    step. Args: folder: empty."""
    raw, drop, home = folder / "samples" / "raw", folder / "drop", folder / "home"
    write_all(folder / "samples")
    project = make_project(folder / "project")
    homes = {step: folder / f"before_{step}" for step in ("land", "gate_marts", "publish", "export")}
    deliver(raw, drop, FIRST)
    with using(project, home, drop):
        warm_up()
        must(runs.run("first", folder / "stage.log"))
        before = results.published(home)
        deliver(raw, drop, THEN)
        measured = must(runs.run("undisturbed", folder / "stage.log", copies=homes))
        after = results.published(home)
    assert before != after, "what arrives has to change the figures"
    return Stage(project, drop, homes, home, "undisturbed", measured, before, after)


def warm_up() -> None:
    """Import once what every run imports: the runs are forked from here."""
    import exports.dashboard
    import exports.export
    import exports.workbook  # noqa: F401
    import ingest.run  # noqa: F401
    from expectations import gate, mart_suite, raw_suite, runner  # noqa: F401

    runner.context()


def must(ran: Ran) -> Ran:
    """A run that came to its end. Raises: RuntimeError when it did not."""
    if ran.failure or ran.was_killed:
        raise RuntimeError(f"an undisturbed run failed in {ran.last}: {ran.failure}")
    return ran


def plans(points: int, seed: int) -> list[Plan]:
    """Lives with at least so many kills in all, the same number in each step.

    A life is killed several times in each of land, load and gate_raw, in any order, or in one of the later steps.
    """
    dice, each = random.Random(seed), -(-points // len(STEPS))
    shapes = []
    for done in range(0, each, INGEST_KILLS):
        steps = [*INGEST] * min(INGEST_KILLS, each - done)
        shapes.append(tuple(dice.sample(steps, len(steps))))
    for step in STEPS[3:]:
        kills = BUILD_KILLS if step == "build" else LATER_KILLS
        shapes += [(step,) * min(kills, each - done) for done in range(0, each, kills)]
    return [
        Plan(number, dice.randrange(2**32), steps, steps[0] in STEPS[:4] or dice.random() < 0.2)
        for number, steps in enumerate(shapes)
    ]


def live(stage: Stage, plan: Plan, folder: Path) -> Life:
    """Live one life, and compare what is left of it with the undisturbed installation."""
    dice, life, started = random.Random(plan.seed), Life(plan.number), time.monotonic()
    home, log = folder / "home", folder / "log"
    folder.mkdir(parents=True)
    start = plan.steps[0] if plan.steps[0] in stage.homes else "land"
    copy_home(stage.homes[start], home)
    run_id = stage.run_id
    with using(stage.project, home, stage.drop):
        for step in plan.steps:
            start, run_id = kill_once(stage, life, step, start, run_id, dice, log)
            if life.faults:
                break
        if not life.faults:
            if plan.is_whole or start == "land":
                start, run_id = "land", f"life-{plan.number}-last"
            ran = runs.run(run_id, log, start)
            if ran.failure or ran.was_killed:
                life.faults.append(f"the undisturbed run at the end failed in {ran.last}: {ran.failure}")
            else:
                life.faults += results.differences(home, stage.undisturbed)
    life.notices = notices(log)
    life.seconds = time.monotonic() - started
    if not life.faults:
        shutil.rmtree(folder)
    return life


def kill_once(
    stage: Stage, life: Life, step: str, start: str, run_id: str, dice: random.Random, log: Path, until: str = ""
) -> tuple[str, str]:
    """Run from the step `start` on and kill in `step`; then everything has to be consistent, and readers see a whole version.

    Returns: the step from which the next run has to go on, and its run. What is wrong is added to the faults of the life.
    """
    for number in range(TRIES):
        if start == "land":
            run_id = f"life-{life.number}-{len(life.kills)}-{number}"
        kill = _draw(stage.measured, step, dice, 0.8**number)
        ran = runs.run(run_id, log, start, kill, until=until)
        if ran.failure:
            life.faults.append(f"the run before kill {len(life.kills) + 1} failed in {ran.last}: {ran.failure}")
            return start, run_id
        life.faults += [f"after a kill in {ran.last}: {fault}" for fault in results.inconsistencies(settings().home)]
        if results.published(settings().home) not in (stage.before, stage.after):
            life.faults.append(f"after a kill in {ran.last} readers see other figures than before or after")
        if ran.was_killed:
            life.kills.append((ran.last[0], "point" if kill.event and ran.last[0] == kill.step else "moment"))
            return (ran.last[0] if ran.last[0] in stage.homes else "land"), run_id
        start = step if step in stage.homes else "land"  # it was faster than the kill: once more
    life.faults.append(f"{TRIES} runs ended before they were killed in {step}")
    return start, run_id


def notices(log: Path) -> int:
    """How often a run has told that it took over a lock."""
    return log.read_text(encoding="utf-8", errors="replace").count("was left by process") if log.exists() else 0


def _draw(measured: Ran, step: str, dice: random.Random, sooner: float) -> Kill:
    """A moment or a point in a step, of one of the sources where the step has some; `sooner` than at its end."""
    at = dice.choice(sorted(key for key in measured.events if key[0] == step))
    if dice.random() < 0.5:
        return Kill(*at, after=dice.uniform(0, measured.steps[at]) * sooner)
    return Kill(*at, event=max(1, round(dice.randint(1, measured.events[at]) * sooner)))


def table(lives: list[Life]) -> str:
    """Kills per step, and how many of the lives that they were part of ended as the undisturbed one."""
    lines = ["| step | kills | at a moment | at a point | equal |", "|---|---|---|---|---|"]
    rows = [(step, how, not life.faults) for life in lives for step, how in life.kills]
    for step in (*STEPS, "all"):
        own = [row for row in rows if step in (row[0], "all")]
        moments, equal = sum(row[1] == "moment" for row in own), sum(row[2] for row in own)
        lines.append(f"| {step} | {len(own)} | {moments} | {len(own) - moments} | {equal} of {len(own)} |")
    return "\n".join(lines)


def main() -> int:
    """Run the lives; print the table. Returns 1 when one of them ended otherwise than the undisturbed one."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--points", type=int, default=210)
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--life", type=int, help="only this one, of that seed")
    options.add_argument("--keep", type=Path, help="an empty folder to work in, which is kept")
    chosen = options.parse_args()
    started, folder = time.monotonic(), chosen.keep or Path(tempfile.mkdtemp(prefix="gmw-crash-"))
    stage = set_the_stage(folder)
    todo = [plan for plan in plans(chosen.points, chosen.seed) if chosen.life in (None, plan.number)]
    print(f"seed {chosen.seed}: {len(todo)} lives; the stage took {time.monotonic() - started:.0f} s", flush=True)
    lives = []
    with multiprocessing.get_context("fork").Pool(chosen.processes) as pool:
        for life in pool.imap_unordered(_live, [(stage, plan, folder / "lives" / str(plan.number)) for plan in todo]):
            lives.append(life)
            killed = ", ".join(f"{step} ({how})" for step, how in life.kills)
            print(f"life {life.number}: killed in {killed}; {life.seconds:.0f} s", *life.faults, sep="\n    ", flush=True)
    print(f"\nseed {chosen.seed}, {time.monotonic() - started:.0f} s, {sum(life.notices for life in lives)} locks taken over\n")
    print(table(lives))
    failed = any(life.faults for life in lives)
    if not failed and not chosen.keep:
        shutil.rmtree(folder)
    elif failed:
        print(f"\nwhat is left of the lives that ended otherwise: {folder / 'lives'}; again: --seed {chosen.seed} --life N")
    return int(failed)


def _live(arguments: tuple[Stage, Plan, Path]) -> Life:
    return live(*arguments)


if __name__ == "__main__":
    sys.exit(main())
