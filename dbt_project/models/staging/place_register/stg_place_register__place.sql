with delivered as (
    select * from {{ delivered_rows('place_register') }}
),

read as (
    select
        *,
        {{ mapped('level', {'区': 'district', '镇街': 'town', '社区': 'community', '小区': 'estate'}) }} as place_level,
        {{ clean_text('name') }} as place_name,
        {{ clean_text('parent_name') }} as parent_name_clean,
        {{ clean_text('admin_code') }} as code,
        {{ clean_text('place_no') }} as own_no,
        {{ parse_local_timestamp('valid_from') }}::date as first_day,
        {{ parse_local_timestamp('valid_to') }}::date as end_day
    from delivered
),

-- The row of the parent is found by its name in the same days.
parents as (
    select
        places._file_id, places._row_no,
        min(parents.code) as parent_place_code,
        count(distinct parents.code) as parent_count
    from read as places
    inner join read as parents
        on places.parent_name_clean = parents.place_name and parents.place_level != 'estate'
        and {{ overlap('places.first_day', 'places.end_day', 'parents.first_day', 'parents.end_day') }}
    group by places._file_id, places._row_no
),

coded as (
    select
        read.*,
        coalesce(read.code, read.own_no, parents.parent_place_code || '-' || read.place_name) as place_code,
        parents.parent_place_code,
        parents.parent_count
    from read
    left join parents on read._file_id = parents._file_id and read._row_no = parents._row_no
),

stg_place_register__place as (
    select
        'qinghe_district' as tree,
        place_code,
        place_name,
        {{ clean_text('name_en') }} as place_name_en,
        place_level,
        case when place_level in ('community', 'estate') then 'J12' end as process_code,
        parent_place_code,
        first_day as valid_from,
        end_day as valid_to,
        {{ reject_reason([
            ('place_level is null', 'unknown_level'),
            ('place_name is null', 'no_name'),
            (unreadable('valid_from', 'first_day'), 'unreadable_valid_from'),
            (unreadable('valid_to', 'end_day'), 'unreadable_valid_to'),
            ('end_day <= first_day', 'ends_before_it_begins'),
            ("parent_place_code is null and place_level != 'district'", 'unknown_parent'),
            ('parent_count > 1', 'ambiguous_parent'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from coded
)

select * from stg_place_register__place
