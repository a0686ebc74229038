"""Columns of recordings as exact numbers: amounts in units of 1e-9, times in ns since the Unix epoch,
sides, and sale conditions. Pure.

Text is never converted by way of a float. A float column of a file is read by its shortest text, so 13.9
stays 13.9, also in 32 bits. What is doubtful becomes a `Bad` with the first row that has it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from cift.contracts import conditions as sale_conditions

if TYPE_CHECKING:
    import polars as pl

NANOS = 1_000_000_000
DECIMALS = 9
WHOLE_MAX = 9_223_372_036
"""The largest whole part of an amount that fits in 64 bits of 1e-9."""
EMPTY_WORDS = ("", "\\N", "null", "NULL", "Null", "None", "none", "nan", "NaN", "NAN", "N/A", "NA", "<NA>")
_PLAIN = r"^[+-]?(?:\d+\.?\d*|\.\d+)$"
_SCIENTIFIC = r"^[+-]?(?:\d+\.?\d*|\.\d+)[eE][+-]?\d+$"
_THOUSANDS = r"^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?$"
_TOO_FINE = rf"\.\d{{{DECIMALS}}}\d*[1-9]"


class BadValue(Exception):
    """A value at an index of the column is doubtful."""

    def __init__(self, index: int, problem: str, cure: str) -> None:
        super().__init__(problem)
        self.index, self.problem, self.cure = index, problem, cure


@dataclass(frozen=True, slots=True)
class Numbers:
    """How a file writes numbers."""

    comma_is_decimal: bool = False
    scale: int = 0
    """Prices are whole numbers of 10^-scale."""


def text(column: pl.Series) -> pl.Series:
    """The values as stripped text; null where there is none."""
    import polars as pl

    found: pl.Series = column.cast(pl.String).str.strip_chars()
    empty: pl.Series = found.is_in(list(EMPTY_WORDS)).fill_null(value=False)
    if empty.any():
        found = found.zip_with(~empty, pl.Series([None], dtype=pl.String))
    return found


def _first(mask: pl.Series) -> int | None:
    found = mask.fill_null(value=False).arg_true()
    return int(found[0]) if len(found) else None


def nanos(column: pl.Series, numbers: Numbers = Numbers(), scale: int = 0) -> pl.Series:
    """The amounts in units of 1e-9 (Int64); null where the column has no value.

    Raises:
        BadValue: not a number, finer than 1e-9, or too large.
    """
    import polars as pl

    if column.dtype.is_integer():
        factor = 10 ** (DECIMALS - scale)
        bad = _first(column.abs() > (2**63 - 1) // factor)
        if bad is not None:
            raise BadValue(bad, "is too large", f"amounts are at most {WHOLE_MAX:,}")
        scaled: pl.Series = column.cast(pl.Int64) * factor
        return scaled
    rounds = column.dtype.is_float()
    if rounds:
        column = column.fill_nan(None)
    found = text(column)
    exact = None if numbers.comma_is_decimal or scale else found.cast(pl.Decimal(38, DECIMALS), strict=False)
    if exact is None or exact.null_count() > found.null_count():
        found = _plain(found, numbers, scale)
        exact = found.cast(pl.Decimal(38, DECIMALS), strict=False)
    if not rounds:
        bad = _first(found.str.contains(_TOO_FINE))
        if bad is not None:
            raise BadValue(bad, "has more than nine decimals", "amounts are whole multiples of 0.000000001")
    bad = _first((exact.is_null() & found.is_not_null()) | (exact.abs() > WHOLE_MAX))
    if bad is not None:
        raise BadValue(bad, "is too large", f"amounts are at most {WHOLE_MAX:,}")
    return exact.to_physical().cast(pl.Int64)


def _plain(found: pl.Series, numbers: Numbers, scale: int) -> pl.Series:
    """Numbers without exponents, decimal commas and separators of thousands. Raises BadValue."""
    import polars as pl

    if numbers.comma_is_decimal:
        found = found.str.replace(",", ".", literal=True)
    thousands = found.str.contains(_THOUSANDS).fill_null(value=False)
    if thousands.any():
        found = found.zip_with(~thousands, found.str.replace_all(",", "", literal=True))
    found = _without_exponents(found)
    bad = _first(~found.str.contains(_PLAIN))
    if bad is not None:
        raise BadValue(bad, "is not a number", "correct the value, or name the column with --map")
    if scale:
        found = found.map_elements(lambda value: f"{Decimal(value).scaleb(-scale):f}", return_dtype=pl.String)
    return found


def _without_exponents(found: pl.Series) -> pl.Series:
    """Numbers such as 1e-05 written out; other values unchanged."""
    import polars as pl

    scientific = found.str.contains(_SCIENTIFIC).fill_null(value=False)

    def written_out(value: str) -> str:
        try:
            number = Decimal(value)
        except InvalidOperation:
            return value
        return f"{number:f}" if abs(number.adjusted()) < 30 else value

    made = found.filter(scientific).unique()
    table = {value: written_out(value) for value in made.to_list()}
    return found.replace(table) if table else found.cast(pl.String)


# --- times

UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
UNIT_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
FIRST_S, LAST_S = 315_532_800, 4_102_444_800
"""1980 to 2100: an epoch time is recognised by its magnitude in this range; the ranges of the units do not
overlap."""
NS_MAX = 2**63 - 1
_EPOCH = r"^\d{9,19}(?:\.\d*)?$"
_ZONE = r"\s*(Z|z|UTC|GMT|[+-]\d{2}:?\d{2})?(?:\[[A-Za-z_/]+\])?$"
_CLOCK = r"(?:(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,12}))?)?)"
_YMD = r"^(\d{4})[-./](\d{1,2})[-./](\d{1,2})(?:[ TDt_-]*" + _CLOCK + ")?" + _ZONE
_COMPACT = r"^(\d{4})(\d{2})(\d{2})(?:[ T_-]?(\d{2}):?(\d{2}):?(?:(\d{2})\.?(\d{1,9})?)?)?" + _ZONE
_COMPACT_CLOCK = r"^(\d{4})(\d{2})(\d{2})[ T_-]+" + _CLOCK + _ZONE
_DMY = r"^(\d{1,2})([-./])(\d{1,2})[-./](\d{4})(?:[ T]*" + _CLOCK + ")?" + _ZONE


@dataclass(slots=True)
class Times:
    """How a file writes times. What was recognised in the first rows holds for the whole file."""

    unit: str | None = None
    """s, ms, us, ns, dmy, mdy or ymd; None until recognised."""
    zone: str = "UTC"
    """Of times without an offset: an IANA name, or an offset such as -05:00."""
    is_given: bool = False
    """Whether the zone was given, by the caller or by the format."""
    note: str = ""
    """What was recognised, for the first look."""
    has_offsets: bool = True
    dates_only: bool = False


def at_ns(column: pl.Series, times: Times) -> pl.Series:
    """The times in ns since the Unix epoch (Int64); null where the column has no value.

    Raises:
        BadValue
    """
    import polars as pl

    if column.dtype == pl.Date:
        times.dates_only = True
        times.note = times.note or _zone_note("dates", times)
        return _in_zone(column.cast(pl.Datetime("ns")), times)
    if isinstance(column.dtype, pl.Datetime):
        moment = column.cast(pl.Datetime("ns", column.dtype.time_zone))
        if column.dtype.time_zone is None:
            times.note = times.note or _zone_note("timestamps", times)
            return _in_zone(moment, times)
        times.note = times.note or "timestamps with a zone"
        return moment.dt.epoch("ns")
    if column.dtype.is_integer() or column.dtype.is_float() or isinstance(column.dtype, pl.Decimal):
        column = _without_exponents(column.cast(pl.String))
    found = text(column)
    first = next((value for value in found.head(1_000).to_list() if value is not None), None)
    if first is None:
        if found.null_count() == len(found):
            return pl.Series([None] * len(found), dtype=pl.Int64)
        first = str(found.drop_nulls()[0])
    if times.unit in UNITS or (times.unit is None and pl.Series([first]).str.contains(_EPOCH)[0]):
        return _of_epoch(found, first, times)
    return _of_text(found, times)


def _of_epoch(found: pl.Series, first: str, times: Times) -> pl.Series:
    import polars as pl

    whole = found.cast(pl.Int64, strict=False)
    has_fractions = whole.null_count() > found.null_count()
    if has_fractions:
        found = _without_exponents(found)
        bad = _first(~found.str.contains(r"^\d{1,19}(?:\.\d*)?$"))
        if bad is not None:
            raise BadValue(bad, "is not a time like those before it", "give --unit, or correct the value")
        whole = found.str.extract(r"^(\d+)").cast(pl.Int64, strict=False)
    was_given = times.unit is not None
    if times.unit is None:
        value = int(first.partition(".")[0])
        units = [
            name for name, ns in UNITS.items() if FIRST_S * (NANOS // ns) <= value < LAST_S * (NANOS // ns)
        ]
        if not units:
            if len(first) in (8, 12, 14, 17):
                return _of_text(found, times)
            index = _first(found == first) or 0
            raise BadValue(index, "is no time between 1980 and 2100 in s, ms, us or ns", "give --unit")
        times.unit = units[0]
    scale = UNITS[times.unit]
    times.note = times.note or f"{UNIT_NAMES[times.unit]} since 1970" + (" (--unit)" if was_given else "")
    limits = (FIRST_S * (NANOS // scale), LAST_S * (NANOS // scale))
    outside = (whole < limits[0]) | (whole >= limits[1]) | (whole.is_null() & found.is_not_null())
    if was_given:
        outside = (whole < 0) | (whole > NS_MAX // scale) | (whole.is_null() & found.is_not_null())
    bad = _first(outside)
    if bad is not None:
        raise BadValue(
            bad,
            f"is no time in {UNIT_NAMES[times.unit]} like those before it",
            "split the file, or give --unit",
        )
    at = whole * scale
    if has_fractions and scale > 1:
        fraction = found.str.extract(r"\.(\d+)$")
        places = {10**9: 9, 10**6: 6, 10**3: 3}[scale]
        # A float of seconds has some 7 exact decimals; further digits only repeat its rounding.
        digits = fraction.str.slice(0, places).str.pad_end(places, "0").cast(pl.Int64, strict=False)
        at = at + digits.fill_null(0)
    return at


def _of_text(found: pl.Series, times: Times) -> pl.Series:
    import polars as pl

    if times.unit in ("dmy", "mdy"):
        return _day_first(found, times)
    names = ("y", "m", "d", "H", "M", "S", "f", "zone")
    parts = found.str.extract_groups(_YMD).struct.unnest()
    for pattern in (_COMPACT, _COMPACT_CLOCK):
        missing = (
            parts["column_1"].is_null() if "column_1" in parts.columns else parts[parts.columns[0]].is_null()
        )
        if not (missing & found.is_not_null()).any():
            break
        other = found.str.extract_groups(pattern).struct.unnest()
        parts = pl.DataFrame({name: parts[name].zip_with(~missing, other[name]) for name in parts.columns})
    parts.columns = list(names)
    unread = parts["y"].is_null() & found.is_not_null()
    if unread.all() or (times.unit is None and unread.any()):
        if found.drop_nulls().str.contains(_DMY).any():
            return _day_first(found, times)
        bad = _first(unread)
        assert bad is not None
        if str(found[bad]).isdigit():
            raise BadValue(bad, "is no time between 1980 and 2100 in s, ms, us or ns", "give --unit")
        raise BadValue(
            bad, "is not a time", "write times as 2024-03-08T14:30:00Z, or name the column with --map at=…"
        )
    return _moments(found, parts, times)


def _day_first(found: pl.Series, times: Times) -> pl.Series:
    """Dates such as 03/08/2024: which number is the day follows from the unit, from a dot between the
    numbers, or from a number above 12; else it is doubtful."""
    import polars as pl

    groups = found.str.extract_groups(_DMY).struct.unnest()
    groups.columns = ["a", "separator", "b", "y", "H", "M", "S", "f", "zone"]
    bad = _first(groups["y"].is_null() & found.is_not_null())
    if bad is not None:
        raise BadValue(bad, "is not a date like those before it", "write times as 2024-03-08T14:30:00Z")
    if times.unit not in ("dmy", "mdy"):
        a, b = (groups[name].cast(pl.Int32) for name in "ab")
        if (groups["separator"] == ".").all() or (a > 12).any():
            times.unit = "dmy"
        elif (b > 12).any():
            times.unit = "mdy"
        else:
            raise BadValue(
                _first(found.is_not_null()) or 0,
                "may be day/month or month/day",
                "give --unit dmy or --unit mdy",
            )
    day, month = ("a", "b") if times.unit == "dmy" else ("b", "a")
    parts = groups.select("y", pl.col(month).alias("m"), pl.col(day).alias("d"), "H", "M", "S", "f", "zone")
    order = "day before month" if times.unit == "dmy" else "month before day"
    times.note = times.note or _zone_note(f"dates with {order}", times)
    return _moments(found, parts, times)


def _moments(found: pl.Series, parts: pl.DataFrame, times: Times) -> pl.Series:
    import polars as pl

    def whole(name: str) -> pl.Expr:
        return pl.col(name).cast(pl.Int64, strict=False).fill_null(0)

    frame = parts.with_columns(
        day=pl.concat_str("y", "m", "d", separator="-").str.to_date("%Y-%m-%d", strict=False),
        seconds=whole("H") * 3_600 + whole("M") * 60 + whole("S"),
        fraction=pl.col("f").str.slice(0, 9).str.pad_end(9, "0").cast(pl.Int64, strict=False).fill_null(0),
        is_clock=(whole("H") < 24) & (whole("M") < 60) & (whole("S") < 60),
    )
    bad = _first((frame["day"].is_null() & found.is_not_null()) | ~frame["is_clock"])
    if bad is not None:
        raise BadValue(bad, "is not a day of the calendar or not a time of day", "correct the value")
    times.dates_only = bool(frame["H"].is_null().all())
    naive = frame["day"].cast(pl.Datetime("ns")).dt.epoch("ns") + frame["seconds"] * NANOS + frame["fraction"]
    has_zone = frame["zone"].is_not_null()
    if has_zone.any():
        bad = _first(~has_zone & found.is_not_null())
        if bad is not None:
            raise BadValue(bad, "has no time zone, other rows have one", "write all times alike")
        sign = frame["zone"].str.extract(r"^([+-])").replace_strict({"+": 1, "-": -1}, default=0)
        hours = frame["zone"].str.extract(r"^[+-](\d{2})").cast(pl.Int64).fill_null(0)
        minutes = frame["zone"].str.extract(r"(\d{2})$").cast(pl.Int64, strict=False).fill_null(0)
        times.note = times.note or "times with a zone"
        return naive - sign * (hours * 3_600 + minutes * 60) * NANOS
    what = "dates" if times.dates_only else "times"
    times.note = times.note or _zone_note(what, times)
    times.has_offsets = False
    return _in_zone(naive.cast(pl.Datetime("ns")), times)


def _zone_note(what: str, times: Times) -> str:
    return f"{what} in {times.zone}" + ("" if times.is_given else " (assumed; --tz sets another)")


def _in_zone(moments: pl.Series, times: Times) -> pl.Series:
    import polars as pl

    if times.zone in ("UTC", "Z", "GMT"):
        return moments.dt.epoch("ns")
    shift = offset_ns(times.zone)
    if shift is not None:
        return moments.dt.epoch("ns") - shift
    local = pl.select(
        moments.dt.replace_time_zone(times.zone, ambiguous="null", non_existent="null")
    ).to_series()
    bad = _first(local.is_null() & moments.is_not_null())
    if bad is not None:
        raise BadValue(
            bad,
            f"occurs twice or never in {times.zone} (the clocks change)",
            "give --tz as an offset, such as -05:00",
        )
    return local.dt.epoch("ns")


def offset_ns(zone: str) -> int | None:
    """The ns of an offset such as -05:00; None if it is a zone's name."""
    found = re.fullmatch(r"([+-])(\d{2}):?(\d{2})", zone)
    if found is None:
        return None
    return (1 if found[1] == "+" else -1) * (int(found[2]) * 3_600 + int(found[3]) * 60) * NANOS


