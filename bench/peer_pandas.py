"""What people would write instead: the same KPI values in pandas, from the same files.

`python -m bench.peer_pandas FILES DATABASE` leaves them in the table `kpi` of a database file, to be compared. Plain groupby and
merge; what does not fit into memory at once (people and cases, at every level and in every period) is done level by level.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import pandas

from bench import peer_pandas_people as of_people
from bench import peer_pandas_topics as topics
from bench.peer_pandas_money import money
from bench.product import measured


def run(files: Path, database: Path) -> None:
    """Compute the values of a workload. Args: files: its folder. database: takes the table `kpi`; does not exist yet."""
    read = of_people.read
    places = read(files, "place")
    kpis = of_people.Kpis(places)
    participations = read(files, "participation")
    attendances = of_people.attendances(kpis, participations)
    of_people.people(kpis, participations, read(files, "population"), places)
    del participations
    events = read(files, "event")
    cases = topics.known_cases(read(files, "matter"), events)
    topics.case_counts(kpis, cases)
    topics.durations(kpis, cases)
    topics.backlog(kpis, cases)
    topics.stays(kpis, cases, events)
    topics.answers(kpis, read(files, "response"))
    money(kpis, read(files, "movement"), attendances)
    found = pandas.concat(kpis.found, ignore_index=True)
    with duckdb.connect(str(database)) as connection:
        connection.register("found", found)
        connection.execute("create table kpi as select * replace (period_start::date as period_start) from found").complete()


if __name__ == "__main__":
    measured(lambda: run(Path(sys.argv[1]), Path(sys.argv[2])))
