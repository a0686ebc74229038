"""Translation between Alpaca's Trading API v2 and Market Data API and the domain packages.

`functions/alpaca` has one function a path, for clients that were written for Alpaca. This package has no
rules of trading of its own: it reads Alpaca's requests, calls what our own API calls, and writes the results
in Alpaca's form. docs/alpaca.md lists the clients that are tested with it, and the differences.
"""
