with activities as (
    select activities.*, places.tree
    from {{ ref('int_activity') }} as activities
    inner join {{ ref('int_place') }} as places on activities.place_key = places.place_key
    where activities.is_held
),

signed_in as (
    select
        rows.activity_key,
        count(*) filter (where rows.is_person_level) as person_count,
        sum(rows.head_count) filter (where not rows.is_person_level) as group_count
    from {{ ref('int_participation') }} as rows
    where {{ is_present('rows') }} and rows.action = 'attend' and rows.activity_key is not null
    group by rows.activity_key
),

-- Rule 3: where persons are on record they win over a headcount.
counted as (
    select
        activities.activity_key, activities.tree, activities.place_key, activities.activity_date, activities.activity_type,
        activities.mode, activities.host_type, activities.venue_capacity, activities.attendance_count as declared_count,
        signed_in.person_count,
        case
            when signed_in.person_count > 0 then 'persons'
            when signed_in.group_count is not null then 'groups'
            when activities.attendance_count is not null then 'declared'
        end as counted_by
    from activities
    left join signed_in on activities.activity_key = signed_in.activity_key
),

known as (
    select
        counted.*,
        case counted.counted_by
            when 'persons' then counted.person_count
            when 'groups' then signed_in.group_count
            when 'declared' then counted.declared_count
        end::bigint as attendance_count
    from counted
    left join signed_in on counted.activity_key = signed_in.activity_key
),

-- Q3 + 3 × (Q3 − Q1).
fences as (
    select
        tree, activity_type,
        4 * percentile_cont(0.75) within group (order by attendance_count) - 3 * percentile_cont(0.25) within group (order by attendance_count) as upper_fence
    from known
    group by tree, activity_type
    having count(attendance_count) >= 4
),

int_activity_attendance as (
    select
        known.activity_key, known.place_key, known.activity_date, known.activity_type, known.mode, known.host_type,
        known.counted_by, known.attendance_count,
        case when known.counted_by = 'persons' then known.declared_count - known.person_count end as declared_difference,
        coalesce(known.attendance_count > known.venue_capacity, false)
            or coalesce(known.attendance_count > fences.upper_fence, false) as is_outlier
    from known
    left join fences on known.tree = fences.tree and known.activity_type is not distinct from fences.activity_type
)

select * from int_activity_attendance
