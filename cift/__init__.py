"""CIFT Markets in Python: domain packages, in layers by purity.

`kernel` (no I/O), `contracts` (messages and bodies), `platform` (stores and clients), the domain packages,
`function` (what a function is), `host` (serves functions). `pyproject.toml` has the layers as import-linter
contracts.
"""

__version__ = "0.1.0"
