"""Names and calendars of instruments, and whether their exchanges are open. Pure.

Apart from rules.py, so that functions that return quotes do not load calendars."""

from collections.abc import Sequence
from typing import Any

from cift.contracts.admin import InstrumentDetails, InstrumentEdit
from cift.contracts.amounts import decimal_text, required_text
from cift.contracts.market import SymbolView
from cift.kernel.clock import rfc3339
from cift.kernel.errors import Refused
from cift.kernel.money import format_nanos
from cift.platform.calendars import calendar, default_of, known

Row = Any


def changes_of(edit: InstrumentEdit) -> dict[str, str | None]:
    """The details that the edit sets; None removes one.

    Raises:
        Refused: `nothing_to_edit`, `unknown_calendar`.
    """
    changes = edit.model_dump(exclude_unset=True)
    if not changes:
        raise Refused("nothing_to_edit", "Give a name, a calendar, or both")
    if edit.calendar is not None and edit.calendar not in known():
        raise Refused("unknown_calendar", f"calendar is one of {', '.join(known())}", "calendar")
    return changes


def details_view(row: Row) -> InstrumentDetails:
    """The view of an instrument's name and calendar."""
    return InstrumentDetails(symbol=row["symbol"], name=row["name"], calendar=calendar_of(row))


def hours_of(rows: Sequence[Row], now_ns: int) -> dict[str, tuple[bool, int | None]]:
    """For each calendar of these instruments: whether its exchange is open, and when (ns) that changes."""
    return {name: calendar(name).state(now_ns) for name in {calendar_of(row) for row in rows}}


def calendar_of(row: Row) -> str:
    """The calendar of an instrument."""
    name: str = row["calendar"] or default_of(row["symbol"])
    return name


def symbol_view(row: Row, hours: dict[str, tuple[bool, int | None]]) -> SymbolView:
    """The view of an instrument; `hours` contains its calendar."""
    is_open, changes_at = hours[calendar_of(row)]
    return SymbolView.model_construct(
        symbol=row["symbol"],
        name=row["name"],
        currency=row["currency"],
        tick=required_text(row["tick"]),
        lot=required_text(row["lot"]),
        band_percent=format_nanos(row["band_ppm"] * 100_000),
        collar_percent=format_nanos(row["collar_ppm"] * 100_000),
        halted=row["halted"],
        last=decimal_text(row["last_price"]),
        calendar=calendar_of(row),
        in_regular_hours=is_open,
        hours_change_at=None if changes_at is None else rfc3339(changes_at),
    )
