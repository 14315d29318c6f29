{# Join rows of a record with their place: `from {{ resolved_places('staged', 'money_date') }}`.

   `relation` has tree, place_code, place_name, parent_place_name. In this order: by code; by name and parent's name; by the
   parent alone (the place itself is not known there); by the name alone; else the tree's unknown member. Adds place_key and
   place_match (code, name, parent, unknown).

   day: expression of the day that a row is about, for names that several places have borne one after the other; where it is not
   known, the name means the place that bears it now.
#}
{% macro resolved_places(relation, day="null::date") -%}
    {%- set names_then -%}
        {{ valid_on('names.named_from', 'names.named_to', "coalesce(" ~ day ~ ", date '9999-12-31')") }}
    {%- endset -%}
    (
        select
            rows_to_place.*,
            coalesce(by_code.place_key, by_both.place_key, by_parent.place_key, by_name.place_key, unknown_member.place_key)
                as place_key,
            case
                when by_code.place_key is not null then 'code'
                when by_both.place_key is not null then 'name'
                when by_parent.place_key is not null
                    then case when rows_to_place.place_name is null then 'name' else 'parent' end
                when by_name.place_key is not null then 'name'
                else 'unknown'
            end as place_match
        from {{ relation }} as rows_to_place
        left join {{ ref('int_place') }} as by_code
            on rows_to_place.tree = by_code.tree and rows_to_place.place_code = by_code.place_code
        left join {{ ref('int_place_name') }} as by_both
            on rows_to_place.tree = by_both.tree and {{ matchable_name('rows_to_place.place_name') }} = by_both.spelling
            and {{ matchable_name('rows_to_place.parent_place_name') }} = by_both.parent_spelling
            and {{ names_then | replace('names.', 'by_both.') }}
        left join {{ ref('int_place_name') }} as by_parent
            on rows_to_place.tree = by_parent.tree
                and {{ matchable_name('rows_to_place.parent_place_name') }} = by_parent.spelling
            and by_parent.parent_spelling is null and {{ names_then | replace('names.', 'by_parent.') }}
        left join {{ ref('int_place_name') }} as by_name
            on rows_to_place.tree = by_name.tree and {{ matchable_name('rows_to_place.place_name') }} = by_name.spelling
            and by_name.parent_spelling is null and rows_to_place.parent_place_name is null
            and {{ names_then | replace('names.', 'by_name.') }}
        left join {{ ref('int_place') }} as unknown_member
            on rows_to_place.tree = unknown_member.tree and unknown_member.is_unknown_member
    )
{%- endmacro %}

{# The columns by which every record says where it belongs. #}
{% macro place_columns() -%}
    {{ return({'tree': 'varchar', 'place_code': 'varchar', 'place_name': 'varchar', 'parent_place_name': 'varchar'}) }}
{%- endmacro %}

{# The moment up to which a row is known: the end of the day that the file name gives, else the last moment that is dated in
   the rows known together with it (`group`; for occurrences the whole source: a later file says that nothing else occurred).
   `last_moment`: timestamptz expression. #}
{% macro observed_until(last_moment, group="_source, _as_of_group") -%}
    coalesce(
        {{ instant_at("(max(_file_as_of) over (partition by " ~ group ~ ") + 1)::timestamp", "_time_zone") }},
        max({{ last_moment }}) over (partition by {{ group }})
    )
{%- endmacro %}

{# The last local day that is known, from an exclusive moment. #}
{% macro as_of_date(observed_until_at) -%}
    {{ local_at("((" ~ observed_until_at ~ ") - interval 1 microsecond)", "_time_zone") }}::date
{%- endmacro %}

{# The same as one value of grouped rows: the last local day that is known of the rows of a _source and _as_of_group.
   `last_moment`: the last moment that is dated in them, an aggregate. #}
{% macro known_date(last_moment) -%}
    {{ as_of_date("coalesce(" ~ instant_at("(max(_file_as_of) + 1)::timestamp", "_time_zone") ~ ", " ~ last_moment ~ ")") }}
{%- endmacro %}
