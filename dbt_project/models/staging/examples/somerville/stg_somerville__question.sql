{{ codebook('somerville') }}
