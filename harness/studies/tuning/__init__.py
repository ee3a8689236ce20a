"""``harness tune``: the same number of trials for every objective, in every regime, judged on validation problems."""
