-- The register of changes says that the place is gone, the register of places that it is there.
{{ config(severity='warn') }}

select changes.place_change_key, changes.old_place_key, changes.change_type, changes.effective_date, versions.valid_to
from {{ ref('dim_place_change') }} as changes
inner join {{ ref('int_place_version') }} as versions
    on changes.old_place_key = versions.place_key
    and {{ valid_on('versions.valid_from', 'versions.valid_to', 'changes.effective_date') }}
where changes.change_type in ('merge', 'rename') and changes.old_place_key != changes.new_place_key
    and changes.old_place_key not in (
        select same.new_place_key from {{ ref('dim_place_change') }} as same
        where same.change_id = changes.change_id and same.old_place_key = same.new_place_key
    )
