"""The fifteen records: what columns each has, which one a file seems to tell of, and which column goes where."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ingest.scaffold.column import Column
from ingest.settings import settings

DICTIONARY = re.compile(r"union_staging\('(\w+)',(.*?)\)\s*\}\}", re.DOTALL)
ENTRY = re.compile(r"'(\w+)': '([\w(), ]+)'")

# What column names tell of a record: each pattern that a column of the file bears counts once.
SIGNS: dict[str, list[str]] = {
    "place": [r"place_code|admin_code", r"level|级别", r"parent_(name|no|code)|上级", r"^name(_en)?$|place_name"],
    "place_change": [r"^old_", r"^new_", r"effective_date|变更"],
    "population": [r"population|permanent|registered|常住|户籍", r"households?|户数", r"_age_\d|(fe)?male|岁"],
    "organisation": [
        r"organisation|organization|组织|charity|团队|队伍",
        r"member_count|成员",
        r"founded|established|成立|dissolved",
    ],
    "role": [r"post$|role|职务|岗位", r"appointed|任职|产生方式", r"person|姓名"],
    "activity": [
        r"activity|event|活动|session",
        r"headcount|attend|participants|参与|人次",
        r"venue|地点",
        r"host|主办|start_time",
    ],
    "participation": [
        r"person|volunteer|participant|志愿者",
        r"hours|时长",
        r"(activity|event|item)_(no|id)",
        r"sign_?in|check_?in|签到|started_at|household|action",
    ],
    "points": [r"points|积分", r"account|账户", r"redeem|兑换|rule|posted"],
    "case": [
        r"case|issue|request|complaint|ticket|诉求|事项|工单",
        r"state|status|办理",
        r"closed|resolved|ended|finished|办结",
        r"opened|created|collected|submitted|收集",
        r"category|channel|问题",
    ],
    "vote": [
        r"vote|ballot|elect|wahl|票",
        r"eligible|turnout|electorate|wahlberechtigte|beteiligung|应到",
        r"returned|cast|valid|invalid|leere|收回|有效",
        r"for_count|against|abstain|同意|反对",
    ],
    "survey": [r"^q_?\d|question", r"satisf|满意", r"survey|wave|respondent|问卷|答卷", r"recommend|rating_\d|age_band"],
    "evaluation": [r"score|得分|分值", r"grade|rank|等级|名次", r"evaluat|assess|评价|考核", r"dimension|criteri|passed"],
    "money": [
        r"amount|grant|award|donation|金额|款",
        r"currency|币",
        r"fund|programme|scheme|基金|资助",
        r"donor|recipient|payee|counterparty|voucher|receipt|凭证",
    ],
    "figure": [r"measure|indicator|指标", r"number|value|数字|本月", r"unit$|单位", r"period|时期|reported"],
}

# Where a column of a record comes from: the first column of the file whose name fits and that is not taken yet.
FITTING: dict[str, str] = {
    "amount": r"(^|_)(amount|sum|paid|value|jin_e)",
    "currency": r"currency",
    "counterparty_key": r"donor|recipient|payee|counterparty|payer",
    "fund": r"(^|_)(fund|programme|program|scheme|purpose)",
    "project_id": r"project_(no|id)|(award|grant)_(id|no)|identifier",
    "round_code": r"round",
    "opened_at": r"opened|created|collected|submitted|raised|reported_at|received",
    "ended_at": r"closed|resolved|finished|ended|completed",
    "due_date": r"due|deadline",
    "category": r"category|topic|type",
    "channel": r"channel|source",
    "rating": r"rating|satisfaction|score",
    "activity_name": r"activity_name|title|^name|event_name|event$",
    "activity_type": r"activity_type|type|category",
    "mode": r"^mode|online",
    "host_name": r"host|organi[sz]er",
    "attendance_count": r"headcount|attend|participants",
    "venue_capacity": r"capacity",
    "activity_id": r"(activity|event|item|session)_(no|id|code)",
    "person_key": r"person|volunteer|participant|member|name",
    "hours": r"hours|duration",
    "household_key": r"household",
    "started_at": r"start",
    "head_count": r"head_?count",
    "points": r"^points",
    "account_key": r"account|person|member",
    "rule_code": r"rule",
    "reference_id": r"reference",
    "item": r"item",
    "quantity": r"quantity",
    "posted_at": r"posted|date|time",
    "title": r"title|topic|name|subject",
    "eligible_count": r"eligible|electorate|wahlberechtigte|registered_voters",
    "issued_count": r"issued|sent",
    "returned_count": r"returned|cast|eingelegte|votes_total|ballots$",
    "valid_count": r"(^|_)(valid|gueltige)",
    "invalid_count": r"invalid|ungueltige|spoil",
    "for_count": r"(^|_)for|yes",
    "against_count": r"against|(^|_)no_",
    "abstain_count": r"abstain|blank",
    "measure": r"measure|indicator",
    "value": r"^(number|value|of_month|amount|count|total)",
    "unit": r"unit",
    "score": r"score|points|mark",
    "grade": r"grade|stars",
    "rank": r"rank",
    "dimension": r"dimension|criteri",
    "evaluator_type": r"evaluator",
    "round": r"round|wave|year",
    "organisation_name": r"organisation|organi[sz]ation|^name|team",
    "member_count": r"member",
    "post": r"post|role|position",
    "appointed_by": r"appointed",
    "valid_from": r"valid_from|from|start|appointed_(on|date)|since",
    "valid_to": r"valid_to|until|end|dissolved",
    "founded_date": r"found|established",
    "place_level": r"level",
    "place_code": r"(place|estate|admin|area)_?(no|code|id)$|^code$",
    "place_name": r"^name|place_name",
    "parent_place_code": r"parent_(no|code)",
    "place_name_en": r"name_en",
    "old_place_code": r"old_code",
    "new_place_code": r"new_code",
    "old_place_name": r"old_name",
    "new_place_name": r"new_name",
    "effective_date": r"effective",
    "document_no": r"document",
    "change_type": r"change|kind",
}
# The same in Chinese headers, for columns whose names are not English words.
FITTING_CHINESE: dict[str, str] = {
    "amount": "金额",
    "opened_at": "(来电|受理|创建|登记|提交|收到|上报|发生)(时间|日期)",
    "ended_at": "(办结|完成|关闭|结案)(时间|日期)",
    "due_date": "(期限|截止)",
    "category": "(类别|类型|分类)$",
    "channel": "(渠道|来源)$",
    "activity_name": "活动(名称|主题)",
    "host_name": "主办",
    "attendance_count": "(参加|参与|到场)人[数次]",
    "hours": "时长|小时",
    "points": "积分$",
    "title": "标题|主题|活动名称|事项名称",
}
# Columns that hold the key of a person or household: only what is hashed may go there.
KEYS = {"person_key": "person", "applicant_key": "person", "household_key": "household"}
# The columns that a record cannot be without: a row that lacks one is rejected, and reported.
NEEDED = {
    "money": ["amount", "currency", "money_date"],
    "case": ["opened_at"],
    "activity": ["activity_date"],
    "participation": ["participation_date"],
    "points": ["account_key", "points", "posted_at"],
    "vote": ["closed_date"],
    "evaluation": ["evaluated_date"],
    "figure": ["measure", "value"],
    "population": ["as_of_date", "value"],
    "organisation": ["organisation_name"],
    "place_change": ["effective_date"],
}
# The day or moment that a row of a record is about.
DAY = {
    "money": "money_date",
    "case": "opened_at",
    "activity": "activity_date",
    "participation": "participation_date",
    "points": "posted_at",
    "vote": "closed_date",
    "evaluation": "evaluated_date",
    "figure": "reported_date",
    "population": "as_of_date",
    "role": "valid_from",
    "organisation": "valid_from",
    "place": "valid_from",
    "place_change": "effective_date",
}
# Values that stand for what a file does not tell; each is told to the person who reviews.
ASSUMED = {
    ("money", "currency"): "CNY",
    ("case", "outcome"): None,
    ("activity", "state"): "held",
    ("participation", "state"): "attended",
    ("vote", "state"): "counted",
    ("vote", "voter_unit"): "person",
    ("figure", "approx"): "exact",
    ("population", "approx"): "exact",
    ("evaluation", "subject_type"): "place",
    ("participation", "action"): "attend",
}
COMPANIONS = {"survey": ["survey", "question", "answer"]}

PLACES = [  # most specific first
    ("estate", r"estate|小区"),
    ("village", r"village|hamlet|村$"),
    ("community", r"community|neighbou?rhood|gemeinde|municipality|commune|ward|parish|社区"),
    ("town", r"town(ship)?|镇|街道"),
    ("district", r"district|bezirk|borough|council_area"),
    ("county", r"county|kanton|canton|province"),
    ("city", r"city|stadt"),
    ("region", r"region|area|location|place(_name)?$|state$|地点"),
]


@dataclass(frozen=True)
class Guess:
    """A record that a file may tell of, with the columns that say so."""

    record: str
    columns: list[str]


@cache
def dictionaries() -> dict[str, dict[str, str]]:
    """Record → its columns and their types, from the dictionaries at the top of the int_ models and `place_columns`."""
    project = settings().dbt_project
    place_columns = dict(
        ENTRY.findall(
            (project / "macros" / "resolve_place.sql").read_text().partition("macro place_columns")[2].partition("endmacro")[0]
        )
    )
    found = {}
    for path in sorted((project / "models" / "intermediate").rglob("int_*.sql")):
        for record, content in DICTIONARY.findall(Path(path).read_text(encoding="utf-8")):
            found[record] = {**(place_columns if "place_columns()" in content else {}), **dict(ENTRY.findall(content))}
    return found


@cache
def kinds() -> dict[str, list[tuple[str, str]]]:
    """Record → (kind, its name in Chinese), from seeds/kind.csv."""
    import csv

    with open(settings().dbt_project / "seeds" / "kind.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        record: [(row["kind"], row["name_zh"]) for row in rows if row["record"] == record]
        for record in {row["record"] for row in rows}
    }


def kind_column(record: str, columns: Iterable[Column]) -> Column | None:
    """The column whose words are mostly names of kinds of a record, as seeds/kind.csv has them; None when there is none."""
    known = {name for _, name in kinds()[record]}
    for column in columns:
        if not column.personal and column.looked_at and len(column.looked_at & known) > 0.7 * len(column.looked_at):
            return column
    return None


def guesses(columns: Iterable[Column]) -> list[Guess]:
    """The records that a file may tell of, the likeliest first; a record is named when two of its signs are found.

    Args: columns: proposed columns. Returns: Guesses.
    """
    columns = list(columns)
    found = []
    for record, signs in SIGNS.items():
        hits = {
            sign: [column.name for column in columns if re.search(sign, f"{column.name} {column.header}".lower())]
            for sign in signs
        }
        bearing = list(dict.fromkeys(names[0] for names in hits.values() if names))
        strength = sum(1 for names in hits.values() if names) / len(signs)
        if len(bearing) >= 2:
            found.append((strength, len(bearing), Guess(record, bearing)))
    questions = [
        column.name for column in columns if column.question or re.search(r"[?？]|您|^(?:q|Q)?\d{1,3}\s*[、.]", column.header)
    ]
    if len(questions) >= 3 and len(questions) >= len(columns) / 3:
        found = [entry for entry in found if entry[2].record != "survey"] + [(2.0, len(questions), Guess("survey", questions))]
    return [guess for _, _, guess in sorted(found, key=lambda entry: (-entry[0], -entry[1], entry[2].record))]


def models_of(record: str) -> list[str]:
    """The records that are written together with one."""
    return COMPANIONS.get(record, [record])


def place_of(columns: Iterable[Column]) -> tuple[list[Column], Column | None, list[str]]:
    """The columns that name a row's place and the one around it (most specific first), the place's code, the levels of both."""
    usable = [column for column in columns if not column.personal and not column.question]
    names, code, levels = [], None, []
    for word, pattern in PLACES:
        fitting = [column for column in usable if re.search(pattern, column.name) or re.search(pattern, column.header.lower())]
        named = [
            column
            for column in fitting
            if column.type == "varchar" and not column.is_number_of_something and column.words_longest <= 60
        ]
        coded = [column for column in fitting if column.is_number_of_something]
        if named and not any(column in names for column in named[:1]):
            if not names:
                code = coded[0] if coded else None
            names.append(named[0])
            levels.append(word)
    return names[:2], code, levels[:2]


def fitting(target: str, columns: Iterable[Column], taken: set[str], is_day: bool) -> Column | None:
    """The column of the file that a column of a record comes from, or None."""
    free = [column for column in columns if column.name not in taken and not column.is_dropped and not column.question]
    for column in free:
        if column.name == target:
            return column
    if target in KEYS:
        people = [column for column in free if column.personal == KEYS[target]]
        # Two people may share a name, none a number.
        return next((column for column in people if column.is_number_of_something), next(iter(people), None))
    for patterns, text_of in ((FITTING, lambda column: column.name), (FITTING_CHINESE, lambda column: column.header)):
        if target in patterns:
            for column in free:
                if re.search(patterns[target], text_of(column)):
                    return column
    if is_day:
        return next((column for column in free if column.type in ("date", "timestamp")), None) or next(
            (
                column
                for column in free
                if column.type == "varchar"
                and (re.search(r"date|datum|day$|(_|^)at$|time$", column.name) or re.search("(日期|时间)$", column.header))
            ),
            None,
        )
    return None
