"""Backups in a folder (a volume): make one and delete the oldest, or restore the newest."""

from datetime import UTC, datetime
from pathlib import Path

from cift import backup
from cift.platform.settings import Settings

PREFIX, SUFFIX = "cift-", ".zip"


def backups_in(folder: Path) -> list[Path]:
    """The folder's backups, oldest first: their names contain their times."""
    return sorted(folder.glob(f"{PREFIX}*{SUFFIX}"))


def newest(where: Path) -> Path:
    """The newest backup of a folder; a file is returned unchanged. Raises BackupError."""
    if not where.is_dir():
        return where
    found = backups_in(where)
    if not found:
        raise backup.BackupError(f"there is no backup in {where}")
    return found[-1]


async def make(settings: Settings, folder: Path, keep: int) -> tuple[Path, backup.Summary]:
    """Make a backup, then delete all but the newest `keep`.

    Raises:
        BackupError: the backup failed; nothing was deleted.
    """
    assert keep >= 1
    path = folder / f"{PREFIX}{datetime.now(UTC):%Y%m%dT%H%M%SZ}{SUFFIX}"
    summary = await backup.make(settings, path)
    for old in backups_in(folder)[:-keep]:
        old.unlink()
    return path, summary


async def restore(
    settings: Settings, where: Path, replicas: int, only: backup.Part | None = None
) -> tuple[Path, backup.Summary]:
    """Restore a file, or the newest backup of a folder. Raises BackupError."""
    path = newest(where)
    return path, await backup.restore(settings, path, only=only, replicas=replicas)
