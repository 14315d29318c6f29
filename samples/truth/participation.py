"""The true participation KPIs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from samples.catalogue import seed
from samples.truth.common import LAST_DAY, Figures, Frame, Key, count, month_end, month_of, next_month, people, rate, sizes, tally
from samples.world import UNKNOWN, Activity, Participation

# The reference data that both sides share: holidays, recurrence rules.
PRESENT = {"attended", "recorded", "points_posted", "redeemed", "completed"}
QUALIFYING = {"attend", "volunteer", "vote", "propose", "deliberate", "donate"}
BANDS = {
    "0-17": "permanent_age_0_17",
    "18-44": "permanent_age_18_44",
    "45-59": "permanent_age_45_59",
    "60+": "permanent_age_60_plus",
}
DELIBERATION = {"tea_session", "meeting", "council", "joint_meeting", "hearing", "salon"}
TEAMS = {"volunteer_team", "resident_group", "culture_association"}
DECIDED = {"closed", "counted", "published", "filed"}
STEPS = {"invited": 1, "registered": 2, "attended": 3, "recorded": 4, "points_posted": 4, "redeemed": 4, "completed": 4, "absent": 2,
         "cancelled": 2}  # fmt: skip


def participation(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """All participation KPIs."""
    yield from activities(frame)
    yield from participants(frame)
    yield from hours(frame)
    yield from volunteers(frame)
    yield from points(frame)
    yield from votes(frame)
    yield from cadence(frame)
    yield from funnel(frame)
    yield from teams(frame)


def is_present(row: Participation) -> bool:
    """The row says that somebody was there."""
    return row.state in PRESENT


def attendances(frame: Frame) -> dict[str, int]:
    """Activity → its attendances: person rows, else counted groups, else the declared headcount; missing where nobody counted."""
    persons, groups = defaultdict(int), defaultdict(int)
    for row in frame.world.participations:
        if is_present(row) and row.action == "attend" and row.activity_id is not None:
            if row.person is not None:
                persons[row.activity_id] += 1
            elif row.head_count is not None:
                groups[row.activity_id] += row.head_count
    known = {}
    for activity in frame.world.activities:
        counted = persons.get(activity.activity_id, groups.get(activity.activity_id, activity.headcount))
        if counted is not None:
            known[activity.activity_id] = counted
    return known


def by(activity: Activity) -> dict[str, str | None]:
    """The breakdowns of activities held, but for the framework element."""
    return {"activity_type": activity.activity_type, "mode": activity.mode, "host_type": activity.host_type}


def activities(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """P01, P02, P05, P16, P17."""
    held, attended, with_attendance, known_sum, difference = tally(), tally(), tally(), tally(), tally()
    sessions, led, led_known, outliers, proposals = tally(), tally(), tally(), tally(), tally()
    known = attendances(frame)
    person_rows = defaultdict(int)
    there = {activity.activity_id: activity for activity in frame.world.activities}
    for row in frame.world.participations:
        if is_present(row) and row.action == "attend":
            if row.activity_id in there:
                person_rows[row.activity_id] += row.person is not None
            else:
                for cell in frame.cells(row.place, row.day, {"activity_type": None}):
                    attended[cell] += 1 if row.person is not None else row.head_count or 0
    sizes_of_type = defaultdict(list)
    for activity in frame.world.activities:
        if activity.state == "held" and activity.activity_id in known:
            sizes_of_type[activity.activity_type].append(known[activity.activity_id])
    fences = {kind: fence(numbers) for kind, numbers in sizes_of_type.items()}
    for activity in frame.world.activities:
        if activity.state != "held":
            continue
        for cell in frame.cells(activity.place, activity.day, by(activity) | {"framework_element": activity.framework_element}):
            held[cell] += 1
        number = known.get(activity.activity_id)
        for cell in frame.cells(activity.place, activity.day, {"activity_type": activity.activity_type}):
            if number is not None:
                attended[cell] += number
                known_sum[cell] += number
                with_attendance[cell] += 1
        limit = fences.get(activity.activity_type)
        is_outlier = number is not None and (
            activity.venue_capacity is not None and number > activity.venue_capacity or limit is not None and number > limit)
        for cell in frame.cells(activity.place, activity.day):
            if person_rows[activity.activity_id] and activity.headcount is not None:
                difference[cell] += activity.headcount - person_rows[activity.activity_id]
            outliers[cell] += is_outlier
            sessions[cell] += activity.kind in DELIBERATION
            if activity.is_resident_led is not None:
                led_known[cell] += 1
                led[cell] += activity.is_resident_led
    is_session = {key for key, activity in there.items() if activity.state == "held" and activity.kind in DELIBERATION}
    for case in frame.world.cases:
        if case.activity_id in is_session:
            session = there[case.activity_id]
            for cell in frame.cells(session.place, session.day):
                proposals[cell] += 1
    yield from count("P01", held)
    yield from count("P02", attended)
    yield from count("P02.difference", difference)
    yield from rate("P05", known_sum, with_attendance)
    yield from count("P05.outliers", outliers)
    yield from count("P16.sessions", sessions)
    yield from rate("P16.proposals", proposals, {cell: number for cell, number in sessions.items() if number})
    yield from rate("P17", led, led_known)


def fence(numbers: list[int]) -> float | None:
    """Q3 + 3 IQR of at least four numbers, quartiles by linear interpolation; None with fewer."""
    if len(numbers) < 4:
        return None
    numbers = sorted(numbers)

    def quantile(share: float) -> float:
        position = share * (len(numbers) - 1)
        low = math.floor(position)
        high = min(low + 1, len(numbers) - 1)
        return numbers[low] + (position - low) * (numbers[high] - numbers[low])

    return quantile(0.75) + 3 * (quantile(0.75) - quantile(0.25))


def participants(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """P03, P04, P06, P07, P19."""
    rows = [row for row in frame.world.participations if is_present(row) and row.action in QUALIFYING and row.person is not None]
    persons, households, occasions = people(), people(), defaultdict(lambda: defaultdict(set))
    first: dict[str, date] = {}
    for row in rows:
        first[row.person] = min(first.get(row.person, row.day), row.day)
        for cell in frame.cells(row.place, row.day, {"action": row.action}):
            persons[cell].add(row.person)
            if cell[3] == "none":
                occasions[cell][row.person].add(row.activity_id or row.participation_id)
                if row.household is not None:
                    households[cell].add(row.household)
    totals = {cell: members for cell, members in persons.items() if cell[3] == "none"}
    banded = people()
    bands = bands_known(frame)
    for cell, members in totals.items():
        end = frame.periods.end((cell[1], cell[2]))
        for person in members:
            banded[(*cell[:3], "age_band", band_before(bands.get(person, []), end), None)].add(person)
    yield from count("P03", sizes(persons) | sizes(banded))

    rates: dict[tuple, dict[str, Fraction]] = defaultdict(dict)
    for cell, members in [*totals.items(), *banded.items()]:
        place, period, band = cell[0], (cell[1], cell[2]), cell[4]
        if band == UNKNOWN:
            continue
        measure = "permanent" if cell[3] == "none" else BANDS[band]
        base = frame.population(place, measure, frame.periods.end(period))
        value = Fraction(len(members), base) if base else None
        yield ("P04.pop", *cell), {"value": value, "numerator": len(members), **({"denominator": base} if base else {})}
    for cell, members in totals.items():
        place, end = cell[0], frame.periods.end((cell[1], cell[2]))
        for band, measure in BANDS.items():
            base = frame.population(place, measure, end)
            if base:
                rates[cell][band] = Fraction(len(banded.get((*cell[:3], "age_band", band, None), ())), base)
        top = max(rates[cell].values(), default=0)
        value = min(rates[cell].values()) / top if top and len(rates[cell]) >= 2 else None
        yield ("P19", *cell), {"value": value}
    for cell, members in households.items():
        base = frame.population(cell[0], "households", frame.periods.end((cell[1], cell[2])))
        yield ("P04.hh", *cell), {"value": Fraction(len(members), base) if base else None, "numerator": len(members)}

    base = sizes(totals)
    newcomers = {
        cell: sum(
            frame.periods.start((cell[1], cell[2])) <= first[person] < frame.periods.end((cell[1], cell[2])) for person in members
        )
        for cell, members in totals.items()
    }
    repeated = {cell: sum(len(found) >= 2 for found in occasions[cell].values()) for cell in totals}
    yield from rate("P06", newcomers, base)
    yield from rate("P07", repeated, base)


def bands_known(frame: Frame) -> dict[str, list[tuple[date, str]]]:
    """Person → the days on which their age band was written down."""
    bands = defaultdict(list)
    for row in frame.world.participations:
        if row.person is not None and row.age_band is not None and is_present(row) and row.action in QUALIFYING:
            bands[row.person].append((row.day, row.age_band))
    return bands


def band_before(bands: list[tuple[date, str]], end: date) -> str:
    """The latest band known before a day."""
    return max((found for found in bands if found[0] < end), default=(None, UNKNOWN))[1]


def shifts(frame: Frame) -> list[Participation]:
    """Present person rows of volunteering."""
    return [row for row in frame.world.participations if is_present(row) and row.action == "volunteer" and row.person is not None]


def hours(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """P08: what overlaps of a person counts once."""
    worked, invalid = tally(), tally()
    by_person = defaultdict(list)
    for row in shifts(frame):
        if not row.is_verified:
            continue
        timed = row.started is not None and row.ended is not None
        length = (
            Fraction((row.ended - row.started).total_seconds()) / 3600
            if timed
            else None
            if row.hours is None
            else Fraction(row.hours)
        )
        if length is None:
            continue
        if not 0 < length <= 24:
            for cell in frame.cells(row.place, row.day):
                invalid[cell] += 1
        elif timed:
            by_person[row.person].append(row)
        else:
            for cell in frame.cells(row.place, row.day):
                worked[cell] += length
    for rows in by_person.values():
        covered = None
        for row in sorted(rows, key=lambda row: (row.started, row.participation_id)):
            begin = row.started if covered is None else max(row.started, covered)
            counted = max(Fraction((row.ended - begin).total_seconds()) / 3600, Fraction(0))
            covered = row.ended if covered is None else max(covered, row.ended)
            for cell in frame.cells(row.place, row.day):
                worked[cell] += counted
    yield from count("P08", worked)
    yield from count("P08.invalid", invalid)


def volunteers(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """P09, P10, P11."""
    rows = shifts(frame)
    everywhere, at_place = defaultdict(set), defaultdict(set)
    in_period = people()
    for row in rows:
        everywhere[row.person].add(row.day)
        for above in frame.places.above(row.place, month_of(row.day)):
            at_place[above, row.person].add(row.day)
        for above in frame.places.above(row.place, month_of(row.day)):
            for period in frame.periods.of_any(row.day):
                in_period[above, *period].add(row.person)
    active, registered, still = people(), people(), people()
    for period in frame.periods.every():
        cutoff = frame.periods.cutoff(period)
        begin = cutoff - timedelta(days=90)
        for (place, person), days in at_place.items():
            if any(begin <= day < cutoff for day in days):
                active[frame.at(period, place)].add(person)
        last = cutoff - timedelta(days=1)
        for role in frame.world.roles:
            if role.kind == "volunteer" and role.person is not None and (role.valid_from is None or role.valid_from <= last) and (
                role.valid_to is None or role.valid_to > last
            ):
                for above in frame.places.above(role.place, month_of(last)):
                    registered[frame.at(period, above)].add(role.person)
                    if any(begin <= day < cutoff for day in everywhere.get(role.person, ())):
                        still[frame.at(period, above)].add(role.person)
    yield from count("P09", sizes(active))
    yield from rate("P10", sizes(still), sizes(registered))
    for period in frame.periods.every():
        before = frame.periods.before(period)
        if before is None:
            continue
        for place in frame.places.codes:
            base = in_period.get((place, *before), set())
            if base:
                kept = len(base & in_period.get((place, *period), set()))
                yield ("P11", *frame.at(period, place)), {
                    "value": Fraction(kept, len(base)), "numerator": kept, "denominator": len(base), "n": len(base)}


def points(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """P12: the ledger."""
    sums = {name: tally() for name in ("issued", "redeemed", "penalties", "expired", "reversed", "redeemed_without_rule")}
    named = {"redemption": "redeemed", "penalty": "penalties", "expiry": "expired"}
    for entry in frame.world.points:
        for cell in frame.cells(entry.place, entry.posted.date()):
            if entry.kind in ("time", "case", "exchange") and entry.points > 0:
                sums["issued"][cell] += entry.points
            if entry.kind in named:
                sums[named[entry.kind]][cell] -= entry.points
            if entry.kind == "reversal":
                sums["reversed"][cell] += entry.points
            if entry.kind == "redemption" and entry.rule_code is None:
                sums["redeemed_without_rule"][cell] += 1
    for name, counted in sums.items():
        yield from count(f"P12.{name}", counted)
    outstanding, negative = tally(), tally()
    for period in frame.periods.every():
        cutoff = frame.periods.cutoff(period)
        balance, where = defaultdict(Decimal), defaultdict(set)
        for entry in frame.world.points:
            if entry.posted.date() < cutoff:
                balance[entry.account] += entry.points
                for above in frame.places.above(entry.place, month_of(cutoff - timedelta(days=1))):
                    outstanding[frame.at(period, above)] += entry.points
                    where[entry.account].add(above)
        for account, total in balance.items():
            if total < 0:
                for place in where[account]:
                    negative[frame.at(period, place)] += 1
    yield from count("P12.outstanding", outstanding)
    yield from count("P12.negative_accounts", negative)


def votes(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """P13, P14."""
    returned, eligible, area_returned, area_eligible = tally(), tally(), tally(), tally()
    valid, valid_base, approved, approved_base = tally(), tally(), tally(), tally()
    for vote in frame.world.votes:
        if vote.state not in DECIDED:
            continue
        by_unit = list(frame.cells(vote.place, vote.day, {"voter_unit": vote.voter_unit}, total=False))
        for cell in by_unit:
            if vote.eligible and vote.returned is not None:
                returned[cell] += vote.returned
                eligible[cell] += vote.eligible
            if vote.valid is not None and vote.returned is not None:
                valid[cell] += vote.valid
                valid_base[cell] += vote.returned
            if len(vote.options) == 1 and vote.options[0].for_count is not None and vote.valid is not None:
                approved[cell] += vote.options[0].for_count
                approved_base[cell] += vote.valid
        if vote.eligible_area and vote.returned_area is not None:
            for cell in frame.cells(vote.place, vote.day):
                area_returned[cell] += vote.returned_area
                area_eligible[cell] += vote.eligible_area
    yield from rate("P13", returned, eligible)
    yield from rate("P13.area", area_returned, area_eligible)
    yield from rate("P14.valid", valid, valid_base)
    yield from rate("P14.approval", approved, approved_base)


def holidays() -> set[date]:
    """Public holidays."""
    return {date.fromisoformat(row["day"]) for row in seed("public_holiday") if row["day_type"] == "holiday"}


def windows(rule: dict[str, str], first: date, last: date, free: set[date]) -> Iterator[tuple[date, date]]:
    """The windows in which something is due, from the month of `first` up to `last`: first and last day of each."""
    weekday = int(rule["weekday"]) if rule["weekday"] else None
    day = int(rule["day_of_month"]) if rule["day_of_month"] else None
    week = int(rule["week_of_month"]) if rule["week_of_month"] else None

    def working(found: date) -> date:
        while found in free:
            found += timedelta(days=1)
        return found

    found = []
    if rule["frequency"] == "weekly":
        today = month_of(first)
        while today <= last:
            if weekday is not None and today.isoweekday() == weekday and today not in free:
                found.append((today, today))
            if weekday is None and today.isoweekday() == 1:
                found.append((today, today + timedelta(days=6)))
            today += timedelta(days=1)
    else:
        month = month_of(first)
        while month <= last:
            end = month_end(month)
            if weekday is not None and week == -1:
                due = working(max(month + timedelta(days=step) for step in range((end - month).days + 1)
                                  if (month + timedelta(days=step)).isoweekday() == weekday))
                found.append((due, due))
            elif day == -1:
                found.append((end - timedelta(days=6), end))
            elif day is not None:
                due = working(month.replace(day=day))
                found.append((due, due))
            elif week == 1:
                found.append((month, month.replace(day=7)))
            else:
                found.append((month, end))
            month = next_month(month)
    return (window for window in found if window[1] <= last)


def cadence(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """P15: kept over due windows."""
    free = holidays()
    kept, due = tally(), tally()
    seen = defaultdict(set)
    for activity in frame.world.activities:
        if activity.state == "held":
            seen["activity", activity.kind, activity.process_code, activity.place].add(activity.day)
    for case in frame.world.cases:
        seen["case", case.kind, case.process_code, case.place].add(case.opened.date())
    for rule in seed("recurrence_rule"):
        for (record, kind, process, place), days in seen.items():
            if (record, kind, process) != (rule["record"], rule["kind"], rule["process_code"]):
                continue
            for begin, end in windows(rule, min(days), LAST_DAY, free):
                for cell in frame.cells(place, begin, {"rule": rule["rule_code"]}):
                    due[cell] += 1
                    kept[cell] += any(begin <= day <= end for day in days)
    yield from rate("P15", kept, due)


def funnel(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """P18: how many of each stage reach the next."""
    reached, before = tally(), tally()
    for row in frame.world.participations:
        if row.kind not in ("attendance", "enrolment", "volunteer_shift"):
            continue
        number = 1 if row.person is not None else row.head_count or 0
        for stage, step in (("registered", 2), ("attended", 3), ("recorded", 4)):
            for cell in frame.cells(row.place, row.day, {"stage": stage}, total=False):
                reached[cell] += number if STEPS[row.state] >= step else 0
                before[cell] += number if STEPS[row.state] >= step - 1 else 0
    yield from rate("P18", reached, {cell: number for cell, number in before.items() if number})


def teams(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """P20."""
    latest, versions = {}, defaultdict(list)
    for team in sorted(frame.world.organisations, key=lambda team: team.valid_from or date.min):
        versions[team.organisation_id].append(team)
        latest[team.organisation_id] = team
    events = {name: tally() for name in ("founded", "dissolved", "graduated")}
    alive, survived, observed = tally(), tally(), tally()
    for team in latest.values():
        if team.kind not in TEAMS:
            continue
        for name, counted in events.items():
            day = getattr(team, name)
            if day is not None:
                for cell in frame.cells(team.place, day):
                    counted[cell] += 1
        if team.founded is not None:
            year_later = team.founded.replace(year=team.founded.year + 1)
            if year_later <= frame.periods.data_end:
                for cell in frame.cells(team.place, team.founded):
                    observed[cell] += 1
                    survived[cell] += team.dissolved is None or team.dissolved >= year_later
    for period in frame.periods.every():
        last = frame.periods.cutoff(period) - timedelta(days=1)
        for organisation_id, found in versions.items():
            valid = [team for team in found if (team.valid_from is None or team.valid_from <= last)
                     and (team.valid_to is None or last < team.valid_to)]
            team = (valid or [latest[organisation_id]])[-1]
            dates = latest[organisation_id]
            if team.kind in TEAMS and dates.founded is not None and dates.founded <= last and (
                dates.dissolved is None or dates.dissolved > last
            ):
                for above in frame.places.above(team.place, month_of(last)):
                    alive[frame.at(period, above)] += 1
    for name, counted in events.items():
        yield from count(f"P20.{name}", counted)
    yield from count("P20.alive", alive)
    yield from rate("P20.survival", survived, observed)
