"""Databento's binary form (DBN), by their package `databento-dbn`, which is not installed by default.

Source: https://databento.com/docs/standards-and-conventions/databento-binary-encoding. Records of trades,
mbp-1, tbbo and ohlcv become the columns of Databento's CSV, with prices as integers of 1e-9. Instruments are
named by the mappings in the file's metadata.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cift.recordings import container
from cift.recordings.container import Part
from cift.recordings.problem import Unreadable

if TYPE_CHECKING:
    import polars as pl

    from cift.recordings.table import Table

CHUNK_BYTES = 4 * 1024 * 1024
NO_PRICE = 2**63 - 1


def table(part: Part) -> Table:
    """The table of a DBN file. Raises Unreadable."""
    from cift.recordings.table import SNIFF_ROWS, Table

    try:
        import databento_dbn
    except ImportError:
        raise Unreadable(
            f"{part.label} is in Databento's binary form; pip install databento-dbn, or convert it to CSV"
        ) from None

    def batches() -> Iterator[pl.DataFrame]:
        decoder, symbols, row = databento_dbn.DBNDecoder(), {}, 0
        with container.reading(part) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                try:
                    decoder.write(chunk)
                    records = decoder.decode()
                except (databento_dbn.DBNError, ValueError) as error:
                    raise Unreadable(f"{part.label} is damaged: {error}") from None
                rows = []
                for record in records:
                    if isinstance(record, databento_dbn.Metadata):
                        symbols = _symbols(record)
                    elif hasattr(record, "ts_event"):
                        rows.append(_row(record, symbols))
                if rows:
                    yield _frame(rows, row + 1)
                    row += len(rows)

    start = next(batches(), None)
    if start is None:
        raise Unreadable(f"{part.label} contains no rows")
    keys = [name for name in start.columns if name != "row"]
    return Table(part, keys, keys, start.head(SNIFF_ROWS), batches)


def _symbols(metadata: Any) -> dict[int, str]:
    """Instrument id → symbol. A mapping that changes within the file keeps its last symbol."""
    found = {}
    for symbol, intervals in metadata.mappings.items():
        for interval in intervals:
            identity = interval["symbol"] if isinstance(interval, dict) else interval.symbol
            if str(identity).isdigit():
                found[int(identity)] = symbol
    return found


def _row(record: Any, symbols: dict[int, str]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "ts_event": record.ts_event,
        "rtype": int(record.rtype),
        "publisher_id": record.publisher_id,
        "instrument_id": record.instrument_id,
        "symbol": symbols.get(record.instrument_id),
    }
    if hasattr(record, "open"):
        return row | {name: getattr(record, name) for name in ("open", "high", "low", "close", "volume")}
    row |= {
        "action": str(record.action),
        "side": str(record.side),
        "price": record.price,
        "size": record.size,
    }
    levels = getattr(record, "levels", None)
    if levels:
        top = levels[0]
        row |= {
            "bid_px_00": top.bid_px,
            "ask_px_00": top.ask_px,
            "bid_sz_00": top.bid_sz,
            "ask_sz_00": top.ask_sz,
        }
    return row


def _frame(rows: list[dict[str, Any]], first_row: int) -> pl.DataFrame:
    import polars as pl

    frame = pl.DataFrame(rows, infer_schema_length=None)
    prices = [name for name in frame.columns if name in ("price", "bid_px_00", "ask_px_00")]
    frame = frame.with_columns(
        pl.when(pl.col(name) == NO_PRICE).then(None).otherwise(pl.col(name)).alias(name) for name in prices
    )
    return frame.with_row_index("row", offset=first_row).with_columns(pl.col("row").cast(pl.Int64))
