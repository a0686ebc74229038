"""Settings of the outside market, from environment variables. Pure, except that it reads files named by them.

| variable | default | meaning |
|---|---|---|
| CIFT_MARKET | replay | replay, agents, alpaca, massive or none |
| CIFT_SYMBOLS | those of the sample; agents: twelve | symbols, separated by commas; replay: only these |
| CIFT_MARKET_HOURS | regular | alpaca, massive: sessions from 9:30 to 16:00 New York, or `always` |
| CIFT_SPEED | 1 | replay: seconds of the recorded day per second; `max`: as fast as the engine takes it |
| CIFT_REPLAY_FROM | its start | replay: start of the first loop, HH:MM in the recording's time zone |
| CIFT_REPLAY_DAY | the first | replay: the day, YYYY-MM-DD, of a recording with several |
| CIFT_REPLAY_LOOPS | 0 | replay: number of loops; 0 = no limit |
| CIFT_SAMPLE | data/sample | replay: the recording: a file or folder (docs/formats.md) |
| CIFT_SEED | 7 | agents: seed of all their decisions |
| CIFT_AGENTS_RATE | 40 | agents: maximum commands per second, of all agents together |
| CIFT_ALPACA_KEY, CIFT_ALPACA_SECRET | | alpaca: key and secret of the account |
| CIFT_ALPACA_FEED | iex | alpaca: iex, sip, delayed_sip, test, … |
| CIFT_ALPACA_URL, CIFT_ALPACA_REST_URL | Alpaca's | |
| CIFT_ALPACA_CODEC | msgpack | alpaca: msgpack or json |
| CIFT_MASSIVE_KEY | | massive: key of the account |
| CIFT_MASSIVE_URL, CIFT_MASSIVE_REST_URL | Massive's real-time stocks | |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal, cast, get_args

from cift.feeds import sample
from cift.platform.settings import with_files

MarketKind = Literal["replay", "agents", "alpaca", "massive", "none"]
Hours = Literal["regular", "always"]
Codec = Literal["msgpack", "json"]
MAX_SPEED = 1_000.0
MAX_AGENTS_RATE = 1_000
SYMBOLS_MAX = 200
_SYMBOL = re.compile(r"[A-Z0-9.\-/]{1,16}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class SettingInvalid(ValueError):
    """A setting is missing or has an invalid value; the message names it."""


@dataclass(frozen=True)
class AlpacaSettings:
    key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    feed: str = "iex"
    url: str = "wss://stream.data.alpaca.markets/v2"
    """The feed's name is appended."""
    rest_url: str = "https://data.alpaca.markets"
    codec: Codec = "msgpack"


@dataclass(frozen=True)
class MassiveSettings:
    key: str = field(default="", repr=False)
    url: str = "wss://socket.massive.com/stocks"
    rest_url: str = "https://api.massive.com"


