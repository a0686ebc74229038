"""Compares messages with functions/asyncapi.gen.json, in which a message's `type` or `action` is its name."""

import json
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, FormatChecker

PATH = Path(__file__).resolve().parent.parent.parent / "functions" / "asyncapi.gen.json"
DOCUMENT: dict[str, Any] = json.loads(PATH.read_text())
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("decimal", raises=InvalidOperation)
def _decimal(value: object) -> bool:
    return not isinstance(value, str) or Decimal(value).is_finite()


@_FORMATS.checks("date-time", raises=ValueError)
def _date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).utcoffset() is not None


def names(channel: str) -> dict[str, str]:
    """The schema of each `type` or `action` in a channel of the document."""
    found = {}
    for reference in DOCUMENT["channels"][channel]["messages"].values():
        name = reference["$ref"].rsplit("/", 1)[1]
        properties = SCHEMAS[name]["properties"]
        found[properties.get("type", properties.get("action"))["const"]] = name
    return found


@cache
def _validator(channel: str, kind: str) -> Draft7Validator:
    known = names(channel)
    assert kind in known, f"the document has no message '{kind}' in the channel '{channel}'"
    schema = {"$ref": f"#/components/schemas/{known[kind]}", "components": DOCUMENT["components"]}
    return Draft7Validator(schema, format_checker=_FORMATS)


def problems(message: dict[str, Any], channel: str = "socket") -> list[str]:
    """How a message differs from the document."""
    kind = message.get("type") or message["action"]
    return [
        f"{kind}{each.json_path[1:]}: {each.message}"
        for each in _validator(channel, kind).iter_errors(message)
    ]


def check(message: dict[str, Any], channel: str = "socket") -> None:
    """Fails if a message is not as the document describes it."""
    assert not problems(message, channel), (problems(message, channel), message)
