"""Readers of recorded market data, shared by `cift.feeds` (replay) and `cift.history` (loading)."""
