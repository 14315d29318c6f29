select machines.machine, machines.state
from {{ ref('state_machine') }} as machines
where
    not machines.is_initial and not exists (
        select 1 from {{ ref('state_transition') }} as transitions
        where transitions.machine = machines.machine and transitions.to_state = machines.state
            and transitions.from_state != machines.state
    )
    or not machines.is_final and not exists (
        select 1 from {{ ref('state_transition') }} as transitions
        where transitions.machine = machines.machine and transitions.from_state = machines.state
            and transitions.to_state != machines.state
    )
