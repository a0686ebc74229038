"""Functions of the service itself: index, health, readiness, metrics."""
