"""Reports: tables, pictures and pages that are made from runs."""
