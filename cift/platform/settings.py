"""Settings: environment variables with the prefix `CIFT_`, and the addresses of the running exchange.

A store is chosen by its URL alone. A URL that is not in the environment is read from `run.json`, which
`make run` writes to the data folder, so that tools on the same machine find the stores.

`CIFT_<NAME>_FILE` names a file that holds the value of `CIFT_<NAME>`, so that a secret is in no environment.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


class InvalidSettings(ValueError):
    """A setting has an invalid value; the text names it and the reason."""


def with_files(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment`, plus the content of the files in `CIFT_<NAME>_FILE` where `CIFT_<NAME>` is not set.

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


def _setting(default: Any, doc: str) -> Any:
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True)
class Settings:
    """Each field is the variable `CIFT_<FIELD>`. docs/settings.md is generated from these texts."""

    postgres_url: str = _setting("postgresql:///cift", "address of PostgreSQL; `make run` sets it")
    postgres_pooler: str = _setting(
        "",
        "`host:port` of a PgBouncer that pools transactions (1.21 or newer). If it is set, functions connect"
        " to it instead of the address in `CIFT_POSTGRES_URL`, without TLS, with that URL's user, password"
        " and database. Migrations, backups and `cift rebuild` always use the URL itself",
    )
    nats_url: str = _setting("nats://127.0.0.1:4222", "address of NATS; `make run` sets it")
    valkey_url: str = _setting("redis://127.0.0.1:6379/0", "address of Valkey; `make run` sets it")
    clickhouse_url: str = _setting(
        "none",
        "analytics store: `http(s)://…` of a ClickHouse server, `chdb://folder` for the embedded engine, or"
        " `none`: no analytics, and bars from PostgreSQL only. If it is unset, `make run` uses the embedded"
        " engine in the data folder",
    )
    questdb_url: str = _setting(
        "none",
        "second tick store: `postgresql://…:8812/qdb` of a QuestDB, or `none`. It receives the ticks too, and"
        " serves bars and history of outside feeds instead of ClickHouse. It drops rows that are thirty years"
        " older than its newest tick, unless `ALTER TABLE ticks SET TTL` changes that",
    )
    questdb_ilp: str = _setting(
        "http::addr=127.0.0.1:9000;", "where QuestDB receives ticks: the configuration string of its client"
    )
    shard: str = _setting("main", "shard of the engine and its journal; letters and digits")
    data: Path = field(
        default=Path(".cift"),
        metadata={"doc": "the data folder: everything that the exchange stores on this machine"},
    )
    http_host: str = _setting("127.0.0.1", "address on which the functions listen")
    http_port: int = _setting(8000, "port on which the functions listen")
    log: str = _setting("json", "form of the log: `json`, `text` or `off` (errors only)")
    log_level: str = _setting("info", "smallest level logged: `debug`, `info`, `warning` or `error`")
    log_requests: bool = _setting(True, "whether each request is logged")
    postgres_pool_max: int = _setting(16, "maximum number of database connections of the process")
    cors_origins: tuple[str, ...] = _setting(
        (), "origins whose pages may call from a browser, separated by commas; `*` allows all"
    )
    trusted_hosts: tuple[str, ...] = _setting(
        ("localhost", "127.0.0.1", "[::1]"),
        "accepted Host headers, separated by commas; `*.example.org` and `*` are allowed",
    )
    behind_gateway: bool = _setting(
        False,
        "whether every request passes the exchange's own gateway, which sets the caller's address in"
        " `x-cift-client`. Otherwise any caller could set that header, and it is ignored",
    )
    token_keys: str = _setting(
        "",
        "folder of the keys of access tokens (ES256, *.pem); if empty, `keys/` in the data folder",
    )
    token_issuer: str = _setting("cift", "`iss` of access tokens")
    token_audience: str = _setting("cift-markets", "`aud` of access tokens")
    access_token_s: int = _setting(1800, "lifetime of an access token in seconds")
    refresh_token_s: int = _setting(14 * 86_400, "lifetime of a refresh token in seconds")
    demo_user: str = _setting(
        "",
        "username that the dashboard logs in without a password, for callers on this machine only; if empty,"
        " nobody. `make run` sets it where it listens on a loopback address",
    )
    bcrypt_rounds: int = _setting(12, "cost of password hashes, 4 to 31")
    smtp_url: str = _setting(
        "",
        "mail server: `smtp://user:password@host:587` (STARTTLS where the server offers it) or `smtps://…:465`;"
        " if empty, mails are files in `mail/` of the data folder",
    )
    mail_from: str = _setting(
        "",
        "sender of e-mail. If it is set, new users must verify their e-mail address before they log in",
    )
    free_cash: bool = _setting(
        True,
        "whether users may deposit paper money and reset their accounts; otherwise only administrators and"
        " TradingAccount resources fund accounts",
    )
    rate_limit: int = _setting(1000, "requests per second of one user")
    rate_limit_public: int = _setting(500, "requests per second of one address without a credential")
    connections_per_address: int = _setting(
        1000, "open connections of one address; behind a gateway, the gateway's limit applies instead"
    )
    rate_limit_failures: int = _setting(
        120, "requests per minute of one address whose credential is not valid; then it is not checked"
    )
    rate_limit_auth: int = _setting(60, "register, login and refresh requests per minute of one address")
    otlp_endpoint: str = _setting(
        "",
        "address of an OpenTelemetry collector that takes spans (OTLP over HTTP), such as"
        " `http://127.0.0.1:4318`. If it is empty, `OTEL_EXPORTER_OTLP_ENDPOINT` counts; if both are, nothing"
        " is traced",
    )
    trace_ratio: float = _setting(
        1.0, "share of requests without a `traceparent` of their own that are traced, 0 to 1"
    )
    market: str = _setting("replay", "the outside market: `replay`, `agents`, `alpaca`, `massive` or `none`")
    events: bool = _setting(
        True, "whether `make run` delivers events; turn it off to run relay and event functions yourself"
    )
    events_socket: str = _setting(
        "", "Unix socket on which the process takes events from relay; `make run` sets it"
    )
    ticks_max_bytes: int = _setting(
        2 * 1024**3,
        "size of the stream TICKS, which holds raw ticks until they are archived. A full stream drops its"
        " oldest ticks, and a metric counts them",
    )

    def __post_init__(self) -> None:
        for name, allowed in (
            ("log", ("json", "text", "off")),
            ("log_level", ("debug", "info", "warning", "error")),
            ("market", ("replay", "agents", "alpaca", "massive", "none")),
        ):
            if getattr(self, name) not in allowed:
                raise InvalidSettings(
                    f"CIFT_{name.upper()} must be one of {', '.join(allowed)}, not {getattr(self, name)!r}"
                )
        if not 4 <= self.bcrypt_rounds <= 31:
            raise InvalidSettings(f"CIFT_BCRYPT_ROUNDS must be 4 to 31, not {self.bcrypt_rounds}")
        if not 0 <= self.http_port < 65_536:
            raise InvalidSettings(f"CIFT_HTTP_PORT must be a port (0 to 65535), not {self.http_port}")
        if self.clickhouse_url != "none" and not self.clickhouse_url.startswith(
            ("http://", "https://", "chdb://")
        ):
            raise InvalidSettings(
                "CIFT_CLICKHOUSE_URL must be none, http(s)://… or chdb://folder,"
                f" not {self.clickhouse_url.partition('@')[2] or self.clickhouse_url!r}"
            )
        if self.smtp_url and not self.smtp_url.startswith(("smtp://", "smtps://")):
            raise InvalidSettings("CIFT_SMTP_URL must be smtp://… or smtps://…")
        if self.smtp_url and "@" not in self.mail_from:
            raise InvalidSettings("CIFT_SMTP_URL needs CIFT_MAIL_FROM, the sender's address")
        if self.otlp_endpoint and not self.otlp_endpoint.startswith("http://"):
            raise InvalidSettings(
                "CIFT_OTLP_ENDPOINT must be http://host:port; TLS is the task of a collector on the same host"
            )
        if not 0 <= self.trace_ratio <= 1:
            raise InvalidSettings(f"CIFT_TRACE_RATIO must be 0 to 1, not {self.trace_ratio}")
        if not self.shard.isalnum():
            raise InvalidSettings(f"CIFT_SHARD must be letters and digits, not {self.shard!r}")
        for name in (
            "rate_limit",
            "rate_limit_public",
            "rate_limit_auth",
            "rate_limit_failures",
            "connections_per_address",
            "postgres_pool_max",
            "ticks_max_bytes",
        ):
            if getattr(self, name) <= 0:
                raise InvalidSettings(f"CIFT_{name.upper()} must be above 0, not {getattr(self, name)}")

    @property
    def journal_stream(self) -> str:
        """The stream of this shard's journal: `ORDERS` for the shard main, else `ORDERS_<shard>`."""
        return "ORDERS" if self.shard == "main" else f"ORDERS_{self.shard}"

    @property
    def snapshots_stream(self) -> str:
        """The stream of the object store bucket with the engine's snapshots."""
        return f"OBJ_ENGINE_{self.shard}"

    @property
    def sends_mail(self) -> bool:
        """Whether users can get e-mail. In a cluster only with `mail_from`: a file would reach nobody."""
        return bool(self.mail_from) or not self.behind_gateway

    @property
    def keys_folder(self) -> Path:
        return Path(self.token_keys) if self.token_keys else self.data / "keys"

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """The settings of this process.

        Raises:
            InvalidSettings: one sentence.
        """
        env = with_files(os.environ if environment is None else environment)
        found: dict[str, Any] = {}
        running = _addresses_of_running(Path(env.get("CIFT_DATA", ".cift")))
        for each in fields(cls):
            name = f"CIFT_{each.name.upper()}"
            text = env.get(name)
            if text is None or (text == "" and not isinstance(each.default, tuple)):
                if each.name in running:
                    found[each.name] = running[each.name]
                continue
            found[each.name] = _parse(name, text, each.default)
        standard = env.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
        if not found.get("otlp_endpoint") and standard.startswith("http://"):
            found["otlp_endpoint"] = standard
        return cls(**found)


def _addresses_of_running(data: Path) -> dict[str, str]:
    try:
        run = json.loads((data / "run.json").read_text())
    except (OSError, ValueError):
        return {}
    return {name: run[name] for name in ("postgres_url", "nats_url", "valkey_url") if name in run}


def _parse(name: str, text: str, default: object) -> object:
    try:
        match default:
            case bool():
                if text.lower() not in ("1", "0", "true", "false", "yes", "no"):
                    raise ValueError
                return text.lower() in ("1", "true", "yes")
            case int():
                return int(text)
            case float():
                return float(text)
            case tuple():
                return tuple(part.strip() for part in text.split(",") if part.strip())
            case Path():
                return Path(text)
            case _:
                return text
    except ValueError:
        raise InvalidSettings(f"{name}={text!r} is not a valid {type(default).__name__}") from None
