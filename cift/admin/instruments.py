"""Listing of instruments, splits and dividends: commands of administrators."""

from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from cift.contracts import messages_gen as messages
from cift.contracts.admin import InstrumentTerms, NewInstrument
from cift.kernel.errors import CiftError, Refused
from cift.kernel.money import format_nanos, parse_nanos
from cift.platform.engine import Engine

PPM_NANOS = 100_000
"""Nanos of a percentage in one ppm."""
_FACTOR = Decimal("0.000000000001")
Factor = tuple[date, Decimal, Decimal]
"""Last day on which the factors apply, price factor, split factor."""


def command_of(body: NewInstrument) -> messages.DefineInstrument:
    """The engine's command."""
    return {
        "type": "define_instrument",
        "symbol": body.symbol.upper(),
        "currency": body.currency,
        "tick": body.tick,
        "lot": body.lot,
        "band_ppm": body.band_percent // PPM_NANOS,
        "collar_ppm": body.collar_percent // PPM_NANOS,
    }


async def define(terms: messages.DefineInstrument, engine: Engine) -> None:
    """Define the instrument; equal terms of an existing one change nothing.

    Raises:
        CiftError: `instrument_exists` with other terms, `invalid_instrument`, `too_many_instruments`.
    """
    try:
        await engine.submit(terms)
    except CiftError as error:
        if error.code != "instrument_exists":
            raise
        answer = await engine.query({"instruments": {}})
        (known,) = (each for each in answer["instruments"] if each["symbol"] == terms["symbol"])
        tick, lot = (parse_nanos(known[name], name) for name in ("tick", "lot"))
        same = (known["currency"], tick, lot) == (terms["currency"], terms["tick"], terms["lot"])
        if not same:
            raise Refused(
                "instrument_exists",
                f"{terms['symbol']} exists with tick {known['tick']}, lot {known['lot']} and currency"
                f" {known['currency']}, which cannot change",
                "symbol",
                status=409,
            ) from None


def terms_view(terms: messages.DefineInstrument, name: str | None, calendar: str) -> InstrumentTerms:
    return InstrumentTerms(
        symbol=terms["symbol"],
        name=name,
        calendar=calendar,
        currency=terms["currency"],
        tick=format_nanos(terms["tick"]),
        lot=format_nanos(terms["lot"]),
        band_percent=format_nanos(terms["band_ppm"] * PPM_NANOS),
        collar_percent=format_nanos(terms["collar_ppm"] * PPM_NANOS),
    )


def eve(zone: str, now_ns: int) -> date:
    """The last day before today in this zone: a split or dividend of today changes prices up to it."""
    today = datetime.fromtimestamp(now_ns // 10**9, UTC).astimezone(ZoneInfo(zone)).date()
    return today - timedelta(days=1)


def after_split(factors: list[Factor], eve: date, numerator: int, denominator: int) -> list[Factor]:
    """All factors of a symbol after a split: older ones change in proportion, and one until `eve` is new."""
    ratio = Decimal(denominator) / Decimal(numerator)
    return _extended(factors, eve, Decimal(1), ratio)


def after_dividend(factors: list[Factor], eve: date, amount: int, price: int) -> list[Factor]:
    """All factors of a symbol after a dividend: prices × (1 − amount / last price before it), as CRSP has
    it."""
    return _extended(factors, eve, Decimal(price - amount) / Decimal(price), Decimal(1))


def _extended(factors: list[Factor], eve: date, price: Decimal, split: Decimal) -> list[Factor]:
    found = {
        day: (old_price * price, old_split * split) for day, old_price, old_split in factors if day <= eve
    }
    later = [each for each in factors if each[0] > eve]
    found.setdefault(eve, (price, split))
    rounded = [
        (day, by_price.quantize(_FACTOR, ROUND_HALF_UP), by_split.quantize(_FACTOR, ROUND_HALF_UP))
        for day, (by_price, by_split) in sorted(found.items())
    ]
    return [*rounded, *later]
