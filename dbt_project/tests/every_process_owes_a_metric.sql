select processes.process_code, processes.name_zh
from {{ ref('process_catalogue') }} as processes
left join {{ ref('int_process_metric') }} as owed on processes.process_code = owed.process_code
left join {{ ref('metric_code') }} as metrics on owed.metric_code = metrics.metric_code
group by processes.process_code, processes.name_zh
having count(metrics.metric_code) = 0
