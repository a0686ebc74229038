"""Functions that run the outside market: replay, Alpaca, Massive, agents."""
