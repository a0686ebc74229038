"""Benchmarks: `make bench`. Each figure is printed next to a baseline from the same run."""
