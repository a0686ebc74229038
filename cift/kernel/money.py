"""Amounts: decimal strings in requests and responses, whole nanos (1e-9) internally. No price or amount is
ever a float."""

import re
from decimal import Decimal, InvalidOperation

from cift.kernel.errors import Refused

NANOS = 1_000_000_000
MAX_WHOLE_DIGITS = 20  # limits the parsing work; the engine has the limits of the exchange
# Plain decimals only: no exponent, no NaN, no separators, no leading plus; ASCII digits.
_DECIMAL = re.compile(r"(-?)(\d+)(?:\.(\d+))?", re.ASCII)


def parse_nanos(text: str | int, field: str, *, signed: bool = False) -> int:
    """The exact nanos of a decimal string or a whole number.

    Raises:
        Refused: `invalid_number` (with `field`): not a plain decimal, more than nine decimals, more than 20
            digits before the point, or negative without `signed`.
    """
    if isinstance(text, bool):
        raise Refused("invalid_number", f"{field} must be a decimal string such as '449.31'", field)
    if isinstance(text, int):
        text = str(text)
    if not isinstance(text, str):
        raise Refused("invalid_number", f"{field} must be a decimal string such as '449.31'", field)
    found = _DECIMAL.fullmatch(text) if len(text) <= 64 else None
    if found is None:
        raise Refused("invalid_number", f"{field} must be a plain decimal such as '449.31'", field)
    sign, whole, fraction = found.groups()
    fraction = fraction or ""
    if len(fraction) > 9 and fraction[9:].strip("0"):
        raise Refused("invalid_number", f"{field} has more than nine decimals", field)
    if len(whole.lstrip("0")) > MAX_WHOLE_DIGITS:
        raise Refused("invalid_number", f"{field} is too large", field)
    nanos = int(whole) * NANOS + int(fraction[:9].ljust(9, "0"))
    if sign and nanos:
        if not signed:
            raise Refused("invalid_number", f"{field} must not be negative", field)
        return -nanos
    return nanos


def format_nanos(nanos: int, decimals: int = 0) -> str:
    """The shortest exact decimal string, with at least `decimals` decimals (`449.3`, `100000.00`)."""
    sign = "-" if nanos < 0 else ""
    whole, rest = divmod(abs(nanos), NANOS)
    fraction = f"{rest:09d}".rstrip("0").ljust(decimals, "0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def nanos_of(value: str | int | float) -> int:
    """The nanos of a number from a data provider, at least 0, rounded to whole nanos.

    JSON and MessagePack carry prices as floats. The shortest text of a float is the decimal that the
    provider wrote (up to 15 digits), so this parses that text and does no arithmetic with the float.

    Raises:
        ValueError: `value` is not a number, negative, or too large.
    """
    if type(value) is int:
        nanos = value * NANOS
    else:
        try:
            nanos = int(
                Decimal(value if isinstance(value, str) else repr(value)).scaleb(9).to_integral_value()
            )
        except (InvalidOperation, OverflowError) as problem:
            raise ValueError(f"{value!r} is not an amount") from problem
    if not 0 <= nanos < 10 ** (MAX_WHOLE_DIGITS + 9):
        raise ValueError(f"{value!r} is not an amount")
    return nanos
