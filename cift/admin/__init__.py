"""Administration of the running exchange: accounts, halts, dead letters."""
