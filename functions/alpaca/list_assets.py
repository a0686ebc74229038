"""List the instruments in Alpaca's form."""

from cift.alpaca import assets
from cift.alpaca.bodies import Asset
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/assets", scope="read", form="alpaca", scale=Scale(max=1))
async def list_assets(
    trader: Trader,
    database: Database,
    status: str | None = None,
    asset_class: str | None = None,
    exchange: str | None = None,
    attributes: str | None = None,
) -> list[Asset]:
    return assets.select(
        (await assets.directory(database)).instruments, status, asset_class, exchange, attributes
    )
