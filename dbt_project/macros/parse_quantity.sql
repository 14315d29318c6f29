{# Quantities as people write them, read as values with bounds. What each column means: docs/parsing.md.

   parsed_quantities(relation, column, stated_unit): one row per distinct text of `column` (and stated unit). Join it back with
   `left join … on rows.column = parsed.raw_text` (`and rows.unit is not distinct from parsed.stated_unit`).
   stated_unit: expression of a text that gives the unit of cells without one, such as 单位：万元 of a title.

   Columns: raw_text, stated_unit, kind, value, lower, upper, approx, unit, unit_word, stated_value, unit_is_ambiguous, ordinal.
#}
{% macro parsed_quantities(relation, column, stated_unit="null") -%}
    {%- set arabic = arabic_numeral() -%}
    {%- set chinese = chinese_numeral() -%}
    {%- set numeral = "(?:" ~ arabic ~ "|" ~ chinese ~ ")" -%}
    {%- set scales = "[" ~ numeral_scales() ~ "]" -%}
    {%- set units = unit_words("pattern") -%}
    {%- set unit = "\\(?(" ~ units ~ ")?\\)?" -%}
    {%- set groups = ['before', 'first_text', 'more', 'scale', 'more_again', 'second_text', 'unit', 'more_last', 'after'] -%}
    (
        with texts as (
            select distinct {{ column }}::string as raw_text, ({{ stated_unit }})::string as stated_unit
            from {{ relation }}
            where {{ column }} is not null
        ),
        compact as (
            select
                *,
                coalesce({{ without_spaces(one_dash(half_width(repaired_text('raw_text')))) }}, '') as text,
                {{ matched_groups(without_spaces(half_width('stated_unit')), '(' ~ scales ~ '*)(' ~ units ~ ')', ['scale', 'unit']) }} as stated
            from texts
        ),
        labelled as (
            select *, {{ labels('kind', 'text') }} as label from compact
        ),
        -- A text may hold a label and a quantity: what is left after cutting the labels is read.
        cut as (
            select
                *,
                case when label is null then text else {{ labels('cut', 'text') }} end as cut_text,
                regexp_extract(text, '第([0-9{{ numeral_digits() ~ numeral_scales() }}]+)', 1) as ordinal_numeral,
                regexp_extract(text, '([0-9]+)(?:号楼|[栋幢])', 1) as building_numeral
            from labelled
        ),
        -- 一个半小时 → 一点五小时, 3年半 → 3.5年; 两三百人 → 两-三百人.
        prepared as (
            select
                *,
                case
                    when contains(cut_text, '半') then {{ replaced(replaced(replaced(replaced('cut_text',
                        '([0-9])个半', "'\\1.5'"), '([一二两三四五六七八九十])个半', "'\\1点五'"),
                        '([0-9])([年天])半', "'\\1.5\\2'"), '([一二两三四五六七八九十])([年天])半', "'\\1点五\\2'") }}
                    when not regexp_matches(cut_text, '[0-9]') then {{ replaced(
                        'cut_text', '([一二两三四五六七八])([二两三四五六七八九])(' ~ scales ~ '*(?:' ~ units ~ '))', "'\\1-\\2\\3'"
                    ) }}
                    else cut_text
                end as rest
            from cut
        ),
        notations as (
            select
                *,
                case
                    when regexp_matches(rest, '分之') then 'fraction'
                    when regexp_matches(rest, '[0-9]:[0-9]') then 'ratio'
                    when regexp_matches(rest, '[-至到]') and not regexp_matches(rest, '[从由].*[到至]')
                        and regexp_matches(rest, '{{ numeral }}(?:{{ units }})?(?:-+|至|到){{ numeral }}') then 'range'
                    when regexp_matches(rest, '[0-9]') then 'arabic'
                    when regexp_matches(rest, '^(?:无|没有|零)[^0-9点]{0,4}$') then 'zero'
                    when regexp_matches(rest, '[{{ numeral_scales() }}一二两三四五六七八九半几数多]|若干|零点') then 'chinese'
                end as notation
            from prepared
        ),
        tokens as (
            select
                *,
                case notation
                    {%- for notation, pattern in {
                        'fraction': '^(.*?)(' ~ numeral ~ ')()()()分之(' ~ numeral ~ ')()()(.*)$',
                        'ratio': '^(.*?)([0-9]+(?:[.][0-9]+)?)()()():([0-9]+(?:[.][0-9]+)?)()()(.*)$',
                        'range': '^(.*?)(' ~ numeral ~ ')()()()(?:' ~ units ~ ')?(?:-+|至|到)(' ~ numeral ~ ')' ~ unit ~ '([多余]?)(.*)$',
                        'arabic': '^(.*?)(' ~ arabic ~ ')([多余来几]?)(' ~ scales ~ '*)([多余]?)()' ~ unit ~ '([多余]?)(.*)$',
                        'chinese': '^(.*?)(' ~ chinese ~ '|好?几|数|若干|多)([多余来几]?)(' ~ scales ~ '*)([多余]?)()(?:('
                            ~ units ~ ')([多余]?)|$)(.*)$',
                    }.items() %}
                    when '{{ notation }}' then {{ matched_groups('rest', pattern, groups) }}
                    {%- endfor %}
                end as token
            from notations
        ),
        -- 300余万 is 300万 with 余; of 几百 it is known that there are two hundred.
        spelled as (
            select
                * {{ without('token') }}, token.*,
                regexp_full_match(token.first_text, '好?几|数|若干|多') as is_vague,
                case when regexp_full_match(token.first_text, '好?几|数|若干|多') then '两' else token.first_text end || token.scale
                    as first_numeral,
                case when notation = 'range' then token.first_text || regexp_extract(token.second_text, '({{ scales }}*)$', 1) end
                    as scaled_numeral,
                case label when 'ordinal' then ordinal_numeral when 'building' then building_numeral end as label_numeral,
                token.before = '-' or ends_with(token.before, '负') as is_negative
            from tokens
        ),
        numerals as (
            select {{ unnested(list_of(['first_numeral', 'second_text', 'scaled_numeral', 'label_numeral'])) }} as numeral from spelled
        ),
        dictionary as (
            select * from {{ valued_numerals('numerals') }}
        ),
        valued as (
            select
                spelled.*, first_numeral.value as first_value, first_numeral.step, second_numeral.value as second_value,
                -- 1-2万: the scale of the second end is that of the first one too, unless that makes it the larger one (8000-1万).
                case when scaled_numeral.value <= second_numeral.value and not regexp_matches(first_text, '{{ scales }}')
                    then scaled_numeral.value else first_numeral.value end as range_start,
                label_numeral.value as label_value,
                {{ quantity_signs() }}
            from spelled
            left join dictionary as first_numeral on spelled.first_numeral = first_numeral.numeral
            left join dictionary as second_numeral on spelled.second_text = second_numeral.numeral
            left join dictionary as scaled_numeral on spelled.scaled_numeral = scaled_numeral.numeral
            left join dictionary as label_numeral on spelled.label_numeral = label_numeral.numeral
        ),
        with_unit as (
            select
                *,
                case when notation in ('arabic', 'chinese', 'range') then coalesce(
                    nullif(unit, ''), nullif(stated.unit, ''),
                    {{ unit_before('before', "regexp_matches(first_numeral || second_text, '[万亿]')") }}
                ) end as unit_word,
                -- The scale of a stated unit counts where the cell gives neither unit nor scale.
                case when unit = '' and not regexp_matches(first_numeral || second_text, '{{ scales }}')
                    then pow(10, {{ scale_zeros("coalesce(stated.scale, '')") }})::decimal(13, 0) else 1 end as stated_factor
            from valued
        ),
        with_kind as (
            select *, {{ quantity_kind() }} as kind, {{ approximation() }} as sign from with_unit
        ),
        -- Value and bounds as they are written, and what one of the written unit is in the base unit.
        as_written as (
            select
                *,
                case kind
                    when 'number' then first_value * stated_factor
                    when 'zero' then 0
                    when 'fraction' then case when first_text = '百' then second_value else try_cast(second_value / first_value as decimal(24, 6)) end
                    when 'ratio' then try_cast(first_value / second_value as decimal(24, 6))
                end as point,
                case kind
                    when 'range' then range_start * stated_factor
                    when 'vague' then first_value * stated_factor
                    else case when sign in ('lt', 'around', 'ambiguous') then (first_value - step) * stated_factor end
                end as other_lower,
                case kind
                    when 'range' then second_value * stated_factor
                    else case when sign in ('gt', 'around', 'ambiguous') then (first_value + step) * stated_factor end
                end as other_upper,
                {{ base_unit() }} as unit_read,
                case when first_text = '半' and unit_word = '年' then 12 else {{ unit_words('factor', 'unit_word') }} end
                    ::decimal(13, 6) as factor
            from with_kind
        ),
        based as (
            select
                *,
                {%- for name in ("point", "other_lower", "other_upper") %}
                try_cast(try_cast({{ name }} as decimal(24, 6)) * factor as decimal(24, 6)) as based_{{ name }},
                {%- endfor %}
                kind in ('number', 'zero', 'range', 'vague', 'fraction', 'ratio') as is_quantity,
                kind in ('number', 'zero', 'fraction', 'ratio') as has_point
            from as_written
        ),
        bounded as (
            select
                *,
                case when not has_point or sign in ('lt', 'around', 'ambiguous') then based_other_lower
                    when sign <> 'cap' then based_point end as magnitude_lower,
                case when not has_point or sign in ('gt', 'around', 'ambiguous') then based_other_upper
                    when sign <> 'floor' then based_point end as magnitude_upper
            from based
        ),
        parsed_quantities as (
            select
                raw_text, stated_unit, kind,
                case when is_negative then -based_point else based_point end as value,
                case when is_quantity then case when is_negative then -magnitude_upper else magnitude_lower end end as lower,
                case when is_quantity then case when is_negative then -magnitude_lower else magnitude_upper end end as upper,
                case when has_point then sign when kind = 'vague' then 'ambiguous' end as approx,
                case when is_quantity then unit_read end as unit,
                case when is_quantity then unit_word end as unit_word,
                case when is_negative then -1 else 1 end * try_cast(point as decimal(24, 6)) as stated_value,
                is_quantity and coalesce({{ unit_is_ambiguous() }}, false) as unit_is_ambiguous,
                try_cast(label_value as bigint) as ordinal
            from bounded
        )
        select * from parsed_quantities
    )
{%- endmacro %}

{# The words of approximation around the number, as has_floor, has_cap, has_lt, has_gt, has_around. 附近, 通过, 预约 are none. #}
{% macro quantity_signs() -%}
    {%- set lead = replaced('before', '(?:达到|达|为|有|计|了|是|至|:)+$', "''") -%}
    regexp_matches(before, '(?:至少|不少于|不低于|最少|起码|最低)[^，。；,;]{0,6}$')
        or regexp_matches(after, '^(?:[^，。；,;0-9]{0,4}以上|起$)') as has_floor,
    regexp_matches(before, '(?:不高于|最高|不超过|不多于|不大于|最多|至多|上限|封顶)[^，。；,;]{0,6}$')
        or regexp_matches(after, '^[^，。；,;0-9]{0,4}(?:以内|之内|以下)') as has_cap,
    regexp_matches({{ lead }}, '(?:^|[^附最邻临靠])近$|(?:不到|不足|未满|少于|低于|小于|不满)$') as has_lt,
    more in ('多', '余', '几') or more_again <> ''
        or (more_last <> '' and not regexp_matches(after, '^[次种方项名样层]'))
        or regexp_matches({{ lead }}, '(?:逾|超|超过|超出|突破|多于|高于|大于|不止)$|(?:^|[^通经路透度不])过$')
        or (ends_with(before, '上') and regexp_matches(first_text, '^[百千万亿]')) as has_gt,
    more = '来' or regexp_matches({{ lead }}, '(?:^|[^预节公签合履邀条契相违])约$|(?:大概|大致)$')
        or regexp_matches(after, '^(?:左右|上下|前后)') as has_around
{%- endmacro %}

{% macro approximation() -%}
    case
        when has_floor then 'floor'
        when has_cap then 'cap'
        when has_lt::integer + has_gt::integer + has_around::integer > 1 then 'ambiguous'
        when has_lt then 'lt'
        when has_gt then 'gt'
        when has_around then 'around'
        else 'exact'
    end
{%- endmacro %}

{# What the text is. Only number, zero, fraction and ratio have a value; range and vague have bounds; the others are no quantity. #}
{% macro quantity_kind() -%}
    {%- set has_sign = "(has_floor or has_cap or has_lt or has_gt or has_around)" -%}
    {%- set unnamed = "unit = '' and not " ~ has_sign ~ " and not regexp_matches(first_numeral, '[十百千万亿]')" -%}
    case
        when text = '' then null
        when notation = 'zero' then 'zero'
        when coalesce(first_text, '') = '' then coalesce(label, 'text')
        when is_vague then 'vague'
        when regexp_matches(after, '[0-9]') then 'several'
        when first_value is null or (second_text <> '' and second_value is null) then 'text'
        when notation = 'range' then case when range_start <= second_value then 'range' else 'several' end
        when notation = 'fraction' then case when first_value > 0 then 'fraction' else 'text' end
        when notation = 'ratio' then case when second_value > 0 then 'ratio' else 'text' end
        -- 的4也让: the word that was counted is missing.
        when unit = '' and regexp_matches(after, '^[也的让了与和及而在是就都将已又还被把]') then 'corrupt'
        -- 建国511, 12345专线: neither a unit nor a word that announces a number.
        when {{ unnamed }} and regexp_matches(after, '^(?:[A-Za-z]|{{ han() }}{3})') and not starts_with(after, '见方') then 'name'
        when {{ unnamed }} and before <> '' and not is_negative
            and not regexp_matches(before, '[共计约达有为是了到数量额价入出款金费率分次人户得增减至:=¥,，。；;()]$') then 'name'
        else 'number'
    end
{%- endmacro %}

{% macro counts_families() -%} regexp_matches(after, '^[^，。；,;0-9()]{0,4}(?:家庭|户)') {%- endmacro %}

{# The base unit: NULL where 名 counts families, for then nobody knows which of the two it is. #}
{% macro base_unit() -%}
    case
        when kind = 'fraction' and first_text = '百' then '%'
        when unit in ('名', '位') and {{ counts_families() }} then null
        when unit = '个' and {{ counts_families() }} then '户'
        when unit = '个' and regexp_matches(after, '^{{ han() }}{0,3}(?:居民|老人|志愿者|党员|学生|儿童|青少年)') then '人'
        when first_text = '半' and unit_word = '年' then '月'
        when starts_with(after, '/') then {{ unit_words('unit', 'unit_word') }} || '/' || regexp_extract(after, '^/({{ han() }}+)', 1)
        else {{ unit_words('unit', 'unit_word') }}
    end
{%- endmacro %}

{# 名 that counts families; 400平方米见方; a word that is no known unit (30桌). #}
{% macro unit_is_ambiguous() -%}
    (unit in ('名', '位') and {{ counts_families() }})
    or starts_with(after, '见方')
    or (unit = '' and regexp_full_match(after, '{{ han() }}{1,2}') and after not in ('左右', '上下', '前后', '以上', '以下', '以内', '之内', '起'))
{%- endmacro %}
