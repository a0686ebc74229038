"""The named formats, each declared in a small module with the address of its documentation."""

from cift.recordings.formats import (
    alpaca,
    binance,
    bitmex,
    bybit,
    ccxt,
    coinbase,
    databento,
    dukascopy,
    histdata,
    kaiko,
    kraken,
    lean,
    lobster,
    massive,
    metatrader,
    nautilus,
    okx,
    own,
    stooq,
    taq,
    tardis,
    tradingview,
    yahoo,
)
from cift.recordings.formats.form import Format

_MODULES = (
    own, lean, binance, bybit, bitmex, okx, coinbase, kraken, tardis, kaiko, ccxt, databento, massive, alpaca,
    lobster, taq, histdata, dukascopy, metatrader, yahoo, stooq, tradingview, nautilus,
)  # fmt: skip
ALL: tuple[Format, ...] = tuple(each for module in _MODULES for each in module.FORMATS)
NAMES = tuple(dict.fromkeys(each.name for each in ALL))


def of_name(name: str) -> list[Format]:
    """The layouts of a name, or of all names that begin with it (`binance`); empty if there are none."""
    exact = [each for each in ALL if each.name == name]
    return exact or [each for each in ALL if each.name.split("-")[0] == name]
