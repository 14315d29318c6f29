-- S01, S03, S04.mean, S04.index, S08
-- depends_on: {{ ref('place_up') }} {{ ref('period') }}
with answer as (
    unpivot response on q1, q2, q3, q4, q5 into name question value answer_text
),

coded as (
    select
        wave, place_code as community, 'bench_survey.' || question as question,
        case answer_text when '非常满意' then 5 when '满意' then 4 when '一般' then 3 when '不满意' then 2 when '非常不满意' then 1 end as score
    from answer
),

base as (
    select
        wave, community, question, count(score) as valid, count(*) filter (score >= 4) as satisfied, coalesce(sum(score),
            0) as score_sum,
        coalesce(sum(25 * (score - 1)), 0) as index_sum
    from coded
    group by all
),

wave as (
    select wave, min(submitted_at)::date as opened_date, date_trunc('month', max(submitted_at))::date as month
        from response group by wave
),

wave_period as (
    select wave.wave, period.period_type, period.period_start from wave inner join period on wave.month = period.month
    union all
    select wave, 'wave', opened_date from wave
),

total as (
    select
        place_up.place, wave_period.period_type, wave_period.period_start, base.question, sum(base.valid)::double as valid,
        sum(base.satisfied)::double as satisfied, sum(base.score_sum)::double as score_sum,
            sum(base.index_sum)::double as index_sum
    from base
    inner join place_up on base.community = place_up.community
    inner join wave_period on base.wave = wave_period.wave
    group by all
),

change as (
    select
        place, period_start, question, satisfied / nullif(valid, 0) - lag(satisfied / nullif(valid, 0)) over by_time as change,
        lag(valid) over by_time as valid_before
    from total
    where period_type = 'wave'
    window by_time as (partition by place, question order by period_start)
)

select 'S01' as metric_code, '990100' as place, period_type, period_start, 'none' as breakdown_type,
    'total' as breakdown_value, 0::double as numerator,
    0::double as denominator, null::double as "value"
from wave_period
group by all
union all
select 'S03', place, period_type, period_start, 'question', question, satisfied, valid, satisfied / nullif(valid, 0) from total
union all
select 'S04.mean', place, period_type, period_start, 'question', question, score_sum, valid, score_sum / nullif(valid,
    0) from total
union all
select 'S04.index', place, period_type, period_start, 'question', question, index_sum, valid, index_sum / nullif(valid,
    0) from total
union all
select 'S08', place, 'wave', period_start, 'question', question, null, null, change from change where valid_before is not null
