-- One row per person: a number in place of the name, the age band, the first month. Ages do not change in the workload.
select
    person, row_number() over ()::integer as person_no,
    case when any_value(age) < 18 then '0-17' when any_value(age) < 45 then '18-44'
        when any_value(age) < 60 then '45-59' else '60+' end as age_band,
    min(participation_date) filter (state in ('已签到', '已登记')) as first_date
from participation
group by person
