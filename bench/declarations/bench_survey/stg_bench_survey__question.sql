{{ codebook('bench_survey') }}
