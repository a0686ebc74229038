"""Commands for whoever runs the exchange, on the machine that holds its journal: `verify`, `rebuild`."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cift.cli import output
from cift.cli.client import Failed
from cift.cli.output import AsJson

_ROOT = Path(__file__).resolve().parent.parent.parent


def verify(as_json: AsJson = False) -> None:
    """Replay the journal and compare every event and state hash with what it says.

    Reads the journal of the running exchange; changes nothing. Exit 1 at the first difference.
    """
    from cift.platform.settings import Settings

    settings = Settings.load()
    command = [str(_matchd()), "verify", *(["--json"] if as_json else [])]
    environment = {**os.environ, "CIFT_NATS_URL": settings.nats_url, "CIFT_SHARD": settings.shard}
    sys.exit(subprocess.run(command, env=environment, check=False).returncode)


def rebuild(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False, as_json: AsJson = False
) -> None:
    """Drop the read model in PostgreSQL and build it again from the journal's first record.

    Orders, fills, positions, transactions and market data come from the journal alone; users and API
    keys stay. Until it is done, reads answer read_model_behind; trading goes on.
    """
    if not yes:
        typer.confirm("Drop the read model and build it again?", abort=True, err=True)
    summary = asyncio.run(_rebuild(as_json))
    if as_json:
        output.print_json(summary)
    else:
        shown = [output.number(name.replace("_", " "), name) for name in summary]
        output.console.print(output.record(summary, shown))


async def _rebuild(as_json: bool) -> dict[str, Any]:
    raise Failed("not_available", "rebuild comes with the trading room")


def _matchd() -> Path:
    """The engine's binary: CIFT_MATCHD, the build folder, or the PATH."""
    candidates = [
        os.environ.get("CIFT_MATCHD"),
        str(Path(os.environ.get("CARGO_TARGET_DIR", _ROOT / "rust_core" / "target")) / "release" / "matchd"),
        shutil.which("matchd"),
    ]
    for candidate in candidates:
        if candidate and Path(candidate).is_file():
            return Path(candidate)
    raise Failed("no_matchd", "the engine is not built; run make build, or set CIFT_MATCHD")
