with records as (
    select 'activity' as record, process_code, kind, place_key, activity_date as record_date, as_of_date, source, file_id, row_no
    from {{ ref('fct_activity') }}
    where is_held
    union all
    select 'case', process_code, kind, place_key, opened_date, as_of_date, source, file_id, row_no
    from {{ ref('fct_case') }}
),

known as (
    select records.record, places.tree, max(records.as_of_date) as as_of_date
    from records
    inner join {{ ref('int_place') }} as places on records.place_key = places.place_key
    group by all
),

-- A place keeps a rule from the month of its first record of it.
keepers as (
    select
        rules.rule_code, records.record, records.process_code, records.kind, records.place_key, known.as_of_date,
        date_trunc('month', min(records.record_date))::date as first_due_date
    from records
    inner join {{ ref('recurrence_rule') }} as rules
        on records.record = rules.record and records.process_code = rules.process_code and records.kind = rules.kind
    inner join {{ ref('int_place') }} as places on records.place_key = places.place_key
    inner join known on records.record = known.record and places.tree = known.tree
    group by all
),

span as (
    select min(first_due_date) as first_day, max(as_of_date) as last_day from keepers
),

-- The day itself, or the next one that is no holiday.
days as (
    select
        day, coalesce(is_holiday, false) as is_holiday,
        min(day) filter (where not coalesce(is_holiday, false)) over (order by day rows between current row and unbounded following)
            as next_day_to_meet
    from (select {{ dates_between('first_day', 'last_day', 'day') }} as day from span)
    left join {{ ref('dim_calendar') }} using (day)
),

months as (
    select day as first_day, last_day(day) as last_day from days where day(day) = 1
),

windows as (
    select rules.rule_code, days.day as window_start, days.day as window_end
    from {{ ref('recurrence_rule') }} as rules
    inner join days on rules.weekday = isodow(days.day) and not days.is_holiday
    where rules.frequency = 'weekly'
    union all
    select rules.rule_code, days.day, days.day + 6
    from {{ ref('recurrence_rule') }} as rules
    inner join days on isodow(days.day) = 1
    where rules.frequency = 'weekly' and rules.weekday is null
    union all
    select rules.rule_code, days.next_day_to_meet, days.next_day_to_meet
    from {{ ref('recurrence_rule') }} as rules
    cross join months
    inner join days on days.day = case
        when rules.day_of_month > 0 then least(months.first_day + rules.day_of_month - 1, months.last_day)
        else months.last_day - ((isodow(months.last_day) - rules.weekday + 7) % 7)::integer
    end
    where rules.frequency = 'monthly' and (rules.day_of_month > 0 or (rules.weekday is not null and rules.week_of_month = -1))
    union all
    select
        rules.rule_code,
        case when rules.day_of_month = -1 then months.last_day - 6 else months.first_day end,
        case when rules.week_of_month = 1 then months.first_day + 6 else months.last_day end
    from {{ ref('recurrence_rule') }} as rules
    cross join months
    where rules.frequency = 'monthly' and coalesce(rules.day_of_month, -1) = -1 and rules.weekday is null
),

due as (
    select keepers.*, windows.window_start, windows.window_end
    from keepers
    inner join windows
        on keepers.rule_code = windows.rule_code
        and windows.window_start >= keepers.first_due_date and windows.window_end <= keepers.as_of_date
),

kept as (
    select
        due.*, records.record_date is not null as is_kept, records.source, records.file_id, records.row_no
    from due
    left join records
        on due.record = records.record and due.process_code = records.process_code and due.kind = records.kind
        and due.place_key = records.place_key and records.record_date between due.window_start and due.window_end
    qualify 1 = row_number() over (
        partition by due.rule_code, due.place_key, due.window_start
        order by records.record_date nulls last, records.source, records.file_id, records.row_no
    )
),

kpi_row_cadence as (
    select
        place_key, date_trunc('month', window_start)::date as period_month, rule_code as rule, null::string as currency,
        window_start, window_end, 1 as windows_due, is_kept::integer as windows_kept,
        as_of_date, source, file_id, row_no
    from kept
)

select * from kpi_row_cadence
