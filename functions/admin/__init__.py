"""Functions for exchange administrators (scope `admin`): halts, instruments, accounts, dead letters."""
