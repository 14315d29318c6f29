{# Numerals: `11,776`, `1万5千`, `2.43亿`, 三千, 二十, 三点五, 半 as values. The characters of a numeral are listed here once. #}

{% macro numeral_digits() -%} 〇零一二两三四五六七八九 {%- endmacro %}
{% macro numeral_scales() -%} 十百千万亿 {%- endmacro %}

{# Pattern of a numeral that begins with an Arabic digit. #}
{% macro arabic_numeral() -%}
    {%- set scales = "[" ~ numeral_scales() ~ "]" -%}
    [0-9]+(?:,[0-9]{3})*(?:[.][0-9]+)?{{ scales }}*(?:[〇零]?[0-9{{ numeral_digits() }}]+{{ scales }}+)*[0-9]*
{%- endmacro %}

{# Pattern of a numeral in Chinese characters. #}
{% macro chinese_numeral() -%}
    {%- set all = numeral_digits() ~ numeral_scales() -%}
    (?:[一二两三四五六七八九{{ numeral_scales() }}][{{ all }}]*(?:点[{{ numeral_digits() }}]+[{{ numeral_scales() }}]*)?|零点[{{ numeral_digits() }}]+[{{ numeral_scales() }}]*|半)
{%- endmacro %}

{# A numeral with Arabic digits and every scale spelled out: 二十 → 2十, 十五 → 1十5, 三点五 → 3.5, 一万五 → 1万5千. #}
{% macro spelled_out(numeral) -%}
    {%- set digits = "translate(replace(replace(" ~ numeral ~ ", ',', ''), '半', '0.5'), '〇零一二两三四五六七八九点', '001223456789.')" -%}
    {%- set tens = replaced(replaced(digits, '^([十百千万亿])', "'1\\1'"), '([百千万亿])0?十', "'\\11十'") -%}
    {%- set ends = replaced(replaced(tens, '亿([1-9])$', "'亿\\1千万'"), '万([1-9])$', "'万\\1千'") -%}
    {{ replaced(replaced(ends, '千([1-9])$', "'千\\1百'"), '百([1-9])$', "'百\\1十'") }}
{%- endmacro %}

{# What stands before, between or after 亿 and 万, as a decimal: `1千2百` → 1200, '' → 0; NULL when it is no numeral. Not as a
   double: 17536627.9165万 would come out one millionth short. With at most 12 digits before the point nothing overflows. #}
{% macro numeral_section(section) -%}
    {%- set number = "[0-9]{1,12}(?:\\.[0-9]{1,8})?" -%}
    case
        when {{ section }} = '' then 0
        when regexp_full_match({{ section }}, '{{ number }}') then try_cast({{ section }} as decimal(20, 8))
        when regexp_full_match({{ section }}, '0*(?:{{ number }}千)?0*(?:{{ number }}百)?0*(?:{{ number }}十)?0*(?:{{ number }})?') then
            {%- for scale, factor in {"千": 1000, "百": 100, "十": 10}.items() %}
            {{ factor }} * coalesce(try_cast(regexp_extract({{ section }}, '([0-9.]+){{ scale }}', 1) as decimal(20, 8)), 0) +
            {%- endfor %}
            coalesce(try_cast(regexp_extract({{ section }}, '([0-9.]*)$', 1) as decimal(20, 8)), 0)
    end::decimal(38, 8)
{%- endmacro %}

{# How many zeros the characters of scale in a text stand for: 万 → 4, 百万 → 6. #}
{% macro scale_zeros(scales) -%}
    (
        {%- for scale, zeros in {"十": 1, "百": 2, "千": 3, "万": 4, "亿": 8}.items() -%}
        {{ " + " if not loop.first }}{{ zeros }} * (length({{ scales }}) - length(replace({{ scales }}, '{{ scale }}', '')))
        {%- endfor -%}
    )
{%- endmacro %}

{# One row per numeral of `relation` (column `numeral`): its value, and the step of its last significant digit (630万 → 100000,
   8.9万 → 1000). Both decimal(24, 6); NULL when the text is no numeral. Plain numbers are exact to the last digit. #}
{% macro valued_numerals(relation) -%}
    (
        with spelled as (
            select numeral, {{ spelled_out('numeral') }} as spelled
            from (select distinct numeral from {{ relation }} where numeral is not null)
        ),
        parts as (
            select *, regexp_extract(spelled, '^(.*)亿', 1) as above, regexp_extract(spelled, '([^亿]*)$', 1) as below
            from spelled
        ),
        sections as (
            select
                *,
                {%- for part in ("above", "below") %}
                regexp_extract({{ part }}, '^(.*)万', 1) as {{ part }}_wan,
                regexp_extract({{ part }}, '([^万]*)$', 1) as {{ part }}_rest,
                {%- endfor %}
                {{ matched_groups('spelled', '[.]([0-9]+)([十百千万亿]*)', ['digits', 'scales']) }} as fraction
            from parts
        ),
        valued as (
            select
                *,
                case
                    when regexp_full_match(spelled, '[0-9]{1,17}(\.[0-9]{1,6})?') then try_cast(spelled as decimal(24, 6))
                    when spelled <> '' then try_cast(
                        ({{ numeral_section('above_wan') }} * 10000 + {{ numeral_section('above_rest') }}) * 100000000
                        + {{ numeral_section('below_wan') }} * 10000 + {{ numeral_section('below_rest') }}
                        as decimal(24, 6)
                    )
                end as value
            from sections
        ),
        exponents as (
            select
                numeral, value,
                case
                    when fraction.digits <> ''
                        then {{ scale_zeros('fraction.scales') }} - length(fraction.digits)
                    when value <> 0 then length(regexp_extract(split_part(value::string, '.', 1), '(0*)$', 1))
                end as last_digit
            from valued
        )
        select numeral, value, try_cast(power(10::double, last_digit) as decimal(24, 6)) as step from exponents
    )
{%- endmacro %}
