"""Functions for operators of the exchange, with the scope `operate`: halts, states and limits of accounts."""
