select * from {{ ref('figure_recomputed') }} where not equals_expected
