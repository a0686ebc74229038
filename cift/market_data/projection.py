"""Folds records of the journal into the tape, the last prices and the instruments. Pure: no SQL, no clock.

Of the quotes in a batch only the last of each symbol counts; quotes that the engine refused are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cift.contracts import item_ids
from cift.market_data.rows import Halt, Instrument, MarketChanges, Quote, Split, Trade
from cift.platform.journal import JournalRecord

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages


def cut_at_splits(records: list[JournalRecord]) -> list[tuple[MarketChanges, Split | None]]:
    """The changes of these records in stretches, each ended by a split or by the end of the batch.

    A split changes the last price of the stretch before it, so it is applied after that stretch and before
    the next.
    """
    stretches: list[tuple[MarketChanges, Split | None]] = []
    changes = MarketChanges()
    for record in records:
        at = record.timestamp
        first = record.record["first_command"]
        for offset, entry in enumerate(record.entries):
            sequence = first + offset
            for index, event in enumerate(entry["events"]):
                if event["type"] == "level_changed":
                    break  # these are the last events of a command
                if event["type"] == "split_applied":
                    split = Split(event["symbol"], event["numerator"], event["denominator"], at, sequence)
                    stretches.append((changes, split))
                    changes = MarketChanges()
                else:
                    _fold_event(changes, event, at, sequence, index)
            command = entry["command"]
            if command["type"] == "outside_quote" and entry["outcome"]["status"] == "done":
                changes.quotes[command["symbol"]] = _quote(command, at, sequence)
    stretches.append((changes, None))
    return stretches


def _quote(command: messages.OutsideQuote, at: int, sequence: int) -> Quote:
    bid, ask = command["bid"], command["ask"]
    return Quote(
        command["symbol"],
        bid["price"] if bid["quantity"] > 0 else None,
        bid["quantity"] or None,
        ask["price"] if ask["quantity"] > 0 else None,
        ask["quantity"] or None,
        at,
        at,
        sequence,
    )


def _fold_event(changes: MarketChanges, event: messages.Event, at: int, sequence: int, index: int) -> None:
    match event["type"]:
        case "trade_executed":
            changes.trades.append(
                Trade(
                    sequence,
                    index * item_ids.PLACES_PER_EVENT + item_ids.TRADE,
                    "exchange",
                    event["symbol"],
                    event["price"],
                    event["quantity"],
                    event["trade"],
                    event["aggressor"],
                    None,
                    at,
                )
            )
        case "outside_traded":
            changes.trades.append(
                Trade(
                    sequence,
                    index * item_ids.PLACES_PER_EVENT + item_ids.TRADE,
                    "outside",
                    event["symbol"],
                    event["price"],
                    event["quantity"],
                    None,
                    None,
                    event["feed"],
                    at,
                )
            )
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
                    at,
                    sequence,
                )
            )
        case "halted" | "resumed":
            halted = event["type"] == "halted"
            changes.halts[event["symbol"]] = Halt(event["symbol"], halted, at, sequence)
