"""PgBouncer for the cluster: write its configuration from PostgreSQL's URL, then exec it.

The URL is in the file CIFT_POSTGRES_URL_FILE. Clients log in with the user, password and database of that
URL, at this pod's address. Pooling is by transaction: a server connection belongs to a client only until the
end of its transaction. `pooler.py --version` prints PgBouncer's version.
"""

import os
import sys
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

ROOT = Path(os.environ.get("CIFT_PGBOUNCER_ROOT") or "/opt/pgbouncer")
RUN = Path(os.environ.get("CIFT_POOLER_FOLDER") or "/run/pooler")
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
SETTINGS = {
    "listen_addr": "*",
    "auth_type": "scram-sha-256",
    "pool_mode": "transaction",
    # asyncpg prepares each statement once per connection. PgBouncer prepares it again on the server
    # connection that executes it.
    "max_prepared_statements": "500",
    # A client that waits longer for a server connection gets an error, as in its own pool.
    "query_wait_timeout": "3",
    # Before the first client comes, so that it does not wait for a login to the server.
    "min_pool_size": "2",
    "server_login_retry": "1",
    "server_connect_timeout": "5",
    # A statement that was prepared before a migration changed its result fails until the connection ends.
    "server_lifetime": "300",
    "server_idle_timeout": "60",
    "client_tls_sslmode": "disable",
    "log_connections": "0",
    "log_disconnections": "0",
    "stats_period": "3600",
    "unix_socket_dir": "",
}


class InvalidUrl(Exception):
    """The URL of PostgreSQL lacks a part that PgBouncer needs. The text does not contain the URL."""


def configuration(url: str, folder: Path, port: int, pool_size: int, clients_max: int) -> tuple[str, str]:
    """The texts of pgbouncer.ini and users.txt, for the database of `url`.

    Raises:
        InvalidUrl: the URL has no host, user, password or database, or an unknown sslmode.
    """
    parts = urlsplit(url)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    database = unquote(parts.path.removeprefix("/"))
    given = {"host": parts.hostname, "user": user, "password": password, "database": database}
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise InvalidUrl(f"the URL of PostgreSQL has no {', '.join(missing)}")
    mode = parse_qs(parts.query).get("sslmode", ["prefer"])[-1]
    if mode not in SSL_MODES:
        raise InvalidUrl(f"sslmode is {mode!r}; it must be one of {', '.join(SSL_MODES)}")
    settings = {
        **SETTINGS,
        "listen_port": str(port),
        "auth_file": str(folder / "users.txt"),
        "default_pool_size": str(pool_size),
        "max_db_connections": str(pool_size),
        "max_client_conn": str(clients_max),
        "server_tls_sslmode": mode,
        "server_tls_ca_file": AUTHORITIES,
    }
    lines = [
        "[databases]",
        f"{_plain(database)} = host={_plain(parts.hostname or '')} port={parts.port or 5432}"
        f" dbname={_plain(database)} user={_plain(user)}",
        "[pgbouncer]",
        *(f"{name} = {value}" for name, value in settings.items()),
    ]
    doubled = [text.replace('"', '""') for text in (user, password)]
    return "\n".join(lines) + "\n", f'"{doubled[0]}" "{doubled[1]}"\n'


def _plain(text: str) -> str:
    """The text, which PgBouncer reads without quotes. Raises InvalidUrl: it would need them."""
    if text.replace("_", "").replace("-", "").replace(".", "").isalnum():
        return text
    raise InvalidUrl("host, user and database may contain only letters, digits, '.', '_' and '-'")


def program() -> list[str]:
    """PgBouncer by the loader of its own release, with the libraries of that release."""
    loader = next(iter(sorted(ROOT.glob("usr/lib/*-linux-gnu*/ld-linux*.so.*"))), None)
    if loader is None:
        raise SystemExit(f"{ROOT} has no loader: the image is incomplete")
    return [str(loader), "--library-path", str(loader.parent), str(ROOT / "usr/sbin/pgbouncer")]


def write(path: Path, text: str) -> None:
    path.touch(0o600)
    path.write_text(text)


def main() -> None:
    command = program()
    if sys.argv[1:] == ["--version"]:
        os.execv(command[0], [*command, "--version"])  # noqa: S606 (replaces this process)
    url = Path(os.environ["CIFT_POSTGRES_URL_FILE"]).read_text().strip()
    try:
        settings, users = configuration(
            url,
            RUN,
            int(os.environ["CIFT_POOLER_PORT"]),
            int(os.environ["CIFT_POOLER_SIZE"]),
            int(os.environ["CIFT_POOLER_CLIENTS_MAX"]),
        )
    except InvalidUrl as error:
        sys.exit(str(error))
    write(RUN / "users.txt", users)
    write(RUN / "pgbouncer.ini", settings)
    os.execv(command[0], [*command, str(RUN / "pgbouncer.ini")])  # noqa: S606 (replaces this process)


if __name__ == "__main__":
    main()
