"""What the market room can be told, all from the environment; pure but for reading it once.

| variable | default | meaning |
|---|---|---|
| CIFT_MARKET | replay | replay, agents or none |
| CIFT_SPEED | 1 | replay: seconds of the recorded day in one second |
| CIFT_REPLAY_FROM | 09:30 | replay: where the first loop begins, HH:MM New York |
| CIFT_SAMPLE | data/sample | replay: folder of the recorded day |
| CIFT_SEED | 7 | agents: seed of everything they do |
| CIFT_AGENTS_RATE | 40 | agents: most commands in a second, all of them together |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from cift.market import sample

MarketKind = Literal["replay", "agents", "none"]
MAX_SPEED = 1_000.0
MAX_AGENTS_RATE = 1_000


class SettingInvalid(ValueError):
    """A setting has a value that cannot be used; the message names it."""


@dataclass(frozen=True)
class MarketSettings:
    market: MarketKind = "replay"
    speed: float = 1.0
    replay_from_ms: int = sample.OPEN_MS
    sample_folder: Path = sample.FOLDER
    seed: int = 7
    agents_rate: int = 40

    @staticmethod
    def read(environment: Mapping[str, str]) -> MarketSettings:
        """Settings from `environment`; raises `SettingInvalid`."""
        market = environment.get("CIFT_MARKET", "replay") or "replay"
        if market not in ("replay", "agents", "none"):
            raise SettingInvalid(f"CIFT_MARKET is {market!r}; it can be replay, agents or none")
        return MarketSettings(
            market=cast(MarketKind, market),
            speed=_number(environment, "CIFT_SPEED", 1.0, 0.01, MAX_SPEED),
            replay_from_ms=_time_of_day(environment.get("CIFT_REPLAY_FROM") or "09:30"),
            sample_folder=Path(environment.get("CIFT_SAMPLE") or sample.FOLDER),
            seed=int(_number(environment, "CIFT_SEED", 7, 0, 2**63)),
            agents_rate=int(_number(environment, "CIFT_AGENTS_RATE", 40, 1, MAX_AGENTS_RATE)),
        )


def _number(environment: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    text = environment.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        raise SettingInvalid(f"{name} is {text!r}, which is no number") from None
    if not low <= value <= high:
        raise SettingInvalid(f"{name} is {text}; it can be {low:g} to {high:g}")
    return value


def _time_of_day(text: str) -> int:
    hours, colon, minutes = text.partition(":")
    if colon and hours.isdigit() and minutes.isdigit() and int(minutes) < 60:
        at_ms = (int(hours) * 60 + int(minutes)) * 60_000
        if sample.OPEN_MS <= at_ms < sample.CLOSE_MS:
            return at_ms
    raise SettingInvalid(f"CIFT_REPLAY_FROM is {text!r}; it can be 09:30 to 15:59")
