with staged as (
    {{ union_staging('case_event', {'case_id': 'varchar', 'state': 'varchar', 'occurred_at': 'timestamptz'}) }}
),

int_case_event as (
    select
        _source || ':' || case_id || ':' || state || ':' || epoch_us(occurred_at) as case_event_key,
        _source || ':' || case_id as case_key,
        state,
        occurred_at,
        {{ local_at('occurred_at', '_time_zone') }}::date as occurred_date,
        _source as source, _file_id as file_id, _row_no as row_no
    from staged
)

select * from int_case_event
