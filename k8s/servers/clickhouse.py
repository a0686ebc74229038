"""ClickHouse for a development cluster: the library chdb, which `make run` embeds, behind the part of
ClickHouse's HTTP interface that its clients use. The password is in the file
CIFT_CLICKHOUSE_PASSWORD_FILE.

    POST /?query=…&param_NAME=…&SETTING=…    the statement is `query` followed by the body; the data of an
                                             INSERT … FORMAT … follow it
    GET  /ping                               whether it runs; needs no password

The embedded engine runs one statement at a time. A statement that waits too long fails with ClickHouse's
error TOO_MANY_SIMULTANEOUS_QUERIES, and clients retry. Compressed bodies are rejected. There are no
sessions.
"""

import base64
import hmac
import os
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import volume_lock

FOLDER = Path("/data")
PORT = 8123
WAIT_S = 20.0
"""How long a statement waits for earlier ones."""
IDLE_S = 75.0
CONNECTIONS_MAX = 64
BODY_BYTES_MAX = 256 * 1024**2
STATEMENT_BYTES_MAX = 64 * 1024
MEMORY_BYTES = 1024**3
"""Memory limit of one statement."""
_FORMAT = re.compile(r"\sFORMAT\s+(\w+)\s*;?\s*$", re.I)
_INSERT = re.compile(rb"\s*(INSERT\s+INTO\s[^\n]*?)\s+FORMAT\s+(\w+)[ \t;]*\r?\n", re.I)
"""A statement that its data follow."""
_CODE = re.compile(r"Code: (\d+)\.")
_NAME = re.compile(r"\w+")
_OF_HTTP = {
    "query", "database", "default_format", "query_id", "session_id", "session_timeout", "session_check",
    "wait_end_of_query", "enable_http_compression", "send_progress_in_http_headers",
    "http_headers_progress_interval_ms", "client_protocol_version", "compress", "decompress", "quota_key",
    "role", "user", "password",
}  # fmt: skip
"""Parameters of the HTTP interface that are not settings of the engine."""


class Failed(Exception):
    """An error response: HTTP status, and a text with ClickHouse's error code."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Engine:
    """The embedded engine. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        from chdb.state import sqlitelike

        folder.mkdir(parents=True, exist_ok=True)
        self._connection = sqlitelike.connect(str(folder))
        self._lock = threading.Lock()
        self._set: dict[str, str] = {}
        self.timezone = self.run("SELECT timezone()", {}, {}).decode().strip()

    def run(self, statement: str, settings: dict[str, str], parameters: dict[str, str]) -> bytes:
        """Run a statement. Returns its result in the statement's FORMAT, by default TabSeparated. Raises
        Failed."""
        if not self._lock.acquire(timeout=WAIT_S):
            raise Failed(
                500, f"Code: 202. DB::Exception: busy for {WAIT_S:g} s. (TOO_MANY_SIMULTANEOUS_QUERIES)"
            )
        try:
            self._apply({"max_memory_usage": str(MEMORY_BYTES), **settings})
            return self._query(statement, parameters)
        finally:
            self._lock.release()

    def _query(self, statement: str, parameters: dict[str, str]) -> bytes:
        try:
            return bytes(self._connection.query(statement, "TabSeparated", params=parameters).bytes() or b"")
        except Exception as error:
            raise Failed(500, str(error)) from None

    def _apply(self, settings: dict[str, str]) -> None:
        """Set these settings, and reset those of earlier statements."""
        for name in self._set.keys() - settings.keys():
            self._query(f"SET {name} = DEFAULT", {})
            del self._set[name]
        for name, value in settings.items():
            if self._set.get(name) != value:
                if not _NAME.fullmatch(name):
                    raise Failed(
                        404, f"Code: 115. DB::Exception: Unknown setting {name!r}. (UNKNOWN_SETTING)"
                    )
                self._query(f"SET {name} = {quoted(value)}", {})
                self._set[name] = value

    def close(self) -> None:
        with self._lock:
            self._connection.close()


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


