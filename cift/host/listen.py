"""The listening socket of a process, and its limit of open files."""

import resource
import socket
from pathlib import Path

from cift.host.edge import watch_peer

BACKLOG = 1024


class CannotListen(Exception):
    """The port is in use or not permitted; one sentence."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises CannotListen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    watch_peer(listener)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListen(
            f"port {port} on {host} cannot be used ({error.strerror}): stop the process that listens there,"
            " or choose another port with CIFT_HTTP_PORT"
        ) from None
    listener.setblocking(False)
    return listener


def listen_unix(path: str) -> socket.socket:
    """A listening Unix socket that only this user can open. A file that an ended process left is replaced.
    Raises CannotListen."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        Path(path).unlink(missing_ok=True)
        listener.bind(path)
        Path(path).chmod(0o600)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListen(f"the socket {path} cannot be made ({error.strerror})") from None
    listener.setblocking(False)
    return listener


def allow_many_sockets() -> None:
    """Raise this process's limit of open files to its hard limit: each connection needs one, and the usual
    limit is about a thousand."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
