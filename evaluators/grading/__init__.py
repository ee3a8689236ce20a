"""Text in, verdict out: the one grader, and the audit rule beside it."""
