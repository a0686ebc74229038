"""Backups: PostgreSQL's tables, the journal and the engine's snapshots in one file.

    await backup.make(settings, path)        from running stores; trading continues
    await backup.restore(settings, path)     into empty stores, before matchd starts on them

The order makes the copy consistent. The database is read first, in one of its snapshots; then the engine's
snapshots, and the journal last. So the journal contains everything that the others refer to: projectors
continue from the offsets in the database, and matchd from its snapshot. (An account that was opened in
between is in the journal without its user; the user registers again.)

archive.py   the file: members with checksums, and a manifest; created atomically
database.py  tables out and in, by COPY
streams.py   JetStream's own snapshots of streams, over NATS

It needs asyncpg and nats-py, which every function's image has, but neither pg_dump nor the nats command. A
backup does not contain Valkey (only a cache), UPDATES (derived from the journal again),
signing keys and passwords (a restore ends sessions; API keys stay valid).
"""

from cift.backup.archive import BackupError
from cift.backup.work import Part, Summary, make, restore

__all__ = ["BackupError", "Part", "Summary", "make", "restore"]
