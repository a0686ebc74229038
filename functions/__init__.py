"""Functions (functions): one file, one trigger, no thinking. `python -m functions list` shows them."""
