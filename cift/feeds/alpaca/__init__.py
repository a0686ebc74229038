"""Alpaca as a source: the market data WebSocket v2, and REST for missed ticks."""
