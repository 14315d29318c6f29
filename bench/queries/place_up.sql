-- One row per community and place that it is part of: itself, its town, the district.
select place_code as community, place_code as place, 3 as depth from place where len(place_code) = 12
union all
select place_code, place_code[:6], 2 from place where len(place_code) = 12
union all
select place_code, '990100', 1 from place where len(place_code) = 12
