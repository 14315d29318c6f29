select days.valid_from, count(*) as rates, sum(weights.weight) as weights
from (select distinct valid_from from {{ ref('callback_weight') }}) as days
inner join {{ ref('callback_weight') }} as weights
    on {{ valid_on('weights.valid_from', 'weights.valid_to', 'days.valid_from') }}
group by days.valid_from
having count(distinct weights.rate) != 3 or count(*) != 3 or abs(sum(weights.weight) - 1) > 1e-9
