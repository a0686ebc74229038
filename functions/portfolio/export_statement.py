"""The statement of a day or a month as a file: CSV, or an HTML page that browsers print as PDF."""

from typing import Literal

from starlette.responses import Response

from cift.function import Scale, http
from cift.kernel.clock import now_ns
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.portfolio import statement


@http("GET", "/api/v1/trading/statements/{period}/file", scope="read", scale=Scale(max=1))
async def export_statement(
    period: str, trader: Trader, database: Database, format: Literal["csv", "html"] = "html"
) -> Response:
    found = await statement.view(period, now_ns(), trader, database)
    headers = {"Content-Disposition": f'inline; filename="statement-{found.period}.{format}"'}
    if format == "csv":
        return Response(statement.as_csv(found), media_type="text/csv", headers=headers)
    return Response(statement.as_html(found), media_type="text/html", headers=headers)
