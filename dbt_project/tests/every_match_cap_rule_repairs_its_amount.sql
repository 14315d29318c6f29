select rules.amount_figure
from {{ ref('figure_match_cap') }} as rules
inner join {{ ref('fct_figure') }} as figures on figures.figure_key = 'published_figures:' || rules.amount_figure
where figures.repair is distinct from 'match_cap' or figures.value != figures.raw_value * rules.sibling_scale
