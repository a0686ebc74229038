"""Functions for operators of the exchange, with the scope `operate`: halts, names and calendars
of instruments, states and limits of accounts, dead letters."""
