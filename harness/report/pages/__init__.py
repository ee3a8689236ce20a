"""Reports as text, tables, pictures and pages."""
