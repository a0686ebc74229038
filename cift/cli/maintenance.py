"""`cift verify`, `rebuild`, `backup` and `restore`: maintenance of the exchange that runs on this machine.

These commands use its stores directly, not the HTTP API."""

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
    """Replay the journal, and compare every event and state hash with the recorded ones.

    Reads the journal of the running exchange and changes nothing. The exit code is 1 at the first difference.
    """
    settings = local_settings()
    command = [str(_matchd()), "verify", *(["--json"] if as_json else [])]
    sys.exit(subprocess.run(command, env=_environment(settings), check=False).returncode)


def rebuild(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Rebuild the read model in PostgreSQL from the journal's first record.

    Orders, fills, positions, transactions and market data are rebuilt, from archive and journal as one.
    Users, API keys and instrument names stay. The new rows are compared with the old ones; the exit code is
    1 if they differ. Trading continues, and readers see the old rows until the rebuild is complete.
    """
    settings = local_settings()
    if not yes:
        typer.confirm("Rebuild the read model?", abort=True, err=True)
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
        output.console.print(_comparison(summary))
    if not summary["equal"]:
        sys.exit(1)


def backup(
    file: Annotated[Path, typer.Argument(help="The new file; it must not exist.")],
    stream: Annotated[
        list[str] | None, typer.Option(help="Also back up this JetStream stream; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Back up the database, the journal and the engine's snapshots into one file.

    Trading continues. The file contains hashes of passwords and API keys: protect it like the database.
    """
    settings = local_settings()
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


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `cift backup` wrote.")], as_json: AsJson = False
) -> None:
    """Create a new data folder (CIFT_DATA) from a backup; `make run` then starts the exchange.

    Sessions are ended; API keys stay valid. For a cluster see k8s/README.md.
    """
    command = [sys.executable, "-m", "cift.run", "restore", str(file), *(["--json"] if as_json else [])]
    sys.exit(subprocess.run(command, check=False).returncode)


def _comparison(summary: dict[str, Any]) -> str:
    if summary["differing"]:
        return f"rebuilt; these tables differ from before: {', '.join(summary['differing'])}"
    if not summary["compared"]:
        return "rebuilt; there were no earlier rows of this journal to compare with"
    return "rebuilt; all rows are equal to the earlier ones"


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
            rebuilt = await cift.rebuild.rebuild(settings, progress, reader=_reader(settings))
            return cift.rebuild.summary(rebuilt)
        except CiftError as problem:
            raise Failed(problem.code, problem.message) from None
        except (asyncpg.PostgresError, OSError, RuntimeError) as problem:
            raise Failed("rebuild_failed", f"the read model is unchanged: {problem}") from None


def local_settings() -> Settings:
    """Settings of the exchange on this machine, from the environment or the run.json of `make run`."""
    environment = with_files(os.environ)
    settings = Settings.load(environment)
    if not environment.get("CIFT_NATS_URL") and not (settings.data / "run.json").exists():
        raise Failed(
            "not_running",
            f"no exchange runs with the data folder {settings.data}: start it (make run), or set CIFT_DATA",
        )
    return settings


def _environment(settings: Settings) -> dict[str, str]:
    """What `matchd` needs to read journal and archive."""
    archive = settings.data / "archive"
    return {
        **({"CIFT_ARCHIVE": str(archive)} if archive.is_dir() else {}),
        **os.environ,
        "CIFT_NATS_URL": settings.nats_url,
        "CIFT_SHARD": settings.shard,
    }


def _reader(settings: Settings) -> tuple[list[str], dict[str, str]]:
    """The command that reads archived records. It is needed, and so must exist, only after a cut."""
    try:
        binary = str(_matchd())
    except Failed:
        binary = "matchd"
    return [binary, "records"], _environment(settings)


def _matchd() -> Path:
    """Path of the engine's binary: CIFT_MATCHD, the build folder, or the PATH. Raises Failed."""
    candidates = [
        os.environ.get("CIFT_MATCHD"),
        str(Path(os.environ.get("CARGO_TARGET_DIR", _ROOT / "rust_core" / "target")) / "release" / "matchd"),
        shutil.which("matchd"),
    ]
    for candidate in candidates:
        if candidate and Path(candidate).is_file():
            return Path(candidate)
    raise Failed("no_matchd", "the engine is not built: run make build, or set CIFT_MATCHD")
