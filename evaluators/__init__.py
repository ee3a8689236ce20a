"""Text in, verdict out: tasks, the grader, accuracy and statistics. Imports nothing else of ours."""
