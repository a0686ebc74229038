"""Records of the journal folded into the tape, the last prices and the instruments. Pure.

Of quotes only the last of each symbol in a batch matters; a quote that the engine refused says nothing.
"""

from dataclasses import dataclass, field
from typing import Any

from cift.platform.journal import JournalRecord


@dataclass(slots=True)
class Instrument:
    """Defined; numbers in nanos."""

    symbol: str
    currency: str
    tick: int
    lot: int
    band_ppm: int
    collar_ppm: int
    at: int
    sequence: int


@dataclass(slots=True)
class Trade:
    """A print of the tape."""

    sequence: int
    entry: int
    source: str
    symbol: str
    price: int
    quantity: int
    trade: int | None
    aggressor: str | None
    feed: int | None
    at: int


@dataclass(slots=True)
class Quote:
    """Last outside quote of a symbol; quantity 0 = nobody on that side."""

    symbol: str
    bid: int
    bid_quantity: int
    ask: int
    ask_quantity: int
    at: int
    sequence: int


@dataclass(slots=True)
class Split:
    """Makes one old unit numerator/denominator new ones."""

    symbol: str
    numerator: int
    denominator: int
    at: int
    sequence: int


@dataclass(slots=True)
class MarketChanges:
    """What a batch does to instruments, trades and market_data_cache."""

    instruments: list[Instrument] = field(default_factory=list)
    halts: dict[str, tuple[bool, int, int]] = field(default_factory=dict)
    """Symbol: halted, at, sequence."""
    trades: list[Trade] = field(default_factory=list)
    last: dict[str, Trade] = field(default_factory=dict)
    quotes: dict[str, Quote] = field(default_factory=dict)


def cut_at_splits(records: list[JournalRecord]) -> list[tuple[MarketChanges, Split | None]]:
    """The records as stretches, each ended by a split or by the end of the batch: a split changes the
    price that the stretch before it left, so it must be applied after that and before what follows."""
    stretches: list[tuple[MarketChanges, Split | None]] = []
    changes = MarketChanges()
    for record in records:
        at = record.timestamp
        first = record.record["first_command"]
        for offset, entry in enumerate(record.entries):
            sequence = first + offset
            for index, event in enumerate(entry["events"]):
                kind = event["type"]
                if kind == "level_changed":
                    break  # the last events of a command are only these
                if kind == "split_applied":
                    split = Split(event["symbol"], event["numerator"], event["denominator"], at, sequence)
                    stretches.append((changes, split))
                    changes = MarketChanges()
                else:
                    _fold_event(changes, event, at, sequence, index)
            command = entry["command"]
            if command["type"] == "outside_quote" and entry["outcome"]["status"] == "done":
                bid, ask = command["bid"], command["ask"]
                changes.quotes[command["symbol"]] = Quote(
                    command["symbol"],
                    bid["price"],
                    bid["quantity"],
                    ask["price"],
                    ask["quantity"],
                    at,
                    sequence,
                )
    stretches.append((changes, None))
    return stretches


def _fold_event(changes: MarketChanges, event: dict[str, Any], at: int, sequence: int, index: int) -> None:
    match event["type"]:
        case "trade_executed":
            trade = Trade(
                sequence,
                index,
                "exchange",
                event["symbol"],
                event["price"],
                event["quantity"],
                event["trade"],
                event["aggressor"],
                None,
                at,
            )
            changes.trades.append(trade)
            changes.last[trade.symbol] = trade
        case "outside_traded":
            trade = Trade(
                sequence,
                index,
                "outside",
                event["symbol"],
                event["price"],
                event["quantity"],
                None,
                None,
                event["feed"],
                at,
            )
            changes.trades.append(trade)
            changes.last[trade.symbol] = trade
        case "instrument_defined":
            changes.instruments.append(
                Instrument(
                    event["symbol"],
                    event["currency"],
                    event["tick"],
                    event["lot"],
                    event["band_ppm"],
                    event["collar_ppm"],
                    at,
                    sequence,
                )
            )
        case "halted":
            changes.halts[event["symbol"]] = (True, at, sequence)
        case "resumed":
            changes.halts[event["symbol"]] = (False, at, sequence)
