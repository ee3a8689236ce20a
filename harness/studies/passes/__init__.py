"""``harness pass-at-k``: what models can solve in several attempts, before and after training."""
