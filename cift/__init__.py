"""The house of CIFT Markets: rooms by domain, floors by purity.

From the bottom: `kernel` (no I/O), `contracts` (words that cross a border), `platform` (stores and
identity), the rooms (`auth`, `trading`, `portfolio`, `market_data`), `function` (what a function
is), `host` (serves functions). `pyproject.toml` has the floors as import-linter contracts.
"""

__version__ = "0.1.0"
