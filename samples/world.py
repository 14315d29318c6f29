"""What is true in the demonstration district: one list per record, before anybody writes it down.

The generator fills a `World`; the writers spell it into raw files with all their dirt, and the truth is computed from the
`World` alone. A record stands here as it has to be counted: a row whose place nobody can resolve has the place `unknown`,
a row that the warehouse has to quarantine is not here but counted in `World.quarantined`.

Days are local days of Asia/Shanghai, moments are naive local times. `place` is a place code of the register, or "unknown".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

UNKNOWN = "unknown"
FIRST_DAY = date(2024, 10, 1)
DATA_END = date(2026, 10, 1)  # the first day after the data; every source is known up to here


@dataclass(frozen=True)
class Size:
    """How much there is: communities at the beginning, and a factor on what happens in each."""

    communities: int = 9
    factor: float = 1.0


@dataclass(frozen=True)
class Place:
    """One version of a place: valid from `valid_from` (None: ever) up to, not including, `valid_to`."""

    code: str
    name: str
    level: str  # district, town, community, estate, building, grid, facility
    parent: str | None
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True)
class PlaceChange:
    """A boundary change."""

    change_id: str
    old: str
    new: str
    change_type: str  # merge, split, transfer, rename
    effective_date: date


@dataclass(frozen=True)
class Population:
    """One count of one measure: permanent, registered, households, permanent_age_0_17, permanent_female …"""

    place: str
    as_of: date
    measure: str
    value: int


@dataclass(frozen=True)
class Organisation:
    """One version of an organisation or team."""

    organisation_id: str
    place: str
    kind: str
    process_code: str
    valid_from: date | None = None
    valid_to: date | None = None
    founded: date | None = None
    admitted: date | None = None
    graduated: date | None = None
    dissolved: date | None = None


@dataclass(frozen=True)
class Role:
    """A person holding a post; person None is a vacancy."""

    place: str
    kind: str
    process_code: str
    person: str | None
    valid_from: date | None
    valid_to: date | None


@dataclass(frozen=True)
class Activity:
    """One occurrence. `activity_type`, `mode`, `host_type` are the warehouse's values; headcount None: nobody counted."""

    activity_id: str  # '<source>:<id>'
    place: str
    kind: str
    process_code: str
    day: date
    state: str  # held, planned, postponed, cancelled
    activity_type: str | None
    mode: str | None
    host_type: str | None
    headcount: int | None
    framework_element: str | None = None
    is_resident_led: bool | None = None
    venue_capacity: int | None = None


@dataclass(frozen=True)
class Participation:
    """A person (or a counted group, person None) in an activity or on an occasion of its own."""

    participation_id: str  # '<source>:<id>'
    place: str  # that of its activity where the row names none
    kind: str
    process_code: str
    day: date
    action: str  # attend, volunteer, vote, propose, deliberate, donate
    state: str
    activity_id: str | None = None
    person: str | None = None
    household: str | None = None
    age_band: str | None = None
    head_count: int | None = None
    hours: Decimal | None = None
    is_verified: bool | None = None
    started: datetime | None = None
    ended: datetime | None = None


@dataclass(frozen=True)
class PointsEntry:
    """One signed ledger entry."""

    place: str
    kind: str  # time, case, exchange, redemption, penalty, reversal, expiry
    process_code: str
    account: str
    points: Decimal
    posted: datetime
    rule_code: str | None = None


@dataclass(frozen=True)
class Event:
    """One state change of a case."""

    state: str
    moment: datetime


@dataclass(frozen=True)
class Case:
    """One matter in its latest known state, with its events where the source tells them."""

    case_id: str  # '<source>:<id>'
    place: str
    kind: str
    process_code: str
    machine: str
    category: str | None
    opened: datetime
    ended: datetime | None  # None: open, or nobody wrote it down
    outcome: str  # open, resolved, rejected, withdrawn, cancelled, referred_out
    state: str | None = None
    events: tuple[Event, ...] = ()
    observed_until: datetime = datetime(2026, 10, 1)
    due: date | None = None
    response_due: datetime | None = None
    first_response: datetime | None = None
    activity_id: str | None = None
    rating: int | None = None
    rating_is_default: bool | None = None
    callback_state: str | None = None
    callback_is_resolved: bool | None = None
    callback_is_satisfied: bool | None = None
    exclusion_reason: str | None = None
    applicant: str | None = None
    round_code: str | None = None


