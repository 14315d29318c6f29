"""事项平台: every matter with a life-cycle and its state changes, as one JSON export of the whole history."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

from samples.atlas import Atlas
from samples.cadence import RULES, windows
from samples.catalogue import KIND_NAMES, leaving
from samples.dice import Dice
from samples.files import write_json
from samples.life_cycles import MACHINES, OUTCOMES
from samples.lives import DUE_DAYS, ILLEGAL, LIVES, RESPONSE_HOURS, STEP_DAYS
from samples.people import People
from samples.spelling import fault_of
from samples.world import DATA_END, FIRST_DAY, UNKNOWN, Activity, Case, Event, World

SOURCE = "case_platform"
END = datetime.combine(DATA_END, datetime.min.time())
RESULTS = {"open": "在办", "resolved": "办结", "rejected": "不予受理", "withdrawn": "撤回", "cancelled": "取消", "referred_out": "转出"}
CALLBACKS = {"reached": "已接通", "not_reached": "未接通", "refused": "拒访"}
EXCLUSIONS = {"beyond_authority": "超出职权范围", "no_legal_basis": "无政策法规依据", "in_court": "已进入诉讼仲裁信访程序",
              "malicious": "恶意或虚假诉求", "duplicate": "重复诉求", "consultation": "咨询类"}  # fmt: skip
YES_NO = {True: "是", False: "否", None: None}
CATEGORIES = {
    "issue": ["物业管理", "环境卫生", "停车秩序", "噪音扰民", "公共设施", "邻里纠纷"],
    "list_item": ["议事协商清单", "物业服务清单", "政府指导清单", "资源清单", "问题清单", "服务清单"],
    "disclosure": ["财务收支", "项目进展", "表决结果", "资助名单", "维修资金"],
    "dispute": ["邻里", "物业", "婚姻家庭", "劳资"], "order": ["助餐", "助洁", "维修", "陪诊", "代办"],
    "window_request": ["社会保障", "民政", "计生", "退役军人"],
}  # fmt: skip
CHANNELS = ["平台", "网格", "电话", "会议", "入户"]
OFTEN = {"issue": 22, "order": 40, "window_request": 30, "home_service": 24, "dispute": 26, "disclosure": 12, "grant_application": 12,
         "list_item": 16, "loan": 26, "wish": 22, "contest_entry": 14, "task": 10, "incubation": 12}  # fmt: skip
SESSIONS = {
    "tea_session",
    "meeting",
    "council",
    "joint_meeting",
    "hearing",
    "salon",
    "reception_day",
    "duty_day",
    "lecture",
    "workshop",
}
HELD_IN_SESSIONS = {"issue", "suggestion", "proposal", "need", "referral", "task", "list_item"}


class Platform:
    """What the platform knows: matters as it writes them, with what is true of them (None: nobody can understand it)."""

    def __init__(self, world: World, dice: Dice) -> None:
        self.world, self.dice, self.people = world, dice, People(world)
        self.atlas = Atlas(world.places)
        self.listed: list[tuple[Case | None, dict]] = []
        self.sessions: dict[str, list[Activity]] = defaultdict(list)
        for activity in world.activities:
            is_own = activity.activity_id.startswith("signin_platform:")
            if is_own and activity.kind in SESSIONS and activity.state == "held" and activity.place != UNKNOWN:
                self.sessions[activity.process_code].append(activity)

    def add(
        self, process: str, kind: str, opened: datetime, place: str | None = None, life: tuple[str, ...] | None = None
    ) -> None:
        """One matter from its opening to its last state before the export."""
        dice, machine = self.dice, MACHINES["case", kind]
        session = None
        if kind in HELD_IN_SESSIONS and place is None and self.sessions[process] and dice.chance(0.5):
            session = dice.pick(self.sessions[process])
            opened = datetime.combine(session.day, datetime.min.time()) + timedelta(hours=15, minutes=dice.between(0, 59))
            place = session.place
        place = place or self.a_place(kind, opened.date())
        life = life or dice.weighted(LIVES[machine])
        events = self._events(machine, life, opened, on_the_spot=session is not None and dice.chance(0.25))
        turns = [(event, OUTCOMES[machine, event.state]) for event in events if OUTCOMES[machine, event.state]]
        last, outcome = turns[-1]
        categories = CATEGORIES.get(kind)
        case = Case(
            case_id=f"{SOURCE}:AJ-{len(self.listed) + 1:06d}", place=place, kind=kind, process_code=process, machine=machine,
            category=dice.pick(categories) if categories and not dice.chance(0.03) else None, opened=opened,
            ended=last.moment if outcome != "open" else None, outcome=outcome, state=events[-1].state, events=tuple(events),
            due=opened.date() + timedelta(days=DUE_DAYS[machine]) if machine in DUE_DAYS and not dice.chance(0.1) else None,
            activity_id=session.activity_id if session else None,
            applicant=self._applicant(place, opened.date()) if machine == "grant" else None,
            round_code=f"{opened.year}-{1 if opened.month < 7 else 2}" if machine == "grant" else None,
        )  # fmt: skip
        case = self._answered(case)
        self.listed.append((case, self._written(case)))

    def a_place(self, kind: str, day: date) -> str:
        """Return an estate or a community that exists on the day."""
        level = "estate" if self.dice.chance(0.55) and kind not in ("policy_item", "grant_application") else "community"
        return self.dice.pick(self.atlas.on(level, day)).code

    def _applicant(self, place: str, day: date) -> str:
        team = self.dice.between(1, 4)
        return f"{self.atlas.at(place, day).name}互助队{team}队" if self.dice.chance(0.8) else "青禾启明社会工作服务中心"

    def _events(self, machine: str, life: tuple[str, ...], opened: datetime, on_the_spot: bool) -> list[Event]:
        moment, events = opened, [Event(life[0], opened)]
        if on_the_spot and machine == "issue":
            life = ("raised", "resolved")
        for state in life[1:]:
            days = 0.1 if on_the_spot else min(200.0, self.dice.waiting(STEP_DAYS[machine]))
            moment += timedelta(minutes=1 + round(days * 1440))
            if moment >= END:
                break
            events.append(Event(state, moment))
        return events

    def _answered(self, case: Case) -> Case:
        """First response, rating and call-back."""
        dice, changes = self.dice, {}
        if case.machine in RESPONSE_HOURS and not dice.chance(0.15):
            hours = RESPONSE_HOURS[case.machine]
            first = case.opened + timedelta(minutes=5 + round(dice.waiting(hours / 2) * 60))
            changes["response_due"] = case.opened + timedelta(hours=hours)
            changes["first_response"] = first if first < END and not dice.chance(0.06) else None
        if case.state == "rated" or case.outcome == "resolved" and case.machine in ("issue", "order") and dice.chance(0.2):
            is_default = dice.chance(0.3)
            rating = 5 if is_default else dice.weighted([(5, 0.4), (4, 0.3), (3, 0.15), (2, 0.1), (1, 0.05)])
            changes |= {"rating": rating, "rating_is_default": is_default}
        if case.machine in ("issue", "order") and case.outcome not in ("open", "withdrawn") and dice.chance(0.35):
            state = dice.weighted([("reached", 0.72), ("not_reached", 0.2), ("refused", 0.08)])
            changes["callback_state"] = state
            if state == "reached":
                solved = dice.chance(0.82)
                changes |= {"callback_is_resolved": solved, "callback_is_satisfied": dice.chance(0.85 if solved else 0.2)}
            if dice.chance(0.12):
                changes["exclusion_reason"] = dice.pick(list(EXCLUSIONS))
        return replace(case, **changes)

    def _written(self, case: Case) -> dict:
        """The matter as the platform exports it: some times in UTC, some local."""
        row = {
            "caseNo": case.case_id.split(":")[1], "process": case.process_code, "kind": KIND_NAMES["case", case.kind],
            "placeCode": case.place, "category": case.category, "channel": self.dice.pick(CHANNELS),
            "createdAt": utc(case.opened), "finishedAt": local(case.ended), "dueDate": case.due and f"{case.due:%Y-%m-%d}",
            "status": case.state.upper(), "result": RESULTS[case.outcome],
            "response": {"dueAt": local(case.response_due), "firstAt": utc(case.first_response)},
            "sessionNo": case.activity_id and case.activity_id.split(":")[1],
            "rating": {"score": case.rating, "bySystem": case.rating_is_default},
            "callback": {"state": CALLBACKS.get(case.callback_state), "resolved": YES_NO[case.callback_is_resolved],
                         "satisfied": YES_NO[case.callback_is_satisfied], "exclusion": EXCLUSIONS.get(case.exclusion_reason)},
            "applicant": case.applicant, "round": case.round_code,
            "phone": f"1990000{self.dice.between(1000, 9999)}" if case.machine in ("issue", "order") else None,
            "events": [{"status": event.state.upper(), "at": utc(event.moment)} for event in case.events],
        }  # fmt: skip
        for key in ("response", "rating", "callback"):
            row[key] = {name: value for name, value in row[key].items() if value is not None} or None
        return {key: value for key, value in row.items() if value is not None}


def utc(moment: datetime | None) -> str | None:
    """A local moment (Asia/Shanghai) in UTC."""
    return f"{moment - timedelta(hours=8):%Y-%m-%dT%H:%M:%SZ}" if moment else None


def local(moment: datetime | None) -> str | None:
    """A local moment as it stands."""
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else None


def tell(world: World, dice: Dice, folder: Path) -> None:
    """Draw matters of all kinds with their lives, and write the platform's export."""
    platform = Platform(world, dice)
    share = world.size.communities / 9 * world.size.factor
    for process, kind in leaving("case"):
        for number in range(max(2, round(OFTEN.get(kind, 7) * share))):
            # The first goes all its way, so that every process shows what it leads to.
            opened = dice.moment(FIRST_DAY, date(2025, 3, 1) if not number else DATA_END)
            life = LIVES[MACHINES["case", kind]][0][0] if not number else None
            platform.add(process, kind, opened, life=life)
    _fridays(platform)
    for machine, life in ILLEGAL:
        kind = next(kind for (record, kind), of in MACHINES.items() if record == "case" and of == machine)
        process = next(process for process, left in leaving("case") if left == kind)
        opened = dice.moment(date(2025, 2, 1), date(2026, 5, 1))
        platform.add(process, kind, opened, platform.a_place(kind, opened.date()), life)
        world.met(SOURCE, "illegal transition")
    _repeat(platform)
    _spoil(platform)
    world.cases += [case for case, _ in platform.listed if case]
    rows = [row for _, row in sorted(platform.listed, key=lambda pair: pair[1]["caseNo"])]
    content = {"code": 0, "message": "ok", "data": {"exportedAt": utc(END), "total": len(rows), "list": rows}}
    write_json(folder / "事项平台_2026-09.json", content, indent=None)


