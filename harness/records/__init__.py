"""What a run leaves behind: its journal, its ledger, where files lie, and results read back from them."""
