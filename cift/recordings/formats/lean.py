"""QuantConnect Lean: bars of minutes, hours and days. Its ticks are read by `cift.recordings.lean`.

The market, the resolution and the symbol are in the path. Prices of equities are in 1/10,000 dollar and
their times New York's; other markets have decimal prices and UTC.

Source: https://github.com/QuantConnect/Lean/blob/master/Data/equity/readme.md and …/Data/crypto/readme.md.
"""

from cift.recordings.formats.form import INTEGER, NEW_YORK, NUMBER, Format

_BAR = {name: name for name in ("open", "high", "low", "close", "volume")} | {"at": "time"}
_KEYS = ("time", "open", "high", "low", "close", "volume")
_DAY_TIME = r"\d{8} \d\d:\d\d"
_MINUTE = r"/(?P<interval>minute|second)/(?P<symbol>[^/]+)/(?P<day>\d{8})_trade\.zip$"
_LONG = r"/(?P<interval>hour|daily)/(?P<symbol>[^/_]+)(?:_trade)?\.zip$"


def _formats(market: str, zone: str, scale: int, price: str) -> tuple[Format, ...]:
    """The formats of a group of markets."""
    prices = (price,) * 4
    minute = Format(
        "lean-bars",
        ("bar",),
        _BAR,
        headerless=_KEYS,
        shape=(INTEGER, *prices, NUMBER),
        file_name=rf"{market}/[^/]+{_MINUTE}",
        needs_file_name=True,
        uses_folders=True,
        since_midnight="ms",
        zone=zone,
        price_scale=scale,
    )
    long = Format(
        "lean-bars",
        ("bar",),
        _BAR,
        headerless=_KEYS,
        shape=(_DAY_TIME, *prices, NUMBER),
        file_name=rf"{market}/[^/]+{_LONG}",
        needs_file_name=True,
        uses_folders=True,
        zone=zone,
        price_scale=scale,
    )
    return minute, long


FORMATS = (
    *_formats("equity", NEW_YORK, 4, INTEGER),
    *_formats("(?:crypto|forex|cfd|future|cryptofuture)", "UTC", 0, NUMBER),
)
