select record, kind, machine
from {{ ref('kind') }}
where (record in ('case', 'vote', 'participation')) is distinct from (machine is not null)
