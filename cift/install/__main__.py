"""`python -m cift.install`: the jobs of the chart.

secrets RELEASE [STORE=PORT]… [token-keys] [token-public-keys=SECRET]
                                            create the missing Secrets of postgres, nats, …; token-public-keys
                                            has the public keys of SECRET
journal RELEASE                                     keep the journal's id in a ConfigMap
wait RELEASE SECONDS                                wait until every Knative Service is ready
backup FOLDER KEEP                                  make a backup, then delete all but the newest KEEP
restore FILE|FOLDER REPLICAS [database|journal]     restore that backup, or the newest, into empty stores
"""

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from cift.backup import BackupError
from cift.install import backups, journal, secrets, services
from cift.install.api import Api, ApiError
from cift.kernel.errors import Unavailable
from cift.platform.settings import Settings
from cift.platform.tokens import NoKeys


def make_secrets(release: str, kinds: list[str]) -> None:
    api = Api.of_this_pod()
    makers: dict[str, Callable[[int], dict[str, str]]] = {
        "postgres": partial(secrets.postgres, release),
        "nats": partial(secrets.nats, release),
        "valkey": partial(secrets.valkey, release),
        "clickhouse": partial(secrets.clickhouse, release),
        "token-keys": lambda _: secrets.token_keys(),
    }
    for each in kinds:
        kind, _, port = each.partition("=")
        if kind == "token-public-keys" and port:
            print(f"Secret {release}-{kind}: {secrets.publish_keys(api, release, port)}")
            continue
        if kind not in makers:
            sys.exit(__doc__)
        created = secrets.ensure(api, f"{release}-{kind}", partial(makers[kind], int(port or 0)))
        print(f"Secret {release}-{kind}: {'created' if created else 'exists'}")


def main() -> None:
    try:
        match sys.argv[1:]:
            case ["secrets", release, *kinds]:
                make_secrets(release, kinds)
            case ["journal", release]:
                id = asyncio.run(journal.id_of(Settings.load()))
                created = journal.keep(Api.of_this_pod(), release, id)
                print(f"ConfigMap {release}-journal: {'created' if created else 'exists'}, journal {id}")
            case ["wait", release, seconds]:
                print(
                    f"{services.wait(Api.of_this_pod(), release, float(seconds))} Knative Services are ready"
                )
            case ["backup", folder, keep]:
                path, made = asyncio.run(backups.make(Settings.load(), Path(folder), int(keep)))
                print(f"{path}: {made.rows} rows, {made.journal_records} records, {made.file_bytes} bytes")
            case ["restore", where, replicas, *parts] if parts in ([], ["database"], ["journal"]):
                only: Any = parts[0] if parts else None
                path, found = asyncio.run(backups.restore(Settings.load(), Path(where), int(replicas), only))
                print(f"{path} of {found.made_at}: {found.rows} rows, {found.journal_records} records")
            case _:
                sys.exit(__doc__)
    except (
        ApiError,
        BackupError,
        NoKeys,
        OSError,
        Unavailable,
        journal.AnotherJournal,
        services.NotReady,
    ) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
