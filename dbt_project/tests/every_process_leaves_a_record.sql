select processes.process_code, processes.name_zh
from {{ ref('process_catalogue') }} as processes
left join {{ ref('int_process_kind') }} as kinds
    on processes.process_code = kinds.process_code and kinds.is_known_kind
where kinds.process_code is null
