"""Groups become weights: one run, from its first step to its last."""
