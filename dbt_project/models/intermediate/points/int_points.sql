with staged as (
    {{ union_staging('points', dict(place_columns(), **{
        'entry_id': 'varchar', 'kind': 'varchar', 'process_code': 'varchar', 'account_key': 'varchar',
        'points': 'decimal(18,2)', 'rule_code': 'varchar', 'reference_id': 'varchar', 'item': 'varchar',
        'quantity': 'decimal(18,2)', 'posted_at': 'timestamptz'
    })) }}
),

int_points as (
    select
        _source || ':' || entry_id as points_key,
        place_key, place_match, place_name, parent_place_name,
        kind, process_code, account_key, points, rule_code,
        _source || ':' || reference_id as reference_key,
        item, quantity, posted_at,
        {{ local_at('posted_at', '_time_zone') }}::date as posted_date,
        {{ as_of_date(observed_until("posted_at")) }} as as_of_date,
        _source as source, _file_id as file_id, _row_no as row_no
    from {{ resolved_places('staged', local_at('posted_at', '_time_zone') ~ '::date') }}
)

select * from int_points
