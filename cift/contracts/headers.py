"""Parameters in headers of the request."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from cift.contracts.orders import CLIENT_KEY_PATTERN


@dataclass(frozen=True, slots=True)
class FromHeader:
    """Marks a function's parameter, in its `Annotated`, as the header of this name."""

    name: str


IdempotencyKey = Annotated[
    str | None,
    Field(
        pattern=CLIENT_KEY_PATTERN,
        description="The same key with the same body returns the first result; with another body, 409.",
    ),
    FromHeader("Idempotency-Key"),
]
