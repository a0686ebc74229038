"""One reader for all recorded market data: `cift data load`, the replay (`CIFT_SAMPLE`), and round trips.

`readings` finds the tables in files and folders, and recognises the format of each. `Reading.batches` returns
their rows as `Ticks`: exact integers of 1e-9, times in ns since the Unix epoch, in the file's order. What is
doubtful is refused with file, row, column, value and remedy.

Memory: one block of the file (8 MB of text, or 250,000 rows of Parquet).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from cift.recordings import values
from cift.recordings.container import Part
from cift.recordings.formats import generic
from cift.recordings.formats.form import Kind, seconds_of
from cift.recordings.problem import Unreadable, doubtful
from cift.recordings.recognise import Options, recognised
from cift.recordings.table import Table
from cift.recordings.values import BadValue, Times

if TYPE_CHECKING:
    import polars as pl

SYMBOL = re.compile(r"[A-Z0-9.\-/]{1,16}")
NAMELESS = frozenset(
    """TRADES TRADE QUOTES QUOTE TICKS TICK BARS BAR DATA EXPORT PRICES HISTORY CANDLES OHLC OHLCV TABLE
    FILE""".split()  # noqa: SIM905 (a list of words)
)
"""Beginnings of file names that are no symbols."""
UNIT = 1_000_000_000
TRADE_COLUMNS = ("row", "symbol", "at", "id", "price", "quantity", "side", "conditions")
QUOTE_COLUMNS = ("row", "symbol", "at", "id", "bid", "bid_quantity", "ask", "ask_quantity")
BAR_COLUMNS = ("row", "symbol", "at", "seconds", "open", "high", "low", "close", "volume")


class Ticks(NamedTuple):
    """Rows of one kind; the frame's columns are TRADE_COLUMNS, QUOTE_COLUMNS or BAR_COLUMNS."""

    kind: Kind
    frame: pl.DataFrame


