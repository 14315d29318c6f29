"""The cases, answers and money of the pandas script (`bench.peer_pandas`)."""

from __future__ import annotations

import numpy
import pandas

from bench.peer_pandas_people import CELL, END, Kpis, month_of

MEMBER = ["breakdown_type", "breakdown_value"]
SUBJECT = [*CELL, *MEMBER]
SCORES = {"非常满意": 5, "满意": 4, "一般": 3, "不满意": 2, "非常不满意": 1}
OUTCOMES = {"在办": "open", "办结": "resolved", "不予受理": "rejected", "撤回": "withdrawn"}
STEPS = {"RAISED": 1, "TRIAGED": 2, "ASSIGNED": 6, "ESCALATED": 7, "RESOLVED": 8, "REJECTED": 9, "WITHDRAWN": 10}
MINUTES = 24 * 60
AGES = ["0-7", "8-30", "31-90", "90+"]


def members(rows: pandas.DataFrame, breakdowns: list[str]) -> pandas.DataFrame:
    """Each row once for the total and once for each breakdown."""
    copies = [rows.assign(breakdown_type="none", breakdown_value="total")]
    return pandas.concat(
        copies + [rows.assign(breakdown_type=name, breakdown_value=rows[name]) for name in breakdowns], ignore_index=True
    )


def minutes_between(start: pandas.Series, end: pandas.Series) -> pandas.Series:
    """Whole minutes from one moment to another."""
    return (end - start) // pandas.Timedelta(minutes=1)


def known_cases(cases: pandas.DataFrame, events: pandas.DataFrame) -> pandas.DataFrame:
    """One row per case with what its changes of state tell."""
    events = events.assign(is_escalated=events.state == "ESCALATED", resolved_at=events["at"].where(events.state == "RESOLVED"))
    history = events.groupby("case_no").agg(is_escalated=("is_escalated", "max"), resolved_at=("resolved_at", "min")).reset_index()
    cases = cases.merge(history, on="case_no", how="left").rename(columns={"place_code": "community"})
    cases["kind"] = cases.kind.map({"诉求": "issue", "建议": "suggestion"})
    cases["outcome"] = cases.result.map(OUTCOMES)
    cases["month"] = month_of(cases.created_at)
    cases["minutes"] = minutes_between(cases.created_at, cases.finished_at.fillna(END))
    cases["day"] = cases.created_at.dt.normalize()
    cases = cases.sort_values(["community", "kind", "category", "created_at", "case_no"])
    before = cases.groupby(["community", "kind", "category"]).day.shift()
    cases["is_repeated"] = (cases.day - before) <= pandas.Timedelta(days=30)
    return cases


def case_counts(kpis: Kpis, cases: pandas.DataFrame) -> None:
    """R01 to R04, R06's faults, R08, R10 to R12."""
    is_resolved = cases.outcome == "resolved"
    raised = cases[["community", "month", "category", "kind"]].assign(
        raised=1, resolved=is_resolved, rejected=cases.outcome == "rejected", withdrawn=cases.outcome == "withdrawn",
        open=cases.outcome == "open", on_time=is_resolved & (cases.finished_at.dt.normalize() <= cases.due_date),
        past=is_resolved | (cases.outcome == "open") & (cases.due_date < END - pandas.Timedelta(days=1)),
        escalated=cases.is_escalated,
        settled=is_resolved & ~cases.is_escalated, repeated=cases.is_repeated,
    )  # fmt: skip
    ended = cases[is_resolved]
    watched = cases[cases.resolved_at <= END - pandas.Timedelta(days=30)]
    rows = pandas.concat([
        raised,
        ended[["community", "category", "kind"]].assign(month=month_of(ended.finished_at), ended=1),
        watched[["community", "category", "kind"]].assign(month=month_of(watched.resolved_at), watched=1),
    ])  # fmt: skip
    counted = [column for column in rows if column not in ("community", "month", "category", "kind")]
    rows[counted] = rows[counted].astype("float64").fillna(0)
    base = rows.groupby(["community", "month", "category", "kind"])[counted].sum().reset_index()
    total = kpis.at_every_level(members(base, ["category", "kind"])).groupby(SUBJECT)[counted].sum().reset_index()
    total["none"] = 0.0
    there = total[total.raised > 0]
    for metric, column in (
        ("R01.raised", "raised"), ("R01.resolved", "resolved"), ("R01.rejected", "rejected"), ("R01.withdrawn", "withdrawn"),
        ("R01.cancelled", "none"), ("R01.referred_out", "none"), ("R01.open", "open"), ("R06.invalid_interval", "none"),
        ("R06.missing_end", "none"),
    ):  # fmt: skip
        kpis.add(metric, there, there[column], of=None)
    for metric, numerator, denominator, needs in (
        ("R02", "resolved", "raised", ["raised"]), ("R03", "ended", "raised", ["raised", "ended"]),
        ("R04", "on_time", "past", ["past"]), ("R04.closed", "on_time", "resolved", ["past"]),
        ("R08", "none", "watched", ["watched"]), ("R10", "none", "resolved", ["resolved"]),
        ("R11.escalated", "escalated", "raised", ["raised"]), ("R11.in_community", "settled", "resolved", ["resolved"]),
        ("R12", "repeated", "raised", ["raised"]),
    ):  # fmt: skip
        some = total[total[needs].sum(axis=1) > 0]
        kpis.add(metric, some, some[numerator], some[denominator], of=None)


