{{ codebook('kcmo_survey') }}
