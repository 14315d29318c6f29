{# Which spellings name exactly one place on a day: one row per tree, spelling, alone (parent_spelling NULL) or with its
   parent's, and period (named_from, named_to).

   places: the versions of places (tree, place_key, parent_place_key, place_name, valid_from, valid_to, is_unknown_member). A
   former name, or a name below a former parent, is a spelling for ever, unless another place has come to bear it: then it names
   the one that bears it on the day. aliases: tree ('*' is every tree that has the place), parent_place_name (given where the
   spelling means the place only below that parent), raw_name, place_name. Spellings are compared as `matchable_name` makes them:
   （东区） is (东区).
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
                known.tree, known.place_key, known.parent_place_key, known.valid_from, known.valid_to,
                {{ matchable_name('aliases.raw_name') }} as spelling,
                aliases.parent_place_name is not null as needs_parent
            from {{ aliases }} as aliases
            inner join known
                on aliases.tree in (known.tree, '*') and {{ matchable_name('aliases.place_name') }} = known.spelling
                and (aliases.parent_place_name is null or {{ matchable_name('aliases.parent_place_name') }} = known.parent_name)
        ),
        spellings as (
            select tree, place_key, parent_place_key, spelling, valid_from, valid_to, bool_and(needs_parent) as needs_parent
            from (
                select tree, place_key, parent_place_key, spelling, valid_from, valid_to, false as needs_parent from known
                union all
                select tree, place_key, parent_place_key, spelling, valid_from, valid_to, needs_parent from aliased
            )
            group by all
        ),
        -- Alone or below its parent: what may name a place, and the days on which it does. Open ends as days, to compare them.
        candidates as (
            select
                tree, spelling, null as parent_spelling, place_key, needs_parent,
                coalesce(valid_from, date '0001-01-01') as first_day, coalesce(valid_to, date '9999-12-31') as end_day
            from spellings
            union all
            select
                spellings.tree, spellings.spelling, parent_spellings.spelling as parent_spelling, spellings.place_key, false,
                coalesce(greatest(spellings.valid_from, parent_spellings.valid_from), date '0001-01-01'),
                coalesce(least(spellings.valid_to, parent_spellings.valid_to), date '9999-12-31')
            from spellings
            inner join spellings as parent_spellings
                on spellings.parent_place_key = parent_spellings.place_key and not parent_spellings.needs_parent
        ),
        of_one_place as (
            select
                tree, spelling, parent_spelling, any_value(place_key) as place_key, null::date as named_from,
                null::date as named_to
            from candidates
            group by tree, spelling, parent_spelling
            having count(distinct place_key) = 1 and not bool_and(needs_parent)
        ),
        of_several as (
            select candidates.*
            from candidates
            inner join (
                select tree, spelling, parent_spelling from candidates group by all having count(distinct place_key) > 1
            ) as shared
                on candidates.tree = shared.tree and candidates.spelling = shared.spelling
                and candidates.parent_spelling is not distinct from shared.parent_spelling
            where candidates.first_day < candidates.end_day
        ),
        slices as (
            select
                tree, spelling, parent_spelling, slice_from,
                lead(slice_from) over (partition by tree, spelling, parent_spelling order by slice_from) as slice_to
            from (
                select tree, spelling, parent_spelling, first_day as slice_from from of_several
                union
                select tree, spelling, parent_spelling, end_day from of_several
            )
        ),
        by_day as (
            select
                slices.tree, slices.spelling, slices.parent_spelling, any_value(of_several.place_key) as place_key,
                nullif(slices.slice_from, date '0001-01-01') as named_from, nullif(slices.slice_to, date '9999-12-31') as named_to
            from slices
            inner join of_several
                on slices.tree = of_several.tree and slices.spelling = of_several.spelling
                and slices.parent_spelling is not distinct from of_several.parent_spelling
                and of_several.first_day <= slices.slice_from and slices.slice_to <= of_several.end_day
            group by slices.tree, slices.spelling, slices.parent_spelling, slices.slice_from, slices.slice_to
            having count(distinct of_several.place_key) = 1 and not bool_and(of_several.needs_parent)
        )
        select * from of_one_place
        union all
        select * from by_day
    )
{%- endmacro %}
