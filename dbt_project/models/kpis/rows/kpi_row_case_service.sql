with exclusions as (
    select * from {{ ref('callback_exclusion') }} where is_excluded
),

-- What is left out of the three rates is data, as it was in force on the day on which the case was raised.
cases as (
    select
        cases.*,
        exists (
            select 1 from exclusions
            where exclusions.reason = cases.exclusion_reason
                and {{ valid_on('exclusions.valid_from', 'exclusions.valid_to', 'cases.opened_date') }}
        ) as is_excluded
    from {{ ref('fct_case') }} as cases
    where response_due_at is not null or first_response_at is not null or callback_state is not null or rating is not null
),

judged as (
    select
        *,
        response_due_at <= observed_until_at as is_response_due,
        coalesce(first_response_at <= observed_until_at, false) as is_answered,
        callback_state = 'reached' and not is_excluded as is_reached,
        not coalesce(rating_is_default, false) as is_rated_by_somebody
    from cases
),

kpi_row_case_service as (
    select
        place_key, date_trunc('month', opened_date)::date as period_month, category, kind, null::string as currency,
        case when is_response_due then 1 end as responses_due,
        case when is_response_due then is_answered::integer end as responses_given,
        case when first_response_at >= opened_at then 1 end as responses_timed,
        case when first_response_at >= opened_at then (epoch_us(first_response_at) - epoch_us(opened_at)) / 3600e6 end
            as response_hours,

        case when response_due_at is not null and not is_excluded then 1 end as callback_should_respond,
        case when response_due_at is not null and not is_excluded then (first_response_at is not null)::integer end
            as callback_responded,
        case when is_reached then 1 end as callback_reached,
        case when is_reached then coalesce(callback_is_resolved, false)::integer end as callback_resolved,
        case when is_reached then coalesce(callback_is_satisfied, false)::integer end as callback_satisfied,

        case when rating is not null then 1 end as ratings,
        case when rating is not null then (not is_rated_by_somebody)::integer end as ratings_by_default,
        case when rating is not null and is_rated_by_somebody then 1 end as ratings_given,
        case when rating is not null and is_rated_by_somebody then (rating >= 4)::integer end as ratings_satisfied,
        case when rating is not null and is_rated_by_somebody then rating end as rating_sum,
        case when rating is not null and is_rated_by_somebody then rating * rating end as rating_sum_of_squares,
        as_of_date, source, file_id, row_no
    from judged
)

select * from kpi_row_case_service
