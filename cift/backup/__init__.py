"""A copy of what is true: PostgreSQL's tables, the journal, and the engine's snapshots, in one file.

    await backup.make(settings, path)        of running stores; trading goes on
    await backup.restore(settings, path)     into empty stores, before matchd is started on them

The order is what makes it sound. The database is read first, in one snapshot of it; then the engine's
snapshots, then the journal. So the journal holds whatever the others say: projectors go on from the
offsets in the database, and matchd from its snapshot. (An account that was opened in between is in the
journal without its user; its owner registers again.)

archive.py   the file: members with their sums, and a manifest; whole or not there
database.py  tables out and in, by COPY
streams.py   JetStream's own snapshots of streams, over NATS

Needs asyncpg and nats-py, which every function's image has: no pg_dump, no nats command. Not in it: Valkey
(may vanish at any time), EVENTS and MARKET_DATA (made again from the journal), signing keys and passwords
(a restore ends sessions; API keys go on).
"""

from cift.backup.archive import BackupError
from cift.backup.work import Part, Summary, make, restore

__all__ = ["BackupError", "Part", "Summary", "make", "restore"]
