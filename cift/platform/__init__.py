"""Stores, engine, identity, settings, telemetry: opened on first use, closed on SIGTERM.

One `Platform` per process (see `stores.py`) holds them; functions receive them by their types.
"""
