{# Units: which words count what. The base units of the warehouse are 元, 人, 人次, 户, 件, 小时, 分钟, m², kg. Words of events (场,
   次, 期, 届) stay as they are: a 期 is not always one 场. 人 and 人次 are never one another. #}

{# `want` is 'pattern' (a regular expression of all words, longest first), 'unit' or 'factor' (of the word in `word`). #}
{% macro unit_words(want, word="") -%}
    {%- set converted = {
        "元": ("元", 1), "元钱": ("元", 1), "块钱": ("元", 1), "人民币": ("元", 1),
        "人": ("人", 1), "名": ("人", 1), "位": ("人", 1), "个人": ("人", 1), "个居民": ("人", 1),
        "户": ("户", 1), "家庭": ("户", 1), "个家庭": ("户", 1), "户家庭": ("户", 1),
        "件": ("件", 1), "条": ("件", 1),
        "小时": ("小时", 1), "个小时": ("小时", 1), "h": ("小时", 1), "分钟": ("分钟", 1),
        "平方米": ("m²", 1), "平米": ("m²", 1), "平": ("m²", 1), "㎡": ("m²", 1), "m²": ("m²", 1), "m2": ("m²", 1),
        "平方公里": ("m²", 1000000), "公顷": ("m²", 10000), "亩": ("m²", 666.666667),
        "公斤": ("kg", 1), "千克": ("kg", 1), "kg": ("kg", 1), "斤": ("kg", 0.5), "克": ("kg", 0.001), "吨": ("kg", 1000),
        "米": ("m", 1), "公里": ("m", 1000),
        "%": ("%", 1), "个百分点": ("%", 1),
        "个月": ("月", 1), "个星期": ("周", 1), "星期": ("周", 1), "个工作日": ("工作日", 1),
        "场次": ("场", 1)
    } -%}
    {%- set own = ["人次", "户次", "场", "次", "期", "届", "年", "周", "天", "工作日", "岁", "个", "支", "家", "栋", "幢", "台", "处", "所",
        "只", "盘", "节", "张", "份", "本", "篇", "部", "辆", "套", "分", "间", "座", "棵", "株", "组", "对", "桶", "瓶", "盒", "类", "种", "项",
        "起", "宗", "例", "课时", "美元", "港元", "欧元", "英镑"] -%}
    {%- if want == "pattern" -%}
        {%- set words = (converted | list) + own -%}
        {%- for size in (4, 3, 2, 1) -%}
            {%- for one in words if one | length == size -%}{{ one }}|{%- endfor -%}
        {%- endfor -%}元
    {%- else -%}
        case {{ word }}
            {%- for one, (unit, factor) in converted.items() %}
            {%- if want == "unit" and one != unit or want == "factor" and factor != 1 %}
            when '{{ one }}' then {% if want == "unit" %}'{{ unit }}'{% else %}{{ factor }}{% endif %}
            {%- endif %}
            {%- endfor %}
            else {% if want == "unit" %}{{ word }}{% else %}1{% endif %}
        end
    {%- endif -%}
{%- endmacro %}

{# The word of the unit that stands before its number (服务人次近360万, ￥50), or is left out after a word of money (授信2000万). #}
{% macro unit_before(before, has_scale) -%}
    case
        when regexp_matches({{ before }}, '(?:人次|人数|户数|场次|次数|件数)[^，。；,;]{0,6}$') then
            case regexp_extract({{ before }}, '(人次|人数|户数|场次|次数|件数)[^，。；,;]{0,6}$', 1)
                when '人次' then '人次' when '人数' then '人' when '户数' then '户' when '场次' then '场' when '次数' then '次' else '件'
            end
        when regexp_matches({{ before }}, '¥$') then '元'
        when {{ has_scale }} and regexp_matches(
            {{ before }},
            '授信|总价|金额|资金|经费|投入|投资|收入|支出|预算|捐款|善款|募集|筹集|筹资|自筹|资助|造价|成本|补贴|奖金|贷款|价值|营收|销售额'
        ) then '元'
    end
{%- endmacro %}
