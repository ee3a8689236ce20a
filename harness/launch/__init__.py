"""Where runs run: plans, worker processes, and what is shown and published meanwhile."""