class Reading:
    """One table, its format, and what was understood of it."""

    def __init__(self, table: Table, options: Options) -> None:
        self.part: Part = table.part
        self.format = recognised(table, options)
        self.skipped = 0
        """Rows that were left out because of `skip_invalid`."""
        self.without_values = 0
        """Rows that have a time and no values."""
        self._table, self._options = table, options
        self._named = self.format.named(table.part)
        self._times = Times(
            options.unit or self.format.unit,
            options.zone or self.format.zone or "UTC",
            is_given=bool(options.zone or self.format.zone),
        )
        self._carried: dict[str, int] = {}
        self._notes: list[str] = []
        self._seconds = seconds_of(options.interval) if options.interval else self.format.seconds
        if options.interval and self._seconds is None:
            raise Unreadable(f"--interval {options.interval} is no interval; use 1m, 5m, 1h or 1d")

    @property
    def provider(self) -> str:
        """The first word of the format's name, such as binance; "file" for files of any origin."""
        name = self.format.name.split("-")[0]
        return "file" if name in ("cift", "columns by name") else name

    @property
    def label(self) -> str:
        return self.part.label

    @property
    def has_ids(self) -> bool:
        return (
            self.format.has_ids
            and "id" in self.format.columns
            and self.format.columns["id"] in self._table.keys
        )

    def notes(self) -> list[str]:
        """What was understood, after the first batch."""
        return [self.format.name, *self._table.notes, *filter(None, [self._times.note]), *self._notes]

    def batches(self) -> Iterator[Ticks]:
        """All rows. Raises Unreadable."""
        self._carried.clear()
        self.skipped = self.without_values = 0
        for raw in self._table.batches():
            yield from self._of(raw)

    def first(self) -> list[Ticks]:
        """The first rows, for a first look. Raises Unreadable."""
        return list(self._of(self._table.start))

    def _of(self, raw: pl.DataFrame) -> Iterator[Ticks]:
        import polars as pl

        if not raw.height:
            return
        if self.format.empties:
            texts = [name for name, kind in raw.schema.items() if kind == pl.String]
            raw = raw.with_columns(
                pl.when(pl.col(name).is_in(list(self.format.empties)))
                .then(None)
                .otherwise(pl.col(name))
                .alias(name)
                for name in texts
                if name != self._key("at")
            )
        for name, allowed in self.format.keep.items():
            if name in raw.columns:
                raw = raw.filter(
                    pl.col(name).cast(pl.String).fill_null("").str.strip_chars().is_in(list(allowed))
                )
        if not raw.height:
            return
        at, symbol = self._at(raw), self._symbol(raw)
        base = pl.DataFrame({"row": raw["row"], "symbol": symbol, "at": at})
        for kind in self.format.kinds:
            made = getattr(self, f"_{kind}s")(raw, base)
            if made.height:
                yield Ticks(kind, made)

    def _key(self, name: str) -> str | None:
        column = self.format.columns.get(name)
        return column if isinstance(column, str) else None

    def _bad(self, raw: pl.DataFrame, name: str, problem: BadValue) -> Unreadable:
        column = self.format.columns[name]
        keys = [column] if isinstance(column, str) else list(column)
        value = " ".join(str(raw[each][problem.index]) for each in keys if each in raw.columns)
        return doubtful(
            self.label,
            raw["row"][problem.index],
            "+".join(map(self._name, keys)),
            value,
            problem.problem,
            problem.cure,
        )

    def _name(self, column: str) -> str:
        """The column as the file names it."""
        if not self._table.has_header or column not in self._table.keys:
            return column
        place = self._table.keys.index(column)
        return self._table.names[place].strip() if place < len(self._table.names) else column

    # --- time and symbol

    def _at(self, raw: pl.DataFrame) -> pl.Series:
        import polars as pl

        column = self.format.columns.get("at")
        keys = (column,) if isinstance(column, str) else tuple(column or ())
        if not keys or keys[0] not in raw.columns:
            raise Unreadable(f"{self.label}: {generic.missing([])}; name it with --map at=…")
        if self.format.since_midnight:
            return self._since_midnight(raw, keys[0])
        if (
            len(keys) == 1
            and self.format.file_name
            and self._day() is not None
            and self.format.needs_file_name
        ):
            joined = pl.select(pl.lit(f"{self._day():%Y%m%d} ") + raw[keys[0]].cast(pl.String)).to_series()
        elif len(keys) == 1:
            joined = raw[keys[0]]
        else:
            first = raw[keys[0]]
            second = raw[keys[1]].cast(pl.String) if keys[1] in raw.columns else pl.Series([""] * len(raw))
            # Stooq writes 000000 for a bar of a day.
            joined = raw.select(
                pl.concat_str(first.cast(pl.String), second.fill_null(""), separator=" ").str.strip_chars()
            ).to_series()
        try:
            at = values.at_ns(joined, self._times)
            missing = at.is_null().arg_true()
            if len(missing):
                raise BadValue(int(missing[0]), "is empty", "every row needs a time; remove the row")
        except BadValue as problem:
            raise self._bad(raw, "at", problem) from None
        return at

    def _day(self) -> date | None:
        if self._named is None or "day" not in self._named.groupdict():
            return None
        text = self._named["day"]
        return datetime.strptime(text, "%Y-%m-%d" if "-" in text else "%Y%m%d").date()

    def _since_midnight(self, raw: pl.DataFrame, column: str) -> pl.Series:
        import polars as pl

        day = self._day()
        if day is None:
            raise Unreadable(f"{self.label}: its times count from midnight, but its name has no day")
        try:
            since = values.nanos(raw[column])
        except BadValue as problem:
            raise self._bad(raw, "at", problem) from None
        if self.format.since_midnight == "ms":
            since = since // 1_000
        unit = {"s": "seconds", "ms": "milliseconds"}[self.format.since_midnight]
        self._times.note = f"{unit} since midnight of {day} in {self._times.zone}"
        midnight = datetime.combine(day, datetime.min.time())
        moments = pl.Series([midnight] * len(raw), dtype=pl.Datetime("ns")) + since.cast(pl.Duration("ns"))
        return values.at_ns(moments, self._times)

    def _symbol(self, raw: pl.DataFrame) -> pl.Series:
        column = self._key("symbol")
        if self._options.symbol:
            return self._same(self._options.symbol.upper(), raw)
        if column is None or column not in raw.columns:
            name = self._symbol_of_name()
            self._note(f"symbol {name} from the file's name")
            return self._same(name, raw)
        found = values.text(raw[column]).str.to_uppercase().str.replace_all("_", "-", literal=True)
        self._note(f"symbols from the column {self._name(column)}")
        bad = (~found.str.contains(rf"^{SYMBOL.pattern}$")).fill_null(value=True).arg_true()
        if len(bad):
            index = int(bad[0])
            problem = "is not a symbol (1 to 16 of A-Z 0-9 . - /)"
            raise doubtful(
                self.label, raw["row"][index], self._name(column), found[index], problem, "give --symbol"
            )
        return found

    def _same(self, value: str, raw: pl.DataFrame) -> pl.Series:
        import polars as pl

        if SYMBOL.fullmatch(value) is None:
            raise Unreadable(
                f"{self.label}: {value!r} is not a symbol (1 to 16 of A-Z 0-9 . - /); give --symbol"
            )
        return pl.repeat(value, len(raw), eager=True, dtype=pl.String)

    def _symbol_of_name(self) -> str:
        if self._named is not None and "symbol" in self._named.groupdict() and self._named["symbol"]:
            return self._named["symbol"].upper().replace("_", "-")
        name = re.split(r"[_.]", self.part.name, maxsplit=1)[0].upper()
        if SYMBOL.fullmatch(name) is None or name in NAMELESS or name.isdigit():
            raise Unreadable(
                f"{self.label} has no column symbol, and its name does not begin with one; give --symbol"
            )
        return name

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)

    # --- values

    def _amount(self, raw: pl.DataFrame, name: str) -> pl.Series:
        import polars as pl

        column = self._key(name)
        if column is None or column not in raw.columns:
            return pl.Series(name, [None] * len(raw), dtype=pl.Int64)
        is_price = name in ("price", "bid", "ask", "open", "high", "low", "close")
        scale = self.format.price_scale if is_price else 0
        try:
            return values.nanos(raw[column], self._table.numbers, scale).alias(name)
        except BadValue as problem:
            raise self._bad(raw, name, problem) from None

    def _refuse(
        self, raw: pl.DataFrame, frame: pl.DataFrame, bad: pl.Expr, name: str, problem: str
    ) -> pl.DataFrame:
        """The rows without the bad ones. Raises Unreadable, unless they are to be left out."""
        mask = frame.select(bad.fill_null(value=False)).to_series()
        wrong = mask.arg_true()
        if not len(wrong):
            return frame
        if self._options.skip_invalid or self.format.skips_invalid:
            self.skipped += len(wrong)
            return frame.filter(~mask)
        row = frame["row"][int(wrong[0])]
        index = int((raw["row"] == row).arg_true()[0])
        cure = "remove the row, or leave out such rows with --skip-invalid"
        raise self._bad(raw, name, BadValue(index, problem, cure))

    def _trades(self, raw: pl.DataFrame, base: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        frame = base.with_columns(
            self._id(raw),
            self._amount(raw, "price"),
            self._amount(raw, "quantity"),
            self._side(raw),
            self._conditions(raw),
        )
        if self.format.trade_if is not None and self.format.trade_if[0] in raw.columns:
            column, words = self.format.trade_if
            frame = frame.filter(raw[column].cast(pl.String).str.strip_chars().is_in(list(words)))
        if len(self.format.kinds) > 1:
            frame = frame.filter(pl.col("price").is_not_null() | pl.col("quantity").is_not_null())
        for name in ("price", "quantity"):
            frame = self._refuse(raw, frame, pl.col(name).is_null(), name, "is empty")
            frame = self._refuse(raw, frame, pl.col(name) <= 0, name, "is not greater than 0")
        return frame.select(TRADE_COLUMNS)

    def _quotes(self, raw: pl.DataFrame, base: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        sides = {name: self._amount(raw, name) for name in ("bid", "bid_quantity", "ask", "ask_quantity")}
        for name in self.format.fills_forward:
            unchanged = sides[name].fill_null(0) == 0
            for each in (name, f"{name}_quantity"):
                sides[each] = self._filled(sides[each], unchanged, each)
        frame = base.with_columns(self._id(raw), *sides.values())
        if self.format.sizes_unknown:
            self._note("quotes have no sizes: 1 is used")
            frame = frame.with_columns(
                pl.when(pl.col(price) > 0).then(UNIT).otherwise(0).alias(f"{price}_quantity")
                for price in ("bid", "ask")
            )
        frame = frame.filter(pl.col("bid").is_not_null() | pl.col("ask").is_not_null())
        for name in ("bid", "ask", "bid_quantity", "ask_quantity"):
            if not (self.format.sizes_unknown and name.endswith("quantity")):
                frame = self._refuse(raw, frame, pl.col(name) < 0, name, "is negative")
        for price in ("bid", "ask"):
            size = f"{price}_quantity"
            lacking = pl.col(price).is_not_null() & (pl.col(price) > 0) & pl.col(size).is_null()
            if not self.format.sizes_unknown:
                frame = self._refuse(raw, frame, lacking, price, "has no size")
            lacking = (pl.col(price).fill_null(0) == 0) & (pl.col(size).fill_null(0) > 0)
            frame = self._refuse(raw, frame, lacking, price, "has a size but no price")
        frame = frame.with_columns(pl.col("bid", "bid_quantity", "ask", "ask_quantity").fill_null(0))
        return frame.select(QUOTE_COLUMNS)

    def _filled(self, column: pl.Series, unchanged: pl.Series, name: str) -> pl.Series:
        """Unchanged values repeat the last one, also across batches."""
        import polars as pl

        column = column.set(unchanged, None)
        carried = self._carried.get(name)
        if carried is not None:
            column = pl.concat([pl.Series(name, [carried], dtype=pl.Int64), column]).forward_fill()[1:]
        else:
            column = column.forward_fill()
        last = column[-1]
        if last is not None:
            self._carried[name] = int(last)
        return column

    def _bars(self, raw: pl.DataFrame, base: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        prices = ("open", "high", "low", "close")
        volume = self._amount(raw, "volume").fill_null(0)
        if "ticks" in self.format.columns and (volume == 0).all():
            volume = self._amount(raw, "ticks").fill_null(0).alias("volume")
            self._note("no volume: the number of ticks is used")
        frame = base.with_columns(*(self._amount(raw, name) for name in prices), volume)
        empty = pl.all_horizontal(pl.col(name).is_null() for name in prices)
        count = frame.height
        frame = frame.filter(~empty)
        self.without_values += count - frame.height
        if not frame.height:
            return frame.with_columns(seconds=pl.lit(0)).select(BAR_COLUMNS)
        for name in prices:
            frame = self._refuse(raw, frame, pl.col(name).is_null(), name, "is empty")
            frame = self._refuse(raw, frame, pl.col(name) <= 0, name, "is not greater than 0")
        highest, lowest = pl.max_horizontal("open", "low", "close"), pl.min_horizontal("open", "close")
        frame = self._refuse(
            raw, frame, pl.col("high") < highest, "high", "is below another price of its bar"
        )
        frame = self._refuse(raw, frame, pl.col("low") > lowest, "low", "is above another price of its bar")
        if self._key("volume") in raw.columns:
            frame = self._refuse(raw, frame, pl.col("volume") < 0, "volume", "is negative")
        return frame.with_columns(self._bar_seconds(raw, frame)).select(BAR_COLUMNS)

    def _bar_seconds(self, raw: pl.DataFrame, frame: pl.DataFrame) -> pl.Series:
        """The lengths of the bars in seconds."""
        import polars as pl

        column = self._key("interval")
        if self._seconds is None and column is not None and column in raw.columns:
            words = raw.filter(raw["row"].is_in(frame["row"].implode()))[column].cast(pl.String)
            table = {word: seconds_of(word) for word in words.unique().drop_nulls().to_list()}
            unknown = [word for word, seconds in table.items() if seconds is None]
            if unknown or words.null_count():
                raise Unreadable(
                    f"{self.label}: {unknown[:1] or 'an empty cell'} is no interval; give --interval"
                )
            return words.replace_strict(table, return_dtype=pl.Int64).alias("seconds")
        if self._seconds is None and self._named is not None and self._named.groupdict().get("interval"):
            self._seconds = seconds_of(self._named["interval"])
        if self._seconds is None:
            self._seconds = self._distance(frame)
        self._note(f"bars of {_interval(self._seconds)}")
        return pl.Series("seconds", [self._seconds] * frame.height, dtype=pl.Int64)

    def _distance(self, frame: pl.DataFrame) -> int:
        """The smallest distance of two bars."""
        import polars as pl

        steps = frame.select(
            pl.col("at").sort().diff().over("symbol", mapping_strategy="explode")
        ).to_series()
        steps = steps.filter(steps > 0) if steps.null_count() < len(steps) else steps.drop_nulls()
        if len(steps):
            seconds = int(steps.min()) // 10**9  # type: ignore[arg-type]
            if 1 <= seconds <= 7 * 86_400 and (seconds < 86_400 or seconds in (86_400, 7 * 86_400)):
                return seconds
            if 86_400 < seconds < 5 * 86_400:
                return 86_400
        elif self._times.dates_only:
            return 86_400
        raise Unreadable(f"{self.label}: the length of its bars cannot be seen; give --interval, such as 1d")

    def _id(self, raw: pl.DataFrame) -> pl.Series:
        import polars as pl

        if not self.has_ids:
            return pl.Series("id", [None] * len(raw), dtype=pl.UInt64)
        column = raw[str(self._key("id"))]
        found = column.cast(pl.String).str.strip_chars().cast(pl.UInt64, strict=False).alias("id")
        bad = found.is_null().arg_true()
        if len(bad):
            raise self._bad(raw, "id", BadValue(int(bad[0]), "is not an id", "correct the value"))
        return found

    def _side(self, raw: pl.DataFrame) -> pl.Series:
        import polars as pl

        column = self._key("side")
        if column is None or column not in raw.columns:
            return pl.Series("side", [0] * len(raw), dtype=pl.Int8)
        try:
            return values.sides(raw[column], self.format.sides).alias("side")
        except BadValue as problem:
            raise self._bad(raw, "side", problem) from None

    def _conditions(self, raw: pl.DataFrame) -> pl.Series:
        """The bits of `cift.contracts.conditions`. A print that does not set the last price is marked."""
        import polars as pl

        column = self._key("conditions")
        if column is None or column not in raw.columns:
            return pl.Series("conditions", [0] * len(raw), dtype=pl.UInt32)
        texts = values.text(raw[column]).fill_null("")
        how = self.format.conditions
        if how == "bits" and not texts.str.contains(r"^\d*$").all():
            is_numbers = texts.str.contains(r"^[\[\s]*(\d+[,\s]*)+[\]\s]*$|^$|^\[\]$").all()
            how = "numbers" if is_numbers else "letters"
        if how == "bits":
            bits = texts.replace("", "0").cast(pl.UInt64, strict=False)
            bad = (bits.is_null() | (bits >= 2**32)).arg_true()
            if len(bad):
                raise self._bad(raw, "conditions", BadValue(int(bad[0]), "is too large", "correct the value"))
            return bits.cast(pl.UInt32).alias("conditions")
        tape = self._key("tape")
        tapes = raw[tape].cast(pl.String).fill_null("") if tape in raw.columns else pl.Series([""] * len(raw))
        pairs = pl.DataFrame({"c": texts, "t": tapes})
        table = {pair: values.condition_bits(how, *pair) for pair in pairs.unique().rows()}
        return pl.Series("conditions", [table[pair] for pair in pairs.rows()], dtype=pl.UInt32)


def _interval(seconds: int) -> str:
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds % unit == 0:
            return f"{seconds // unit}{name}"
    return str(timedelta(seconds=seconds)) if seconds > 3_600 else f"{seconds}s"