# --- sides and conditions

SIDES: Mapping[str, int] = {
    "buy": 1, "b": 1, "bid": 1, "buyer": 1, "1": 1, "+1": 1, "1.0": 1, "long": 1,
    "sell": -1, "s": -1, "ask": -1, "a": -1, "seller": -1, "-1": -1, "-1.0": -1, "short": -1,
    "0": 0, "0.0": 0, "n": 0, "unknown": 0, "no_aggressor": 0, "mid": 0,
}  # fmt: skip
"""The taker's side: 1 buy, -1 sell, 0 unknown."""
TAKER_SOLD: Mapping[str, int] = {"true": -1, "t": -1, "1": -1, "false": 1, "f": 1, "0": 1}
"""Columns such as isBuyerMaker: if the buyer was the maker, the taker sold."""


def sides(column: pl.Series, words: Mapping[str, int]) -> pl.Series:
    """1, -1 or 0 (Int8). Raises BadValue for an unknown word."""
    import polars as pl

    found = text(column).str.to_lowercase()
    bad = _first(found.is_not_null() & ~found.is_in(list(words)))
    if bad is not None:
        raise BadValue(
            bad, "is not a known side", "use buy or sell, or leave the column out with --map side="
        )
    return found.replace_strict(dict(words), default=0, return_dtype=pl.Int8).fill_null(0)


def condition_bits(how: str, text: str, tape: str) -> int:
    """The bits of conditions as numbers or as letters. A print that does not set the last price is marked."""
    if how == "numbers":
        bits, is_current = sale_conditions.of_numbers(int(each) for each in re.findall(r"\d+", text))
    else:
        inner = text.strip()
        if inner[:1] == "[" or "," in inner:
            letters = [each.strip("[]'\" ") or " " for each in inner.split(",")] if inner != "[]" else []
        else:
            letters = list(inner.replace("'", "").replace('"', ""))
        bits, is_current = sale_conditions.of_letters(letters, tape)
    return bits | (0 if is_current else sale_conditions.OUT_OF_SEQUENCE)
