"""Functions that stream market data and account events to clients."""
