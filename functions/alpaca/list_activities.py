"""List fills, transfers, fees and dividends of the account, newest first."""

from typing import Any, Literal

from cift.alpaca import activities
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/account/activities", scope="read", form="alpaca", scale=Scale(max=1))
async def list_activities(
    trader: Trader,
    database: Database,
    activity_types: str | None = None,
    category: str | None = None,
    date: str | None = None,
    after: str | None = None,
    until: str | None = None,
    direction: Literal["asc", "desc"] = "desc",
    page_size: int | None = None,
    page_token: str | None = None,
) -> list[dict[str, Any]]:
    return await activities.activities(
        trader,
        database,
        types=activities.types_of(activity_types, category),
        date=date,
        after=after,
        until=until,
        ascending=direction == "asc",
        page_size=activities.page_size_of(page_size),
        page_token=page_token,
    )
