"""Make the raw files of the demonstration district 青禾区 (Qinghe District).

Everything is invented: places, people, phone numbers, companies, amounts. The files look as they would arrive from
community offices: nine monthly ledgers, two questionnaire exports, registers, a public donation list, a grant ledger,
with a little dirt spread thinly (`README.md` lists every kind with its row count).

    python -m samples.make_samples             # from the root of the repository: writes samples/raw
    python -m samples.make_samples SOME_FOLDER  # writes there

The same seed gives the same bytes on every Python: the one source of chance is `Random.random()`, whose sequence Python
guarantees across versions. Only the standard library is used.
"""

import csv
import io
import math
import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random

from samples.district import (
    ACTIVITIES, AGES, BODIES, CATEGORIES, CHANNELS, COMPANIES, EFFECTS, ENDINGS, ESTATES, HOSTS, JOINED, PLACES,
    POPULATION, PROJECTS, QUESTIONS, SCALE, SHOPS, SURNAMES, TITLES, TOWN,
)

SEED = 20260101
MONTHS = range(1, 10)  # January to September 2026
DATA_END = datetime(2026, 10, 1)  # the first moment after the data


class Dice(Random):
    """Chance that depends on `random()` alone, so that every Python draws the same."""

    def pick(self, options):
        """Return one of the options."""
        return options[int(self.random() * len(options))]

    def between(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return low + int(self.random() * (high - low + 1))

    def chance(self, share: float) -> bool:
        """Return True in that share of the draws."""
        return self.random() < share

    def weighted(self, options):
        """Return one of the options, given as (option, weight) with weights that add up to 1."""
        draw = self.random()
        for option, weight in options:
            draw -= weight
            if draw < 0:
                return option
        return options[-1][0]


def write(path: Path, rows: list[dict], blank_rows: int = 0, encoding: str = "utf-8", line_end: str = "\n") -> Path:
    """Write the rows as CSV under the keys of the first one, then that many rows of empty cells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator=line_end)
    writer.writeheader()
    writer.writerows(rows + [{}] * blank_rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def spelled(moment: datetime | date, style: str = "iso") -> str:
    """Spell a day as 2026-03-05, 2026/3/5 or 2026年3月5日; a datetime adds its time of day."""
    day = {
        "iso": f"{moment:%Y-%m-%d}",
        "slash": f"{moment.year}/{moment.month}/{moment.day}",
        "chinese": f"{moment.year}年{moment.month}月{moment.day}日",
    }[style]
    return f"{day} {moment:%H:%M}" if isinstance(moment, datetime) else day


def date_style(dice: Dice) -> str:
    """Most people write dates one way, some another."""
    return dice.weighted([("iso", 0.8), ("slash", 0.12), ("chinese", 0.08)])


def full_width(number: str) -> str:
    """1200 as １２００."""
    return number.translate(str.maketrans("0123456789", "０１２３４５６７８９"))


def month_end(month: int) -> datetime:
    """Return the first moment after a month of 2026."""
    return datetime(2026, month + 1, 1)


def place_register(folder: Path) -> list[Path]:
    """The register of places: district, towns, communities, estates."""
    keys = ("级别", "名称", "上级", "区划代码", "类型", "英文名")
    return [write(folder / "小区台账_2026-09.csv", [dict(zip(keys, row)) for row in PLACES])]


def population_register(folder: Path) -> list[Path]:
    """Two half-yearly counts: every community, some estates."""
    paths = []
    for name, day, growth in (("2025-12", date(2025, 12, 31), 1.0), ("2026-06", date(2026, 6, 30), 1.012)):
        rows = []
        for (place, parent), figures in POPULATION.items():
            community, estate = (parent, place) if parent else (place, "")
            permanent, registered, households = (round(figure * growth) for figure in figures)
            rows.append({"统计日期": spelled(day), "镇街": TOWN[community], "社区": community, "小区": estate,
                         "常住人口": permanent, "户籍人口": registered, "户数": households})
        rows[0]["常住人口"] = f"{rows[0]['常住人口']:,}"
        paths.append(write(folder / f"人口台账_{name}.csv", rows))
    return paths


def activity_ledger(folder: Path, dice: Dice) -> list[Path]:
    """One file per month; a file replaces its month."""
    months = {month: sorted((activity(dice, month, community) for community in TOWN for _ in range(dice.between(3, 5))),
                            key=lambda row: (row["day"], row["开始时间"], row["社区"])) for month in MONTHS}
    for month, rows in months.items():
        for number, row in enumerate(rows, 1):
            row.update({"序号": number, "活动日期": spelled(row.pop("day"), date_style(dice))})
    held = iter([row for rows in months.values() for row in rows if row["状态"] == "已举办" and row["参与人次"]][2::13])
    for column, value in [("参与人次", "几百人"), ("社区", " 和畅社区"), ("活动日期", "2026-02-30"), ("活动类型", "讲座 "),
                          ("活动效果", "居民反映良好,建议每月一次"), ("小区", "桐花园"), ("社区", "锦塘社区　")]:
        row = next(held)
        row[column] = value
        if column in ("社区", "小区"):  # a misspelt place still has its true surroundings
            row["社区"], row["小区"] = (value, "") if column == "社区" else ("桐花社区", value)
    for _ in range(4):
        row = next(held)
        row["参与人次"] = full_width(str(row["参与人次"]).replace(",", ""))
    return [write(folder / f"活动台账_2026-{month:02d}.csv", rows, blank_rows=3 if month in (2, 6) else 0)
            for month, rows in months.items()]


def activity(dice: Dice, month: int, community: str) -> dict:
    """One activity; its day is still a date, its number is given once the month is sorted."""
    name, kind, people, host_type, fewest, most = dice.pick(ACTIVITIES)
    state = dice.weighted([("已举办", 0.87), ("已取消", 0.08), ("延期", 0.05)])
    headcount = dice.between(fewest, most) if state == "已举办" and not dice.chance(0.05) else ""
    online = kind in ("讲座", "会议") and dice.chance(0.2)
    day = date(2026, month, dice.between(1, (month_end(month) - timedelta(days=1)).day))
    return {
        "序号": 0, "活动名称": name, "活动日期": "", "开始时间": dice.pick(["9:00", "09:30", "14:30", "15:00", "19:00"]),
        "社区": community, "小区": dice.pick([*ESTATES[community], ""]), "地点": "线上会议" if online else "党群服务中心",
        "参与主体": people, "活动方式": "线上" if online else "线下", "活动类型": kind,
        "主办单位": HOSTS[host_type].format(community), "主办类型": host_type,
        "参与人次": f"{headcount:,}" if headcount else "", "活动效果": dice.pick(EFFECTS) if state == "已举办" else "",
        "状态": state, "day": day,
    }


def issue_ledger(folder: Path, dice: Dice) -> list[Path]:
    """One file per month: the matters raised in it, and those that were still open when it began."""
    raised_in = dict(zip(MONTHS, (14, 17, 19, 16, 20, 18, 21, 19, 18)))
    moments = sorted(datetime(2026, month, dice.between(1, 28), dice.between(8, 20), dice.between(0, 59))
                     for month in MONTHS for _ in range(raised_in[month]))
    matters = [matter(dice, number, moment) for number, moment in enumerate(moments, 1)]
    spoil(matters)
    paths = []
    for month in MONTHS:
        rows = [listed(matter, month_end(month)) for matter in matters if is_listed(matter, month)]
        paths.append(write(folder / f"诉求台账_2026-{month:02d}.csv", rows, blank_rows=2 if month in (3, 8) else 0))
    return paths


def matter(dice: Dice, number: int, raised: datetime) -> dict:
    """One matter with its whole life; `listed` shows what one month's file knows of it."""
    community, category = dice.pick(list(TOWN)), dice.pick(list(CATEGORIES))
    body, mean_days, descriptions = CATEGORIES[category]
    person = dice.between(0, 119)
    if dice.chance(0.25):
        raised = datetime.combine(raised, time())
    days = min(120.0, -math.log(1 - dice.random()) * mean_days * (1.25 if TOWN[community] == "禾塘街道" else 1.0))
    if dice.chance(0.04):
        days = 0.0  # settled on the spot
    state = dice.weighted(ENDINGS)
    ended = raised + timedelta(minutes=round(days * 1440 * (1.0 if "已解决已办结".count(state) else 0.5)))
    if dice.chance(0.3) and datetime.combine(ended, time()) >= raised:
        ended = datetime.combine(ended, time())
    style = date_style(dice)
    return {
        "raised": raised, "ended": ended if ended < DATA_END and not dice.chance(0.05) else None, "state": state,
        "rating": dice.pick(["", "", 5, 5, 4, 4, 3, 2, 1]) if state in ("已解决", "已办结") else "", "style": style,
        "shown": {
            "编号": f"QH2026-{number:04d}", "收集时间": day_or_moment(raised, style), "社区": community,
            "小区": dice.pick(ESTATES[community]),
            "反映人": SURNAMES[person % 20] + TITLES[person % 4], "联系电话": f"1990000{1000 + 61 * person:04d}",
            "收集渠道": dice.pick(CHANNELS), "问题类别": category, "问题描述": dice.pick(descriptions), "责任单位": body,
        },
    }


def day_or_moment(moment: datetime, style: str) -> str:
    """Midnight stands for a day whose time nobody wrote down."""
    return spelled(moment if moment.time() != time() else moment.date(), style)


def is_listed(matter: dict, month: int) -> bool:
    """A file lists what was raised in its month and what was open when the month began."""
    begin = datetime(2026, month, 1)
    return matter["raised"] < month_end(month) and (
        matter["raised"] >= begin or matter["ended"] is None or matter["ended"] >= begin)


def listed(matter: dict, known_until: datetime) -> dict:
    """The row of a matter in the file that was closed at `known_until`."""
    has_ended = matter["ended"] is not None and matter["ended"] < known_until
    waiting = "待受理" if known_until - matter["raised"] < timedelta(days=3) else "办理中"
    end = matter.get("end_text", day_or_moment(matter["ended"], matter["style"])) if has_ended else ""
    return {**matter["shown"], "办理情况": matter["state"] if has_ended else waiting, "办结时间": end,
            "满意度": matter["rating"] if has_ended else ""}


def spoil(matters: list[dict]) -> None:
    """Dirty matters that were settled in the month they were raised, so that each fault stands in exactly one row."""
    settled = [m for m in matters if m["state"] == "已解决" and m["ended"] and m["ended"] < month_end(m["raised"].month)]
    february = next(m for m in settled if m["raised"].month == 2)
    february["shown"]["收集时间"] = "2026-02-30"
    february["end_text"] = "2026-02-28"
    late = [m for m in settled if m["raised"].day >= 15 and m is not february]
    for m in late[1:4:2]:
        m["end_text"] = spelled((m["raised"] - timedelta(days=9)).date())  # closed before it was raised
    rest = iter([m for m in settled if m is not february and m not in late[1:4:2]][1::3])
    for _ in range(2):
        next(rest)["end_text"] = ""  # resolved, nobody wrote down when
    next(rest)["state"] = "已协调"
    for column, value in [("社区", "溪畔社区"), ("社区", "青石社区"), ("问题类别", ""), ("问题类别", ""),
                          ("问题描述", "1.{}\n2.感应灯不亮"), ("问题描述", "{},已多次反映"), ("小区", "稻香名底")]:
        shown = next(rest)["shown"]
        shown[column] = value.format(shown[column])
        if column == "社区":  # a community that is not in the register
            shown["小区"] = "溪畔人家"
        if column == "小区":
            shown["社区"] = "稻香社区"
    for column in ("社区", "问题类别", "反映人"):
        shown = next(rest)["shown"]
        shown[column] = f" {shown[column]} "
    shown = next(rest)["shown"]
    shown["反映人"] = f"{shown['反映人']} {shown['联系电话']}"  # name and telephone in one cell
    shown = next(rest)["shown"]
    shown["问题描述"] += f"，请回电{shown['联系电话']}"
    next(rest)["state"] = "已解决　"


def satisfaction_survey(folder: Path, dice: Dice) -> list[Path]:
    """Two waves as the questionnaire platform exports them; the second one's headers use half-width punctuation."""
    paths = []
    half_width = str.maketrans("？（）：", "?():")
    waves = [(3, 92, (0.22, 0.38, 0.24, 0.11, 0.05), "utf-8-sig"), (9, 88, (0.31, 0.42, 0.17, 0.07, 0.03), "utf-8")]
    for month, respondents, weights, encoding in waves:
        rows = sorted((respondent(dice, month, weights) for _ in range(respondents - 2)), key=lambda row: row["提交答卷时间"])
        rows[10:10] = [dict(rows[10])]  # two people with the same answers at the same minute
        rows[40:40] = [dict(rows[40])]
        rows[20]["1、您所在的社区"] = "(跳过)"
        for number, row in enumerate(rows, 1):
            row["序号"] = number
            row["提交答卷时间"] = f"{spelled(row['提交答卷时间'], 'slash')}:{row['提交答卷时间']:%S}"
        if month == 9:
            rows = [{key.translate(half_width): value for key, value in row.items()} for row in rows]
        paths.append(write(folder / f"满意度问卷_2026-{month:02d}.csv", rows, encoding=encoding))
    return paths


def respondent(dice: Dice, month: int, weights: tuple) -> dict:
    """One filled questionnaire; the submission time is still a datetime."""
    seconds = dice.between(0, 14 * 86400)
    row = {"序号": 0, "提交答卷时间": datetime(2026, month, 10) + timedelta(seconds=seconds),
           "所用时间": f"{dice.between(45, 400)}秒", "来源": dice.pick(["微信", "链接", "手机提交"]), "来源详情": "直接访问",
           "来自IP": f"203.0.113.{dice.between(1, 254)}(青禾)", "1、您所在的社区": dice.pick(list(TOWN)),
           "2、您的年龄段": dice.pick(AGES)}
    for question in QUESTIONS:
        row[question] = dice.weighted(list(zip(SCALE, weights)))
        if dice.chance(0.07):
            row[question] = dice.pick(["不了解", "不了解", "(跳过)", "-3"])
    row["8、您参加过哪些活动（可多选）"] = "┋".join(option for option in JOINED if dice.chance(0.4)) or "(跳过)"
    return row


def donation_list(folder: Path, dice: Dice) -> list[Path]:
    """Quarterly public lists, each closed by a total row that is a check, not data."""
    donors = [(surname + TITLES[i % 4], "居民") for i, surname in enumerate(SURNAMES)]
    donors += [("匿名", "匿名")] * 4 + [(name, "企业") for name in COMPANIES]
    donors += [(name, "单位") for name in BODIES] + [(name, "商家") for name in SHOPS]
    paths, number = [], 0
    for last_month in (3, 6, 9):
        rows, total = [], 0
        for day in sorted(date(2026, last_month - 2, 1) + timedelta(days=dice.between(0, 88)) for _ in range(20)):
            number += 1
            name, kind = dice.pick(donors)
            amount = dice.pick([50, 100, 100, 200, 500, 1000]) * (1 if kind in ("居民", "匿名") else 20)
            total += amount
            community = dice.pick(list(TOWN))
            rows.append({"收据号": f"JZ2026-{number:03d}", "日期": spelled(day, date_style(dice)), "姓名": name,
                         "捐赠方类型": kind, "金额（元）": f"{amount:,.2f}" if amount >= 1000 else str(amount),
                         "社区": community, "基金名称": f"{community}发展基金",
                         "用途": dice.pick(["助老", "助学", "小区微改造", "邻里节"])})
        rows[4]["金额（元）"] = full_width(rows[4]["金额（元）"].replace(",", "").replace(".00", ""))
        rows[7]["姓名"] = f" {rows[7]['姓名']}　"
        if last_month == 6:
            total -= int(rows[12]["金额（元）"].replace(",", "").replace(".00", ""))
            rows[12].update({"金额（元）": "若干", "用途": "旧书,文具"})
        rows.append({"收据号": "合计", "金额（元）": f"{total:,.2f}"})
        paths.append(write(folder / f"捐赠公示_2026-{last_month:02d}.csv", rows))
    return paths


def grant_ledger(folder: Path, dice: Dice) -> list[Path]:
    """One snapshot of awards, instalments and spending; the instalments of an award share its project number."""
    moves = []
    for project in PROJECTS:
        *_, award, month, shares = project
        moves.append((date(2026, month, dice.between(3, 15)), "立项", award, project))
        for step, share in enumerate(shares):
            paid_on = date(2026, month + step, dice.between(18, 27))
            moves.append((paid_on, "拨付", round(award * share), project))
            for _ in range(dice.between(2, 3)):
                spent_on = min(paid_on + timedelta(days=dice.between(2, 40)), date(2026, 9, 30))
                moves.append((spent_on, "支出", round(award * share * (0.2 + 0.12 * dice.random()), 2), project))
    moves.append((date(2026, 5, 20), "立项", 6000, PROJECTS[2]))  # a second award to the same project
    twin = next(move for move in moves if move[1] == "支出")
    moves.append(twin)  # two payments of one amount on one day are two payments
    rows = [{"凭证号": f"PZ2026-{number:03d}", "项目编号": project[0], "项目名称": project[1], "社区": project[2],
             "类型": kind, "金额（元）": f"{amount:,.2f}" if amount >= 10000 else str(amount),
             "日期": spelled(day, date_style(dice)), "资助方": project[3]}
            for number, (day, kind, amount, project) in enumerate(sorted(moves, key=lambda move: move[0]), 1)]
    spending = [row for row in rows if row["类型"] == "支出"]
    spending[5]["金额（元）"] = "若干"
    spending[9]["金额（元）"] = full_width(spending[9]["金额（元）"])
    spending[12]["类型"] = "支出 "
    return [write(folder / "资助台账_2026-09.csv", rows, encoding="gb18030", line_end="\r\n")]


def make(target: Path) -> list[Path]:
    """Write every file below `target/<source>/` and return the paths. Each source has its own dice: changing one
    leaves the others as they were."""
    paths = place_register(target / "place_register") + population_register(target / "population_register")
    for step, source in enumerate([activity_ledger, issue_ledger, satisfaction_survey, donation_list, grant_ledger]):
        paths += source(target / source.__name__, Dice(SEED + step))
    return paths


if __name__ == "__main__":
    made = make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "raw")
    print(f"{len(made)} files, {sum(path.stat().st_size for path in made):,} bytes")
