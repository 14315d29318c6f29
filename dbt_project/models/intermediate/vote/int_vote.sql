with staged as (
    {{ union_staging('vote', dict(place_columns(), **{
        'vote_id': 'varchar', 'kind': 'varchar', 'process_code': 'varchar', 'title': 'varchar', 'state': 'varchar',
        'result': 'varchar', 'announced_date': 'date', 'opened_date': 'date', 'closed_date': 'date',
        'eligible_count': 'bigint', 'issued_count': 'bigint', 'returned_count': 'bigint', 'valid_count': 'bigint',
        'invalid_count': 'bigint', 'eligible_area': 'decimal(18,2)', 'returned_area': 'decimal(18,2)', 'voter_unit': 'varchar'
    })) }}
),

int_vote as (
    select
        _source || ':' || vote_id as vote_key,
        place_key, place_match, place_name, parent_place_name,
        kind, process_code, title, state, result, announced_date, opened_date, closed_date,
        coalesce(closed_date, opened_date, announced_date) as vote_date,
        voter_unit, eligible_count, issued_count, returned_count, valid_count, invalid_count, eligible_area, returned_area,
        {{ as_of_date(observed_until(instant_at("(coalesce(closed_date, opened_date, announced_date) + 1)::timestamp", "_time_zone"))) }}
            as as_of_date,
        _source as source, _file_id as file_id, _row_no as row_no
    from {{ resolved_places('staged', 'coalesce(closed_date, opened_date, announced_date)') }}
)

select * from int_vote
