with delivered as (
    select * from {{ delivered_rows('la311') }}
),

read as (
    select
        *,
        {{ mapped('status', {
            'Closed': 'resolved', 'Cancelled': 'cancelled', 'Referred Out': 'referred_out', 'Open': 'open', 'Pending': 'open'
        }) }} as outcome
    from delivered
),

stg_la311__case as (
    select
        request_no as case_id,
        'service_request' as kind,
        null::string as process_code,
        'los_angeles' as tree,
        'nc-' || {{ clean_text('neighbourhood_council_code') }} as place_code,
        {{ clean_text('neighbourhood_council') }} as place_name,
        null::string as parent_place_name,
        {{ clean_text('request_type') }} as category,
        {{ clean_text('request_source') }} as channel,
        outcome,
        {{ instant_at('created_at', '_time_zone') }} as opened_at,
        case when outcome != 'open' then {{ instant_at('closed_at', '_time_zone') }} end as ended_at,
        {{ instant_at('updated_at', '_time_zone') }} as last_changed_at,
        {{ reject_reason([
            ('created_at is null', 'missing_created_at'),
            ('outcome is null', 'unknown_status'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_la311__case
