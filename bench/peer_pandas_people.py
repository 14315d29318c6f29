"""The people of the pandas script (`bench.peer_pandas`), and what its topics share."""

from __future__ import annotations

from pathlib import Path

import pandas

from bench.limit import FILES

CELL = ["place", "period_type", "period_start"]
END = pandas.Timestamp("2026-10-01")
BANDS = ["0-17", "18-44", "45-59", "60+"]


def read(files: Path, table: str) -> pandas.DataFrame:
    """The rows of a table of the workload, dates and times read as such."""
    pattern, columns = FILES[table]
    frames = []
    for path in sorted(files.glob(pattern)):
        frame = pandas.read_csv(
            path, header=0, names=list(columns),
            dtype={name: "str" for name, kind in columns.items() if kind == "varchar"},
            parse_dates=[name for name, kind in columns.items() if kind in ("date", "timestamp")],
        )  # fmt: skip
        frames.append(frame.assign(wave=path.stem[-7:]) if table == "response" else frame)
    return pandas.concat(frames, ignore_index=True)


def month_of(days: pandas.Series) -> pandas.Series:
    """The first day of the month of each day."""
    return days.dt.to_period("M").dt.to_timestamp()


class Kpis:
    """The levels and periods of the workload, and the values found so far."""

    def __init__(self, places: pandas.DataFrame) -> None:
        codes = places.place_code[places.place_code.str.len() == 12]
        self.levels = [
            pandas.DataFrame({"community": codes, "place": above, "depth": depth})
            for depth, above in ((3, codes), (2, codes.str[:6]), (1, "990100"))
        ]
        self.place_up = pandas.concat(self.levels)
        months = pandas.Series(pandas.date_range("2024-10-01", "2026-09-01", freq="MS"))
        self.periods = []
        for name, length, code in (("month", 1, "M"), ("quarter", 3, "Q"), ("year", 12, "Y"), ("all", 24, None)):
            starts = months.dt.to_period(code).dt.start_time if code else pandas.Series(months[0], index=months.index)
            ends = starts + pandas.DateOffset(months=length)
            self.periods.append(
                pandas.DataFrame({"month": months, "period_type": name, "period_start": starts, "period_end": ends})
            )
        self.period = pandas.concat(self.periods)
        self.found: list[pandas.DataFrame] = []

    def at_every_level(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        """Rows with community and month, at every place above and in every period."""
        return frame.merge(self.place_up, on="community").merge(self.period, on="month")

    def add(self, metric: str, frame: pandas.DataFrame, numerator, denominator=None, value=None, of=("none", "total")) -> None:
        """Keep a value for each row of a frame with CELL. `of`: the breakdown and its members; None: as the frame says."""
        found = frame[CELL].copy()
        found["metric_code"] = metric
        found["breakdown_type"], found["breakdown_value"] = of or (frame.breakdown_type, frame.breakdown_value)
        found["numerator"], found["denominator"] = numerator, denominator
        if value is None:
            value = numerator if denominator is None else numerator / denominator.where(denominator > 0)
        found["value"] = value
        self.found.append(found.astype({"numerator": "float64", "denominator": "float64", "value": "float64"}))


def people(kpis: Kpis, rows: pandas.DataFrame, population: pandas.DataFrame, places: pandas.DataFrame) -> None:
    """P03, P04, P06, P07, P09, P11, P19."""
    rows = rows[rows.state.isin(["已签到", "已登记"])]
    person_no, _ = pandas.factorize(rows.person)
    seen = pandas.DataFrame({
        "person": person_no, "community": rows.place_code.to_numpy(), "month": month_of(rows.participation_date).to_numpy(),
        "attend": (rows.action == "参加").to_numpy(), "volunteer": (rows.action == "服务").to_numpy(),
        "deliberate": (rows.action == "议事").to_numpy(),
    })  # fmt: skip
    ages = pandas.Series(rows.age.to_numpy()).groupby(person_no).first()
    band = pandas.cut(ages, [-1, 17, 44, 59, 200], labels=BANDS).astype("str").to_numpy()
    first_month = seen.groupby("person").month.min().to_numpy()
    acts = ["attend", "volunteer", "deliberate"]
    monthly = (
        seen.groupby(["community", "month", "person"])
        .agg(occasions=("attend", "size"), **{act: (act, "max") for act in acts})
        .reset_index()
    )
    bands = inhabitants(kpis, population, places)
    shifts = rows.assign(person=person_no)[(rows.state == "已登记") & (rows.action == "服务")]
    for level in kpis.levels:
        at_place = monthly.merge(level, on="community")
        for period in kpis.periods:
            each = at_place.merge(period, on="month").groupby([*CELL, "person"])[["occasions", *acts]].agg(
                {"occasions": "sum", **{act: "max" for act in acts}}
            ).reset_index()  # fmt: skip
            each["is_first"] = first_month[each.person] >= each.period_start.to_numpy()
            each["is_repeater"] = each.occasions >= 2
            each["age_band"] = band[each.person]
            total = (
                each.groupby(CELL)
                .agg(
                    people=("person", "size"),
                    first=("is_first", "sum"),
                    again=("is_repeater", "sum"),
                    **{act: (act, "sum") for act in acts},
                )
                .reset_index()
            )
            kpis.add("P03", total, total.people)
            kpis.add("P06", total, total["first"], total.people)
            kpis.add("P07", total, total.again, total.people)
            for act in acts:
                of_act = total[total[act] > 0]
                kpis.add("P03", of_act, of_act[act], of=("action", act))
            by_band = each.groupby([*CELL, "age_band"]).agg(people=("person", "size")).reset_index()
            kpis.add("P03", by_band, by_band.people, of=("age_band", by_band.age_band))
            whole = total.merge(bands[bands.age_band == "total"], on="place")
            kpis.add("P04.pop", whole, whole.people, whole.population)
            rates = (
                total[CELL].merge(bands[bands.age_band != "total"], on="place").merge(by_band, on=[*CELL, "age_band"], how="left")
            )
            rates["people"] = rates.people.fillna(0)
            kpis.add("P04.pop", rates, rates.people, rates.population, of=("age_band", rates.age_band))
            rates["rate"] = rates.people / rates.population
            spread = rates.groupby(CELL).rate.agg(["min", "max"]).reset_index()
            kpis.add("P19", spread, spread["min"], spread["max"])
        volunteers(kpis, shifts, level)


def inhabitants(kpis: Kpis, population: pandas.DataFrame, places: pandas.DataFrame) -> pandas.DataFrame:
    """The permanent population of every place, in all and by age band."""
    counted = (
        population.rename(columns={"community": "place_name"})
        .merge(places, on="place_name")
        .rename(columns={"place_code": "community"})
    )
    names = {"permanent": "total", **{f"permanent_age_{band.replace('-', '_').replace('+', '_plus')}": band for band in BANDS}}
    long = counted.rename(columns=names).melt("community", list(names.values()), "age_band", "population")
    return long.merge(kpis.place_up, on="community").groupby(["place", "age_band"]).population.sum().reset_index()


def volunteers(kpis: Kpis, shifts: pandas.DataFrame, level: pandas.DataFrame) -> None:
    """P09 and P11 of the places of a level."""
    days = (
        shifts[["place_code", "participation_date", "person"]]
        .drop_duplicates()
        .rename(columns={"place_code": "community"})
        .merge(level, on="community")
    )
    ends = kpis.period.drop(columns="month").drop_duplicates()
    ends["cutoff"] = ends.period_end.where(ends.period_end < END, END)
    for cutoff, of_cutoff in ends.groupby("cutoff"):
        recent = days[(days.participation_date >= cutoff - pandas.Timedelta(days=90)) & (days.participation_date < cutoff)]
        active = recent.groupby("place").person.nunique().rename("people").reset_index().merge(of_cutoff, how="cross")
        kpis.add("P09", active, active.people)
    days["month"] = month_of(days.participation_date)
    for period in kpis.periods[:3]:
        here = days.merge(period, on="month")[["place", "person", "period_type", "period_start", "period_end"]].drop_duplicates()
        then = here[["place", "person", "period_start"]].rename(columns={"period_start": "period_end"}).assign(retained=1)
        before = here[here.period_end < END].merge(then, on=["place", "person", "period_end"], how="left")
        kept = (
            before.groupby(["place", "period_type", "period_end"])
            .agg(people=("person", "size"), retained=("retained", "sum"))
            .reset_index()
        )
        kept = kept.rename(columns={"period_end": "period_start"})
        kpis.add("P11", kept, kept.retained, kept.people)


def attendances(kpis: Kpis, rows: pandas.DataFrame) -> pandas.DataFrame:
    """P02, P08, P18. Returns: the attendances, for what they cost."""
    present, recorded = rows.state.isin(["已签到", "已登记"]), rows.state == "已登记"
    shift = recorded & (rows.action == "服务") & (rows.hours > 0) & (rows.hours <= 24)
    base = pandas.DataFrame({
        "community": rows.place_code, "month": month_of(rows.participation_date), "registered": 1, "attended": present.astype(int),
        "recorded": recorded.astype(int), "attendances": (present & (rows.action == "参加")).astype(int),
        "hours": rows.hours.where(shift).fillna(0), "shifts": shift.astype(int),
    }).groupby(["community", "month"]).sum().reset_index()  # fmt: skip
    total = (
        kpis.at_every_level(base)
        .groupby(CELL)[["registered", "attended", "recorded", "attendances", "hours", "shifts"]]
        .sum()
        .reset_index()
    )
    there = total[total.attendances > 0]
    kpis.add("P02", there, there.attendances)
    kpis.add("P02", there, there.attendances, of=("activity_type", "unknown"))
    served = total[total.shifts > 0]
    kpis.add("P08", served, served.hours)
    for stage, before in (("registered", "registered"), ("attended", "registered"), ("recorded", "attended")):
        reached = total[total[before] > 0]
        kpis.add("P18", reached, reached[stage], reached[before], of=("stage", stage))
    return there[[*CELL, "attendances"]]
