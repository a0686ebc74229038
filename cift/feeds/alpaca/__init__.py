"""Alpaca as a source: market data WebSocket v2, and REST for what was missed."""
