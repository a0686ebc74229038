"""The `cift` command: the exchange from a terminal.

It uses the public HTTP API only, so a program of yours can send the same requests. The exceptions are
`verify`, `rebuild`, `backup` and `restore`, and `data load`: they use the stores of the exchange on this
machine. Output is a table, or JSON with `--json`. An error is one line on stderr and exit code 1, or 2 for
invalid arguments.
"""

from __future__ import annotations

from cift.cli.app import main

__all__ = ["main"]
