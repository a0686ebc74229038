"""Parameters that come in a header of the request."""

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
        description="Sent again with the same body it gives the first result; with another body, 409.",
    ),
    FromHeader("Idempotency-Key"),
]
