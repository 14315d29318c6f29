"""签到平台: activities and standing services with their sign-ins, as quarterly JSON exports that overlap."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

from samples.cadence import RULES, windows
from samples.catalogue import KIND_NAMES, KINDS, PROCESS_NAMES, leaving
from samples.dice import Dice
from samples.files import write_json
from samples.people import People, Person, age_band
from samples.spelling import fault_of
from samples.world import DATA_END, FIRST_DAY, UNKNOWN, Activity, Participation, World

SOURCE, ROWS = "signin_platform", "signin_record"
STATES = {"held": "已举办", "cancelled": "已取消", "postponed": "延期", "planned": "未开始"}
MODES = {"offline": "线下", "online": "线上"}
ROW_STATES = {
    "invited": "已邀请", "registered": "已报名", "attended": "已签到", "absent": "缺席", "cancelled": "已取消",
    "recorded": "已登记", "points_posted": "已发积分", "redeemed": "已兑换", "completed": "已结业",
}  # fmt: skip
ACTIONS = {"attend": "参加", "volunteer": "服务", "vote": "投票", "propose": "提议", "deliberate": "议事", "donate": "捐赠"}
HOSTS = [("居委会", 0.5), ("社会组织", 0.2), ("居民团队", 0.2), ("物业", 0.1)]
ELEMENTS = ["议题", "核心团队", "协商", "参与"]
DELIBERATION = {"tea_session", "meeting", "council", "joint_meeting", "hearing", "salon"}
WITH_ACTIVITY = {"attendance", "enrolment", "observed"}
QUARTERS = [date(2025, 1, 1), date(2025, 4, 1), date(2025, 7, 1), date(2025, 10, 1), date(2026, 1, 1), date(2026, 4, 1),
            date(2026, 7, 1), DATA_END]  # fmt: skip
IN_TOWNS = {"B02.analysis"}


class Platform:
    """What the platform knows: items (activities, standing services), each with its rows."""

    def __init__(self, world: World, dice: Dice) -> None:
        self.world, self.dice, self.people = world, dice, People(world)
        self.items: list[dict] = []
        self.row_count = 0

    def place_of(self, kind: str, process: str, number: int, day: date) -> str:
        """A community (some kinds: an estate or the district) that exists on the day."""
        if process[0] == "H" and number % 3 == 0:
            return self.people.atlas.on("district", day)[0].code
        level = "estate" if kind in ("council", "gathering", "patrol") and number % 2 else "community"
        places = self.people.atlas.on(level, day)
        return places[(number * 5 + int(process[1:])) % len(places)].code

    def activity(self, process: str, kind: str, name: str, place: str, day: date, state: str) -> None:
        """One activity with its sign-ins."""
        dice = self.dice
        number = f"HD-{len(self.items) + 1:05d}"
        host = dice.weighted(HOSTS)
        mode = "online" if kind in ("lecture", "class", "training", "meeting") and dice.chance(0.15) else "offline"
        element = dice.pick(ELEMENTS) if dice.chance(0.35) else None
        led = dice.weighted([(True, 0.35), (False, 0.45), (None, 0.2)])
        capacity = dice.pick([20, 40, 60, 120, 300]) if dice.chance(0.4) else None
        truth = Activity(
            f"{SOURCE}:{number}",
            place,
            kind,
            process,
            day,
            state,
            KIND_NAMES["activity", kind],
            mode,
            host,
            None,
            element,
            led,
            capacity,
        )
        item = {
            "itemNo": number, "itemType": "活动", "process": process, "kind": KIND_NAMES["activity", kind], "title": name,
            "placeCode": place, "date": f"{day:%Y-%m-%d}", "startTime": dice.pick(["09:00", "9:30", "14:30", "19:00"]),
            "mode": MODES[mode], "hostType": host, "element": element, "residentLed": {True: "是", False: "否", None: None}[led],
            "capacity": capacity, "headcount": None, "status": STATES[state], "signIns": [],
        }  # fmt: skip
        rows: list[Participation] = []
        if state == "held":
            rows = self._rows(item, truth)
            persons = sum(row.person is not None and row.action == "attend" and row.state != "absent" for row in rows)
            headcount = persons + dice.pick([0, 0, 1, 2, 5, -1]) if rows else dice.between(8, 60)
            if not rows and kind in ("festival", "performance", "campaign"):
                headcount = dice.between(200, 900)
            if dice.chance(0.004):
                headcount = 2500
            if (not rows or dice.chance(0.4)) and not dice.chance(0.05) and headcount > 0:
                item["headcount"] = headcount
                truth = replace(truth, headcount=headcount)
        self.items.append(item)
        item["truth"] = (truth, rows)

    def _rows(self, item: dict, activity: Activity) -> list[Participation]:
        """The sign-ins of a held activity: people, or a counted group, or nobody wrote it down."""
        kinds = [kind for process, kind in leaving("participation") if process == activity.process_code]
        dice, kinds = self.dice, [kind for kind in kinds if kind in WITH_ACTIVITY]
        if not kinds:
            return []
        kind = dice.pick(kinds)
        form = "group" if kind == "observed" else dice.weighted([("people", 0.78), ("group", 0.1), ("count", 0.12)])
        if form == "count" and kind != "enrolment":
            return []
        if form == "group" and kind == "attendance" or kind == "observed":
            return [self._row(item, activity, kind, "attend", "recorded", head_count=dice.between(10, 90))]
        rows = []
        low, high = (12, 22) if kind == "enrolment" else (5, 15)
        for person in self.people.some(dice, activity.place, activity.day, dice.between(low, high)):
            action = "attend"
            if activity.kind in DELIBERATION:
                action = dice.weighted([("attend", 0.6), ("deliberate", 0.25), ("propose", 0.08), ("vote", 0.07)])
            elif activity.kind in ("charity_sale", "festival") and dice.chance(0.1):
                action = "donate"
            states = [("attended", 0.84), ("recorded", 0.1), ("registered", 0.03), ("absent", 0.03)]
            if kind == "enrolment":
                states = [("invited", 0.15), ("registered", 0.2), ("cancelled", 0.05), ("absent", 0.05), ("attended", 0.2),
                          ("recorded", 0.15), ("completed", 0.2)]  # fmt: skip
            rows.append(self._row(item, activity, kind, action, dice.weighted(states), person))
        return rows

    def service(self, process: str, kind: str, place: str, first: date, end: date, number: int) -> None:
        """A standing service (volunteer post, collection point, canteen): its rows belong to no activity. Each month is an item."""
        dice = self.dice
        action = {"volunteer_shift": "volunteer", "check_in": "volunteer", "waste_drop": "donate"}.get(kind, "attend")
        day, months = first, defaultdict(list)
        for _ in range(number):
            day = dice.day(first, end)
            months[day.year, day.month].append(day)
        for (year, month), days in sorted(months.items()):
            title = f"{PROCESS_NAMES[process]}（{KIND_NAMES['participation', kind]}）"
            item = {"itemNo": f"FW-{len(self.items) + 1:05d}", "itemType": "服务", "process": process, "title": title,
                    "placeCode": place, "date": f"{year}-{month:02d}-01", "signIns": []}  # fmt: skip
            rows = []
            for day in sorted(days):
                try:
                    self.people.atlas.at(place, day)
                except LookupError:
                    continue
                state = dice.weighted([("recorded", 0.6), ("attended", 0.2), ("points_posted", 0.14), ("absent", 0.06)])
                for person in self.people.some(dice, place, day, 1):
                    rows.append(self._row(item, None, kind, action, state, person, process, place, day))
            if rows:
                item["truth"] = (None, rows)
                self.items.append(item)

    def _row(
        self, item: dict, activity: Activity | None, kind: str, action: str, state: str, person: Person | None = None,
        process: str | None = None, place: str | None = None, day: date | None = None, head_count: int | None = None,
    ) -> Participation:  # fmt: skip
        dice = self.dice
        self.row_count += 1
        day, place = day or activity.day, place or activity.place
        number = f"QD-{self.row_count:06d}"
        age = day.year - person.birth_year if person and person.birth_year else None
        truth = Participation(
            f"{ROWS}:{number}", place, kind, process or activity.process_code, day, action, state,
            activity.activity_id if activity else None, person.number if person else None,
            person.household if person and not dice.chance(0.05) else None, age_band(age), head_count,
        )  # fmt: skip
        row = {"rowNo": number, "date": f"{day:%Y-%m-%d}", "kind": KIND_NAMES["participation", kind], "action": ACTIONS[action],
               "status": ROW_STATES[state], "person": truth.person, "household": truth.household, "age": age,
               "headcount": head_count}  # fmt: skip
        if kind == "volunteer_shift":
            truth = self._shift(row, truth)
        item["signIns"].append({key: value for key, value in row.items() if value is not None})
        return truth

    def _shift(self, row: dict, truth: Participation) -> Participation:
        """Hours of service: with times (in UTC) or a number of hours, a few of them impossible."""
        dice = self.dice
        verified = dice.weighted([(True, 0.86), (False, 0.1), (None, 0.04)])
        row["verified"] = verified
        if dice.chance(0.3):
            hours = Decimal(dice.pick(["0.5", "1", "1.5", "2", "2", "3", "4"]))
            if dice.chance(0.02):
                hours = dice.pick([Decimal("30"), Decimal("0")])
            row["hours"] = str(hours)
            return replace(truth, hours=hours, is_verified=verified)
        started = datetime.combine(truth.day, time(dice.pick([8, 9, 14, 15]), dice.pick([0, 30])))
        minutes = dice.pick([60, 90, 120, 120, 150, 180, 240])
        if dice.chance(0.008):
            minutes = dice.pick([1500, 2880])
        ended = started + timedelta(minutes=minutes)
        row["start"], row["end"] = instant(started), instant(ended)
        return replace(truth, is_verified=verified, started=started, ended=ended)


def instant(moment: datetime) -> str:
    """A local moment (Asia/Shanghai) as the platform stores it, in UTC."""
    return f"{moment - timedelta(hours=8):%Y-%m-%dT%H:%M:%SZ}"


def tell(world: World, dice: Dice, folder: Path) -> None:
    """Draw the activities of the processes whose people sign in, what is due by a rule, and the services; write the exports."""
    platform = Platform(world, dice)
    share = world.size.communities / 9
    _cadence(platform)
    regular = {(rule.process, rule.kind) for rule in RULES}
    signed = {process for process, kind in leaving("participation") if kind in WITH_ACTIVITY}
    for process, kind in leaving("activity"):
        if process not in signed or (process, kind) in regular:
            continue
        for number in range(round(6 * share * world.size.factor)):
            day = dice.day(FIRST_DAY, DATA_END)
            state = dice.weighted([("held", 0.88), ("cancelled", 0.07), ("postponed", 0.05)])
            place = platform.place_of(kind, process, number, day)
            platform.activity(process, kind, f"{PROCESS_NAMES[process]}{KIND_NAMES['activity', kind]}", place, day, state)
    for process, kind in leaving("participation"):
        if kind in WITH_ACTIVITY and any(one.startswith("activity.") for one in KINDS[process]):
            continue
        for number in range(round(3 * share)):
            place = platform.place_of(kind, process, number, FIRST_DAY)
            rows = 240 if process in ("D01", "D09", "F08") else 90
            platform.service(process, kind, place, FIRST_DAY, DATA_END, round(rows * world.size.factor))
    _overlap(platform)
    _spoil(platform)
    for item in platform.items:
        activity, rows = item.pop("truth")
        if activity:
            world.activities.append(activity)
        world.participations += rows
    _exports(platform.items, folder)


def _cadence(platform: Platform) -> None:
    """What is due by a rule of cadence: mostly held, sometimes moved, cancelled or forgotten."""
    dice = platform.dice
    for order, rule in enumerate(rule for rule in RULES if rule.record == "activity"):
        level = "town" if rule.code in IN_TOWNS else "estate" if rule.code == "A10.council" else "community"
        places = [place.code for place in platform.people.atlas.on(level, FIRST_DAY)]
        keeping = max(1, platform.world.size.communities // 9) * (1 if rule.frequency == "weekly" else 2)
        for place in (places[(order * 2 + number) % len(places)] for number in range(keeping)):
            for first, end in windows(rule, FIRST_DAY, DATA_END):
                day = first + timedelta(days=int(dice.random() * (end - first).days))
                fate = dice.weighted([("held", 0.88), ("moved", 0.05), ("cancelled", 0.03), ("forgotten", 0.04)])
                if fate == "moved":
                    day = end + timedelta(days=1)
                if fate == "forgotten" or day >= DATA_END:
                    continue
                try:
                    platform.people.atlas.at(place, day)
                except LookupError:
                    break
                platform.activity(rule.process, rule.kind, rule.name, place, day, "cancelled" if fate == "cancelled" else "held")


def _overlap(platform: Platform) -> None:
    """Some sign in twice for the same hours."""
    shifts = [(item, number, row) for item in platform.items for number, row in enumerate(item["truth"][1]) if row.started]
    for item, _, row in shifts[7::90]:
        started = row.started + timedelta(minutes=30)
        ended = started + timedelta(hours=2)
        platform.row_count += 1
        number = f"QD-{platform.row_count:06d}"
        written = next(w for w in item["signIns"] if f"{ROWS}:{w['rowNo']}" == row.participation_id)
        item["signIns"].append({**written, "rowNo": number, "start": instant(started), "end": instant(ended)})
        item["truth"][1].append(replace(row, participation_id=f"{ROWS}:{number}", started=started, ended=ended))


def _spoil(platform: Platform) -> None:
    """A little dirt: each fault costs the platform one row, or only its place or its activity."""
    activities = [item for item in platform.items if item["itemType"] == "活动"]
    for item, key, value in [
        (activities[5], "date", "2026-02-30"), (activities[11], "status", "待定"), (activities[17], "headcount", "几十人"),
    ]:  # fmt: skip
        item[key] = value
        platform.world.met(SOURCE, fault_of(key, value), quarantined=True)
        rows = [replace(row, activity_id=None) for row in item["truth"][1]]  # of an activity that nobody lists
        item["truth"] = (None, rows)
    for item in activities[23:26]:
        item["placeCode"] = "990199001"
        platform.world.met(SOURCE, "place not in the register")
        activity, rows = item["truth"]
        item["truth"] = (replace(activity, place=UNKNOWN), [replace(row, place=UNKNOWN) for row in rows])
    services = [item for item in platform.items if item["itemType"] == "服务" and len(item["signIns"]) > 1]
    for item, key, value in [
        (services[3], "date", "2026-02-30"), (services[8], "age", "三十岁"), (services[13], "status", "迟到"),
        (services[18], "action", "围观"),
    ]:  # fmt: skip
        item["signIns"][0][key] = value
        del item["truth"][1][0]
        platform.world.met(ROWS, fault_of(key, value), quarantined=True)


def _exports(items: list[dict], folder: Path) -> None:
    """One export per quarter with everything dated in it; it repeats the last items of the export before."""
    before, first = [], FIRST_DAY
    by_quarter = defaultdict(list)
    for item in sorted(items, key=lambda item: (item["date"], item["itemNo"])):
        by_quarter[next((end for end in QUARTERS if item["date"] < f"{end:%Y-%m-%d}"), DATA_END)].append(item)
    for end in QUARTERS:
        coming = by_quarter[end][-2:] if end != DATA_END else []
        listed = before[-6:] + [_not_begun(item) if item in coming else item for item in by_quarter[end]]
        last = end - timedelta(days=1)
        content = {"code": 0, "message": "ok", "data": {"from": f"{first:%Y-%m-%d}", "total": len(listed), "list": listed}}
        write_json(folder / f"签到平台_{last:%Y-%m}.json", content, indent=None)
        before, first = by_quarter[end], end


def _not_begun(item: dict) -> dict:
    """An item as it stood before it began: the next export tells what became of it."""
    return {**item, "status": STATES["planned"], "headcount": None, "signIns": []} if item["itemType"] == "活动" else item
