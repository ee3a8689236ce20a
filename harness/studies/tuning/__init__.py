"""``harness tune``: the same number of trials for each objective in each regime, judged on validation problems."""
