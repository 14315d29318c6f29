with places as (
    select * from {{ ref('int_place') }} where not is_unknown_member
),

aliases as (
    select * from {{ ref('place_alias') }}
),

spellings as (
    select tree, place_key, parent_place_key, place_name as spelling from places
    union
    select places.tree, places.place_key, places.parent_place_key, aliases.raw_name as spelling
    from aliases
    inner join places on aliases.tree = places.tree and aliases.place_name = places.place_name
),

with_parents as (
    select
        spellings.tree, spellings.place_key, spellings.spelling, parent_spellings.spelling as parent_spelling,
        count(*) over (partition by spellings.tree, spellings.spelling, parent_spellings.spelling) as candidates
    from spellings
    left join spellings as parent_spellings on spellings.parent_place_key = parent_spellings.place_key
),

-- A name alone names a place only where no other place of the tree has it.
alone as (
    select tree, spelling, null as parent_spelling, any_value(place_key) as place_key
    from spellings
    group by tree, spelling
    having count(distinct place_key) = 1
),

int_place_name as (
    select tree, spelling, parent_spelling, place_key from with_parents
    where candidates = 1 and parent_spelling is not null
    union all
    select tree, spelling, parent_spelling, place_key from alone
)

select * from int_place_name
