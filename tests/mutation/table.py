"""The table of what the gates caught, in docs/testing.md: `make mutations`.

    python -m tests.mutation.table [HOME] [--write]

puts each fault by itself into a copy of a built demonstration district (HOME; without it, one is built first).
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.mutation.mutation import Mutation

PAGE = Path(__file__).resolve().parents[2] / "docs" / "testing.md"
BEGIN, END = "<!-- written by make mutations -->\n", "<!-- end of mutations -->\n"
HEAD = "| rule | suite | fault | caught by | severity | |\n|---|---|---|---|---|---|\n"


def line(mutation: Mutation, severity: str, integrity: str | None, why_missed: str) -> str:
    """One line of the table."""
    verdict = f"**missed**: {why_missed}" if why_missed else "caught"
    return f"| {integrity or ''} | {mutation.suite} | {mutation.fault} | {mutation.caught_by} | {severity} | {verdict} |\n"


def render(found: list) -> str:
    """The table of some outcomes (`tests.mutation.run.Outcome`)."""
    caught = sum(not outcome.why_missed for outcome in found)
    suites = len({outcome.mutation.suite for outcome in found})
    head = f"{len(found)} faults in {suites} suites: {caught} caught, {len(found) - caught} missed.\n\n"
    lines = (line(outcome.mutation, outcome.severity, outcome.integrity, outcome.why_missed) for outcome in found)
    return head + HEAD + "".join(lines)


def written() -> str:
    """The table as the page has it."""
    return PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]


def main() -> int:
    """Judge every mutation by itself, print the table or write it. Returns: 1 when one was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", nargs="?", type=Path, help="GMW_HOME of a built demonstration district")
    parser.add_argument("--write", action="store_true", help="put the table into docs/testing.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        found = _judge(Path(folder), options.home)
    table = render(found)
    print(table)
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(page.split(BEGIN)[0] + BEGIN + table + END + page.split(END)[1], encoding="utf-8")
    return int(any(outcome.why_missed for outcome in found))


def _judge(folder: Path, home: Path | None) -> list:
    from ingest import warehouse
    from ingest.run import run_all
    from samples.make_samples import write_all
    from tests.conftest import SECRET
    from tests.mutation.run import outcomes

    os.environ.update(GMW_HOME=str(folder / "home"), GMW_DROP_FOLDER=str(folder / "raw"), GMW_PERSON_KEY_SECRET=SECRET)
    if home:
        shutil.copytree(home, folder / "home", symlinks=True)
    else:
        write_all(folder)
        run_all("mutations", None, print, print)
    with warehouse.writer("mutations") as connection:
        return outcomes(connection, together=False)


if __name__ == "__main__":
    sys.exit(main())
