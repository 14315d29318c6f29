with staged as (
    {{ union_staging('money', dict(place_columns(), **{
        'money_id': 'varchar', 'kind': 'varchar', 'process_code': 'varchar', 'source_type': 'varchar',
        'counterparty_key': 'varchar',
        'amount': 'decimal(18,2)', 'currency': 'varchar', 'money_date': 'date', 'fund': 'varchar', 'project_id': 'varchar'
    }), optional={
        'is_government': 'boolean', 'round_code': 'varchar', 'household_count': 'bigint'
    }) }}
),

kinds as (
    select kind, direction from {{ ref('kind') }} where record = 'money'
),

int_money as (
    select
        _source || ':' || money_id as money_key,
        place_key, place_match, place_name, parent_place_name,
        placed.kind, placed.process_code, kinds.direction,
        source_type, is_government, counterparty_key, fund, project_id, round_code, household_count,
        amount, currency, money_date,
        {{ as_of_date(observed_until(instant_at("(money_date + 1)::timestamp", "_time_zone"), "_source")) }} as as_of_date,
        _source as source, _file_id as file_id, _row_no as row_no
    from {{ resolved_places('staged', 'money_date') }} as placed
    left join kinds on placed.kind = kinds.kind
)

select * from int_money
