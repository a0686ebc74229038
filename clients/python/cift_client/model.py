"""What the generated models share. Amounts are `Decimal`, times are aware datetimes."""

from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict, PlainValidator

Amount: TypeAlias = Decimal | int | str
"""A price, quantity or sum that a caller passes: `Decimal("449.31")`, `10` or `"449.31"`."""
Time: TypeAlias = datetime | str
"""A time that a caller passes: an aware datetime, or RFC 3339."""


def _word(value: Any) -> Any:
    return value


Word = PlainValidator(_word)
"""Marks a word of a list, such as a status. An exchange newer than this package may send others."""


class Model(BaseModel):
    """A part of a response or a message. Fields that this package does not know are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=())
