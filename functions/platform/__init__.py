"""Functions about the exchange itself: index, health, readiness, metrics."""
