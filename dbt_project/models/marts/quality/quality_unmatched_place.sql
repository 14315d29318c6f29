with quality_unmatched_place as (
    select source, record, parent_place_name, place_name, place_match, count(*) as row_count
    from {{ ref('int_unplaced_row') }}
    group by all
)

select * from quality_unmatched_place
