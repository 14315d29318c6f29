with processes as (
    select * from {{ ref('process_catalogue') }}
),

kinds as (
    select * from {{ ref('kind') }}
),

listed as (
    select process_code, {{ unnested(parts_of('kinds', '|')) }} as record_and_kind
    from processes
),

int_process_kind as (
    select
        listed.process_code,
        split_part(listed.record_and_kind, '.', 1) as record,
        split_part(listed.record_and_kind, '.', 2) as kind,
        kinds.machine,
        kinds.record is not null as is_known_kind
    from listed
    left join kinds on listed.record_and_kind = kinds.record || '.' || kinds.kind
    union all
    -- What hangs on another record has that record's kind.
    select listed.process_code, parts.part, split_part(listed.record_and_kind, '.', 2), null, true
    from listed
    inner join (values ('case', 'case_event'), ('survey', 'answer')) as parts (record, part)
        on split_part(listed.record_and_kind, '.', 1) = parts.record
)

select * from int_process_kind
