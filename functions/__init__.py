"""The functions of the exchange: one file, one trigger. `python -m functions list` prints them."""
