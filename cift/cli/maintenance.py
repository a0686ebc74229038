"""Commands for whoever runs the exchange, on the machine that holds its journal: `verify`, `rebuild`,
`backup`, `restore`."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from cift.cli import output
from cift.cli.client import Failed
from cift.cli.output import AsJson
from cift.platform.settings import Settings, with_files

_ROOT = Path(__file__).resolve().parent.parent.parent


def verify(as_json: AsJson = False) -> None:
    """Replay the journal and compare every event and state hash with what it says.

    Reads the journal of the running exchange; changes nothing. Exit 1 at the first difference.
    """
    settings = running_settings()
    command = [str(_matchd()), "verify", *(["--json"] if as_json else [])]
    environment = {**os.environ, "CIFT_NATS_URL": settings.nats_url, "CIFT_SHARD": settings.shard}
    sys.exit(subprocess.run(command, env=environment, check=False).returncode)


def rebuild(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False, as_json: AsJson = False
) -> None:
    """Drop the read model in PostgreSQL and build it again from the journal's first record.

    Orders, fills, positions, transactions and market data come from the journal alone; users, API keys
    and what instruments are called stay. The new rows are compared with the old ones; exit 1 if they
    differ. Trading goes on, and until it is done everybody reads the old rows.
    """
    settings = running_settings()
    if not yes:
        typer.confirm("Drop the read model and build it again?", abort=True, err=True)
    summary = asyncio.run(_rebuild(settings))
    if as_json:
        output.print_json(summary)
    else:
        tables = [
            output.number(name.replace("_", " "), name)
            for name, rows in summary.items()
            if isinstance(rows, int) and not isinstance(rows, bool)
        ]
        output.console.print(output.record(summary, tables))
        output.console.print(_verdict(summary))
    if not summary["equal"]:
        sys.exit(1)


def backup(
    file: Annotated[Path, typer.Argument(help="Where it goes; a file that is not there yet.")],
    stream: Annotated[list[str] | None, typer.Option(help="A stream of yours to be in it too.")] = None,
    as_json: AsJson = False,
) -> None:
    """Copy what is true into one file: the database, the journal and the engine's snapshots.

    Trading goes on. The file holds hashes of passwords and API keys: keep it as you keep the database.
    """
    settings = running_settings()
    # Imported here: no other command needs the stores' drivers.
    import cift.backup

    try:
        summary = asyncio.run(cift.backup.make(settings, file, tuple(stream or ())))
    except cift.backup.BackupError as problem:
        raise Failed("backup_failed", str(problem)) from None
    if as_json:
        output.print_json(asdict(summary))
    else:
        output.console.print(
            f"{file}: {summary.rows} rows and {summary.journal_records} records of the journal,"
            f" {summary.file_bytes / 1e6:.1f} MB"
        )


def restore(file: Annotated[Path, typer.Argument(help="A backup.")], as_json: AsJson = False) -> None:
    """Make a new data folder (CIFT_DATA) of a backup; `make run` then starts the exchange of it.

    Sessions have ended, API keys go on. In a cluster: k8s/README.md.
    """
    command = [sys.executable, "-m", "cift.run", "restore", str(file), *(["--json"] if as_json else [])]
    sys.exit(subprocess.run(command, check=False).returncode)


def _verdict(summary: dict[str, Any]) -> str:
    if summary["differing"]:
        return f"rebuilt, and different from before: {', '.join(summary['differing'])}"
    if not summary["compared"]:
        return "rebuilt; there was nothing of this journal to compare with"
    return "rebuilt, and equal to what was there before"


async def _rebuild(settings: Settings) -> dict[str, Any]:
    # Imported here: no other command needs the database's driver.
    import asyncpg

    import cift.rebuild
    from cift.kernel.errors import CiftError

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(projector: str, done: int, records: int) -> None:
            if projector not in tasks:
                tasks[projector] = bars.add_task(projector, total=records)
            bars.update(tasks[projector], completed=done)

        try:
            return cift.rebuild.summary(await cift.rebuild.rebuild(settings, progress))
        except CiftError as problem:
            raise Failed(problem.code, problem.message) from None
        except (asyncpg.PostgresError, OSError, RuntimeError) as problem:
            raise Failed("rebuild_failed", f"nothing has changed: {problem}") from None


def running_settings() -> Settings:
    """Settings of the exchange that runs here: from the environment, or what `make run` left."""
    told = with_files(os.environ)
    settings = Settings.load(told)
    if not told.get("CIFT_NATS_URL") and not (settings.data / "run.json").exists():
        raise Failed(
            "not_running",
            f"no exchange runs with the data folder {settings.data}; start it (make run), or set CIFT_DATA",
        )
    return settings


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
