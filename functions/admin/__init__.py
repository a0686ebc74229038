"""Functions for the exchange's administrators (scope `admin`): halts, instruments, accounts, dead letters."""
