select record, kind, direction
from {{ ref('kind') }}
where (record = 'money') is distinct from (direction is not null)
