"""Massive (formerly Polygon) as a source: its WebSocket, and REST for missed ticks."""