def durations(kpis: Kpis, cases: pandas.DataFrame) -> None:
    """R05 by Kaplan–Meier, and R06."""
    rows = members(
        cases[["community", "month", "category", "kind", "minutes"]].assign(is_event=cases.outcome == "resolved"),
        ["category", "kind"],
    )
    for level in kpis.levels:
        at_place = rows.merge(level, on="community")
        for period in kpis.periods:
            sample = at_place.merge(period, on="month")[[*SUBJECT, "minutes", "is_event"]]
            times = sample.groupby([*SUBJECT, "minutes"]).is_event.agg(["size", "sum"]).reset_index()
            so_far = times.groupby(SUBJECT)["size"].cumsum()
            times["at_risk"] = times.groupby(SUBJECT)["size"].transform("sum") - so_far + times["size"]
            with numpy.errstate(divide="ignore"):
                times["survival"] = numpy.log(1 - times["sum"] / times.at_risk)
            times["survival"] = times.groupby(SUBJECT).survival.cumsum()
            total = sample.groupby(SUBJECT).agg(cases=("is_event", "size"), resolved=("is_event", "sum")).reset_index()
            for metric, share in (("R05.median", 0.5), ("R05.p90", 0.1)):
                reached = (
                    times[times.survival <= numpy.log(share + 1e-12)].groupby(SUBJECT).minutes.min().rename("minutes").reset_index()
                )
                quantile = total.merge(reached, on=SUBJECT, how="left")
                kpis.add(metric, quantile, quantile.resolved, quantile.cases, quantile.minutes / MINUTES, of=None)
            naive = sample[sample.is_event].groupby(SUBJECT).minutes.agg(["size", "median"]).reset_index()
            kpis.add("R06", naive, naive["size"], naive["size"], naive["median"] / MINUTES, of=None)


def backlog(kpis: Kpis, cases: pandas.DataFrame) -> None:
    """R07."""
    ends = kpis.period.drop(columns="month").drop_duplicates()
    ends["cutoff"] = ends.period_end.where(ends.period_end < END, END)
    since = cases[["community", "day"]].merge(kpis.place_up, on="community").groupby("place").day.min().reset_index()
    for cutoff, of_cutoff in ends.groupby("cutoff"):
        standing = cases[(cases.created_at < cutoff) & (cases.finished_at.fillna(END) >= cutoff)]
        age = minutes_between(standing.created_at, cutoff)
        band = numpy.select([age < 8 * MINUTES, age < 31 * MINUTES, age <= 90 * MINUTES], AGES[:3], AGES[3])
        found = (
            standing[["community"]].assign(age_band=band).merge(kpis.place_up, on="community").groupby(["place", "age_band"]).size()
        )
        known = since.merge(of_cutoff, how="cross")
        known = known[known.day < known.period_end].merge(pandas.DataFrame({"age_band": AGES}), how="cross")
        known = known.merge(found.rename("cases").reset_index(), on=["place", "age_band"], how="left").fillna({"cases": 0})
        kpis.add("R07", known, known.cases, of=("age_band", known.age_band))
        total = known.groupby(CELL).cases.sum().reset_index()
        kpis.add("R07", total, total.cases)


