"""Keyset paging: a page starts below the last key of the previous page, so that rows inserted in between
neither repeat nor hide others."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from cift.contracts.orders import SYMBOL_PATTERN
from cift.contracts.paging import Page, PageRequest, invalid_cursor, make_cursor
from cift.kernel.ids import parse_uuid

Row = TypeVar("Row")
View = TypeVar("View")
_BIGINT_MAX = 2**63 - 1


def cut(
    rows: Sequence[Row], limit: int, view: Callable[[Row], View], key: Callable[[Row], str]
) -> Page[View]:
    """The page of `rows`. The caller reads one row more than `limit`, which shows whether there is another
    page."""
    cursor = make_cursor(key(rows[limit - 1])) if len(rows) > limit else None
    return Page.model_construct(items=[view(row) for row in rows[:limit]], next_cursor=cursor)


def number_and_uuid(page: PageRequest) -> tuple[int, str] | None:
    """The key `number:uuid` of the previous page. Raises Refused: `invalid_cursor`."""
    key = page.after()
    if key is None:
        return None
    number, _, id = key.partition(":")
    parsed = parse_uuid(id)
    if parsed is None:
        raise invalid_cursor()
    return _number(number), parsed


def two_numbers(page: PageRequest) -> tuple[int, int] | None:
    """The key `number:number` of the previous page. Raises Refused: `invalid_cursor`."""
    key = page.after()
    if key is None:
        return None
    first, _, second = key.partition(":")
    entry = _number(second)
    if entry > 2**31 - 1:
        raise invalid_cursor()
    return _number(first), entry


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 19) or int(text) > _BIGINT_MAX:
        raise invalid_cursor()
    return int(text)


def symbol(page: PageRequest) -> str | None:
    """The key `symbol` of the previous page. Raises Refused: `invalid_cursor`."""
    key = page.after()
    if key is not None and re.fullmatch(SYMBOL_PATTERN, key) is None:
        raise invalid_cursor()
    return key


def number(page: PageRequest) -> int | None:
    """The key `number` of the previous page. Raises Refused: `invalid_cursor`."""
    key = page.after()
    return None if key is None else _number(key)
