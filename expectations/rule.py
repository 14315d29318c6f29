"""One fact that must hold for a table of the marts, as SQL for the rows that break it."""

from __future__ import annotations

from dataclasses import dataclass

# Sums of doubles differ in their last bits.
TOLERANCE = "1e-9 * greatest(1, abs({0}))"
# The integrity rules of community records that every publication is held to; a Rule says which of them it serves.
INTEGRITY = {
    "R1": "resolved ≤ raised; rated ≤ resolved; the rate is resolved / raised",
    "R2": "issued ≥ returned ≥ valid questionnaires; a return rate between 0 and 1",
    "R3": "eligible ≥ issued ≥ returned ≥ valid ballots = the sum of the options; turnout = returned / eligible",
    "R4": "the sum of the grades = the subjects evaluated",
    "R5": "the sum of the parts = the whole, or the gap is shown",
    "R6": "a grant is at most what its round matches of what was raised, and at most the round's cap",
    "R7": "amounts of one set of records lie within 3 orders of magnitude of their median",
    "R8": "disbursed ≤ granted ≤ budget",
    "R9": "the stages of a funnel do not grow",
    "R10": "an event lies inside its project or its stated window",
    "R11": "hours = end − start; 0 < hours ≤ 24; no overlap per person",
    "R12": "the balance of points = the sum of the entries ≥ 0; every redemption has a rule in force",
    "R13": "cadence adherence between 0 and 1; what is due comes from the calendar",
    "R14": "a child place has a parent at a higher level; every place name resolves or is queued",
    "R15": "attendances ≥ persons for the same scope; attendances of an activity below the venue's cap, else an outlier",
    "R16": "no base, no rate",
    "R17": "cumulative series do not fall",
    "R18": "no personal data in any column",
    "R19": "nothing is known beyond the day of the load",
    "R20": "what households gained is a plausible part of the turnover",
}


@dataclass(frozen=True)
class Rule:
    """A fact about a table, and the SQL of the rows that break it.

    In the SQL `batch` is the table itself, and `{name}` another table of the build. `sql` names the rows by their keys; nothing in
    it tells persons apart. `column`: the column concerned, if it is one. `integrity`: the rule of INTEGRITY that it serves.
    """

    name: str
    expected: str
    sql: str
    advice: str
    severity: str = "critical"
    column: str | None = None
    integrity: str | None = None


def away(found: str, expected: str) -> str:
    """SQL: two numbers differ by more than rounding, or only one of them is there."""
    return (
        f"((({found}) is null) != (({expected}) is null) "
        f"or abs(({found}) - ({expected})) > {TOLERANCE.format(f'({expected})')})"
    )
