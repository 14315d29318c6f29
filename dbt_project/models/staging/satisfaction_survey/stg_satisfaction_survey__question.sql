{{ codebook('satisfaction_survey') }}
