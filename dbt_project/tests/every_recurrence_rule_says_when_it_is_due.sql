select rule_code
from {{ ref('recurrence_rule') }}
where record not in ('activity', 'case') or not coalesce(
    (frequency = 'weekly' and day_of_month is null and week_of_month is null)
    or (frequency = 'monthly' and weekday is null and week_of_month is null and coalesce(day_of_month, 1) between -1 and 31
        and coalesce(day_of_month, 1) != 0)
    or (frequency = 'monthly' and day_of_month is null and week_of_month = 1 and weekday is null)
    or (frequency = 'monthly' and day_of_month is null and week_of_month = -1 and weekday is not null),
    false
)
