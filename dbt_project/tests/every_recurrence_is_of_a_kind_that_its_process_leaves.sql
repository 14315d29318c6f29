select rules.rule_code, rules.record, rules.kind
from {{ ref('recurrence_rule') }} as rules
left join {{ ref('int_process_kind') }} as kinds
    on rules.process_code = kinds.process_code and rules.record = kinds.record and rules.kind = kinds.kind
where kinds.kind is null
