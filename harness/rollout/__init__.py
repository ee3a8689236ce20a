"""Problems become graded groups of completions."""
