"""Settings: environment variables with the prefix `CIFT_`, and where the running exchange left its
addresses.

A store is chosen by its URL alone. Where a URL is not in the environment, the file `run.json` that
`make run` leaves in the data folder is read, so that tools started beside it find it.

`CIFT_<NAME>_FILE` names a file that holds `CIFT_<NAME>`: a secret that no dump of an environment shows.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


class InvalidSettings(ValueError):
    """A setting that cannot be used; the text says which and why."""


def with_files(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment`, and what its `CIFT_<NAME>_FILE` hold where `CIFT_<NAME>` itself is not in it.

    Raises:
        InvalidSettings: a file cannot be read.
    """
    found = dict(environment)
    for name, path in environment.items():
        plain = name.removesuffix("_FILE")
        if plain != name and name.startswith("CIFT_") and path and not environment.get(plain):
            try:
                found[plain] = Path(path).read_text().strip()
            except OSError as error:
                raise InvalidSettings(f"{name}: {path} cannot be read: {error.strerror}") from None
    return found


@dataclass(frozen=True)
class Settings:
    """Each field is the variable `CIFT_<FIELD>`; see `docs` of each for its unit and meaning."""

    postgres_url: str = "postgresql:///cift"
    nats_url: str = "nats://127.0.0.1:4222"
    valkey_url: str = "redis://127.0.0.1:6379/0"
    clickhouse_url: str = field(
        default="none",
        metadata={
            "doc": "http(s)://… of a server, chdb://folder for the embedded engine, none: no analytics"
        },
    )
    questdb_url: str = field(
        default="none", metadata={"doc": "postgresql://…:8812/qdb of a QuestDB, none: no QuestDB"}
    )
    questdb_ilp: str = field(
        default="http::addr=127.0.0.1:9000;",
        metadata={"doc": "where QuestDB takes ticks, as its client says"},
    )
    shard: str = "main"
    data: Path = Path(".cift")
    http_host: str = "127.0.0.1"
    http_port: int = 8000
    log: str = field(default="json", metadata={"doc": "json, text or off"})
    log_level: str = field(default="info", metadata={"doc": "debug, info, warning or error"})
    log_requests: bool = field(default=True, metadata={"doc": "a line for each request"})
    postgres_pool_max: int = field(default=16, metadata={"doc": "connections of this process"})
    cors_origins: tuple[str, ...] = field(
        default=(), metadata={"doc": "origins that may call from a browser, comma separated; * = any"}
    )
    trusted_hosts: tuple[str, ...] = field(
        default=("localhost", "127.0.0.1", "[::1]"),
        metadata={"doc": "Host headers answered, comma separated; *.example.org and * allowed"},
    )
    behind_gateway: bool = field(
        default=False,
        metadata={
            "doc": "a gateway of ours stands before every way in, and says the caller's address in"
            " x-cift-client; otherwise that header is whatever a caller likes, and ignored"
        },
    )
    token_keys: str = field(
        default="", metadata={"doc": "folder of the ES256 keys; default: keys/ in the data folder"}
    )
    token_issuer: str = "cift"  # noqa: S105 (a name)
    token_audience: str = "cift-markets"  # noqa: S105
    access_token_s: int = 1800
    refresh_token_s: int = 14 * 86_400
    bcrypt_rounds: int = 12
    rate_limit: int = field(default=1000, metadata={"doc": "requests/s of one user"})
    rate_limit_public: int = field(default=500, metadata={"doc": "requests/s of one address, no credential"})
    rate_limit_auth: int = field(
        default=60, metadata={"doc": "register, login, refresh: a minute an address"}
    )
    market: str = field(default="replay", metadata={"doc": "replay, agents, alpaca, massive or none"})
    events: str = field(
        default="",
        metadata={
            "doc": "of a function alone: pull (it brings its stream or timer itself) or push (relay posts"
            " to it); default: push where PORT is set, else pull. Of all functions in one process: push"
            " leaves streams and timers to relay"
        },
    )
    ticks_max_bytes: int = field(
        default=2 * 1024**3, metadata={"doc": "of the stream TICKS; beyond it the oldest go"}
    )

    def __post_init__(self) -> None:
        for name, allowed in (
            ("log", ("json", "text", "off")),
            ("log_level", ("debug", "info", "warning", "error")),
            ("market", ("replay", "agents", "alpaca", "massive", "none")),
            ("events", ("", "pull", "push")),
        ):
            if getattr(self, name) not in allowed:
                raise InvalidSettings(
                    f"CIFT_{name.upper()} must be one of {', '.join(allowed)}, not {getattr(self, name)!r}"
                )
        if not 4 <= self.bcrypt_rounds <= 31:
            raise InvalidSettings("CIFT_BCRYPT_ROUNDS must be 4 to 31")
        if not 0 <= self.http_port < 65_536:
            raise InvalidSettings(f"CIFT_HTTP_PORT must be a port, not {self.http_port}")
        if self.clickhouse_url != "none" and not self.clickhouse_url.startswith(
            ("http://", "https://", "chdb://")
        ):
            raise InvalidSettings(
                "CIFT_CLICKHOUSE_URL must be none, http(s)://… or chdb://folder,"
                f" not {self.clickhouse_url.partition('@')[2] or self.clickhouse_url!r}"
            )
        if not self.shard.isalnum():
            raise InvalidSettings(f"CIFT_SHARD must be letters and digits, not {self.shard!r}")
        for name in (
            "rate_limit",
            "rate_limit_public",
            "rate_limit_auth",
            "postgres_pool_max",
            "ticks_max_bytes",
        ):
            if getattr(self, name) <= 0:
                raise InvalidSettings(f"CIFT_{name.upper()} must be above 0")

    @property
    def journal_stream(self) -> str:
        """The JetStream stream of this shard's journal (the first shard's is plainly ORDERS)."""
        return "ORDERS" if self.shard == "main" else f"ORDERS_{self.shard}"

    @property
    def snapshots_stream(self) -> str:
        """The stream below the bucket of the engine's snapshots."""
        return f"OBJ_ENGINE_{self.shard}"

    @property
    def keys_folder(self) -> Path:
        return Path(self.token_keys) if self.token_keys else self.data / "keys"

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Settings of this process.

        Raises:
            InvalidSettings: with one sentence.
        """
        env = with_files(os.environ if environment is None else environment)
        found: dict[str, Any] = {}
        left = _left_by_run(Path(env.get("CIFT_DATA", ".cift")))
        for each in fields(cls):
            name = f"CIFT_{each.name.upper()}"
            text = env.get(name)
            if text is None or (text == "" and not isinstance(each.default, tuple)):
                if each.name in left:
                    found[each.name] = left[each.name]
                continue
            found[each.name] = _parse(name, text, each.default)
        return cls(**found)


def _left_by_run(data: Path) -> dict[str, str]:
    try:
        left = json.loads((data / "run.json").read_text())
    except (OSError, ValueError):
        return {}
    return {name: left[name] for name in ("postgres_url", "nats_url", "valkey_url") if name in left}


def _parse(name: str, text: str, like: object) -> object:
    try:
        match like:
            case bool():
                if text.lower() not in ("1", "0", "true", "false", "yes", "no"):
                    raise ValueError
                return text.lower() in ("1", "true", "yes")
            case int():
                return int(text)
            case tuple():
                return tuple(part.strip() for part in text.split(",") if part.strip())
            case Path():
                return Path(text)
            case _:
                return text
    except ValueError:
        raise InvalidSettings(f"{name}={text!r} cannot be read as {type(like).__name__}") from None
