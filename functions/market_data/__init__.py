"""Functions of the exchange's market data: quotes, books, trades, instruments."""
