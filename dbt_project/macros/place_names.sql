{# Which spellings name exactly one place: one row per tree and spelling, alone (parent_spelling NULL) or with its parent's.

   places: the versions of places (tree, place_key, parent_place_key, place_name, is_unknown_member): a former name, or a name below
   a former parent, is a spelling too. aliases: tree ('*' is every tree that has the place),
   parent_place_name (given where the spelling means the place only below that parent), raw_name, place_name.
   Spellings are compared as `matchable_name` makes them: （东区） is (东区).
#}
{% macro place_names(places, aliases) -%}
    (
        with known as (
            select
                places.*, {{ matchable_name('places.place_name') }} as spelling,
                {{ matchable_name('parents.place_name') }} as parent_name
            from {{ places }} as places
            left join {{ places }} as parents on places.parent_place_key = parents.place_key
            where not places.is_unknown_member
        ),
        aliased as (
            select
                known.tree, known.place_key, known.parent_place_key, {{ matchable_name('aliases.raw_name') }} as spelling,
                aliases.parent_place_name is not null as needs_parent
            from {{ aliases }} as aliases
            inner join known
                on aliases.tree in (known.tree, '*') and {{ matchable_name('aliases.place_name') }} = known.spelling
                and (aliases.parent_place_name is null or {{ matchable_name('aliases.parent_place_name') }} = known.parent_name)
        ),
        spellings as (
            select tree, place_key, parent_place_key, spelling, bool_and(needs_parent) as needs_parent
            from (
                select tree, place_key, parent_place_key, spelling, false as needs_parent from known
                union all
                select * from aliased
            )
            group by tree, place_key, parent_place_key, spelling
        ),
        with_parents as (
            select
                spellings.tree, spellings.spelling, parent_spellings.spelling as parent_spelling,
                any_value(spellings.place_key) as place_key
            from spellings
            inner join spellings as parent_spellings
                on spellings.parent_place_key = parent_spellings.place_key and not parent_spellings.needs_parent
            group by spellings.tree, spellings.spelling, parent_spellings.spelling
            having count(distinct spellings.place_key) = 1
        ),
        -- A name alone names a place only where no other place of the tree has it.
        alone as (
            select tree, spelling, null as parent_spelling, any_value(place_key) as place_key
            from spellings
            group by tree, spelling
            having count(distinct place_key) = 1 and not bool_and(needs_parent)
        )
        select tree, spelling, parent_spelling, place_key from with_parents
        union all
        select tree, spelling, parent_spelling, place_key from alone
    )
{%- endmacro %}
