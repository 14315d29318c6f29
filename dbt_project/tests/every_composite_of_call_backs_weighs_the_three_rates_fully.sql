select days.valid_from, count(*) as rates, sum(weights.weight) as weights
from (select distinct valid_from from {{ ref('callback_weight') }}) as days
inner join {{ ref('callback_weight') }} as weights
    on days.valid_from >= weights.valid_from and (weights.valid_to is null or days.valid_from < weights.valid_to)
group by days.valid_from
having count(distinct weights.rate) != 3 or count(*) != 3 or abs(sum(weights.weight) - 1) > 1e-9
