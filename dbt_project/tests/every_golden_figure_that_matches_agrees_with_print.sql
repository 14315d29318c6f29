select * from {{ ref('figure_recomputed') }}
where status in ('match', 'truncated', 'rounded') and not agrees
