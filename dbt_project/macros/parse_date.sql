{# Dates and periods as people write them. What each column means: docs/parsing.md.

   parsed_dates(relation, column, context, zone): one row per distinct text of `column` and context date. Join it back with
   `left join … on rows.column = parsed.raw_text and rows.published_date is not distinct from parsed.context_date`.
   context: expression of the date that a missing or relative year refers to, such as the day of publication. zone: the local time
   zone, for texts that name another one.

   Columns: raw_text, context_date, kind, start_date, end_date (both included), start_time, end_time, precision, year_inferred,
   day_part, cadence, weekday (1 is Monday).
#}
{% macro parsed_dates(relation, column, context="null", zone="'Asia/Shanghai'") -%}
    {%- set month_names = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec" -%}
    (
        with texts as (
            select distinct {{ column }}::string as raw_text, ({{ context }})::date as context_date
            from {{ relation }}
            where {{ column }} is not null
        ),
        -- Moments that name their zone, in local time: `Mon, 15 Nov 2021 13:49:30 GMT`, `2021-11-15T13:49:30+00:00`.
        moments as (
            select
                *,
                case
                    when regexp_matches(raw_text, '[0-9]{1,2} (?:{{ month_names }}) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} (?:GMT|UTC|Z|[+-][0-9]{4})')
                        then {{ read_rfc_timestamp("regexp_extract(raw_text, '([0-9]{1,2} (?:" ~ month_names ~ ") [0-9]{4} [0-9:]{8}) ', 1)") }}
                            - {{ minutes(
                                "60 * coalesce(try_cast(regexp_extract(raw_text, ' ([+-][0-9]{2})[0-9]{2}', 1) as integer), 0)"
                                ~ " + coalesce(try_cast(" ~ replaced(
                                    "regexp_extract(raw_text, ' [+-][0-9]{4}', 0)", '[0-9]{2}([0-9]{2})', "'\\1'"
                                ) ~ " as integer), 0)"
                            ) }}
                    when regexp_matches(raw_text, '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:?[0-9]{2})$')
                        then {{ local_at('try_cast(trim(raw_text) as ' ~ type_of('timestamptz') ~ ')', "'UTC'") }}
                end as utc_time
            from texts
        ),
        in_zone as (
            select *, {{ local_at(instant_at('utc_time', "'UTC'"), zone) }} as moment from moments
        ),
        -- One notation: `2020-05-13` → 2020年5月13日, Chinese digits → Arabic ones, 去年 → the year before the context's.
        plain as (
            select *, coalesce({{ one_dash(half_width(repaired_text('raw_text'))) }}, '') as text
            from in_zone
        ),
        compact as (
            select
                *,
                {{ without_spaces('text') }} as one_line,
                {{ without_spaces(
                    replaced(replaced(replaced(
                        'text',
                        word_edge() ~ '([0-9]{4})([-/.])([0-9]{1,2})[-/.]([0-9]{1,2})(?:T|' ~ word_edge() ~ ')', "'\\1年\\3月\\4日 '"
                    ), word_edge() ~ '([0-9]{4})[-/.](0?[1-9]|1[0-2])' ~ word_edge(), "'\\1年\\2月'"
                    ), word_edge() ~ '((?:19|20)[0-9]{2})(0[1-9]|1[0-2])([0-3][0-9])' ~ word_edge(), "'\\1年\\2月\\3日'")
                ) }} as dated
            from plain
        ),
        arabic as (
            select *, {{ arabic_date_digits('dated') }} as digits from compact
        ),
        related as (
            select
                *,
                regexp_matches(digits, '[去今前明上本当]年|[本当上]个?月|[今昨当]日|[今昨]天|至今') and context_date is not null as is_relative,
                coalesce({{ absolute_dates('digits', 'context_date') }}, digits) as absolute
            from arabic
        ),
        -- One range sign, and each end with its unit: 25-28日 → 25日-28日, 第一季度 → 1月-3月.
        ranged as (
            select
                *,
                regexp_matches(absolute, '季度') as is_quarter,
                {{ date_range('absolute') }} as range_text
            from related
        ),
        sides as (
            select
                *,
                {% for side, number in (("left", 1), ("right", 2)) -%}
                {{ date_parts("split_part(range_text, '-', " ~ number ~ ")") }} as {{ side }}_parts{{ "," if not loop.last }}
                {% endfor %}
            from ranged
        ),
        numbers as (
            select
                *,
                left_parts.month is not null or left_parts.year is not null or left_parts.day is not null as has_left,
                right_parts.month is not null or right_parts.year is not null or right_parts.day is not null as has_right,
                left_parts.month as left_month, left_parts.day as left_day,
                coalesce(right_parts.month, case when right_parts.day is not null then left_parts.month end) as right_month,
                right_parts.day as right_day,
                year(context_date) as context_year
            from sides
        ),
        -- The year: as written; else that of the other end; else the context's, or the one before where that would lie more than
        -- two months ahead of the context.
        years as (
            select
                *,
                coalesce(
                    left_parts.year,
                    right_parts.year - case when left_month > right_month then 1 else 0 end,
                    context_year - case
                        when try_cast(context_year || '-' || lpad(left_month::string, 2, '0') || '-01' as date)
                            > context_date + interval 2 month then 1 else 0 end
                ) as left_year
            from numbers
        ),
        both_years as (
            select
                *,
                coalesce(
                    right_parts.year,
                    left_year + case when right_month < left_month then 1 else 0 end
                ) as right_year
            from years
        ),
        ends as (
            select
                *,
                case when has_left and (left_month is not null or left_day is null) then {{ first_day('left_year', 'left_month', 'left_day') }}
                    when not has_left and has_right then {{ first_day('right_year', 'right_month', 'right_day') }} end as first_date,
                case when has_right then {{ last_day_of('right_year', 'right_month', 'right_day') }}
                    when has_left and (left_month is not null or left_day is null)
                        then {{ last_day_of('left_year', 'left_month', 'left_day') }} end as last_date
            from both_years
        ),
        timed as (
            select
                *,
                {{ time_of_day('left_parts.hour', 'left_parts.minute', 'left_parts.second', 'left_parts.day_part') }} as left_time,
                {{ time_of_day(
                    'right_parts.hour', 'right_parts.minute', 'right_parts.second', "coalesce(right_parts.day_part, left_parts.day_part)"
                ) }} as right_time,
                {{ cadence('one_line') }} as cadence
            from ends
        ),
        dated as (
            select
                *,
                moment is null and cadence is null and first_date <= last_date as is_dated,
                regexp_matches(one_line, '近日|近期|日前|近来|最近') and not has_left and not has_right and moment is null as is_vague
            from timed
        ),
        parsed_dates as (
            select
                raw_text, context_date,
                case
                    when text = '' then null
                    when moment is not null then 'date'
                    when cadence is not null then 'cadence'
                    when is_vague then 'vague'
                    when is_dated and regexp_matches(one_line, '截[至止]') then 'as_of'
                    when is_dated and first_date = last_date then 'date'
                    when is_dated then 'period'
                    when has_left or has_right then 'unreadable'
                    when left_time is not null then 'time'
                    else 'text'
                end as kind,
                case when moment is not null then moment::date when is_dated then first_date
                    when is_vague then date_trunc('month', context_date)::date end as start_date,
                case when moment is not null then moment::date when is_dated then last_date
                    when is_vague then last_day(context_date) end as end_date,
                case when moment is not null then moment::time else left_time end as start_time,
                case when moment is not null then null when right_time is not null then right_time end as end_time,
                case
                    when moment is not null then 'day'
                    when is_vague and context_date is not null then 'month'
                    when not coalesce(is_dated, false) then 'unknown'
                    when coalesce(left_day, right_day) is not null then 'day'
                    when is_quarter then 'quarter'
                    when coalesce(left_month, right_month) is not null then 'month'
                    else 'year'
                end as precision,
                (coalesce(is_dated, false) and (is_relative or (left_parts.year is null and right_parts.year is null)
                    or left_parts.is_short_year or right_parts.is_short_year))
                or (is_vague and context_date is not null) as year_inferred,
                coalesce(left_parts.day_part, right_parts.day_part) as day_part,
                cadence,
                case when cadence = 'weekly' then {{ cadence_weekday('one_line') }} end as weekday
            from dated
        )
        select * from parsed_dates
    )
{%- endmacro %}

{# 二O二三年二月二十日 → 2023年2月20日. The letter O and circles are zeros among Chinese digits; O is what is left of Ｏ (U+FF2F). #}
{% macro arabic_date_digits(text) -%}
    {%- set zeros = replaced(text, '([〇零一二三四五六七八九])[Oo○◯]', "'\\10'") -%}
    {%- set tens = replaced(replaced(replaced(replaced(zeros,
        '([二三四五])十([一二三四五六七八九])', "'\\1\\2'"), '([二三四五])十', "'\\10'"), '十([一二三四五六七八九])', "'1\\1'"),
        '十', "'10'") -%}
    translate({{ tens }}, '〇零一二两三四五六七八九', '001223456789')
{%- endmacro %}

{# Relative years, months and days as absolute ones; NULL without a context date. #}
{% macro absolute_dates(text, context) -%}
    {%- set year = "(year(" ~ context ~ ")" -%}
    {%- set month = ", '%Y年%m月')" -%}
    {%- set replacements = [
        ("去年|上年", year ~ " - 1) || '年'"), ("前年", year ~ " - 2) || '年'"), ("明年", year ~ " + 1) || '年'"),
        ("[今本当]年", year ~ ") || '年'"),
        ("[本当]月", "strftime(" ~ context ~ month), ("上个?月", "strftime(" ~ context ~ " - interval 1 month" ~ month),
        ("[今当][日天]|至今", "'-' || strftime(" ~ context ~ ", '%Y年%m月%d日')"),
        ("昨[日天]", "strftime(" ~ context ~ " - interval 1 day, '%Y年%m月%d日')"),
    ] -%}
    case
        when regexp_matches({{ text }}, '[去今前明上本当]年|[本当上]个?月|[今昨当][日天]|至今') then
            {{ replaced_in_turn(text, replacements) }}
        else {{ text }}
    end
{%- endmacro %}

{# Patterns and what stands in their place (expressions), one after the other. #}
{% macro replaced_in_turn(text, steps) -%}
    {%- set so_far = namespace(text=text) -%}
    {%- for pattern, replacement in steps -%}{%- set so_far.text = replaced(so_far.text, pattern, replacement) -%}{%- endfor -%}
    {{ return(so_far.text) }}
{%- endmacro %}

{# A range with one sign, and each of its ends with its own unit. #}
{% macro date_range(text) -%}
    {%- set steps = [
        (word_edge() ~ "((?:19|20)[0-9]{2})([上下第])", "'\\1年\\2'"),
        ("第?1季度", "'1月-3月'"), ("第?2季度", "'4月-6月'"), ("第?3季度", "'7月-9月'"), ("第?4季度", "'10月-12月'"),
        ("上半年", "'1月-6月'"), ("下半年", "'7月-12月'"), ("次年|翌年", "''"),
        ("^([0-9]{4})$", "'\\1年'"),
        ("([年月日号点时分0-9午上])(?:至|到|-+)([0-9上下晚中早])", "'\\1-\\2'"),
        (word_edge() ~ "((?:19|20)[0-9]{2})-((?:19|20)[0-9]{2})" ~ word_edge(), "'\\1年-\\2年'"),
        ("([0-9]+)-([0-9]+)([年月日号点时])", "'\\1\\3-\\2\\3'"),
        ("([年月日号点])-([0-9]{1,2})$", "'\\1-\\2\\1'"),
    ] -%}
    {{ replaced_in_turn(text, steps) }}
{%- endmacro %}

{# The parts of one end of a range, each NULL where it is not given. #}
{% macro date_parts(text) -%}
    {%- set day_part = "regexp_extract(" ~ text ~ ", '凌晨|清晨|早上|早晨|上午|中午|下午|午后|傍晚|晚上|晚间|夜间', 0)" -%}
    {{ struct_of({
        'year': "coalesce(try_cast(regexp_extract(" ~ text ~ ", '([0-9]{4})年', 1) as integer),"
            ~ " 2000 + try_cast(regexp_extract(" ~ text ~ ", '(?:^|[^0-9])([0-9]{2})年[0-9]{1,2}月', 1) as integer))",
        'is_short_year': "regexp_matches(" ~ text ~ ", '(?:^|[^0-9])[0-9]{2}年[0-9]{1,2}月')",
        'month': "try_cast(regexp_extract(" ~ text ~ ", '(?:^|[^0-9])([0-9]{1,2})月', 1) as integer)",
        'day': "try_cast(regexp_extract(" ~ text ~ ", '(?:^|[^0-9])([0-9]{1,2})[日号]', 1) as integer)",
        'day_part': "case when " ~ day_part ~ " in ('凌晨', '清晨', '早上', '早晨', '上午') then 'morning'"
            ~ " when " ~ day_part ~ " = '中午' then 'noon' when " ~ day_part ~ " in ('下午', '午后') then 'afternoon'"
            ~ " when " ~ day_part ~ " <> '' then 'evening' end",
        'hour': "try_cast(regexp_extract(" ~ text ~ ", '(?:^|[^0-9:])([0-9]{1,2})[点时:]', 1) as integer)",
        'minute': "coalesce(case when regexp_matches(" ~ text ~ ", '[0-9][点时]半') then 30 end,"
            ~ " try_cast(regexp_extract(" ~ text ~ ", '[0-9][点时:]([0-9]{1,2})', 1) as integer))",
        'second': "try_cast(regexp_extract(" ~ text ~ ", ':[0-9]{2}:([0-9]{2})', 1) as integer)",
    }) }}
{%- endmacro %}

{% macro first_day(year, month, day) -%}
    try_cast(
        {{ year }} || '-' || lpad(coalesce({{ month }}, 1)::string, 2, '0') || '-' || lpad(coalesce({{ day }}, 1)::string, 2, '0') as date
    )
{%- endmacro %}

{% macro last_day_of(year, month, day) -%}
    case
        when {{ day }} is not null then {{ first_day(year, month, day) }}
        else last_day({{ first_day(year, "coalesce(" ~ month ~ ", 12)", "null") }})
    end
{%- endmacro %}

{# 3 in the afternoon is 15:00. 12 at night belongs to two days: NULL. #}
{% macro time_of_day(hour, minute, second, day_part) -%}
    try_cast(
        case
            when {{ day_part }} in ('afternoon', 'evening') and {{ hour }} < 12 then {{ hour }} + 12
            when {{ day_part }} = 'noon' and {{ hour }} < 4 then {{ hour }} + 12
            when {{ day_part }} = 'evening' and {{ hour }} = 12 then null
            else {{ hour }}
        end || ':' || lpad(coalesce({{ minute }}, 0)::string, 2, '0') || ':' || lpad(coalesce({{ second }}, 0)::string, 2, '0') as time
    )
{%- endmacro %}

{# How often: 每周 → weekly. #}
{% macro cadence(text) -%}
    case
        when regexp_matches({{ text }}, '每两[周月年个]|每[二三][周月年]|隔[周月日天年]') then 'other'
        when regexp_matches({{ text }}, '每(?:一)?[天日]') then 'daily'
        when regexp_matches({{ text }}, '每个?(?:一)?(?:周|星期|礼拜)') then 'weekly'
        when regexp_matches({{ text }}, '每个?(?:一)?月') then 'monthly'
        when regexp_matches({{ text }}, '每个?(?:一)?季') then 'quarterly'
        when regexp_matches({{ text }}, '每(?:一)?半年') then 'half_yearly'
        when regexp_matches({{ text }}, '每(?:一)?年') then 'yearly'
    end
{%- endmacro %}

{# The day of a weekly cadence. 每周一排查 is one check a week, as 每月一分析 is one analysis a month: 一 is Monday only where a time,
   an end or a further day follows; 每周三次 is three times. Several days give none. #}
{% macro cadence_weekday(text) -%}
    {%- set day = matched_groups(text, '每个?(?:周|星期|礼拜)([一二三四五六日天])(.*)$', ['day', 'rest']) -%}
    case
        when ({{ day }}).day = '' or regexp_matches(({{ day }}).rest, '^(?:[次场期个轮回]|[、,，/至到和及-])') then null
        when ({{ day }}).day = '一' and not regexp_matches(({{ day }}).rest, '^(?:$|[上下中晚早]|[0-9]|[的，。；,;()])') then null
        else (strpos('一二三四五六日天', ({{ day }}).day) - 1) % 7 + 1
    end
{%- endmacro %}
