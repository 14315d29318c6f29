{{ codebook('survey_register') }}
