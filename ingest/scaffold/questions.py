"""Columns that hold answers to survey questions: their codes, scales and words for no answer."""

from __future__ import annotations

import re

from ingest.scaffold.column import Column
from ingest.scaffold.profile import Profile

SCALES = {
    "非常满意": 5,
    "很满意": 5,
    "满意": 4,
    "比较满意": 4,
    "基本满意": 3,
    "一般": 3,
    "不太满意": 2,
    "不满意": 2,
    "非常不满意": 1,
    "很不满意": 1,
    "very satisfied": 5,
    "satisfied": 4,
    "neutral": 3,
    "dissatisfied": 2,
    "very dissatisfied": 1,
    "strongly agree": 5,
    "agree": 4,
    "neither": 3,
    "disagree": 2,
    "strongly disagree": 1,
}
NO_ANSWER = {
    "不了解",
    "不清楚",
    "不知道",
    "说不清",
    "拒答",
    "不适用",
    "跳过",
    "(跳过)",
    "（跳过）",
    "无",
    "-1",
    "-2",
    "-3",
    "-9",
    "9",
    "99",
    "999",
    "na",
    "n/a",
    "don't know",
    "dont know",
    "no opinion",
    "no answer",
    "refused",
    "not applicable",
    "-",
}


def give_question(column: Column, looked_at: Profile) -> None:
    """Answers to a question: a few whole numbers from a scale, the words of one, or yes and no; and words for no answer."""
    missing = _missing(looked_at.words)
    words = [word for word in looked_at.words if word not in missing]
    if len(words) < 2 or looked_at.rows < 5 * looked_at.distinct or re.search("count|数$|人次", column.name + column.header):
        return
    if all(re.fullmatch(r"\d|10", word) for word in words) and column.type in ("varchar", "integer"):
        lowest, highest = min(map(int, words)), max(map(int, words))
        if lowest > 1:
            return
        column.question = {"text": looked_at.header, "scale_min": lowest, "scale_max": highest}
        column.type_why = f"codes {lowest} to {highest}: answers to a question"
    elif codes := _codes(words):
        column.question = {
            "text": looked_at.header,
            "codes": codes,
            **({} if max(codes.values()) > 1 else {"scale_min": 0, "scale_max": 1, "satisfied": [1]}),
        }
        column.type_why = "words of a scale: answers to a question"
    else:
        return
    column.type, column.values = "varchar", []
    if missing:
        column.question["missing"] = missing


def _codes(words: list[str]) -> dict[str, int] | None:
    """The codes of the words of a scale, or of yes and no; None when they are neither."""
    if len(words) > 2 and all(word.lower() in SCALES for word in words):
        return {word: SCALES[word.lower()] for word in words}
    if len(words) == 2:
        for yes, no in (words, words[::-1]):
            if no in (f"不{yes}", f"没{yes}", f"没有{yes}", f"未{yes}") or (yes.lower(), no.lower()) in (
                ("是", "否"),
                ("yes", "no"),
                ("有", "没有"),
                ("有", "无"),
            ):
                return {yes: 1, no: 0}
    return None


def _missing(words: list[str]) -> list[str]:
    """The words for no answer. 不知道 beside 知道 is one, and so is 9 beside 8."""
    beside = {word.lower() for word in words}
    return sorted(
        word
        for word in words
        if word.lower() in NO_ANSWER
        and not (word[:1] in "不没" and (word[1:] in beside or word[2:] in beside))
        and not (word == "无" and "有" in beside)
        and not (word == "9" and beside & {"6", "7", "8", "10"})
    )


def give_scales(columns: list[Column]) -> None:
    """Give the questions with codes their scale: 0 to 1, or the widest of 1 to 5 and 1 to 7 that is seen, or up to 10.

    The upper two codes count as satisfied, 1 where 0 is no. Args: columns: changed in place.
    """
    coded = [column.question for column in columns if column.question and "codes" not in column.question]
    narrow = 7 if any(5 < question["scale_max"] <= 7 for question in coded) else 5
    for question in coded:
        if (question["scale_min"], question["scale_max"]) == (0, 1):
            question["satisfied"] = [1]
            continue
        question["scale_max"] = narrow if question["scale_max"] <= narrow else 10
        question["satisfied"] = [question["scale_max"] - 1, question["scale_max"]]
