"""Names and calendars of instruments, and whether their exchanges are open. Pure.

Apart from rules.py, so that functions that return quotes do not load calendars."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from cift.contracts.admin import InstrumentDetails, InstrumentEdit, NewInstrument
from cift.contracts.amounts import decimal_text, required_text
from cift.contracts.hours import SessionState
from cift.contracts.market import SymbolView
from cift.kernel.clock import rfc3339
from cift.kernel.errors import Refused
from cift.kernel.money import format_nanos
from cift.market_data import hours
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


def details_of(body: NewInstrument) -> dict[str, str | None]:
    """The name and the calendar of a new instrument, as far as they are given. Raises Refused:
    `unknown_calendar`."""
    given = body.model_dump(include={"name", "calendar"}, exclude_unset=True)
    return changes_of(InstrumentEdit(**given)) if given else {}


def details_view(row: Row) -> InstrumentDetails:
    """The view of an instrument's name and calendar."""
    return InstrumentDetails(symbol=row["symbol"], name=row["name"], calendar=calendar_of(row))


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of an exchange now."""

    is_open: bool
    changes_at: int | None
    """In ns; None: not within two weeks."""
    state: SessionState
    last_day: date | None
    """Of the session that is on, or of the last one."""


def hours_of(rows: Sequence[Row], now_ns: int) -> dict[str, Hours]:
    """The hours of each calendar of these instruments."""
    found = {}
    for name in {calendar_of(row) for row in rows}:
        days = calendar(name)
        last = hours.last_session(days, now_ns)
        is_open, changes_at = days.state(now_ns)
        state = hours.state_of(days, now_ns)
        found[name] = Hours(is_open, changes_at, state, None if last is None else last.day)
    return found


def calendar_of(row: Row) -> str:
    """The calendar of an instrument."""
    name: str = row["calendar"] or default_of(row["symbol"])
    return name


def symbol_view(row: Row, by_calendar: dict[str, Hours]) -> SymbolView:
    """The view of an instrument; `by_calendar` contains its calendar."""
    now = by_calendar[calendar_of(row)]
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
        in_regular_hours=now.is_open,
        hours_change_at=None if now.changes_at is None else rfc3339(now.changes_at),
        session=now.state,
        last_session=None if now.last_day is None else now.last_day.isoformat(),
    )
