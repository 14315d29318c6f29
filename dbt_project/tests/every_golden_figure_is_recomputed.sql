select golden_id, result
from {{ ref('golden_result') }}
where exists (select 1 from {{ ref('fct_figure') }} where source = 'published_figures')
except
select golden_id, result from {{ ref('figure_recomputed') }}
union all
select golden_id, 'no result' from {{ ref('golden_figure') }}
where golden_id not in (select golden_id from {{ ref('golden_result') }})
