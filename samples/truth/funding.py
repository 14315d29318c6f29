"""The true funding KPIs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from samples.truth.common import Cell, Figures, Frame, Key, Number, count, month_end, month_of, people, rate, sizes, tally
from samples.truth.participation import activities
from samples.truth.resolution import as_of, seed
from samples.world import UNKNOWN, Case, Money

SUMS = {"F01.raised": "donation", "F02.awarded": "award", "F02.disbursed": "disbursement", "F02.spent": "expenditure"}
GIVEN = ("donation", "award", "matching_contribution")
AFTER_APPROVAL = {"approved", "contracted", "disbursed", "reporting", "accepted", "failed"}
Fund = tuple[str, str, str]  # place, fund, currency


def funding(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """All funding KPIs."""
    yield from sums(frame)
    yield from in_kind(frame)
    yield from disbursed_of_awarded(frame)
    yield from matched(frame)
    yield from leverage(frame)
    yield from unit_costs(frame)
    yield from projects(frame)
    yield from sources(frame)
    yield from endowments(frame)
    yield from applications(frame)
    yield from fees(frame)
    yield from reconciled(frame)
    yield from spread(frame)


def movements(frame: Frame, *kinds: str) -> list[Money]:
    """The movements of some kinds."""
    return [money for money in frame.world.money if money.kind in kinds]


def totals(frame: Frame, money: Money, **breakdowns: str | None) -> Iterator[Cell]:
    """The cells that a movement counts in."""
    return frame.cells(money.place, money.day, breakdowns, money.currency)


def with_n(
    metric: str, numerators: dict[Cell, Number], denominators: dict[Cell, Number], numbers: dict[Cell, int]
) -> Iterator[tuple[Key, Figures]]:
    """A ratio whose n is not its denominator."""
    for key, figures in rate(metric, numerators, denominators):
        yield key, figures | {"n": numbers.get(key[1:], 0)}


def sums(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """F01.raised, F01.donors and F02."""
    donors = people()
    for metric, kind in SUMS.items():
        amounts = tally()
        for money in movements(frame, kind):
            for cell in totals(frame, money, source_type=money.source_type, fund=money.fund):
                amounts[cell] += money.amount
        yield from count(metric, amounts)
    for money in movements(frame, "donation"):
        for cell in frame.cells(money.place, money.day):
            donors[cell] |= {money.counterparty} - {None}
    yield from count("F01.donors", sizes(donors))


def in_kind(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """F01.in_kind: what was valued, and how often nobody did."""
    valued, unvalued = tally(), tally()
    for money in movements(frame, "in_kind_donation"):
        if money.amount is None:
            for cell in frame.cells(money.place, money.day):
                unvalued[cell] += 1
        else:
            for cell in totals(frame, money):
                valued[cell] += money.amount
    yield from count("F01.in_kind", valued)
    yield from count("F01.in_kind_unvalued", unvalued)


def disbursed_of_awarded(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """F03: everything before the end of the period, in the tree as it was then."""
    by_month: dict[tuple, dict[date, list[Number]]] = defaultdict(lambda: defaultdict(lambda: [0, 0, 0]))
    for money in movements(frame, "award", "disbursement"):
        month = month_of(money.day)
        for above in frame.places.above(money.place, month):
            for member in (("none", "total"), ("fund", UNKNOWN if money.fund is None else money.fund)):
                found = by_month[above, *member, money.currency][month]
                found[money.kind == "award"] += money.amount
                found[2] += money.kind == "award"
    for (place, kind, member, currency), months in by_month.items():
        for period in frame.periods.every():
            before = [found for month, found in months.items() if month < frame.periods.cutoff(period)]
            disbursed, awarded, awards = (sum(parts) for parts in zip(*before, strict=True)) if before else (0, 0, 0)
            if awards:
                yield ("F03", place, *period, kind, member, currency), {
                    "value": Fraction(disbursed) / Fraction(awarded), "numerator": disbursed, "denominator": awarded, "n": awards,
                }


def matched(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """F04: what projects of rounds with a cap were awarded, by what they raised themselves."""
    of_project: dict[str, list[Money]] = defaultdict(list)
    for money in frame.world.money:
        if money.project is not None:
            of_project[money.project].append(money)
    awarded, raised, awards, breaches = tally(), tally(), tally(), tally()
    for found in of_project.values():
        found.sort(key=lambda money: money.day)
        first_awards = [money for money in found if money.kind == "award"]
        rule = cap(found, first_awards)
        if rule is None:
            continue
        for money in found:
            for cell in totals(frame, money):
                if money.kind == "award":
                    awarded[cell] += money.amount
                    awards[cell] += 1
                elif money.kind == "matching_contribution":
                    raised[cell] += money.amount
        for money in first_awards[:1]:
            for cell in frame.cells(money.place, money.day):
                breaches[cell] += is_breach(found, frame.periods.cutoff(cell[1:3]), rule)
    yield from with_n("F04.ratio", awarded, raised, awards)
    yield from count("F04.breaches", breaches)


def cap(found: list[Money], awards: list[Money]) -> tuple[Decimal | None, Decimal | None] | None:
    """The caps, by ratio and by amount, of the round of a project on the day of its first award; None without any."""
    rounds = [money.round_code for money in [*awards, *found] if money.round_code is not None]
    day = (awards or found)[0].day
    for row in seed("grant_round"):
        is_valid = (row["valid_from"] or "0001") <= day.isoformat() < (row["valid_to"] or "9999")
        if rounds and row["round_code"] == rounds[0] and is_valid:
            caps = tuple(Decimal(row[name]) if row[name] else None for name in ("match_ratio_cap", "match_amount_cap"))
            return caps if caps != (None, None) else None
    return None


def is_breach(found: list[Money], before: date, rule: tuple[Decimal | None, Decimal | None]) -> bool:
    """Whether the awards of a project before a day are more than a cap allows."""
    by_ratio, by_amount = rule
    for currency in {money.currency for money in found}:
        told = [money for money in found if money.currency == currency and money.day < before]
        award = sum(money.amount for money in told if money.kind == "award")
        own = sum(money.amount for money in told if money.kind == "matching_contribution")
        if by_ratio is not None and award > by_ratio * own or by_amount is not None and award > by_amount:
            return True
    return False


def leverage(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """F05."""
    other, government, number = tally(), tally(), tally()
    for money in movements(frame, *GIVEN):
        if money.is_government is not None:
            for cell in totals(frame, money):
                government[cell] += money.amount if money.is_government else 0
                other[cell] += 0 if money.is_government else money.amount
                number[cell] += 1
    yield from with_n("F05", other, government, number)


def unit_costs(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """F06."""
    attendances = {
        key[1:6]: figures["value"] for key, figures in activities(frame)
        if key[0] == "P02" and key[4] == "none" and figures["value"]
    }
    for metric, kind in (("F06.attendance", "expenditure"), ("F06.attendance_awarded", "award")):
        amounts = tally()
        for money in movements(frame, kind):
            for cell in totals(frame, money):
                amounts[cell] += money.amount
        for cell, amount in amounts.items():
            base = attendances.get(cell[:5])
            if base:
                figures = {"value": Fraction(amount) / base, "numerator": amount, "denominator": base}
                yield (metric, *cell), figures
    spent, named = tally(), people()
    for money in movements(frame, "expenditure"):
        if money.project is not None:
            for cell in totals(frame, money):
                spent[cell] += money.amount
                named[cell].add(money.project)
    yield from rate("F06.project", spent, sizes(named))


def ever(case: Case, *states: str) -> bool:
    """Whether a case has ever been in one of the states."""
    return case.state in states or any(event.state in states for event in case.events)


def projects(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """F07, in the month in which a project was due."""
    due, accepted, judged = tally(), tally(), tally()
    for case in frame.world.cases:
        if case.kind != "project" or case.due is None or case.due > as_of(case):
            continue
        is_accepted = any(event.state == "accepted" for event in case.events) or case.outcome == "resolved"
        is_failed = ever(case, "failed") or case.outcome == "rejected"
        for cell in frame.cells(case.place, case.due):
            due[cell] += 1
            accepted[cell] += is_accepted
            judged[cell] += is_accepted or is_failed
    yield from rate("F07.completion", accepted, due)
    yield from rate("F07.acceptance", accepted, judged)


def sources(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """F08: whom donations come from."""
    by_type: dict[Cell, dict[str | None, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    by_donor: dict[Cell, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    number = tally()
    for money in movements(frame, "donation"):
        for cell in totals(frame, money):
            by_type[cell][money.source_type] += money.amount
            number[cell] += 1
            if money.counterparty is not None:
                by_donor[cell][money.counterparty] += money.amount
    for cell, amounts in by_type.items():
        total = Fraction(sum(amounts.values()))
        shares = [Fraction(amount) / total for amount in amounts.values()]
        top = max(by_donor[cell].values(), default=Decimal(0))
        same = {"denominator": total, "n": number[cell]}
        yield ("F08.diversity", *cell), {"value": 1 - sum(share**2 for share in shares), "numerator": None} | same
        yield ("F08.top_donor", *cell), {"value": Fraction(top) / total, "numerator": top} | same


def fund_of(money: Money) -> Fund:
    """The fund that a movement belongs to: a fund is the fund of its place."""
    return money.place, UNKNOWN if money.fund is None else money.fund, money.currency


def endowments(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """F09: what was given to be kept, and what there is of it."""
    gifts, balances = defaultdict(list), defaultdict(list)
    for money in movements(frame, "endowment_gift"):
        gifts[fund_of(money)].append(money)
    for money in movements(frame, "endowment_balance"):
        balances[fund_of(money)].append(money)
    intact, funds, kept, given, funds_of_currency = tally(), tally(), tally(), tally(), tally()
    for period in frame.periods.every():
        before, last_month = frame.periods.cutoff(period), month_of(frame.periods.end(period) - timedelta(days=1))
        for fund in gifts.keys() & balances.keys():
            place, _, currency = fund
            told = [money for money in balances[fund] if money.day < before]
            principal = [money.amount for money in gifts[fund] if money.day < before]
            if not told or not principal:
                continue
            now = max(told, key=lambda money: money.day).amount
            for above in frame.places.above(place, last_month):
                cell, of_currency = frame.at(period, above), frame.at(period, above, currency)
                intact[cell] += now >= sum(principal)
                funds[cell] += 1
                kept[of_currency] += now
                given[of_currency] += sum(principal)
                funds_of_currency[of_currency] += 1
    yield from rate("F09", intact, funds)
    yield from with_n("F09.ratio", kept, given, funds_of_currency)


def applications(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """F10, in the month in which it was applied."""
    approved, decided, applicants, new = tally(), tally(), people(), people()
    applied = sorted((case for case in frame.world.cases if case.kind == "grant_application"), key=lambda case: case.opened)
    first: dict[str, date] = {}
    for case in applied:
        if case.applicant is not None:
            first.setdefault(case.applicant, case.opened.date())
    for case in applied:
        is_approved = ever(case, *AFTER_APPROVAL) or case.outcome == "resolved"
        is_decided = is_approved or ever(case, "rejected") or case.outcome == "rejected"
        for cell in frame.cells(case.place, case.opened.date()):
            if is_decided:
                approved[cell] += is_approved
                decided[cell] += 1
            if case.applicant is not None:
                applicants[cell].add(case.applicant)
                if cell[1:3] in frame.periods.of(first[case.applicant]):
                    new[cell].add(case.applicant)
    yield from rate("F10.approval", approved, decided)
    yield from rate("F10.first_time", sizes(new), sizes(applicants))


def fees(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """F11."""
    paid, billed, bills, paying, households = tally(), tally(), tally(), tally(), tally()
    for money in movements(frame, "fee_bill", "fee_payment"):
        amounts, of_households = (billed, households) if money.kind == "fee_bill" else (paid, paying)
        for cell in totals(frame, money):
            amounts[cell] += money.amount
            bills[cell] += money.kind == "fee_bill"
        if money.households is not None:
            for cell in frame.cells(money.place, money.day):
                of_households[cell] += money.households
    yield from with_n("F11.amount", paid, billed, bills)
    yield from rate("F11.households", paying, households)
    for cell, base in billed.items():
        before = frame.periods.before(cell[1:3])
        past = before and (cell[0], *before, *cell[3:])
        if past and base > 0 and billed.get(past, 0) > 0:
            yield ("F11.change", *cell), {
                "value": Fraction(paid[cell]) / Fraction(base) - Fraction(paid[past]) / Fraction(billed[past]),
                "numerator": None, "denominator": None, "n": min(bills[cell], bills[past]),
            }


def reconciled(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """F12, for each month of a fund whose balance is told at both ends."""
    direction = {row["kind"]: row["direction"] for row in seed("kind") if row["record"] == "money"}
    opening: dict[tuple[Fund, date], Money] = {}
    closing: dict[tuple[Fund, date], Money] = {}
    flows: dict[tuple[Fund, date], Decimal] = defaultdict(Decimal)
    for money in sorted(frame.world.money, key=lambda money: money.day):
        month = fund_of(money), month_of(money.day)
        if money.kind == "opening_balance":
            opening.setdefault(month, money)
        elif money.kind == "closing_balance":
            closing[month] = money
        elif money.amount is not None:
            flows[month] += {"in": money.amount, "out": -money.amount}.get(direction[money.kind], 0)
    gaps, unreconciled, fund_months = tally(), tally(), tally()
    for month in opening.keys() & closing.keys():
        (place, fund, currency), day = month
        gap = opening[month].amount + flows[month] - closing[month].amount
        for cell in frame.cells(place, day, {"fund": fund}, currency):
            gaps[cell] += abs(gap)
            unreconciled[cell] += gap != 0
            fund_months[cell] += 1
    for key, figures in count("F12.gap", gaps):
        yield key, figures | {"n": fund_months[key[1:]]}
    yield from rate("F12.unreconciled", unreconciled, fund_months)


def spread(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """F13: how evenly awards are spread over the places right below a place."""
    below: dict[tuple[str, str, date, str], Number] = defaultdict(int)  # place, child, month, currency
    for money in movements(frame, "award"):
        month = month_of(money.day)
        up = frame.places.above(money.place, month)
        for child, place in zip(up, up[1:], strict=False):
            below[place, child, month, money.currency] += money.amount
    months = {
        period: [month for month in frame.periods.months if period in frame.periods.of_month(month)]
        for period in frame.periods.every()
    }
    currencies = {currency for *_, currency in below}
    children = {(place, month): frame.places.children(place, month_end(month))
                for place in frame.places.versions for month in frame.periods.months}
    for place in frame.places.versions:
        for period, within in months.items():
            there = sorted({child for month in within for child in children[place, month]})
            for currency in currencies:
                awards = [Fraction(sum(below.get((place, child, month, currency), 0) for month in within)) for child in there]
                awards.sort(reverse=True)
                total, number = sum(awards), len(awards)
                if number < 2 or not total:
                    continue
                cell = frame.at(period, place, currency)
                apart = sum(abs(one - other) for one in awards for other in awards)
                top = sum(awards[: -(-number // 10)])
                same = {"denominator": total, "n": number}
                yield ("F13.gini", *cell), {"value": apart / (2 * number * total), "numerator": None} | same
                yield ("F13.top_share", *cell), {"value": top / total, "numerator": top} | same
