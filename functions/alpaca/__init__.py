"""Functions for clients that were written for Alpaca's API; `cift.alpaca` translates."""
