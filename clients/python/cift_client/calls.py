"""Requests, before they are sent: paths, queries, bodies, and the key that makes a change happen once."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

KEY_HEADER = "Idempotency-Key"


class Unset(Enum):
    """The type of `UNSET`: a field that a PATCH leaves out, because None would remove a value."""

    UNSET = "unset"


UNSET = Unset.UNSET


@dataclass(frozen=True, slots=True)
class Call:
    """One request of the API."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    keyed: bool = False
    """Whether the exchange applies it once, however often it arrives with the same key."""
    key: str | None = None
    """The caller's key; None: a new one."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request as it is sent, at the first try and at all others."""

    method: str
    path: str
    query: dict[str, str]
    json: dict[str, Any] | None
    headers: dict[str, str]
    key: str | None
    """The idempotency key, in the header or as client_order_id; None: the request has none."""

    @property
    def changes(self) -> bool:
        return self.method not in ("GET", "HEAD")


def prepare(call: Call) -> Prepared:
    """The request of a call. A change that takes a key gets one.

    Raises:
        TypeError: a float where an amount is wanted.
        ValueError: a datetime without a zone.
    """
    body = None
    if call.body is not None:
        absent = (UNSET,) if call.method == "PATCH" else (UNSET, None)
        body = {name: _json(value) for name, value in call.body.items() if value not in absent}
    headers: dict[str, str] = {}
    key = None
    if call.keyed:
        own = body.get("client_order_id") if body else None
        key = call.key if call.key is not None else own or f"cift-{uuid.uuid4().hex}"
        if key != own:
            headers[KEY_HEADER] = key
    query = {name: _text(value) for name, value in call.query.items() if value is not None}
    return Prepared(call.method, call.path, query, body, headers, key)


def segment(text: str) -> str:
    """A symbol or id as one segment of a path: BTC/USD has a slash.

    Raises:
        ValueError: the path would be another one, such as that of `cancel_all` for the order "".
    """
    if text in ("", ".", ".."):
        raise ValueError(f"{text!r} is no symbol or id")
    return quote(text, safe="")


def _json(value: Any) -> Any:
    if isinstance(value, float):
        raise TypeError(f"{value!r} is a float, which may be rounded: pass a Decimal, an int or a string")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, BaseModel):
        return {name: _json(each) for name, each in value if each is not None}
    if isinstance(value, list | tuple):
        return [_json(each) for each in value]
    if isinstance(value, dict):
        return {name: _json(each) for name, each in value.items()}
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return _moment(value)
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _moment(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError(f"{value!r} has no zone: pass an aware datetime, such as datetime.now(UTC)")
    return value.isoformat()
