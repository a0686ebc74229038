"""The dashboard: its HTML page. Browsers never cache it, so that a new release is used at the next load."""

from typing import Annotated

from starlette.responses import Response

from cift.contracts.headers import FromHeader
from cift.dashboard import files
from cift.function import http


@http("GET", "/", scope=None, rate="none", in_schema=False)
async def get_page(
    accept_encoding: Annotated[str, FromHeader("Accept-Encoding")] = "",
) -> Response:
    return files.response(files.PAGE, accept_encoding, files.PAGE_HEADERS)
