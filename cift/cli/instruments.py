"""`cift instrument`: what an instrument is called, and whose hours it has. With an operator's key."""

from __future__ import annotations

from typing import Annotated

import typer

from cift.cli import output
from cift.cli.client import Client, Failed, new_key
from cift.cli.output import AsJson
from cift.platform.calendars import known

COLUMNS = [
    output.text("symbol", "symbol"),
    output.text("name", "name"),
    output.text("calendar", "calendar"),
]
Name = Annotated[str | None, typer.Option("--name", help='What it is called; "" takes it back.')]
CalendarName = Annotated[
    str | None,
    typer.Option("--calendar", help=f'Whose hours it has: {", ".join(known())}; "" is the usual one.'),
]


def instrument(
    symbol: str,
    name: Name = None,
    calendar: CalendarName = None,
    as_json: AsJson = False,
) -> None:
    """Say what an instrument is called and whose hours it has, with an operator's key (make key ADMIN=1).

    What is not given stays as it is.
    """
    given = {"name": name, "calendar": calendar}
    body = {field: text or None for field, text in given.items() if text is not None}
    if not body:
        raise Failed("usage", "say what: --name, --calendar, or both")
    answer = Client().call("PATCH", f"/admin/instruments/{symbol}", body, key=new_key())
    output.show_record(answer, COLUMNS, as_json)