class Server(ThreadingHTTPServer):
    """A thread for each connection, at most CONNECTIONS_MAX."""

    daemon_threads = True
    request_queue_size = CONNECTIONS_MAX

    def __init__(self, address: tuple[str, int], engine: Engine, password: str, scratch: Path) -> None:
        super().__init__(address, Handler)
        self.engine, self.password, self.scratch = engine, password, scratch
        self._free = threading.BoundedSemaphore(CONNECTIONS_MAX)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_S
    server: Server

    def do_GET(self) -> None:
        if urlsplit(self.path).path == "/ping":
            self._respond(200, b"Ok.\n")
        else:
            self._run(b"")

    def do_POST(self) -> None:
        try:
            body = self._body()
        except Failed as failed:
            self.close_connection = True  # the rest of the body is not read
            self._fail(failed)
        else:
            self._run(body)

    def _run(self, body: bytes) -> None:
        try:
            self._check_password()
            given = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
            parameters = {
                name.removeprefix("param_"): value
                for name, value in given.items()
                if name.startswith("param_")
            }
            settings = {
                name: value
                for name, value in given.items()
                if name not in _OF_HTTP and not name.startswith("param_")
            }
            with self._statement(given.get("query", ""), body) as statement:
                result = self.server.engine.run(statement, settings, parameters)
        except Failed as failed:
            self._fail(failed)
            return
        form = _FORMAT.search(statement)
        has_result = bool(result) or (form is not None and "INFILE" not in statement)
        self._respond(
            200, result, {"X-ClickHouse-Format": form[1] if form else "TabSeparated"} if has_result else {}
        )

    @contextmanager
    def _statement(self, query: str, body: bytes) -> Iterator[str]:
        """The statement. The data of an INSERT are in a temporary file, which the statement then reads."""
        whole = query.encode() + b"\n" + body if query else body
        insert = _INSERT.match(whole, 0, STATEMENT_BYTES_MAX)
        if insert is None:
            try:
                yield whole.decode()
            except UnicodeDecodeError:
                raise Failed(
                    400, "Code: 62. DB::Exception: the statement is not UTF-8. (SYNTAX_ERROR)"
                ) from None
            return
        with tempfile.NamedTemporaryFile(dir=self.server.scratch) as file:
            file.write(memoryview(whole)[insert.end() :])
            file.flush()
            yield f"{insert[1].decode()} FROM INFILE {quoted(file.name)} FORMAT {insert[2].decode()}"

    def _body(self) -> bytes:
        """The request's body, plain or chunked. Raises Failed."""
        if self.headers.get("Content-Encoding", "identity") != "identity":
            raise Failed(
                400, "Code: 374. DB::Exception: the body must be uncompressed. (UNKNOWN_COMPRESSION_METHOD)"
            )
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self._read(int(self.headers.get("Content-Length") or 0), 0)
        found = bytearray()
        while size := int(self.rfile.readline(64).split(b";")[0] or b"0", 16):
            found += self._read(size, len(found))
            self.rfile.readline(64)
        while self.rfile.readline(1024).strip():
            pass
        return bytes(found)

    def _read(self, size: int, already: int) -> bytes:
        if size + already > BODY_BYTES_MAX:
            raise Failed(
                413, f"Code: 307. DB::Exception: the body exceeds {BODY_BYTES_MAX} bytes. (TOO_MANY_BYTES)"
            )
        return self.rfile.read(size)

    def _check_password(self) -> None:
        kind, _, encoded = self.headers.get("Authorization", "").partition(" ")
        try:
            password = base64.b64decode(encoded, validate=True).partition(b":")[2] if kind == "Basic" else b""
        except ValueError:
            password = b""
        if not hmac.compare_digest(password, self.server.password.encode()):
            raise Failed(401, "Code: 516. DB::Exception: the password is wrong. (AUTHENTICATION_FAILED)")

    def _fail(self, failed: Failed) -> None:
        code = _CODE.search(str(failed))
        self._respond(
            failed.status, str(failed).encode(), {"X-ClickHouse-Exception-Code": code[1] if code else "0"}
        )

    def _respond(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        timezone = {"X-ClickHouse-Timezone": self.server.engine.timezone}
        for name, value in {"Content-Length": str(len(body)), **timezone, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Log nothing here: messages may contain statements and passwords."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        if int(code) >= 400:
            print(f"{self.command} failed with status {int(code)}", file=sys.stderr, flush=True)


def serve(folder: Path, port: int, password: str) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop_signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)  # threads inherit the mask
    engine = Engine(folder / "clickhouse")
    scratch = folder / "incoming"
    scratch.mkdir(exist_ok=True)
    for left in scratch.iterdir():
        left.unlink()
    server = Server(("", port), engine, password, scratch)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    signal.sigwait(stop_signals)
    server.shutdown()
    serving.join()
    engine.close()


def main() -> None:
    folder = Path(os.environ.get("CIFT_CLICKHOUSE_FOLDER") or FOLDER)
    volume_lock.hold(folder)
    password = Path(os.environ["CIFT_CLICKHOUSE_PASSWORD_FILE"]).read_text().strip()
    serve(folder, int(os.environ.get("CIFT_CLICKHOUSE_PORT") or PORT), password)


if __name__ == "__main__":
    main()
