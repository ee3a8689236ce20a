"""Running runs: plans, worker processes, progress bars, and publishing to MLflow."""
