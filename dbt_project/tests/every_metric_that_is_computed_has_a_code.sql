select metric_code
from {{ ref('metric_catalogue') }}
where split_part(metric_code, '.', 1) not in (select metric_code from {{ ref('metric_code') }})
