"""Functions that run outside market feeds: replay, Alpaca, Massive, agents."""
