"""The grader, and the audit rule that checks it."""
