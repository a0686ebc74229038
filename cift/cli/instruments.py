"""`cift instrument`: set an instrument's name and trading calendar, with an administrator's key."""

from __future__ import annotations

from typing import Annotated

import typer

from cift.cli import output
from cift.cli.client import Client, Failed, new_key, segment
from cift.cli.output import AsJson
from cift.platform.calendars import known

COLUMNS = [
    output.text("symbol", "symbol"),
    output.text("name", "name"),
    output.text("calendar", "calendar"),
]
Name = Annotated[str | None, typer.Option("--name", help='Its name; "" removes it.')]
CalendarName = Annotated[
    str | None,
    typer.Option("--calendar", help=f'Its trading calendar: {", ".join(known())}; "" restores the default.'),
]


def instrument(
    symbol: str,
    name: Name = None,
    calendar: CalendarName = None,
    as_json: AsJson = False,
) -> None:
    """Set an instrument's name and trading calendar, with an administrator's key (make key ADMIN=1).

    An option that is not given leaves its value as it is.
    """
    given = {"name": name, "calendar": calendar}
    body = {field: text or None for field, text in given.items() if text is not None}
    if not body:
        raise Failed("usage", "give --name, --calendar or both")
    answer = Client().call("PATCH", f"/admin/instruments/{segment(symbol)}", body, key=new_key())
    output.show_record(answer, COLUMNS, as_json)
