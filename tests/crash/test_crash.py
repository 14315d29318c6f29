"""A short `make crash`: one installation, killed in every step, ends as one that nobody disturbed."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from tests.crash.lives import live, one_of_all_steps, set_the_stage, table
from tests.crash.runs import STEPS


def test_an_installation_that_is_killed_in_every_step_ends_as_one_that_nobody_disturbed(tmp_path: Path) -> None:
    seed = int(os.environ.get("GMW_CRASH_SEED", "1"))
    stage = set_the_stage(tmp_path / "stage", with_history=False)
    life = live(stage, one_of_all_steps(seed), tmp_path / "life")
    print(f"seed {seed}\n{table([life])}")
    assert life.faults == [], f"seed {seed}: {life.kills}"
    assert len(life.kills) == len(one_of_all_steps(seed).steps)
    assert len(set(Counter(step for step, _ in life.kills))) >= len(STEPS) - 1  # a moment may come after its step
    assert life.notices >= 1