@dataclass(frozen=True)
class MarketSettings:
    market: MarketKind = "replay"
    symbols: tuple[str, ...] = ()
    """Empty: the default symbols, or all of the recording."""
    hours: Hours = "regular"
    speed: float | None = 1.0
    """None: as fast as the engine takes it."""
    replay_from_ms: int | None = None
    replay_day: str = ""
    replay_loops: int = 0
    sample_folder: Path = sample.FOLDER
    seed: int = 7
    agents_rate: int = 40
    alpaca: AlpacaSettings = AlpacaSettings()
    massive: MassiveSettings = MassiveSettings()

    @staticmethod
    def read(environment: Mapping[str, str]) -> MarketSettings:
        """Settings from `environment`. Raises SettingInvalid, and InvalidSettings for an unreadable file."""
        given = {name: value for name, value in with_files(environment).items() if value}
        speed = given.get("CIFT_SPEED", "")
        return MarketSettings(
            market=cast(MarketKind, _choice(given, "CIFT_MARKET", "replay", get_args(MarketKind))),
            symbols=_symbols(given.get("CIFT_SYMBOLS", "")),
            hours=cast(Hours, _choice(given, "CIFT_MARKET_HOURS", "regular", get_args(Hours))),
            speed=None if speed == "max" else _number(given, "CIFT_SPEED", 1.0, 0.01, MAX_SPEED),
            replay_from_ms=_time_of_day(given["CIFT_REPLAY_FROM"]) if "CIFT_REPLAY_FROM" in given else None,
            replay_day=_day(given.get("CIFT_REPLAY_DAY", "")),
            replay_loops=int(_number(given, "CIFT_REPLAY_LOOPS", 0, 0, 1_000_000)),
            sample_folder=Path(given.get("CIFT_SAMPLE") or sample.FOLDER),
            seed=int(_number(given, "CIFT_SEED", 7, 0, 2**63)),
            agents_rate=int(_number(given, "CIFT_AGENTS_RATE", 40, 1, MAX_AGENTS_RATE)),
            alpaca=AlpacaSettings(
                key=given.get("CIFT_ALPACA_KEY", ""),
                secret=given.get("CIFT_ALPACA_SECRET", ""),
                feed=given.get("CIFT_ALPACA_FEED", AlpacaSettings.feed),
                url=_url(given, "CIFT_ALPACA_URL", AlpacaSettings.url, ("ws", "wss")),
                rest_url=_url(given, "CIFT_ALPACA_REST_URL", AlpacaSettings.rest_url, ("http", "https")),
                codec=cast(Codec, _choice(given, "CIFT_ALPACA_CODEC", "msgpack", get_args(Codec))),
            ),
            massive=MassiveSettings(
                key=given.get("CIFT_MASSIVE_KEY", ""),
                url=_url(given, "CIFT_MASSIVE_URL", MassiveSettings.url, ("ws", "wss")),
                rest_url=_url(given, "CIFT_MASSIVE_REST_URL", MassiveSettings.rest_url, ("http", "https")),
            ),
        )

    def check(self) -> None:
        """Raises SettingInvalid if the selected provider's credentials are missing."""
        if self.market == "alpaca":
            _required("CIFT_ALPACA_KEY", self.alpaca.key)
            _required("CIFT_ALPACA_SECRET", self.alpaca.secret)
        if self.market == "massive":
            _required("CIFT_MASSIVE_KEY", self.massive.key)


def _required(name: str, value: str) -> None:
    if not value:
        raise SettingInvalid(f"{name} is not set; the provider requires it")


def _choice(environment: Mapping[str, str], name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = environment.get(name, default)
    if value not in allowed:
        raise SettingInvalid(f"{name} is {value!r}; it must be {', '.join(allowed[:-1])} or {allowed[-1]}")
    return value


def _url(environment: Mapping[str, str], name: str, default: str, schemes: tuple[str, ...]) -> str:
    value = environment.get(name, default)
    if value.partition("://")[0] not in schemes or "@" in value:
        raise SettingInvalid(f"{name} must begin with {' or '.join(schemes)}:// and contain no credential")
    return value.rstrip("/")


def _symbols(text: str) -> tuple[str, ...]:
    symbols = tuple(dict.fromkeys(part.strip().upper() for part in text.split(",") if part.strip()))
    wrong = [symbol for symbol in symbols if not _SYMBOL.fullmatch(symbol)]
    if wrong:
        raise SettingInvalid(f"CIFT_SYMBOLS contains {wrong[0]!r}, which is not a symbol")
    if len(symbols) > SYMBOLS_MAX:
        raise SettingInvalid(
            f"CIFT_SYMBOLS contains {len(symbols)} symbols; at most {SYMBOLS_MAX} are allowed"
        )
    return symbols


def _number(environment: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    text = environment.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        raise SettingInvalid(f"{name} is {text!r}, which is not a number") from None
    if not low <= value <= high:
        raise SettingInvalid(f"{name} is {text}; it must be between {low:g} and {high:g}")
    return value


def _time_of_day(text: str) -> int:
    hours, colon, minutes = text.partition(":")
    if colon and hours.isdigit() and minutes.isdigit() and int(hours) < 24 and int(minutes) < 60:
        return (int(hours) * 60 + int(minutes)) * 60_000
    raise SettingInvalid(f"CIFT_REPLAY_FROM is {text!r}; expected a time such as 09:30")


def _day(text: str) -> str:
    try:
        if text and (not _DAY.fullmatch(text) or not date.fromisoformat(text)):
            raise ValueError
    except ValueError:
        raise SettingInvalid(f"CIFT_REPLAY_DAY is {text!r}; expected a day such as 2013-10-07") from None
    return text
