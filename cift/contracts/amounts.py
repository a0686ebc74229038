"""Decimal amounts. In requests: a string such as "449.31", or a JSON number. Inside, they are whole nanos.

A float is refused: it may have been rounded. `cift/host/request_body.py` then reads the number's text.
"""

from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from cift.kernel import clock
from cift.kernel.errors import Refused
from cift.kernel.money import parse_nanos

_DECIMAL_SCHEMA = {
    "anyOf": [{"type": "string", "pattern": r"^\d{1,20}(\.\d{1,9})?$"}, {"type": "number", "minimum": 0}],
    "description": "Decimal string or JSON number with at most nine decimals. Both are read exactly.",
    "examples": ["449.31"],
}
FLOAT_AMOUNT = "float_amount"
"""The type of pydantic's error for a float."""
_EXPONENT_MAX = 64


def _text(number: Decimal) -> str:
    """The digits of a number, without an exponent."""
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or abs(exponent) > _EXPONENT_MAX:
        raise PydanticCustomError("invalid_number", "must be a plain decimal such as '449.31'")
    return format(number, "f")


def _nanos(value: object) -> int:
    if isinstance(value, float):
        raise PydanticCustomError(FLOAT_AMOUNT, "must be a plain decimal such as '449.31'")
    if isinstance(value, Decimal):
        value = _text(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise PydanticCustomError("invalid_number", "must be a decimal string or a number such as '449.31'")
    try:
        return parse_nanos(value, "it")
    except Refused as refused:
        raise PydanticCustomError("invalid_number", refused.message.removeprefix("it ")) from None


def _time(value: object) -> int:
    nanoseconds = clock.parse_rfc3339(value) if isinstance(value, str) else None
    if nanoseconds is None:
        raise PydanticCustomError("invalid_time", "must be an RFC 3339 time such as '2026-11-21T15:30:00Z'")
    return nanoseconds


Nanos = Annotated[int, BeforeValidator(_nanos), WithJsonSchema(_DECIMAL_SCHEMA)]
"""Nanos (1e-9) of a price, quantity or amount."""

TimeNs = Annotated[
    int,
    BeforeValidator(_time),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-21T15:30:00Z"]}),
]
"""Nanoseconds since the Unix epoch, from an RFC 3339 time with a zone."""

Amount = Annotated[str, WithJsonSchema({"type": "string", "format": "decimal"})]
"""A decimal string of a response. Clients that are generated from the schema read it exactly."""

Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""An RFC 3339 time of a response, in UTC."""


def decimal_text(value: Decimal | None) -> str | None:
    """The shortest exact decimal string of a NUMERIC (`449.3`, `-12`); None stays None."""
    if value is None:
        return None
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def required_text(value: Decimal) -> str:
    """As `decimal_text`, of a column that is never null."""
    text = decimal_text(value)
    assert text is not None
    return text
