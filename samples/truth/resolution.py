"""The true resolution KPIs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from fractions import Fraction

from samples.catalogue import seed
from samples.truth.common import Cell, Figures, Frame, Key, count, median, month_of, rate, tally
from samples.world import Case

OUTCOMES = ("resolved", "rejected", "withdrawn", "cancelled", "referred_out", "open")
DAY = 86400


def resolution(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """All resolution KPIs."""
    yield from outcomes(frame)
    yield from durations(frame)
    yield from backlog(frame)
    yield from on_time(frame)
    yield from reopened(frame)
    yield from responses(frame)
    yield from at_sessions_and_above(frame)
    yield from repeats(frame)
    yield from three_rates(frame)
    yield from stages(frame)
    yield from ratings(frame)
    yield from kinds_of_their_own(frame)


def opened(frame: Frame, case: Case, kinds: tuple[str, ...] = ("category", "kind")) -> Iterator[Cell]:
    """The cells of the month in which a case was raised."""
    return frame.cells(case.place, case.opened.date(), {kind: getattr(case, kind) for kind in kinds})


def as_of(case: Case) -> date:
    """The last day that the case is known for."""
    return (case.observed_until - timedelta(microseconds=1)).date()


def interval(case: Case) -> str:
    """Whether the days of a case can be used."""
    if case.outcome == "open":
        return "open"
    if case.ended is None:
        return "missing_end"
    return "invalid_interval" if case.ended < case.opened else "valid"


def days(case: Case) -> float:
    """How long a case was watched, in days."""
    until = case.ended if interval(case) == "valid" else max(case.observed_until, case.opened)
    return (until - case.opened).total_seconds() / DAY


def outcomes(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """R01, R02, R03 and the two counts beside R06."""
    raised, by_outcome = tally(), {outcome: tally() for outcome in OUTCOMES}
    invalid, missing, flow = tally(), tally(), tally()
    for case in frame.world.cases:
        for cell in opened(frame, case):
            raised[cell] += 1
            by_outcome[case.outcome][cell] += 1
            invalid[cell] += case.outcome == "resolved" and interval(case) == "invalid_interval"
            missing[cell] += case.outcome == "resolved" and interval(case) == "missing_end"
        if case.outcome == "resolved" and case.ended is not None:
            for cell in frame.cells(case.place, case.ended.date(), {"category": case.category, "kind": case.kind}):
                flow[cell] += 1
    yield from count("R01.raised", raised)
    for outcome, counted in by_outcome.items():
        yield from count(f"R01.{outcome}", counted)
    yield from rate("R02", by_outcome["resolved"], raised)
    yield from rate("R03", flow, raised)
    yield from count("R06.invalid_interval", invalid)
    yield from count("R06.missing_end", missing)


def durations(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """R05 by Kaplan and Meier, R06 the naive median."""
    watched = defaultdict(list)
    for case in frame.world.cases:
        if interval(case) in ("valid", "open"):
            for cell in opened(frame, case):
                watched[cell].append((days(case), case.outcome == "resolved"))
    for cell, found in watched.items():
        events = sum(is_event for _, is_event in found)
        for metric, level in (("R05.median", 0.5), ("R05.p90", 0.1)):
            yield (
                (metric, *cell),
                {"value": kaplan_meier(found, level), "numerator": events, "denominator": len(found), "n": len(found)},
            )
        resolved = [length for length, is_event in found if is_event]
        yield ("R06", *cell), {"value": median(resolved) if resolved else None, "numerator": events, "n": events}


def kaplan_meier(found: list[tuple[float, bool]], level: float) -> float | None:
    """The first time at which the share that is not yet resolved is at or below a level; None when it stays above."""
    survival, at_risk = Fraction(1), len(found)
    by_time = defaultdict(lambda: [0, 0])
    for length, is_event in found:
        by_time[length][0] += is_event
        by_time[length][1] += 1
    for length in sorted(by_time):
        events, leaving = by_time[length]
        survival *= 1 - Fraction(events, at_risk)
        if survival <= Fraction(level).limit_denominator(10):
            return length
        at_risk -= leaving
    return None


def backlog(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """R07: what is open at the end of a period, by age."""
    standing = tally()
    for period in frame.periods.every():
        start, end = frame.periods.start(period), frame.periods.end(period)
        for case in frame.world.cases:
            if interval(case) not in ("valid", "open") or case.opened.date() >= end or as_of(case) < start:
                continue
            cutoff = min(datetime(end.year, end.month, end.day), case.observed_until)
            if case.ended is not None and case.outcome != "open" and case.ended < cutoff:
                continue
            age = (cutoff - case.opened).total_seconds() / DAY
            band = "0-7" if age < 8 else "8-30" if age < 31 else "31-90" if age <= 90 else "90+"
            last = (cutoff - timedelta(microseconds=1)).date()
            for above in frame.places.above(case.place, month_of(last)):
                standing[frame.at(period, above)] += 1
                standing[(above, *period, "age_band", band, None)] += 1
    yield from count("R07", standing)


def on_time(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """R04, strict and lenient."""
    kept, strict, lenient = tally(), tally(), tally()
    for case in frame.world.cases:
        if case.due is None or case.outcome not in ("resolved", "open"):
            continue
        resolved = case.outcome == "resolved"
        for cell in opened(frame, case):
            kept[cell] += resolved and interval(case) == "valid" and case.ended.date() <= case.due
            if resolved or case.due < as_of(case):
                strict[cell] += 1
            if resolved:
                lenient[cell] += 1
    yield from rate("R04", kept, strict)
    yield from rate("R04.closed", kept, lenient)


def machines() -> dict[tuple[str, str], dict[str, str]]:
    """Machine and state → its row."""
    return {(row["machine"], row["state"]): row for row in seed("state_machine")}


def reopened(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """R08."""
    states = machines()
    again, base = tally(), tally()
    for case in frame.world.cases:
        if (case.machine, "reopened") not in states:
            continue
        ends = [event.moment for event in case.events if states.get((case.machine, event.state), {}).get("outcome") == "resolved"]
        if not ends or min(ends) + timedelta(days=30) > case.observed_until:
            continue
        first = min(ends)
        came_back = any(event.state == "reopened" and first < event.moment <= first + timedelta(days=30) for event in case.events)
        for cell in frame.cells(case.place, first.date(), {"category": case.category, "kind": case.kind}):
            base[cell] += 1
            again[cell] += came_back
    yield from rate("R08", again, base)


def responses(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """R09."""
    answered, due, waits = tally(), tally(), defaultdict(list)
    for case in frame.world.cases:
        if case.response_due is not None and case.response_due <= case.observed_until:
            for cell in opened(frame, case):
                due[cell] += 1
                answered[cell] += case.first_response is not None and case.first_response <= case.observed_until
        if case.first_response is not None and case.first_response >= case.opened:
            for cell in opened(frame, case):
                waits[cell].append((case.first_response - case.opened).total_seconds() / 3600)
    yield from rate("R09.rate", answered, due)
    for cell, found in waits.items():
        yield ("R09.hours", *cell), {"value": median(found), "n": len(found)}


def at_sessions_and_above(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """R10, R11."""
    day_of = {activity.activity_id: activity.day for activity in frame.world.activities}
    spot, resolved, up, raised, local, settled = tally(), tally(), tally(), tally(), tally(), tally()
    for case in frame.world.cases:
        escalated = any(event.state == {"issue": "escalated", "dispute": "diverted"}.get(case.machine) for event in case.events)
        for cell in opened(frame, case):
            if case.outcome == "resolved":
                resolved[cell] += 1
                spot[cell] += (
                    case.activity_id in day_of and case.ended is not None and case.ended.date() == day_of[case.activity_id]
                )
            if case.machine in ("issue", "dispute"):
                raised[cell] += 1
                up[cell] += escalated
                if case.outcome == "resolved":
                    settled[cell] += 1
                    local[cell] += not escalated
    yield from rate("R10", spot, resolved)
    yield from rate("R11.escalated", up, raised)
    yield from rate("R11.in_community", local, settled)


def repeats(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """R12: an earlier matter of the same place, kind and category within 30 days."""
    alike = defaultdict(list)
    for case in frame.world.cases:
        if case.category is not None:
            alike[case.place, case.kind, case.category].append(case)
    again = set()
    for found in alike.values():
        found.sort(key=lambda case: (case.opened, case.case_id))
        for earlier, later in zip(found, found[1:]):
            if (later.opened.date() - earlier.opened.date()).days <= 30:
                again.add(later.case_id)
    repeated, raised = tally(), tally()
    for case in frame.world.cases:
        for cell in opened(frame, case):
            raised[cell] += 1
            repeated[cell] += case.case_id in again
    yield from rate("R12", repeated, raised)


def valid_on(row: dict[str, str], day: date) -> bool:
    """Whether a row with valid_from and valid_to is valid on a day."""
    return (not row["valid_from"] or row["valid_from"] <= day.isoformat()) and (
        not row["valid_to"] or day.isoformat() < row["valid_to"]
    )


def three_rates(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """R13: response, resolution and satisfaction on call-back."""
    excluding = [row for row in seed("callback_exclusion") if row["is_excluded"].lower() == "true"]
    weights = seed("callback_weight")
    parts = {name: (tally(), tally()) for name in ("response", "resolution", "satisfaction")}
    for case in frame.world.cases:
        if any(row["reason"] == case.exclusion_reason and valid_on(row, case.opened.date()) for row in excluding):
            continue
        for cell in opened(frame, case, ()):
            if case.response_due is not None:
                parts["response"][0][cell] += case.first_response is not None
                parts["response"][1][cell] += 1
            if case.callback_state == "reached":
                parts["resolution"][0][cell] += bool(case.callback_is_resolved)
                parts["satisfaction"][0][cell] += bool(case.callback_is_satisfied)
                parts["resolution"][1][cell] += 1
                parts["satisfaction"][1][cell] += 1
    for name, (numerators, denominators) in parts.items():
        yield from rate(f"R13.{name}", numerators, denominators)
    for cell in parts["response"][1].keys() | parts["resolution"][1].keys():
        period = (cell[1], cell[2])
        last = (frame.periods.cutoff(period) if cell[1] == "all" else frame.periods.end(period)) - timedelta(days=1)
        valid = {row["rate"]: Fraction(row["weight"]) for row in weights if valid_on(row, last)}
        if all(parts[name][1].get(cell) for name in parts):
            value = sum(valid[name] * Fraction(parts[name][0][cell], parts[name][1][cell]) for name in parts)
            yield ("R13.composite", *cell), {"value": value, "numerator": value, "denominator": 1}
        else:
            yield ("R13.composite", *cell), {"value": None}


def stages(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """R14: how many reach a state, and how long they stay in it."""
    states = machines()
    ever = sorted({(case.machine, event.state) for case in frame.world.cases for event in case.events})
    reached, base, stays = tally(), tally(), defaultdict(list)
    for case in frame.world.cases:
        if not case.events:
            continue
        told = {event.state for event in case.events}
        for machine, state in ever:
            if machine == case.machine:
                for cell in frame.cells(case.place, case.opened.date(), {"state": f"{machine}.{state}"}, total=False):
                    base[cell] += 1
                    reached[cell] += state in told
        ordered = sorted(case.events, key=lambda event: (event.moment, int(states[case.machine, event.state]["step"])))
        for event, after in zip(ordered, ordered[1:]):
            for cell in frame.cells(case.place, case.opened.date(), {"state": f"{case.machine}.{event.state}"}, total=False):
                stays[cell].append((after.moment - event.moment).total_seconds() / DAY)
    yield from rate("R14.reach", reached, base)
    for cell, found in stays.items():
        yield ("R14.dwell", *cell), {"value": median(found), "n": len(found)}


def ratings(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """R15: what those who raised the matters say."""
    stars, base, high, default, every = tally(), tally(), tally(), tally(), tally()
    for case in frame.world.cases:
        if case.rating is None:
            continue
        for cell in opened(frame, case, ()):
            every[cell] += 1
            default[cell] += bool(case.rating_is_default)
            if not case.rating_is_default:
                base[cell] += 1
                stars[cell] += case.rating
                high[cell] += case.rating >= 4
    yield from rate("R15.mean", stars, base)
    yield from rate("R15.satisfied", high, base)
    yield from rate("R15.default", default, every)


def kinds_of_their_own(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """R16 lists, R17 mediation, R18 disclosure."""
    done, items, agreed, ended, performed, published, due = (tally() for _ in range(7))
    for case in frame.world.cases:
        told = {event.state for event in case.events}
        if case.kind == "list_item":
            for cell in opened(frame, case, ("category",)):
                items[cell] += 1
                done[cell] += case.outcome == "resolved"
        if case.machine == "dispute":
            is_agreed = "agreed" in told or not told & {"agreed", "failed"} and case.outcome == "resolved"
            is_failed = not is_agreed and ("failed" in told or case.state == "failed" or case.outcome == "rejected")
            for cell in opened(frame, case, ()):
                ended[cell] += is_agreed or is_failed
                agreed[cell] += is_agreed
                performed[cell] += is_agreed and ("performed" in told or case.state == "performed")
        if case.kind == "disclosure" and case.due is not None and case.due <= as_of(case):
            for cell in frame.cells(case.place, case.due, {"category": case.category}):
                due[cell] += 1
                published[cell] += case.outcome == "resolved" and case.ended is not None and case.ended.date() <= case.due
    yield from rate("R16", done, items)
    yield from rate("R17.success", agreed, {cell: number for cell, number in ended.items() if number})
    yield from rate("R17.performed", performed, {cell: number for cell, number in agreed.items() if number})
    yield from rate("R18", published, due)
