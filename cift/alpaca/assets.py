"""The instruments of the exchange as Alpaca's assets."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cift.alpaca.bodies import Asset, AssetClass
from cift.alpaca.errors import not_found
from cift.contracts.amounts import required_text
from cift.kernel.ids import uuid5
from cift.market_data import store
from cift.platform.postgres import Database

_NAMESPACE = "6b1f2a56-3c1e-5d0b-9d8c-0f4f6f5a7c11"
_EXCHANGES = {"XNYS": "NYSE", "XNAS": "NASDAQ", "24/7": "CRYPTO"}
"""Calendar → Alpaca's exchange."""
OTHER_EXCHANGE = "OTC"
"""Other calendars: Alpaca has a closed list; in the United States foreign shares trade over the counter."""
ALWAYS_OPEN = "24/7"
ASSETS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Instrument:
    """What Alpaca's bodies show of an instrument."""

    symbol: str
    name: str | None
    calendar: str | None
    lot: Decimal
    tick: Decimal
    halted: bool
    last: Decimal | None

    @property
    def asset_id(self) -> str:
        return asset_id(self.symbol)

    @property
    def asset_class(self) -> AssetClass:
        """Clients split a crypto symbol at its slash, so that one without a slash is an equity."""
        return "crypto" if self.calendar == ALWAYS_OPEN and "/" in self.symbol else "us_equity"

    @property
    def exchange(self) -> str:
        return _EXCHANGES.get(self.calendar or "XNYS", OTHER_EXCHANGE)


def asset_id(symbol: str) -> str:
    """The id of an asset. It follows from the symbol, so that it is the same in every process."""
    return uuid5(_NAMESPACE, symbol)


def instrument_of(row: Any) -> Instrument:
    """An instrument, from a row of `cift.market_data.store.symbols`."""
    return Instrument(
        row["symbol"],
        row["name"],
        row["calendar"],
        row["lot"],
        row["tick"],
        row["halted"],
        row["last_price"],
    )


def body(instrument: Instrument, *, margin: bool = True) -> Asset:
    """The body of an asset. `margin`: whether the account may borrow."""
    lot = required_text(instrument.lot)
    stock = instrument.asset_class == "us_equity"
    found: Asset = {
        "id": instrument.asset_id,
        "class": instrument.asset_class,
        "exchange": instrument.exchange,
        "symbol": instrument.symbol,
        "name": instrument.name or instrument.symbol,
        "status": "active",
        "tradable": not instrument.halted,
        "marginable": margin and stock,
        "shortable": margin and stock,
        "easy_to_borrow": margin and stock,
        "fractionable": instrument.lot < 1,
        "maintenance_margin_requirement": 30.0,
        "margin_requirement_long": "30",
        "margin_requirement_short": "30",
        "min_order_size": lot,
        "min_trade_increment": lot,
        "price_increment": required_text(instrument.tick),
        "attributes": [],
    }
    if margin and stock:
        found["borrow_status"] = "easy_to_borrow"
    return found


class Directory:
    """The instruments of one moment, found by symbol or by id."""

    def __init__(self, instruments: list[Instrument]) -> None:
        self.instruments = instruments
        self._by_name: dict[str, Instrument] = {}
        for each in instruments:
            self._by_name[each.asset_id] = each
            self._by_name.setdefault(each.symbol.replace("/", ""), each)
        self._by_name |= {each.symbol: each for each in instruments}

    def find(self, name: str) -> Instrument | None:
        """The instrument with this symbol or id; a pair may be written without its slash."""
        return self._by_name.get(name.upper()) or self._by_name.get(name.lower())

    def require(self, name: str) -> Instrument:
        """As `find`. Raises AlpacaError: 404."""
        found = self.find(name)
        if found is None:
            raise not_found(f"asset not found for {name[:64]}")
        return found

    def asset_class(self, symbol: str) -> AssetClass:
        """The class of a symbol; stocks if it is not known any more."""
        found = self._by_name.get(symbol)
        return "us_equity" if found is None else found.asset_class


async def directory(database: Database) -> Directory:
    """All instruments. Raises Unavailable."""
    async with database.read() as c:
        rows = await store.symbols(c, None, None, ASSETS_MAX)
    return Directory([instrument_of(row) for row in rows])


def select(
    instruments: list[Instrument],
    status: str | None,
    asset_class: str | None,
    exchange: str | None,
    attributes: str | None,
) -> list[Asset]:
    """The assets of a list request. All are active and none has an attribute."""
    if status == "inactive" or attributes:
        return []
    return [
        body(each)
        for each in instruments
        if asset_class in (None, "all", each.asset_class) and exchange in (None, each.exchange)
    ]
