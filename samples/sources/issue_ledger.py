"""诉求台账: a file per month with the matters raised in it, and those that were still open when it began."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

from samples import matters as words
from samples.atlas import Atlas
from samples.dice import Dice
from samples.files import write_csv
from samples.spelling import date_style, day_or_moment, spelled
from samples.times import months, next_month
from samples.world import DATA_END, UNKNOWN, Activity, Case, Event, Place, World

SOURCE = "issue_ledger"
IN_A_MONTH = 4.4  # matters of a community


@dataclass
class Matter:
    """A matter in its whole life; the file of a month shows what it knows of it. `true` None: nobody can understand the row."""

    true: Case | None
    raised: datetime
    ended: datetime | None  # also where the ledger writes something else
    state: str
    style: str
    rated: tuple[str, str]  # 满意度, 评价方式
    shown: dict[str, str] = field(default_factory=dict)
    end_text: str | None = None
    faults: int = 0

    def is_listed(self, month: date) -> bool:
        """Raised in the month, or open when it began."""
        begin, end = (datetime.combine(day, time()) for day in (month, next_month(month)))
        return self.raised < end and (self.raised >= begin or self.ended is None or self.ended >= begin)

    def row(self, known_until: datetime) -> dict[str, str]:
        """The row in the file that was closed at `known_until`."""
        has_ended = self.ended is not None and self.ended < known_until
        waiting = "待受理" if known_until - self.raised < timedelta(days=3) else "办理中"
        end = day_or_moment(self.ended, self.style) if has_ended else ""
        first = self.true.first_response if self.true else None
        return self.shown | {
            "首次回应时间": day_or_moment(first, self.style) if first and first < known_until else "",
            "办理情况": self.state if has_ended else waiting,
            "办结时间": self.end_text if has_ended and self.end_text is not None else end,
            "满意度": self.rated[0] if has_ended else "",
            "评价方式": self.rated[1] if has_ended else "",
        }


def tell(world: World, dice: Dice, folder: Path) -> None:
    """Write the matters, month after month, in the state that each month knows."""
    atlas = Atlas(world.places)
    sessions = [one for one in world.activities if one.state == "held" and words.SESSIONS.get(one.process_code) == one.kind]
    drawn: list[tuple[datetime, str, Activity | None]] = []
    for month in months():
        held = [one for one in sessions if month <= one.day < next_month(month)]
        for _ in range(dice.count(IN_A_MONTH * world.size.communities * world.size.factor)):
            channel = dice.weighted([(channel, weight) for channel, (_, weight) in words.CHANNELS.items()])
            there = [one for one in held if one.process_code == words.CHANNELS[channel][0]]
            session = dice.pick(there) if there else None
            first, end = (session.day, session.day + timedelta(days=1)) if session else (month, next_month(month))
            moment = dice.moment(first, end)
            drawn.append((moment, channel, session))
    drawn.sort(key=lambda one: (one[0], one[1]))
    numbers: dict[int, int] = {}
    matters = []
    for moment, channel, session in drawn:
        numbers[moment.year] = numbers.get(moment.year, 0) + 1
        matters.append(_matter(world, dice, atlas, f"QH{moment.year}-{numbers[moment.year]:04d}", moment, channel, session))
    _spoil(world, matters)
    world.cases += [matter.true for matter in matters if matter.true]
    for month in months():
        rows = []
        for matter in matters:
            if matter.is_listed(month):
                rows.append(matter.row(datetime.combine(next_month(month), time())))
                if matter.style != "iso" and matter.true:
                    world.met(SOURCE, "date in slashes or Chinese")
        blank_rows = 2 if month.month in (3, 8) else 0
        if blank_rows:
            world.met(SOURCE, "rows of empty cells", rows=blank_rows)
        write_csv(folder / f"诉求台账_{month:%Y-%m}.csv", rows, blank_rows)


def _matter(
    world: World, dice: Dice, atlas: Atlas, number: str, raised: datetime, channel: str, session: Activity | None
) -> Matter:
    category = dice.pick(list(words.CATEGORIES))
    body, mean_days, due_days, descriptions = words.CATEGORIES[category]
    place, community = _where(dice, atlas, raised.date(), session)
    if dice.chance(0.25):
        raised = datetime.combine(raised, time())
    days = min(200.0, dice.waiting(mean_days * (1.25 if community.parent.endswith("001") else 1.0)))
    if dice.chance(0.14 if session else 0.03):
        days = 0.0  # settled on the spot
    state = dice.weighted(words.ENDINGS)
    outcome = words.OUTCOMES[state]
    ended: datetime | None = raised + timedelta(minutes=round(days * 1440 * (1.0 if outcome == "resolved" else 0.5)))
    if dice.chance(0.3) and datetime.combine(ended, time()) >= raised:
        ended = datetime.combine(ended, time())
    if dice.chance(0.05) or ended >= datetime.combine(DATA_END, time()):
        ended = None
    has_due, responds = dice.chance(0.85), dice.chance(0.92)
    due = raised.date() + timedelta(days=due_days) if has_due else None
    responded: datetime | None = raised + timedelta(minutes=round(60 * dice.waiting(13)))
    if ended is not None:
        responded = min(responded, ended)
    if not responds or responded >= datetime.combine(DATA_END, time()):
        responded = None
    is_resolved = ended is not None and outcome == "resolved"
    rating = dice.pick([None, None, 5, 5, 4, 4, 3, 2, 1]) if is_resolved else None
    is_default = rating == 5 and dice.chance(0.3)
    style, person = date_style(dice), dice.between(0, 119)
    response_due = raised + timedelta(days=1)
    true = Case(
        case_id=f"{SOURCE}:{number}", place=place.code, kind="issue", process_code=words.CHANNELS[channel][0], machine="issue",
        category=category, opened=raised, ended=ended, outcome=outcome if ended else "open", due=due, response_due=response_due,
        first_response=responded, activity_id=session.activity_id if session else None, rating=rating,
        rating_is_default=is_default if rating else None,
    )  # fmt: skip
    name = community.name
    if name == "禾新社区" and dice.chance(0.1):
        name = "禾香社区"
        world.met(SOURCE, "former name")
    shown = {
        "编号": number, "收集时间": day_or_moment(raised, style), "社区": name, "小区": place.name if place.level == "estate" else "",
        "反映人": words.SURNAMES[person % 20] + words.TITLES[person % 4], "联系电话": f"1990000{1000 + 61 * person:04d}",
        "收集渠道": channel, "议事场次": session.activity_id.split(":")[1] if session else "", "问题类别": category,
        "问题描述": dice.pick(descriptions), "责任单位": body, "办理期限": spelled(due, style) if due else "",
        "回应期限": day_or_moment(response_due, style),
    }  # fmt: skip
    rated = (str(rating), "系统默认" if is_default else "居民评价") if rating else ("", "")
    return Matter(true, raised, ended, state, style, rated, shown)


def _where(dice: Dice, atlas: Atlas, day: date, session: Activity | None) -> tuple[Place, Place]:
    """The place of a matter and its community: where its session was held, else anywhere."""
    if session:
        place = atlas.at(session.place, day)
        community = place if place.level == "community" else atlas.parent(place, day)
    else:
        community = dice.pick(atlas.on("community", day))
    estates = atlas.below(community.code, day)
    return (dice.pick(estates) if estates and dice.chance(0.75) else community), community


def _spoil(world: World, matters: list[Matter]) -> None:
    """Faults of matters that were settled in the month they were raised, so that each stands in exactly one row."""
    settled = [m for m in matters if m.true.outcome == "resolved" and m.state == "已解决" and m.style == "iso"
               and m.ended < datetime.combine(next_month(m.raised.date().replace(day=1)), time())]  # fmt: skip
    rest = iter(settled[5::3])
    february = next(m for m in settled if m.raised.month == 2 and m not in settled[5::3])
    february.shown["收集时间"], february.end_text = "2026-02-30", "2026-02-28"
    for m, fault in ((february, "impossible date"), (next(rest), "unknown state")):
        if fault == "unknown state":
            m.state = "已协调"
        m.true = None
        world.met(SOURCE, fault, quarantined=True)
    for _ in range(4):
        m = next(one for one in rest if one.raised.day >= 12)
        early = datetime.combine(m.raised.date() - timedelta(days=9), time())
        m.true, m.end_text = replace(m.true, ended=early), spelled(early.date())
        world.met(SOURCE, "closed before it was raised")
    for _ in range(4):
        m = next(rest)
        m.true, m.end_text = replace(m.true, ended=None), ""
        world.met(SOURCE, "resolved without a close date")
    for name in ("溪畔社区", "青石社区", "溪畔社区"):
        m = next(rest)
        m.shown |= {"社区": name, "小区": "溪畔人家"}
        m.true = replace(m.true, place=UNKNOWN)
        world.met(SOURCE, "community not in the register")
    for _ in range(3):
        m = next(rest)
        m.shown["问题类别"] = ""
        m.true = replace(m.true, category=None)
        world.met(SOURCE, "blank category")
    for wrong in ("稻香名底", "桐花园"):
        m = next(one for one in rest if one.shown["小区"])
        m.shown["小区"] = wrong
        m.true = replace(m.true, place=Atlas(world.places).at(m.true.place, m.true.opened.date()).parent)
        world.met(SOURCE, "misspelt estate")
    for column, text, fault in [
        ("社区", " {} ", "spaces around a cell"), ("问题类别", "{}　", "spaces around a cell"), ("反映人", " {}", "spaces around a cell"),
        ("问题描述", "1.{}\n2.感应灯不亮", "line break in a cell"), ("问题描述", "{},已多次反映", "comma in a cell"),
        ("反映人", "{} 19900001062", "name and telephone in one cell"), ("问题描述", "{}，请回电19900001123", "telephone in free text"),
    ]:  # fmt: skip
        m = next(rest)
        m.shown[column] = text.format(m.shown[column])
        world.met(SOURCE, fault)
    m = next(rest)
    m.state = "已解决　"
    world.met(SOURCE, "spaces around a cell")
    for m in matters:
        if m.true:
            m.true = replace(m.true, events=_events(m.true))


def _events(case: Case) -> tuple[Event, ...]:
    """The ledger dates the beginning and the end."""
    end = (Event(case.outcome, case.ended),) if case.outcome != "open" and case.ended else ()
    return (Event("raised", case.opened), *end)
