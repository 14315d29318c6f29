with staged as (
    {{ union_staging('case', dict(place_columns(), **{
        'case_id': 'varchar', 'kind': 'varchar', 'process_code': 'varchar', 'category': 'varchar', 'channel': 'varchar',
        'outcome': 'varchar',
        'opened_at': 'timestamptz', 'ended_at': 'timestamptz', 'last_changed_at': 'timestamptz'
    }), optional={
        'state': 'varchar', 'due_date': 'date', 'response_due_at': 'timestamptz',
        'first_response_at': 'timestamptz', 'activity_source': 'varchar', 'activity_id': 'varchar',
        'rating': 'integer', 'rating_is_default': 'boolean', 'callback_state': 'varchar',
        'callback_is_resolved': 'boolean', 'callback_is_satisfied': 'boolean', 'exclusion_reason': 'varchar',
        'applicant_key': 'varchar', 'round_code': 'varchar'
    }) }}
),

observed as (
    select
        *,
        {{ observed_until("greatest(opened_at, coalesce(ended_at, opened_at), coalesce(last_changed_at, opened_at))") }}
            as observed_until_at
    from {{ resolved_places('staged', local_at('opened_at', '_time_zone') ~ '::date') }}
),

-- Rule 5: the outcome comes from the state alone; a date without an end state is no end.
intervals as (
    select
        *,
        case
            when outcome = 'open' then 'open'
            when ended_at is null then 'missing_end'
            when ended_at < opened_at then 'invalid_interval'
            else 'valid'
        end as interval_status
    from observed
),

int_case as (
    select
        _source || ':' || case_id as case_key,
        place_key, place_match, place_name, parent_place_name,
        kind, process_code, category, channel, state, due_date, response_due_at, first_response_at,
        coalesce(activity_source, _source) || ':' || activity_id as activity_key,
        rating, rating_is_default, callback_state, callback_is_resolved, callback_is_satisfied, exclusion_reason,
        applicant_key, round_code,
        outcome, outcome = 'resolved' as is_resolved, interval_status,
        opened_at,
        {{ local_at('opened_at', '_time_zone') }}::date as opened_date,
        case when outcome != 'open' then ended_at end as ended_at,
        case when outcome != 'open' then {{ local_at('ended_at', '_time_zone') }}::date end as ended_date,
        case when outcome = 'resolved' and interval_status = 'valid'
            then (epoch_us(ended_at) - epoch_us(opened_at)) / 86400e6 end as resolution_days,
        -- How long the case was watched: to its end, or as far as is known (Kaplan–Meier censors there).
        case interval_status
            when 'valid' then (epoch_us(ended_at) - epoch_us(opened_at)) / 86400e6
            when 'open' then (epoch_us(greatest(observed_until_at, opened_at)) - epoch_us(opened_at)) / 86400e6
        end as observed_days,
        observed_until_at,
        {{ as_of_date('observed_until_at') }} as as_of_date,
        _time_zone as time_zone,
        _source as source, _file_id as file_id, _row_no as row_no
    from intervals
)

select * from int_case
