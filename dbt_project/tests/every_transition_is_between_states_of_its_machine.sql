select transitions.machine, transitions.from_state, transitions.to_state
from {{ ref('state_transition') }} as transitions
left join {{ ref('state_machine') }} as before
    on transitions.machine = before.machine and transitions.from_state = before.state
left join {{ ref('state_machine') }} as after
    on transitions.machine = after.machine and transitions.to_state = after.state
where before.state is null or after.state is null
