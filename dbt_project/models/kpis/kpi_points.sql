with entries as (
    select entries.*, places.tree
    from {{ ref('fct_points') }} as entries
    inner join {{ ref('int_place') }} as places on entries.place_key = places.place_key
),

known as (
    select tree, max(as_of_date) as as_of_date from entries group by tree
),

periods as (
    select * from {{ periods_up_to('known') }}
),

ends as (
    select distinct tree, cutoff_date, period_end - 1 as last_day from periods
),

daily as (
    select tree, place_key, account_key, posted_date, sum(points) as points, count(*) as entry_count
    from entries
    group by all
),

-- What stood in the ledger at an end, by the place of the entries. Places lie where they do on the last day of the period, even if
-- less of it is known.
balances as (
    select
        ends.tree, ends.cutoff_date, ends.last_day, daily.place_key, daily.account_key,
        sum(daily.points) as points, sum(daily.entry_count) as entry_count
    from daily
    inner join ends on daily.tree = ends.tree and daily.posted_date < ends.cutoff_date
    group by all
),

overdrawn as (
    select tree, cutoff_date, last_day, account_key from balances group by all having sum(points) < 0
),

at_levels as (
    select balances.*, ancestors.ancestor_place_key, overdrawn.account_key is not null as is_overdrawn
    from balances
    left join overdrawn
        on balances.tree = overdrawn.tree and balances.cutoff_date = overdrawn.cutoff_date
        and balances.last_day = overdrawn.last_day and balances.account_key = overdrawn.account_key
    {{ join_ancestors('balances', 'balances.last_day') }}
),

standing as (
    select
        tree, cutoff_date, last_day, ancestor_place_key as place_key, sum(points) as points, sum(entry_count) as entry_count,
        count(distinct account_key) filter (where is_overdrawn) as overdrawn_count
    from at_levels
    group by all
),

kpi_points as (
    {% for metric, amount, n in [
        ('P12.outstanding', 'points', 'entry_count'), ('P12.negative_accounts', 'overdrawn_count', 'overdrawn_count')
    ] -%}
    select
        '{{ metric }}' as metric_code, standing.place_key, periods.period_type, periods.period_start, periods.period_end,
        'none' as breakdown_type, 'total' as breakdown_value,
        standing.{{ amount }}::double as numerator, standing.{{ n }}::bigint as n, periods.as_of_date
    from standing
    inner join periods
        on standing.tree = periods.tree and standing.cutoff_date = periods.cutoff_date
        and standing.last_day = periods.period_end - 1
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select * from kpi_points
