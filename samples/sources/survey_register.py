"""调查台账: the surveys of all processes with their dispositions, and their answer sheets, one row per sheet (the survey repeated)."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from samples.atlas import Atlas
from samples.catalogue import KIND_NAMES, PROCESS_NAMES, leaving
from samples.dice import Dice
from samples.files import write_csv
from samples.naming import named
from samples.spelling import date_style, spelled
from samples.world import DATA_END, Answer, Question, Survey, World

SOURCE = "survey_register"
SURVEYS, SHEETS = 3, (14, 40)  # of a process; answer sheets of a survey
WAVES = {"G12", "J07"}  # asked again every half year in the same communities
RANDOM_SAMPLE = {"household_survey", "need_survey", "worker_evaluation"}  # with the dispositions of a sample
METHODS = {"interview": "访谈", "callback": "电话", "diary": "日志", "household_survey": "入户", "worker_evaluation": "入户"}
QUESTIONS = {  # column: header, words and codes, (dimension, lowest, highest, satisfied)
    "age_band": ("年龄段", {"0-17岁": 1, "18-44岁": 2, "45-59岁": 3, "60岁及以上": 4}, ("age_band", 1, 4, ())),
    "sex": ("性别", {"男": 1, "女": 2}, ("sex", 1, 2, ())),
    "overall": ("总体满意度", {"非常满意": 5, "满意": 4, "一般": 3, "不满意": 2, "非常不满意": 1}, ("satisfaction", 1, 5, (4, 5))),
    "recommend": ("推荐意愿（0-10分）", {str(score): score for score in range(11)}, ("recommendation", 0, 10, (9, 10))),
    "aware": ("是否知晓", {"知道": 1, "不知道": 0}, ("awareness", 0, 1, (1,))),
    "acquainted": ("是否认识邻居", {"认识": 1, "不认识": 0}, ("acquaintance", 0, 1, (1,))),
}  # fmt: skip
MISSING = ["(跳过)", "-3", "不了解"]
DISPOSITIONS = {"completed": "完成", "partial": "部分完成", "refusal": "拒访", "noncontact": "未联系上", "other": "其他",
                "unknown_household": "资格不明户", "unknown_other": "资格不明其他"}  # fmt: skip


def tell(world: World, dice: Dice, folder: Path) -> None:
    """Draw the surveys of every process with their answers."""
    atlas = Atlas(world.places)
    world.questions += [Question(f"{SOURCE}.{code}", *about) for code, (_, _, about) in QUESTIONS.items()]
    rows: list[dict] = []
    surveys: list[Survey] = []
    for order, (process, kind) in enumerate(leaving("survey")):
        for number in range(round((4 if process in WAVES else SURVEYS) * world.size.communities / 9)):
            closed = dice.day(date(2024, 10, 20), DATA_END)
            if process in WAVES:
                closed = (date(2024, 12, 20), date(2025, 6, 20), date(2025, 12, 20), date(2026, 6, 20))[number % 4]
            places = atlas.on("community", closed)
            place = places[(number // 4 + order) % len(places)] if process in WAVES else dice.pick(places)
            surveys.append(_survey(dice, atlas, rows, f"DC-{len(surveys) + 1:04d}", process, kind, place.code, closed))
    world.surveys += surveys
    for at in (60, 400):
        rows[at]["总体满意度"] = "还行"
        world.met(SOURCE, "answer that is no option", quarantined=True)
        number, sheet = rows[at]["调查编号"], rows[at]["答卷号"]
        survey = next(survey for survey in surveys if survey.survey_id == f"{SOURCE}:{number}")
        key = (f"{SOURCE}:{number}:{sheet}", f"{SOURCE}.overall")
        kept = tuple(answer for answer in survey.answers if (answer.respondent, answer.question) != key)
        world.surveys[world.surveys.index(survey)] = Survey(**{**vars(survey), "answers": kept})
    write_csv(folder / "调查台账_2026-09.csv", rows, encoding="utf-8-sig")


def _survey(dice: Dice, atlas: Atlas, rows: list[dict], number: str, process: str, kind: str, place: str, closed: date) -> Survey:
    sheets = dice.between(*SHEETS)
    opened = closed - timedelta(days=10)  # all take as long: two that open on one day are one wave
    is_opt_in = kind == "questionnaire" and dice.chance(0.25)
    is_sample = kind in RANDOM_SAMPLE
    issued = None if is_opt_in or is_sample else round(sheets * (1.02 + 0.6 * dice.random()))
    valid = None if dice.chance(0.15) else sheets - dice.between(0, 2)
    counts = None
    if is_sample:
        partial = dice.between(0, 3)
        counts = dict(zip(DISPOSITIONS, (sheets - partial, partial, dice.between(1, 9), dice.between(2, 12), dice.between(0, 3),
                                         dice.between(0, 6), dice.between(0, 2)), strict=True))  # fmt: skip
    style = date_style(dice)
    told = {
        "调查编号": number, "流程编号": process, "调查类型": KIND_NAMES["survey", kind], "名称": f"{PROCESS_NAMES[process]}{KIND_NAMES['survey', kind]}",
        "批次": f"{closed:%Y-%m}", "方式": METHODS.get(kind, "线上" if is_opt_in else "纸质"), "自愿填报": "是" if is_opt_in else "否",
        **named(atlas, place, closed), "开始日期": spelled(opened, style), "结束日期": spelled(closed, style), "发出": issued,
        "收回": sheets, "有效": valid, **{word: counts[name] if counts else None for name, word in DISPOSITIONS.items()},
    }  # fmt: skip
    answers = []
    for sheet in range(1, sheets + 1):
        row = told | {"答卷号": sheet}
        for code, (header, options, (dimension, *_)) in QUESTIONS.items():
            word = dice.pick(list(options))
            if dimension == "satisfaction":
                word = dice.weighted(list(zip(options, (0.3, 0.37, 0.18, 0.1, 0.05), strict=True)))
            if dimension in ("awareness", "acquaintance"):
                word = dice.weighted(list(zip(options, (0.5 + 0.1 * (closed.year - 2024), 0.5), strict=True)))
            if dice.chance(0.9 if kind == "diary" and dimension == "recommendation" else 0.05):
                word = dice.pick(MISSING)
            row[header] = word
            answers.append(Answer(f"{SOURCE}:{number}:{sheet}", place, f"{SOURCE}.{code}", options.get(word)))
        rows.append(row)
    return Survey(
        f"{SOURCE}:{number}", place, kind, process, opened, closed, issued, sheets, valid, is_opt_in, counts, tuple(answers)
    )
