"""`cift instrument …`: list instruments, change their names and calendars, splits and dividends, with an
administrator's key."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cift.cli import output
from cift.cli.client import Client, Failed, new_key, segment
from cift.cli.output import AsJson
from cift.platform.calendars import known

app = typer.Typer(
    help="List and change instruments, with an administrator's key (make key ADMIN=1).",
    no_args_is_help=True,
)
COLUMNS = [
    output.text("symbol", "symbol"),
    output.text("name", "name"),
    output.text("calendar", "calendar"),
]
TERMS = [
    *COLUMNS,
    output.text("currency", "currency"),
    output.number("tick", "tick"),
    output.number("lot", "lot"),
    output.number("band %", "band_percent"),
    output.number("collar %", "collar_percent"),
]
ACTION = [
    output.text("symbol", "symbol"),
    output.text("action", "kind"),
    output.text("prices adjusted up to", "last_day_before"),
]
FIELDS = ("symbol", "name", "calendar", "currency", "tick", "lot", "band_percent", "collar_percent")
Name = Annotated[str | None, typer.Option("--name", help='Its name; "" removes it.')]
CalendarName = Annotated[
    str | None,
    typer.Option("--calendar", help=f'Its trading calendar: {", ".join(known())}; "" restores the default.'),
]


@app.command()
def add(
    symbol: str,
    name: Name = None,
    calendar: CalendarName = None,
    currency: Annotated[str | None, typer.Option(help="Default: USD.")] = None,
    tick: Annotated[str | None, typer.Option(help="The smallest step of a price; default: 0.01.")] = None,
    lot: Annotated[str | None, typer.Option(help="The smallest quantity; default: 1.")] = None,
    band: Annotated[
        str | None, typer.Option(help="Percent that limit prices may be from the market; default: 10.")
    ] = None,
    collar: Annotated[
        str | None, typer.Option(help="Percent that market orders may trade from the market; default: 2.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List an instrument. Its terms cannot change later; its name and calendar can."""
    values = (symbol, name, calendar, currency, tick, lot, band, collar)
    answer = _add(Client(), dict(zip(FIELDS, values, strict=True)))
    output.show_record(answer, TERMS, as_json)


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="CSV with a header, or JSON: a list of objects.")],
    as_json: AsJson = False,
) -> None:
    """List all instruments of a file. Its columns: symbol, name, calendar, currency, tick, lot, band_percent,
    collar_percent; all but symbol may be missing. Loading a file twice changes nothing."""
    client = Client()
    answers = [_add(client, row) for row in _rows(file)]
    output.show_list(answers, TERMS, f"{file} has no instruments", as_json)


@app.command()
def change(
    symbol: str,
    name: Name = None,
    calendar: CalendarName = None,
    as_json: AsJson = False,
) -> None:
    """Set an instrument's name and trading calendar. An option that is not given changes nothing."""
    given = {"name": name, "calendar": calendar}
    body = {field: text or None for field, text in given.items() if text is not None}
    if not body:
        raise Failed("usage", "give --name, --calendar or both")
    answer = Client().call("PATCH", f"/admin/instruments/{segment(symbol)}", body, key=new_key())
    output.show_record(answer, COLUMNS, as_json)


@app.command()
def split(
    symbol: str,
    ratio: Annotated[str, typer.Argument(help="New shares for old ones: 2:1 doubles the shares.")],
    as_json: AsJson = False,
) -> None:
    """Split an instrument from now on. A forward split adjusts open orders, a reverse one cancels them."""
    numerator, colon, denominator = ratio.partition(":")
    if not (colon and numerator.isdigit() and denominator.isdigit()):
        raise Failed("usage", f"the ratio is {ratio!r}; give two numbers such as 2:1")
    body = {"numerator": int(numerator), "denominator": int(denominator)}
    _act(symbol, "split", body, as_json)


@app.command()
def dividend(
    symbol: str,
    amount: Annotated[str, typer.Argument(help="Per share, in the instrument's currency.")],
    as_json: AsJson = False,
) -> None:
    """Pay a cash dividend; today is the ex-dividend day."""
    _act(symbol, "dividend", {"amount": amount}, as_json)


def _act(symbol: str, action: str, body: dict[str, Any], as_json: bool) -> None:
    answer = Client().call("POST", f"/admin/instruments/{segment(symbol)}/{action}", body, key=new_key())
    output.show_record(answer, ACTION, as_json)


def _add(client: Client, values: dict[str, Any]) -> Any:
    body = {name: values[name] for name in FIELDS if values.get(name) not in (None, "")}
    return client.call("POST", "/admin/instruments", body, key=new_key())


def _rows(file: Path) -> list[dict[str, Any]]:
    """The instruments of a file, with a sentence for a file that cannot be read."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        rows = json.loads(text) if text.lstrip()[:1] == "[" else list(csv.DictReader(text.splitlines()))
    except (OSError, ValueError) as problem:
        raise Failed("unreadable", f"{file} cannot be read: {problem}") from None
    for number, row in enumerate(rows, 1):
        unknown = sorted(str(name) for name in row if name not in FIELDS)
        if not isinstance(row, dict) or not row.get("symbol") or unknown:
            wrong = f"unknown column {unknown[0]}" if unknown else "no symbol"
            raise Failed("unreadable", f"{file}, instrument {number}: {wrong}; columns: {', '.join(FIELDS)}")
    return list(rows)
