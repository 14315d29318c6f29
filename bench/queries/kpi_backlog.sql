-- R07
-- depends_on: {{ ref('matter_known') }} {{ ref('place_up') }} {{ ref('period') }}
with ends as (
    select distinct period_type, period_start, period_end, least(period_end, date '2026-10-01') as cutoff from period
),

-- What stands at the end of a month, by age.
standing as (
    select
        matter.community, cutoffs.cutoff,
        case
            when date_diff('minute', matter.created_at, cutoffs.cutoff::timestamp) < 8 * 1440 then '0-7'
            when date_diff('minute', matter.created_at, cutoffs.cutoff::timestamp) < 31 * 1440 then '8-30'
            when date_diff('minute', matter.created_at, cutoffs.cutoff::timestamp) <= 90 * 1440 then '31-90'
            else '90+'
        end as age_band, count(*) as matters
    from matter_known as matter
    inner join (select distinct cutoff from ends) as cutoffs
        on matter.created_at < cutoffs.cutoff and coalesce(matter.finished_at, timestamp '2026-10-01') >= cutoffs.cutoff
    group by all
),

place_since as (
    select place_up.place, min(matter.opened_date) as first_date
    from matter_known as matter
    inner join place_up on matter.community = place_up.community
    group by place_up.place
),

known as (
    select place_since.place, ends.*
    from place_since
    inner join ends on place_since.first_date < ends.period_end
),

banded as (
    select known.place, known.period_type, known.period_start, bands.age_band, coalesce(sum(at_place.matters),
        0)::double as matters
    from known
    cross join (values ('0-7'), ('8-30'), ('31-90'), ('90+')) as bands (age_band)
    left join (
        select place_up.place, standing.cutoff, standing.age_band, standing.matters
        from standing
        inner join place_up on standing.community = place_up.community
    ) as at_place on known.place = at_place.place and known.cutoff = at_place.cutoff and bands.age_band = at_place.age_band
    group by all
)

select 'R07' as metric_code, place, period_type, period_start, 'age_band' as breakdown_type, age_band as breakdown_value,
    matters as numerator,
    null::double as denominator, matters as "value"
from banded
union all
select 'R07', place, period_type, period_start, 'none', 'total', sum(matters), null, sum(matters) from banded group by all
