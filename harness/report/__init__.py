"""Runs become tables, pictures and pages."""
