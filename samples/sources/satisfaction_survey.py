"""满意度问卷: a wave every half year, as the questionnaire platform exports it; the platform changed its punctuation in between."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

from samples.atlas import Atlas
from samples.dice import Dice
from samples.files import write_csv
from samples.geography import DISTRICT
from samples.spelling import spelled
from samples.world import UNKNOWN, Answer, Place, Question, Survey, World

SOURCE = "satisfaction_survey"
WAVES = [  # month, shares of the answers from very satisfied to very dissatisfied, encoding
    (date(2025, 3, 1), (0.18, 0.36, 0.27, 0.13, 0.06), "utf-8"), (date(2025, 9, 1), (0.19, 0.38, 0.26, 0.12, 0.05), "utf-8"),
    (date(2026, 3, 1), (0.22, 0.38, 0.24, 0.11, 0.05), "utf-8-sig"), (date(2026, 9, 1), (0.31, 0.42, 0.17, 0.07, 0.03), "utf-8"),
]  # fmt: skip
HALF_WIDTH_SINCE = date(2026, 9, 1)
RESPONDENTS = 30  # of a community in a wave
SCALE = {"非常满意": 5, "满意": 4, "一般": 3, "不满意": 2, "非常不满意": 1}
NEED, HAVING = {"需要": 1, "不需要": 0}, {"用过": 1, "没有用过": 0}
ASKED = {  # column: header, codes of the answers, the question
    "q2": ("2、您的年龄段", {"18岁以下": 1, "18-44岁": 2, "45-59岁": 3, "60岁及以上": 4}, ("age_band", 1, 4, (), None)),
    "sex": ("您的性别", {"男": 1, "女": 2}, ("sex", 1, 2, (), None)),
    "q3": ("3、您对社区环境卫生满意吗？", SCALE, ("satisfaction", 1, 5, (4, 5), None)),
    "q4": ("4、您对物业服务满意吗？", SCALE, ("satisfaction", 1, 5, (4, 5), None)),
    "q5": ("5、您对文体活动满意吗？", SCALE, ("satisfaction", 1, 5, (4, 5), None)),
    "q6": ("6、您对诉求办理（含回访）满意吗？", SCALE, ("satisfaction", 1, 5, (4, 5), None)),
    "q7": ("7、总体满意度：您对社区治理总体上满意吗？", SCALE, ("satisfaction", 1, 5, (4, 5), None)),
    "q9": ("9、您有多大可能向亲友推荐本社区？（0-10分）", {str(score): score for score in range(11)}, ("recommendation", 0, 10, (9, 10), None)),
    "q10": ("10、您知道社区议事日吗？", {"知道": 1, "不知道": 0}, ("awareness", 0, 1, (1,), None)),
    "q11": ("11、您认识同一单元的邻居吗？", {"认识": 1, "不认识": 0}, ("acquaintance", 0, 1, (1,), None)),
    "q12": ("12、您需要长者食堂吗？", NEED, ("need", 0, 1, (1,), "长者食堂")),
    "q13": ("13、您或家人用过长者食堂吗？", HAVING, ("having", 0, 1, (1,), "长者食堂")),
    "q14": ("14、您需要日间托管吗？", NEED, ("need", 0, 1, (1,), "日间托管")),
    "q15": ("15、您或家人用过日间托管吗？", HAVING, ("having", 0, 1, (1,), "日间托管")),
}  # fmt: skip
JOINED = ("8、您参加过哪些活动（可多选）", ["议事协商", "志愿服务", "文体活动", "健康义诊"])
MISSING = ["不了解", "不了解", "(跳过)", "-3"]
ORDER = ["q2", "sex", "q3", "q4", "q5", "q6", "q7", "joined", "q9", "q10", "q11", "q12", "q13", "q14", "q15"]


def tell(world: World, dice: Dice, folder: Path) -> None:
    """Write the waves; equal rows are two people."""
    world.questions += [Question(f"{SOURCE}.{code}", *about) for code, (_, _, about) in ASKED.items()]
    atlas = Atlas(world.places)
    for month, weights, encoding in WAVES:
        communities = atlas.on("community", month)
        number = round(RESPONDENTS * len(communities) * world.size.factor)
        forms = sorted((_form(dice, month, communities, weights) for _ in range(number - 2)), key=lambda form: form[0])
        for twin in (10, 40):  # two people with the same answers at the same minute
            forms.insert(twin, forms[twin])
            world.met(SOURCE, "equal answers of two people", rows=2)
        answers, rows = [], []
        for respondent, (moment, community, row, codes) in enumerate(forms, 1):
            cells = dict(row)
            if respondent == 21:
                community, cells["1、您所在的社区"] = UNKNOWN, "(跳过)"
                world.met(SOURCE, "community skipped")
            if month == date(2025, 9, 1) and respondent == 31:
                codes = {code: answer for code, answer in codes.items() if code != "q5"}
                cells[ASKED["q5"][0]] = "还行"
                world.met(SOURCE, "answer that is no option", quarantined=True)
            for code in codes:
                if cells[ASKED[code][0]] in MISSING:
                    world.met(SOURCE, f"{cells[ASKED[code][0]]} for an answer")
            answers += [Answer(f"{SOURCE}:{month:%Y-%m}:{respondent}", community, f"{SOURCE}.{code}", answer)
                        for code, answer in codes.items()]  # fmt: skip
            submitted = f"{spelled(moment, 'slash')}:{moment:%S}"
            rows.append({"序号": respondent, "提交答卷时间": submitted} | cells)
        if month >= HALF_WIDTH_SINCE:
            half_width = str.maketrans("？（）：", "?():")
            rows = [{header.translate(half_width): cell for header, cell in row.items()} for row in rows]
        world.surveys.append(Survey(
            survey_id=f"{SOURCE}:{month:%Y-%m}", place=DISTRICT, kind="questionnaire", process_code="G01",
            opened=forms[0][0].date(), closed=forms[-1][0].date(), issued=None, returned=len(forms), is_opt_in=True, answers=tuple(answers),
        ))  # fmt: skip
        write_csv(folder / f"满意度问卷_{month:%Y-%m}.csv", rows, encoding=encoding)


def _form(
    dice: Dice, month: date, communities: list[Place], weights: tuple[float, ...]
) -> tuple[datetime, str, dict[str, str], dict[str, int | None]]:
    """One filled questionnaire: when, community, cells, the codes of its answers (None: no valid one)."""
    moment = datetime(month.year, month.month, 10) + timedelta(seconds=dice.between(0, 14 * 86400))
    community = dice.pick(communities)
    row = {"所用时间": f"{dice.between(45, 400)}秒", "来源": dice.pick(["微信", "链接", "手机提交"]), "来源详情": "直接访问",
           "来自IP": f"203.0.113.{dice.between(1, 254)}(青禾)", "1、您所在的社区": community.name}  # fmt: skip
    codes: dict[str, int | None] = {}
    for code in ORDER:
        if code == "joined":
            row[JOINED[0]] = "┋".join(option for option in JOINED[1] if dice.chance(0.4)) or "(跳过)"
            continue
        header, options, (dimension, *_) = ASKED[code]
        if options is SCALE:
            word = dice.weighted(list(zip(SCALE, weights, strict=True)))
        elif dimension == "recommendation":
            word = str(min(10, max(0, round(2 * weights[0] + 4 + 6 * dice.random() ** 0.8))))
        elif dimension == "age_band":
            word = dice.weighted(list(zip(options, (0.05, 0.42, 0.23, 0.30), strict=True)))
        else:
            word = dice.pick(list(options))
        if dice.chance(0.02 if dimension in ("age_band", "sex") else 0.07):
            word = dice.pick(MISSING)
        row[header] = word
        codes[code] = options.get(word)
    return moment, community.code, row, codes
