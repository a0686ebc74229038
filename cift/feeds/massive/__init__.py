"""Massive (formerly Polygon) as a source: its socket, and REST for what was missed."""
