{# Is `exact` within one unit of the last printed digit of `printed`? Publications round and cut off as they please. A printed
   0 % or 100 % must be exact: 132 of 133 is not all of them. NULL where nothing is printed. #}
{% macro agrees_with_print(exact, printed, decimals, is_percent="false") -%}
    case
        when {{ printed }} is null or {{ exact }} is null then null
        when {{ is_percent }} and {{ printed }} in (0, 100) then abs({{ exact }} - {{ printed }}::double) < 1e-9
        else abs({{ exact }} - {{ printed }}::double) < pow(10, -{{ decimals }})
    end
{%- endmacro %}
