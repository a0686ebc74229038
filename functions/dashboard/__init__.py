"""Functions that serve the dashboard's files."""
