"""The numbers of a report: rows, boards and comparisons. There is no text here."""
