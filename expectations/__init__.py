"""Great Expectations gates: what may enter staging, what may be published, and the quality report."""
