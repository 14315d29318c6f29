-- One row per metric, place, period and breakdown member.
-- depends_on: {{ ref('kpi_participant') }} {{ ref('kpi_volunteer') }} {{ ref('kpi_case') }} {{ ref('kpi_duration') }}
-- depends_on: {{ ref('kpi_backlog') }} {{ ref('kpi_stay') }} {{ ref('kpi_answer') }} {{ ref('kpi_money') }}
from kpi_participant union all from kpi_attendance union all from kpi_volunteer union all from kpi_case union all
    from kpi_duration
union all from kpi_backlog union all from kpi_stay union all from kpi_answer union all from kpi_money
