"""A new data folder from a backup: PostgreSQL and NATS are started on it, filled, and stopped again."""

from pathlib import Path

from cift import backup
from cift.platform.migrate import migrate
from cift.platform.settings import Settings
from cift.platform.tokens import make_key
from cift.run import servers
from cift.run.folder import DataFolder, UnusableFolder
from cift.run.supervisor import Supervisor


async def restore(settings: Settings, file: Path) -> backup.Summary:
    """Fill the data folder of these settings, which must be new. A restore that failed can be repeated.

    Raises:
        BackupError, UnusableFolder, CannotStart, MigrationError: one sentence.
    """
    folder = DataFolder(settings.data)
    folder.acquire()
    supervisor = Supervisor(lambda: None)
    try:
        if folder.is_complete or folder.was_interrupted:
            raise UnusableFolder(
                f"{folder.path} contains an exchange already: move it away, or choose a new folder with"
                " CIFT_DATA"
            )
        servers.make_postgres(folder)
        await supervisor.start(servers.postgres(folder))
        await servers.make_database(folder)
        url = servers.postgres_url(folder)
        await migrate(url)
        nats, nats_url = servers.nats_server(folder)
        await supervisor.start(nats)
        stores = Settings(data=folder.path, postgres_url=url, nats_url=nats_url, shard=settings.shard)
        summary = await backup.restore(stores, file)
        make_key(settings.keys_folder)
        folder.complete()
    finally:
        await supervisor.stop()
        folder.release()
    return summary


def describe(summary: backup.Summary, folder: Path) -> str:
    """A sentence about the restored exchange."""
    return (
        f"Restored the exchange of {summary.made_at} into {folder}: {summary.rows} rows and"
        f" {summary.journal_records} records of the journal. Start it with make run."
    )
