"""The chart's jobs, which run once per installation inside the cluster. See `__main__`."""