def stays(kpis: Kpis, cases: pandas.DataFrame, events: pandas.DataFrame) -> None:
    """R14."""
    events = events.assign(step=events.state.map(STEPS)).sort_values(["case_no", "at", "step"])
    events["minutes"] = minutes_between(events["at"], events.groupby("case_no")["at"].shift(-1))
    events = events.merge(cases[["case_no", "community", "month"]], on="case_no")
    events["state"] = "issue." + events.state.str.lower()
    for level in kpis.levels:
        at_place = events[events.minutes.notna()].merge(level, on="community")
        for period in kpis.periods:
            dwell = at_place.merge(period, on="month").groupby([*CELL, "state"]).minutes.agg(["size", "median"]).reset_index()
            kpis.add("R14.dwell", dwell, dwell["size"], dwell["size"], dwell["median"] / MINUTES, of=("state", dwell.state))
    followed = (
        kpis.at_every_level(cases.groupby(["community", "month"]).size().rename("followed").reset_index())
        .groupby(CELL)
        .followed.sum()
    )
    reached = events[["case_no", "community", "month", "state"]].drop_duplicates().groupby(["community", "month", "state"]).size()
    reached = kpis.at_every_level(reached.rename("reached").reset_index()).groupby([*CELL, "state"]).reached.sum().reset_index()
    told = (
        followed.reset_index()
        .merge(reached[["state"]].drop_duplicates(), how="cross")
        .merge(reached, on=[*CELL, "state"], how="left")
    )
    kpis.add("R14.reach", told, told.reached.fillna(0), told.followed, of=("state", told.state))


def answers(kpis: Kpis, responses: pandas.DataFrame) -> None:
    """S01, S03, S04, S08."""
    long = responses.melt(["wave", "place_code"], [f"q{number}" for number in range(1, 6)], "question", "answer")
    score = long.answer.map(SCORES)
    base = long[["wave", "place_code", "question"]].assign(
        valid=score.notna().astype(int),
        satisfied=(score >= 4).astype(int),
        scores=score.fillna(0),
        index=(25 * (score - 1)).fillna(0),
    )
    base = base.groupby(["wave", "place_code", "question"]).sum().reset_index().rename(columns={"place_code": "community"})
    base["question"] = "bench_survey." + base.question
    waves = responses.groupby("wave").submitted_at.agg(["min", "max"]).reset_index()
    waves["month"], waves["period_start"], waves["period_type"] = month_of(waves["max"]), waves["min"].dt.normalize(), "wave"
    periods = pandas.concat([waves[["wave", "month"]].merge(kpis.period, on="month"), waves])[
        ["wave", "period_type", "period_start"]
    ]
    total = base.merge(kpis.place_up, on="community").merge(periods, on="wave").groupby([*CELL, "question"])
    total = total[["valid", "satisfied", "scores", "index"]].sum().reset_index()
    district = periods.drop_duplicates(["period_type", "period_start"]).assign(place="990100")
    kpis.add("S01", district, pandas.Series(0.0, district.index), pandas.Series(0.0, district.index))
    for metric, column in (("S03", "satisfied"), ("S04.mean", "scores"), ("S04.index", "index")):
        kpis.add(metric, total, total[column], total.valid, of=("question", total.question))
    by_wave = total[total.period_type == "wave"].sort_values(["place", "question", "period_start"])
    change = (by_wave.satisfied / by_wave.valid.where(by_wave.valid > 0)).groupby([by_wave.place, by_wave.question]).diff()
    later = by_wave[by_wave.groupby(["place", "question"]).cumcount() > 0]
    kpis.add("S08", later, None, None, change[later.index], of=("question", later.question))
