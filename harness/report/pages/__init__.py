"""Reports as text, tables, pictures and HTML pages."""
