"""The chart's jobs: what an installation needs once, done inside the cluster. See `__main__`."""
