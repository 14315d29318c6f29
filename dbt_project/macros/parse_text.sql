{# Repairs of text. Each says what it changes; the raw text stays in the raw table, so every repair can be looked up. #}

{# Full-width digits, letters, brackets and signs as ASCII: `（１２％）` → `(12%)`. #}
{% macro half_width(text) -%}
    translate(
        {{ text }},
        '０１２３４５６７８９ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ（）［］，．：；％＋－／＝￥',
        '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz()[],.:;%+-/=¥'
    )
{%- endmacro %}

{# Dashes of all kinds and wave signs as `-`: they all stand for "to". #}
{% macro one_dash(text) -%}
    translate({{ text }}, '—–―−~～〜', '-------')
{%- endmacro %}

{# Without any space, line break or invisible character. #}
{% macro without_spaces(text) -%}
    {{ replaced(text, '[\\s\\p{Z}\\x{200B}\\x{FEFF}]+', "''") }}
{%- endmacro %}

{# Text as it was meant before a PDF got at it: U+FFFD dropped; doubled glyphs (bold printed twice) single; NULL when nothing is
   left. Glyphs count as doubled only when every one of at least three is: 家家户户 is a word, and digits alone are a number. #}
{% macro repaired_text(column) -%}
    {%- set kept = "replace(" ~ clean_text(column) ~ ", '�', '')" -%}
    nullif(
        case
            when length({{ kept }}) < 6 or length({{ kept }}) % 2 = 1 or left({{ kept }}, 1) <> substr({{ kept }}, 2, 1)
                or regexp_full_match({{ kept }}, '[0-9.,]*')
                then {{ kept }}
            when {{ every_second(kept, 1) }} = {{ every_second(kept, 2) }} then {{ every_second(kept, 1) }}
            else {{ kept }}
        end,
        ''
    )
{%- endmacro %}

{# A cell whose words a PDF set vertically, in one piece: spaces and line breaks between Chinese characters go. For merged cells
   of tables only: elsewhere a line break separates. Twice, because one pass skips every second gap. #}
{% macro joined_cell(column) -%}
    {%- set gap = '(' ~ han() ~ ')[\\s\\p{Z}]+(' ~ han() ~ ')' -%}
    {{ replaced(replaced(clean_text(column), gap, "'\\1\\2'"), gap, "'\\1\\2'") }}
{%- endmacro %}

{# Text with known misspelt words put right, wherever they stand in it. `aliases`: relation with raw_word and word. #}
{% macro repaired_words(column, aliases) -%}
    list_reduce(
        (select coalesce(list(raw_word || chr(31) || word order by length(raw_word) desc, raw_word), []) from {{ aliases }}),
        lambda text, pair: replace(text, split_part(pair, chr(31), 1), split_part(pair, chr(31), 2)),
        {{ column }}
    )
{%- endmacro %}

{# What two spellings of a name have in common: widths of brackets and digits, and spaces, make no other place. #}
{% macro matchable_name(column) -%}
    {{ without_spaces(half_width(column)) }}
{%- endmacro %}

{# An amount whose unit was misprinted, in the unit of its siblings; NULL where nothing is repaired.

   The programme's own rule proves the error: a grant may be at most `cap` times the counterpart (the self-raised amount). As
   printed the amount breaks it, in the siblings' scale (`sibling_scale`, 10000 where they are given in 万元) it holds. #}
{% macro scale_repaired(amount, grant, cap, sibling_scale) -%}
    case
        when {{ grant }} > {{ cap }} * {{ amount }} and {{ grant }} <= {{ cap }} * {{ amount }} * {{ sibling_scale }}
            then {{ amount }} * {{ sibling_scale }}
    end
{%- endmacro %}
