select count(*) as processes
from {{ ref('process_catalogue') }}
having count(*) != 178
