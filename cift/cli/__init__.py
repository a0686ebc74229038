"""The `cift` command: the exchange from a terminal.

It speaks the HTTP API and nothing else, so whatever it can do a program of yours can do with the same
requests; only `verify`,
`rebuild`, `backup` and `restore` work on the machine that holds the journal. Tables for people by
default, `--json` for programs on every command. What goes wrong is one line on stderr and exit 1
(2 for a command line that makes no sense).
"""

from __future__ import annotations

from cift.cli.app import main

__all__ = ["main"]
