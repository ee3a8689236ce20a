"""The numbers of a report: rows, boards and comparisons, without any text."""
