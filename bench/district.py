"""Writes workload W(s): two years of a district of 200 communities, as files that the product's sources read.

At s = 1: 10 million participations, 1 million cases with 3 million changes of state, 2 million answers and 200 thousand movements
of money. Rows are drawn by hash: the same scale and seed give the same bytes, on any number of cores.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from bench.workload import one_of

TOWNS, COMMUNITIES, MONTHS = 10, 200, 24
BEGIN, END, DAYS = "2024-10-01", "2026-10-01", 730
WAVES = ("2025-03", "2025-09", "2026-03", "2026-09")
QUESTIONS = 5
SEED = 7
SOURCES = ("bench_case", "bench_money", "bench_participation", "bench_survey", "place_register", "population_register")


def counts(scale: float) -> dict[str, int]:
    """How many rows of each kind a workload has. Args: scale: s of W(s)."""
    responses = round(400_000 * scale / len(WAVES))
    return {
        "participations": round(10_000_000 * scale),
        "cases": round(1_000_000 * scale),
        "events": 3 * round(1_000_000 * scale),
        "answers": responses * len(WAVES) * QUESTIONS,
        "movements": round(200_000 * scale),
    }


def write(folder: Path, scale: float, seed: int = SEED) -> None:
    """Write the files of W(s) below a folder, a folder for each source.

    Args: folder: takes them. scale: s. seed: another one gives other rows.
    """
    rows = counts(scale)
    for source in SOURCES:
        (folder / source).mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        _define(connection, seed)
        for number, month in enumerate(months()):
            first, last = rows["participations"] * number // MONTHS, rows["participations"] * (number + 1) // MONTHS
            _copy(
                connection, participations(first, last, month, max(rows["participations"] // 12, 1)),
                folder / "bench_participation" / f"participation_{month:%Y-%m}.csv",
            )  # fmt: skip
        connection.execute(f"create table matter as {matters(rows['cases'])}").complete()
        _copy(connection, CASES, folder / "bench_case" / "cases_2026-09.csv")
        _copy(connection, EVENTS, folder / "bench_case" / "events_2026-09.csv")
        for number, wave in enumerate(WAVES):
            size = rows["answers"] // len(WAVES) // QUESTIONS
            _copy(connection, responses(number * size, size, wave), folder / "bench_survey" / f"survey_{wave}.csv")
        _copy(connection, movements(rows["movements"]), folder / "bench_money" / "money_2026-09.csv")
        _copy(connection, PLACES, folder / "place_register" / "places_2026-09.csv")
        _copy(connection, POPULATION, folder / "population_register" / "population_2024-06.csv")


def write_new_day(folder: Path, scale: float, seed: int = SEED) -> int:
    """Write the file of one day more: as many participations as an average day has. It belongs to the last month.

    Args: as for `write`, whose files are there. Returns: its rows.
    """
    rows, month = counts(scale)["participations"], months()[-1]
    number, people = max(rows // DAYS, 1), max(rows // 12, 1)
    with duckdb.connect() as connection:
        _define(connection, seed)
        of_the_day = participations(rows, rows + number, month, people)
        query = f"select * replace (last_day(date '{month}') as participation_date) from ({of_the_day})"
        _copy(connection, query, folder / "bench_participation" / f"participation_{month:%Y-%m}_new.csv")
    return number


def months() -> list[date]:
    """The first days of the months of the workload."""
    return [date(2024 + (9 + number) // 12, (9 + number) % 12 + 1, 1) for number in range(MONTHS)]


def _define(connection: duckdb.DuckDBPyConnection, seed: int) -> None:
    connection.execute(f"create macro drawn(i, purpose) as hash(i, purpose, {seed})")
    connection.execute("create macro chance(i, purpose) as (drawn(i, purpose) % 1000000)::double / 1000000")


def _copy(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    connection.execute(f"copy ({query}) to '{path}' (header, delimiter ',')").complete()


def community(number: str) -> str:
    """SQL of the code of a community, from SQL of its number from 0."""
    town, own = f"{number} // {COMMUNITIES // TOWNS} + 1", f"{number} % {COMMUNITIES // TOWNS} + 1"
    return f"'9901' || lpad(({town})::varchar, 2, '0') || lpad(({own})::varchar, 6, '0')"


def participations(first: int, last: int, month: date, people: int) -> str:
    """SQL of the participations of a month. Five of six are where the person lives; 22 of 100 are volunteer shifts."""
    place = f"if(drawn(i, 'where') % 6 > 0, drawn(person, 'home') % {COMMUNITIES}, drawn(i, 'place') % {COMMUNITIES})"
    return f"""
        with who as (
            select i, drawn(i, 'person') % {people} as person, drawn(i, 'day') % 100 < 22 as is_volunteering
            from range({first}, {last}) as n (i)
        )
        select
            i + 1 as row_no,
            date '{month}' + (drawn(i, 'date') % day(last_day(date '{month}')))::integer as participation_date,
            {community(place)} as place_code,
            if(is_volunteering, '志愿服务记录', '签到') as kind,
            if(is_volunteering, '服务', {one_of("drawn(i, 'action')", *["参加"] * 9, "议事")}) as "action",
            if(is_volunteering, '已登记', {one_of("drawn(i, 'state')", *["已签到"] * 17, "已报名", "已报名", "缺席")}) as state,
            'P' || lpad(person::varchar, 8, '0') as person,
            6 + drawn(person, 'age') % 84 as age,
            if(is_volunteering, (1 + drawn(i, 'hours') % 16) / 2.0, null)::decimal(8, 2) as hours
        from who"""


def matters(cases: int) -> str:
    """SQL of the cases with the moments of their life, to the minute; half last more than ten days, one in 70 is still open."""
    return f"""
        with drawn_lives as (
            select
                i, timestamp '{BEGIN}' + to_minutes((drawn(i, 'opened') % {730 * 1440})::bigint) as created_at,
                2 + (-ln(1 - chance(i, 'days')) * 14 * 1440)::bigint as minutes
            from range({cases}) as n (i)
        )
        select
            *,
            created_at + to_minutes(minutes) < timestamp '{END}' as is_over,
            least(minutes, date_diff('minute', created_at, timestamp '{END}') - 1) as known_minutes,
            drawn(i, 'outcome') % 100 as outcome
        from drawn_lives"""


OUTCOME = "case when not is_over then '{}' when outcome < 88 then '{}' when outcome < 95 then '{}' else '{}' end"
CASES = f"""
    select
        'C' || lpad(i::varchar, 8, '0') as case_no,
        {community(f"drawn(i, 'place') % {COMMUNITIES}")} as place_code,
        {one_of("drawn(i, 'kind')", "诉求", "诉求", "诉求", "诉求", "建议")} as kind,
        {one_of("drawn(i, 'category')", "下水道", "停车", "噪音", "绿化", "照明", "物业")} as category,
        created_at,
        case when is_over then created_at + to_minutes(minutes) end as finished_at,
        created_at::date + 15 as due_date,
        {OUTCOME.format("在办", "办结", "不予受理", "撤回")} as result
    from matter order by i"""
EVENTS = f"""
    select
        'C' || lpad(i::varchar, 8, '0') as case_no,
        case step
            when 0 then 'RAISED'
            when 1 then if(is_over, if(drawn(i, 'escalated') % 12 = 0, 'ESCALATED', 'ASSIGNED'), 'TRIAGED')
            else {OUTCOME.format("ASSIGNED", "RESOLVED", "REJECTED", "WITHDRAWN")}
        end as state,
        created_at + to_minutes(
            case step when 0 then 0 when 1 then known_minutes // 3 else if(is_over, minutes, known_minutes // 2) end
        ) as "at"
    from matter cross join range(3) as steps (step) order by i, step"""


def responses(first: int, number: int, wave: str) -> str:
    """SQL of the questionnaires of a wave, with an answer to every question; one answer in twenty is none."""
    words = ["非常满意"] * 5 + ["满意"] * 7 + ["一般"] * 4 + ["不满意"] * 2 + ["非常不满意", "不了解"]
    answers = ", ".join(f"{one_of(f'''drawn(i, 'q{question}')''', *words)} as q{question}" for question in range(1, QUESTIONS + 1))
    return f"""
        select
            i + 1 as response_no,
            timestamp '{wave}-10' + to_seconds((drawn(i, 'submitted') % {10 * 86400})::bigint) as submitted_at,
            {community(f"drawn(i, 'respondent') % {COMMUNITIES}")} as place_code,
            {answers}
        from range({first}, {first + number}) as n (i)"""


def movements(number: int) -> str:
    """SQL of the movements of money: half of them donations, the others of projects."""
    return f"""
        select
            'M' || lpad(i::varchar, 8, '0') as voucher_no,
            date '{BEGIN}' + (drawn(i, 'money_date') % 730)::integer as money_date,
            {community(f"drawn(i, 'money_place') % {COMMUNITIES}")} as place_code,
            {one_of("drawn(i, 'money_kind')", *["捐赠"] * 10, *["立项资助"] * 4, "拨付", "拨付", "拨付", "支出", "支出", "支出")} as kind,
            ((100 + drawn(i, 'amount') % 1000000) / 100.0)::decimal(18, 2) as amount,
            {one_of("drawn(i, 'source')", "居民", "居民", "企业", "政府", "政府", "基金会")} as source_type,
            'D' || drawn(i, 'donor') % {max(number // 5, 1)} as counterparty,
            {one_of("drawn(i, 'fund')", "社区基金", "微基金", "专项基金")} as fund,
            if(drawn(i, 'project') % 2 = 0, 'X' || drawn(i, 'project_no') % {max(number // 40, 1)}, null) as project_no
        from range({number}) as n (i)"""


PLACES = f"""
    select * from (
        select '区' as 级别, '青禾区' as 名称, null as 上级, '990100' as 区划代码, '区' as 类型, 'Qinghe District' as 英文名
        union all
        select '镇街', '第' || i + 1 || '镇', '青禾区', '9901' || lpad((i + 1)::varchar, 2, '0'), '镇', 'Town ' || i + 1
        from range({TOWNS}) as towns (i)
        union all
        select
            '社区', '第' || i + 1 || '社区', '第' || i // {COMMUNITIES // TOWNS} + 1 || '镇', {community("i")}, '社区',
            'Community ' || i + 1
        from range({COMMUNITIES}) as communities (i)
    ) order by len(区划代码), 区划代码"""
POPULATION = f"""
    select
        '2024-06-30' as 统计日期, '第' || i // {COMMUNITIES // TOWNS} + 1 || '镇' as 镇街, '第' || i + 1 || '社区' as 社区, null as 小区,
        young + adult + middle + old as 常住人口, (young + adult + middle + old) // 2 as 户籍人口,
        (young + adult + middle + old) // 3 as 户数,
        young as "0-17岁", adult as "18-44岁", middle as "45-59岁", old as "60岁及以上"
    from (
        select
            i, 900 + drawn(i, 'young') % 300 as young, 2400 + drawn(i, 'adult') % 900 as adult,
            1300 + drawn(i, 'middle') % 500 as middle, 1400 + drawn(i, 'old') % 600 as old
        from range({COMMUNITIES}) as communities (i)
    ) order by i"""
