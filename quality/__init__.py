"""The gate: a product's contract becomes a Great Expectations suite, a verdict and a report."""
