"""The records of runs: journals, ledgers, the places of files, and results that are read from them."""