@dataclass(frozen=True)
class VoteOption:
    """One option of a ballot."""

    label: str
    for_count: int | None
    against_count: int | None = None
    abstain_count: int | None = None


@dataclass(frozen=True)
class Vote:
    """One ballot; `day` is the closing day, else the opening, else the announcement."""

    vote_id: str
    place: str
    kind: str
    process_code: str
    day: date
    state: str
    result: str | None
    voter_unit: str  # household, person
    eligible: int | None
    issued: int | None
    returned: int | None
    valid: int | None
    invalid: int | None
    eligible_area: Decimal | None = None
    returned_area: Decimal | None = None
    options: tuple[VoteOption, ...] = ()


@dataclass(frozen=True)
class Question:
    """One question of an instrument; `key` is '<source>.<code>'."""

    key: str
    dimension: str
    scale_min: int
    scale_max: int
    satisfied: tuple[int, ...]
    topic: str | None = None


@dataclass(frozen=True)
class Answer:
    """One respondent's answer. code None: not valid (skipped, refused, unknown)."""

    respondent: str
    place: str
    question: str
    code: int | None


@dataclass(frozen=True)
class Survey:
    """One wave of one instrument."""

    survey_id: str  # '<source>:<id>'
    place: str
    kind: str
    process_code: str
    opened: date
    closed: date
    issued: int | None
    returned: int | None
    valid: int | None = None
    is_opt_in: bool = False
    dispositions: dict[str, int] | None = None  # completed, partial, refusal, noncontact, other, unknown_household, unknown_other
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """One score or grade of one subject."""

    place: str
    kind: str
    process_code: str
    round: str | None
    subject: str
    evaluator_type: str | None
    dimension: str | None
    score: Decimal | None
    scale_min: Decimal | None
    scale_max: Decimal | None
    grade: str | None
    day: date


@dataclass(frozen=True)
class Money:
    """One movement in its currency; amount None: a gift in kind that nobody valued."""

    place: str
    kind: str
    process_code: str
    day: date
    amount: Decimal | None
    currency: str
    source_type: str | None = None
    is_government: bool | None = None
    counterparty: str | None = None
    fund: str | None = None
    project: str | None = None
    round_code: str | None = None
    households: int | None = None


@dataclass(frozen=True)
class Figure:
    """One number as a report prints it."""

    place: str
    kind: str
    process_code: str
    measure: str
    metric_code: str | None
    value: Decimal
    lower: Decimal | None
    upper: Decimal | None
    unit: str
    decimals: int | None
    period_start: date | None
    period_end: date | None


@dataclass
class World:
    """Everything that is true, and how many rows of each source cannot be understood."""

    size: Size = Size()
    places: list[Place] = field(default_factory=list)
    place_changes: list[PlaceChange] = field(default_factory=list)
    populations: list[Population] = field(default_factory=list)
    organisations: list[Organisation] = field(default_factory=list)
    roles: list[Role] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
    participations: list[Participation] = field(default_factory=list)
    points: list[PointsEntry] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    votes: list[Vote] = field(default_factory=list)
    surveys: list[Survey] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    money: list[Money] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    quarantined: dict[str, int] = field(default_factory=dict)  # source → rows that end in quarantine, at the load or in staging
    dirt: dict[tuple[str, str], int] = field(default_factory=dict)  # (source, fault) → how often it stands in the files

    def met(self, source: str, fault: str, quarantined: bool = False, rows: int = 1) -> None:
        """Count a fault in the files of a source, and whether its rows end in quarantine."""
        self.dirt[source, fault] = self.dirt.get((source, fault), 0) + rows
        if quarantined:
            self.quarantined[source] = self.quarantined.get(source, 0) + rows