def _fridays(platform: Platform) -> None:
    """Opinions are collected every Friday, as the rule says; some weeks nobody brings one."""
    dice = platform.dice
    homes = [place.code for place in platform.atlas.on("community", FIRST_DAY)]
    for rule in (rule for rule in RULES if rule.record == "case"):
        for place in homes[: max(1, len(homes) // 9)]:
            for first, _ in windows(rule, FIRST_DAY, DATA_END):
                if dice.chance(0.9):
                    opened = datetime.combine(first, datetime.min.time()) + timedelta(minutes=dice.between(540, 1080))
                    platform.add(rule.process, rule.kind, opened, place)


def _repeat(platform: Platform) -> None:
    """The same matter comes up again in the same place within weeks."""
    raised = [
        case
        for case, _ in platform.listed
        if case and case.machine == "issue" and case.category and case.opened < datetime(2026, 8, 1)
    ]
    for case in raised[::17]:
        opened = case.opened + timedelta(days=platform.dice.between(2, 40), hours=1)
        try:
            platform.atlas.at(case.place, opened.date())
        except LookupError:
            continue
        platform.add(case.process_code, case.kind, opened, case.place)
        again, row = platform.listed[-1]
        row["category"] = case.category
        platform.listed[-1] = replace(again, category=case.category), row


def _spoil(platform: Platform) -> None:
    """A little dirt. Of a row that nobody can understand nothing counts; other faults cost one value."""
    world, listed = platform.world, platform.listed
    for number, (key, value) in zip(
        range(40, 1000, 90),
        [("createdAt", "2026-02-30T01:00:00Z"), ("finishedAt", "下周"), ("result", "已协调"), ("kind", "其他"), ("createdAt", "待补")],
        strict=False,
    ):
        listed[number][1][key] = value
        listed[number] = (None, listed[number][1])
        world.met(SOURCE, fault_of(key, value), quarantined=True)
    settled = [
        number
        for number, (case, _) in enumerate(listed)
        if case and case.outcome == "resolved" and case.events[-1].state == "resolved"
    ]
    for number in settled[5:8]:
        case, row = listed[number]
        ended = case.opened - timedelta(days=3)
        row["finishedAt"] = local(ended)
        listed[number] = replace(case, ended=ended), row
        world.met(SOURCE, "ended before it began")
    for number in settled[11:14]:
        case, row = listed[number]
        del row["finishedAt"]
        listed[number] = replace(case, ended=None), row
        world.met(SOURCE, "resolved without an end")
    for number in settled[17:20]:
        case, row = listed[number]
        row["placeCode"] = "990199001"
        listed[number] = replace(case, place=UNKNOWN), row
        world.met(SOURCE, "place not in the register")
    for number in settled[23:26]:
        row = listed[number][1]
        row["result"], row["kind"] = f" {row['result']}　", f"{row['kind']} "
        world.met(SOURCE, "spaces around a cell")
