"""A script, style, font or picture of the dashboard. Its name contains a hash of its content, so
browsers cache it for a year."""

from typing import Annotated

from starlette.responses import Response

from cift.contracts.headers import FromHeader
from cift.dashboard import files
from cift.function import http


@http("GET", "/assets/{name}", scope=None, rate="none", in_schema=False)
async def get_asset(
    name: str,
    accept_encoding: Annotated[str, FromHeader("Accept-Encoding")] = "",
) -> Response:
    return files.response(f"assets/{name}", accept_encoding, files.ASSET_HEADERS)
