"""Functions of market data; the market itself is driven by two of them."""
