"""What holds for every text: a number in any spelling is read back, bounds enclose the value, and nothing raises."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dbt.macro_sql import rendered

FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PARSED_QUANTITIES = rendered("{{ parsed_quantities('texts', 'text') }}")
PARSED_DATES = rendered("{{ parsed_dates('texts', 'text', 'context_date') }}")
CONTEXT = datetime.date(2022, 12, 15)


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("create table texts (text varchar, context_date date)")
    return connection


def rows(connection: duckdb.DuckDBPyConnection, texts: Sequence[str], parsed: str) -> dict[str, dict[str, object]]:
    connection.execute("delete from texts")
    connection.executemany("insert into texts values (?, ?)", [(text, CONTEXT) for text in texts])
    result = connection.execute(f"select * from {parsed}")
    names = [column[0] for column in result.description]
    return {row[0]: dict(zip(names, row, strict=True)) for row in result.fetchall()}


def quantities(connection: duckdb.DuckDBPyConnection, *texts: str) -> dict[str, dict[str, object]]:
    return rows(connection, texts, PARSED_QUANTITIES)


def dates(connection: duckdb.DuckDBPyConnection, *texts: str) -> dict[str, dict[str, object]]:
    return rows(connection, texts, PARSED_DATES)


def chinese(number: int) -> str:
    """A whole number below 10^12 in Chinese numerals: 10205 → 一万零二百零五."""
    digits = "零一二三四五六七八九"

    def section(value: int) -> str:
        text, gap = "", False
        for factor, scale in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
            digit = value // factor % 10
            if digit:
                text += ("零" if gap and text else "") + digits[digit] + scale
            gap = digit == 0 and (gap or bool(text)) if not digit else False
        return text

    text = ""
    for factor, scale in ((10**8, "亿"), (10**4, "万"), (1, "")):
        value = number // factor % 10**4
        if value:
            text += ("零" if text and value < 1000 else "") + section(value) + scale
    return text.removeprefix("一") if text.startswith("一十") else text


def full_width(text: str) -> str:
    return text.translate({code: code + 0xFEE0 for code in range(ord("!"), ord("~") + 1)})


def scaled(number: Decimal, zeros: int, scale: str) -> str:
    return f"{number.scaleb(-zeros).normalize():f}{scale}"


@pytest.mark.parametrize(("number", "numeral"), [(12, "十二"), (20, "二十"), (1005, "一千零五"), (10205, "一万零二百零五")])
def test_the_numerals_of_this_test_are_chinese(number: int, numeral: str) -> None:
    assert chinese(number) == numeral


# Eleven digits from 13 to 19 are the number of a mobile phone, whatever stands behind them.
COUNTS = st.integers(1, 10**12 - 1).filter(lambda number: not 13 * 10**9 <= number < 20 * 10**9)


@FEW
@given(numbers=st.lists(COUNTS, min_size=1, max_size=20, unique=True))
def test_a_whole_number_reads_back_in_any_spelling(connection: duckdb.DuckDBPyConnection, numbers: list[int]) -> None:
    spellings = {}
    for number in numbers:
        for text in (str(number), f"{number:,}", full_width(f"{number:,}"), chinese(number), " ".join(str(number))):
            spellings[f"{text}户"] = number
        spellings[scaled(Decimal(number), 4, "万") + "户"] = number
        spellings[scaled(Decimal(number), 8, "亿") + "户"] = number
        if number >= 10**4:
            spellings[f"{number // 10**4}万{number % 10**4 // 1000}千余户"] = number // 1000 * 1000
    found = quantities(connection, *spellings)
    assert {text: (found[text]["value"], found[text]["unit"]) for text in spellings} == {
        text: (number, "户") for text, number in spellings.items()
    }


@FEW
@given(amounts=st.lists(st.decimals(Decimal("0.01"), Decimal(10**10), places=2), min_size=1, max_size=20))
def test_an_amount_reads_back_to_the_cent(connection: duckdb.DuckDBPyConnection, amounts: list[Decimal]) -> None:
    texts = {f"{amount:,}元": amount for amount in amounts} | {f"-{amount}元": -amount for amount in amounts}
    found = quantities(connection, *texts)
    assert {text: found[text]["value"] for text in texts} == texts


WORDS = st.sampled_from(
    "近 约 逾 超过 不到 至少 最高 共 第 多 余 几 半 左右 以上 以内 十 百 千 万 亿 一 二 两 三 九 零 点 分之 - ~ 至 : + . , 元 人 人次 户 名 斤 年 月 日 点 周 每"
    " 每周 去年 今年 上午 晚上 截至 小时 平方米 % （ ） “ ” 1 2 30 4.5 2020 12 13 99 N X 号 路 栋 楼下 家庭 / Ｏ \n 　 �".split(" ")
)
MADE_UP = st.lists(WORDS, min_size=1, max_size=8).map("".join)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30) | MADE_UP
DATE_WORDS = st.sampled_from("2020年 2021年 去年 12月 11月 1月 2月 28日 30日 3 - - 至 上午 9点 季度 每周 截至 15:00".split(" "))
ANY_DATE = ANY_TEXT | st.lists(DATE_WORDS, min_size=2, max_size=6).map("".join)


@FEW
@given(texts=st.lists(ANY_TEXT, min_size=50, max_size=100))
def test_no_text_raises_and_bounds_enclose_the_value(connection: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    found = quantities(connection, *texts)
    assert set(found) == set(texts)
    for text, row in found.items():
        value, lower, upper = row["value"], row["lower"], row["upper"]
        assert lower is None or value is None or lower <= value, text
        assert upper is None or value is None or value <= upper, text
        assert lower is None or upper is None or lower <= upper, text
        assert (value is not None) == (row["approx"] is not None and row["kind"] != "vague"), text


@FEW
@given(texts=st.lists(ANY_DATE, min_size=50, max_size=100))
def test_no_text_raises_and_periods_do_not_end_before_they_start(
    connection: duckdb.DuckDBPyConnection, texts: list[str]
) -> None:
    found = dates(connection, *texts)
    assert set(found) == set(texts)
    for text, row in found.items():
        assert (row["start_date"] is None) == (row["end_date"] is None), text
        assert row["start_date"] is None or row["start_date"] <= row["end_date"], text


@FEW
@given(days=st.lists(st.dates(datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)), min_size=1, max_size=20))
def test_a_day_reads_back_in_any_spelling(connection: duckdb.DuckDBPyConnection, days: list[datetime.date]) -> None:
    spellings = {}
    for day in days:
        year = "".join("〇一二三四五六七八九"[int(digit)] for digit in str(day.year))
        for text in (
            day.isoformat(),
            f"{day.year}/{day.month}/{day.day}",
            f"{day.year} 年 {day.month} 月 {day.day} 日",
            full_width(f"{day.year}年{day.month}月{day.day}号"),
            f"{year}年{chinese(day.month)}月{chinese(day.day)}日",
            f"{day:%Y%m%d}",
        ):
            spellings[text] = day
    found = dates(connection, *spellings)
    assert {text: (found[text]["start_date"], found[text]["end_date"]) for text in spellings} == {
        text: (day, day) for text, day in spellings.items()
    }


@pytest.mark.parametrize(
    ("text", "kind", "value", "lower", "upper", "unit"),
    [
        ("7条建议和11条问题", "several", None, None, None, None),
        ("从40人到300人", "several", None, None, None, None),
        ("两三百人", "range", None, 200, 300, "人"),
        ("8000-1万元", "range", None, 8000, 10000, "元"),
        ("一万五", "number", 15000, 15000, 15000, None),
        ("1.0万余人", "number", 10000, 10000, 11000, "人"),
        ("一个半小时", "number", "1.5", "1.5", "1.5", "小时"),
        ("百分之三十", "fraction", 30, 30, 30, "%"),
        ("￥1,200.50", "number", "1200.5", "1200.5", "1200.5", "元"),
        ("120元/人", "number", 120, 120, 120, "元/人"),
        ("附近300人", "number", 300, 300, 300, "人"),
        ("预约300人", "number", 300, 300, 300, "人"),
        ("2020年5月共300人", "number", 300, 300, 300, "人"),
        ("“阳光”行动30人", "number", 30, 30, 30, "人"),
        ("13800138000", "name", None, None, None, None),
        ("““党党建建++44VV", "name", None, None, None, None),
        ("30桌", "number", 30, 30, 30, None),
        ("家家户户", "text", None, None, None, None),
        ("�", None, None, None, None, None),
    ],
)
def test_a_quantity_is_what_its_words_say(
    connection: duckdb.DuckDBPyConnection, text: str, kind: str, value: object, lower: object, upper: object, unit: str
) -> None:
    row = quantities(connection, text)[text]
    expected = [None if number is None else Decimal(number) for number in (value, lower, upper)]
    assert [row["kind"], row["value"], row["lower"], row["upper"], row["unit"]] == [kind, *expected, unit]


@pytest.mark.parametrize(
    ("text", "kind", "start", "end", "precision"),
    [
        ("2020-05-13 14:30-16:30", "date", "2020-05-13", "2020-05-13", "day"),
        ("2020.10-2020.12", "period", "2020-10-01", "2020-12-31", "month"),
        ("2020年第一季度", "period", "2020-01-01", "2020-03-31", "quarter"),
        ("2021上半年", "period", "2021-01-01", "2021-06-30", "month"),
        ("2020年11月至次年1月", "period", "2020-11-01", "2021-01-31", "month"),
        ("11月-1月", "period", "2022-11-01", "2023-01-31", "month"),
        ("2022年10月至今", "period", "2022-10-01", "2022-12-15", "day"),
        ("3月1日", "date", "2022-03-01", "2022-03-01", "day"),
        ("2月30日", "unreadable", None, None, "unknown"),
    ],
)
def test_a_date_is_what_its_words_say(
    connection: duckdb.DuckDBPyConnection, text: str, kind: str, start: str | None, end: str | None, precision: str
) -> None:
    row = dates(connection, text)[text]
    expected = [None if day is None else datetime.date.fromisoformat(day) for day in (start, end)]
    assert [row["kind"], row["start_date"], row["end_date"], row["precision"]] == [kind, *expected, precision]


@pytest.mark.parametrize(
    ("text", "weekday"), [("每周一排查", None), ("每周一上午", 1), ("每周三", 3), ("每周三次", None), ("每周一、三", None), ("每周日", 7)]
)
def test_a_weekly_cadence_has_a_day_only_where_one_is_named(
    connection: duckdb.DuckDBPyConnection, text: str, weekday: int | None
) -> None:
    row = dates(connection, text)[text]
    assert (row["cadence"], row["weekday"]) == ("weekly", weekday)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Mon, 15 Nov 2021 13:49:30 +0530", "2021-11-15 16:19:30"),
        ("Mon, 15 Nov 2021 20:49:30 -0330", "2021-11-16 08:19:30"),
        ("2021-11-15T23:00:00Z", "2021-11-16 07:00:00"),
    ],
)
def test_a_moment_with_a_zone_is_told_in_local_time(
    connection: duckdb.DuckDBPyConnection, text: str, moment: str
) -> None:
    row = dates(connection, text)[text]
    assert f"{row['start_date']} {row['start_time']}" == moment


def test_without_a_context_a_missing_year_stays_missing(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create or replace table undated as select unnest(['10月9日', '去年 5 月', '近日']) as text")
    found = connection.execute("select start_date from " + rendered("{{ parsed_dates('undated', 'text') }}")).fetchall()
    assert found == [(None,)] * 3


@pytest.mark.parametrize("text", ["家家户户", "112233", "谢谢", "充充分分发挥", "天天", "充分发挥"])
def test_only_glyphs_that_are_all_doubled_are_collapsed(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    assert connection.execute(rendered("select {{ repaired_text('$text') }}"), {"text": text}).fetchone() == (text,)


def test_an_alias_below_a_parent_names_nothing_by_itself(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """
        create or replace table places as
        select 'tree' as tree, place_name as place_key, parent as parent_place_key, place_name, false as is_unknown_member,
            null::date as valid_from, null::date as valid_to
        from (values ('金花社区', null), ('天府金花小区', '金花社区')) as known (place_name, parent);
        create or replace table aliases as
        select '*' as tree, '金花社区' as parent_place_name, '金花小区' as raw_name, '天府金花小区' as place_name;
        """
    )
    names = rendered("{{ place_names('places', 'aliases') }}")
    found = connection.execute(f"select parent_spelling, place_key from {names} where spelling = '金花小区'").fetchall()
    assert found == [("金花社区", "天府金花小区")]


def test_a_name_that_went_over_to_another_place_names_the_one_that_bears_it_on_the_day(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    connection.execute(
        """
        create or replace table places as
        select 'tree' as tree, place_key, parent as parent_place_key, place_name, false as is_unknown_member,
            valid_from::date as valid_from, valid_to::date as valid_to
        from (values
            ('town', null, '云溪镇', null, null), ('old', 'town', '和畅社区', null, '2026-07-01'),
            ('new', 'town', '和畅社区', '2026-07-01', null), ('renamed', 'town', '旧名社区', null, '2026-07-01'),
            ('renamed', 'town', '新名社区', '2026-07-01', null)
        ) as known (place_key, parent, place_name, valid_from, valid_to);
        create or replace table aliases as
        select null::varchar as tree, null::varchar as parent_place_name, null::varchar as raw_name, null::varchar as place_name
        where false;
        """
    )
    names = rendered("{{ place_names('places', 'aliases') }}")
    found = connection.execute(
        f"select spelling, place_key, named_from::varchar, named_to::varchar from {names} where parent_spelling = '云溪镇' order by all"
    ).fetchall()
    assert found == [
        ("和畅社区", "new", "2026-07-01", None), ("和畅社区", "old", None, "2026-07-01"),
        ("新名社区", "renamed", None, None), ("旧名社区", "renamed", None, None),
    ]  # fmt: skip
