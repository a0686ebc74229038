"""Parameters in headers of the request."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from cift.contracts.orders import CLIENT_KEY_PATTERN


@dataclass(frozen=True, slots=True)
class FromHeader:
    """Marks a function's parameter, in its `Annotated`, as the header of this name."""

    name: str
    listed: bool = True
    """Whether the OpenAPI document lists it. Headers that browsers set by themselves are not listed."""


IdempotencyKey = Annotated[
    str | None,
    Field(
        pattern=CLIENT_KEY_PATTERN,
        description="The same key with the same body returns the first result; with another body, 409.",
    ),
    FromHeader("Idempotency-Key"),
]

Cookie = Annotated[str | None, FromHeader("Cookie", listed=False)]
Origin = Annotated[str | None, FromHeader("Origin", listed=False)]
Host = Annotated[str | None, FromHeader("Host", listed=False)]
ForwardedHost = Annotated[str | None, FromHeader("X-Forwarded-Host", listed=False)]
"""The caller's `Host`, as the gateway received it; without a gateway anybody can set it."""
FetchSite = Annotated[str | None, FromHeader("Sec-Fetch-Site", listed=False)]
