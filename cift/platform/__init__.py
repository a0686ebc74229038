"""Stores, engine, identity, settings, telemetry: opened on first use, closed on SIGTERM.

One `Platform` (see `stores.py`) a process holds them; functions receive them by their types.
"""
