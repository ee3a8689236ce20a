"""Rollouts: sampling and grading groups of completions."""
