{# Each day has at most one version of a key, and none is missing between two versions. `gaps`: whether days may be missing. #}
{% test versions_follow_each_other(model, key, gaps=false) %}
    with versions as (
        select
            {{ key }}, valid_from, valid_to,
            lead(valid_from) over by_start as next_valid_from,
            lead({{ key }}) over by_start is not null as has_next
        from {{ model }}
        window by_start as (partition by {{ key }} order by valid_from nulls first, valid_to nulls last)
    )
    select * from versions
    where valid_to <= valid_from
        or has_next and (valid_to is null or next_valid_from is null or valid_to > next_valid_from
            {%- if not gaps %} or valid_to < next_valid_from{% endif %})
{% endtest %}
