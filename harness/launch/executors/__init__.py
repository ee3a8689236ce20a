"""How the runs of an invocation are carried out."""
