"""Names and trading calendars of instruments: listed and searched without a login."""

from typing import Any

import httpx
import pytest

from tests.target import DEADLINE_S, eventually
from tests.venue import MARKET, Venue, refusal

SYMBOLS = f"{MARKET}/symbols"


async def listed(venue: Venue, query: str, limit: int = 500) -> list[dict[str, Any]]:
    """All instruments that match, from all pages."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await venue.get(None, SYMBOLS, query=query, limit=limit, **cursor)
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        assert len(page["items"]) == limit, "only the last page is short"
        cursor = {"cursor": page["next_cursor"]}


async def instruments(venue: Venue, count: int) -> list[str]:
    """New instruments, after they are listed."""
    symbols = sorted([await venue.instrument(price=None) for _ in range(count)])

    def are_listed() -> bool:
        answers = [
            httpx.get(f"{venue.exchange.url}{SYMBOLS}?query={each}", timeout=DEADLINE_S) for each in symbols
        ]
        return all(answer.json()["items"] for answer in answers)

    eventually(are_listed, "the instruments are listed")
    return symbols


async def insert_details(venue: Venue, symbol: str, name: str | None, calendar: str | None = None) -> None:
    await venue.platform.database.execute(
        "INSERT INTO instrument_details (symbol, name, calendar) VALUES ($1, $2, $3)", symbol, name, calendar
    )


async def test_instruments_are_found_by_symbol_or_name_in_any_case(venue: Venue) -> None:
    first, second, third, fourth = await instruments(venue, 4)
    await insert_details(venue, second, f"Crème Brûlée of {fourth}")
    await insert_details(venue, third, f"100%_of {fourth} & Söhne")
    found = await listed(venue, fourth.lower())
    assert [each["symbol"] for each in found] == [second, third, fourth]
    assert [each["name"] for each in found] == [
        f"Crème Brûlée of {fourth}",
        f"100%_of {fourth} & Söhne",
        None,
    ]
    assert await listed(venue, fourth, limit=1) == await listed(venue, fourth, limit=2) == found
    for query in (f"CRÈME BRÛLÉE OF {fourth}", f"  crème brûlée of {fourth.lower()} "):
        assert [each["symbol"] for each in await listed(venue, query)] == [second]
    # % and _ are ordinary characters.
    assert [each["symbol"] for each in await listed(venue, f"%_OF {fourth}")] == [third]
    assert await listed(venue, f"cr_me%{fourth}") == []
    assert [each["name"] for each in await listed(venue, first)] == [None]


async def test_each_instrument_has_the_hours_of_its_calendar(venue: Venue) -> None:
    usual, always, tokyo = await instruments(venue, 3)
    await insert_details(venue, always, None, "24/7")
    await insert_details(venue, tokyo, None, "XTKS")
    found = {each: (await listed(venue, each))[0] for each in (usual, always, tokyo)}
    assert [found[each]["calendar"] for each in found] == ["XNYS", "24/7", "XTKS"]
    assert (found[always]["in_regular_hours"], found[always]["hours_change_at"]) == (True, None)
    assert not (found[usual]["in_regular_hours"] and found[tokyo]["in_regular_hours"]), (
        "New York and Tokyo are never open at the same time"
    )
    assert found[usual]["hours_change_at"] != found[tokyo]["hours_change_at"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("query=", "query"),
        ("query=%20", "query"),
        ("query=a%00b", "query"),
        ("query=a%0Ab", "query"),
        (f"query={'a' * 101}", "query"),
        ("cursor=AA", "cursor"),  # a zero byte
        ("cursor=YSBi", "cursor"),  # no symbol
    ],
)
async def test_an_invalid_search_is_refused(venue: Venue, query: str, field: str) -> None:
    code = "invalid_cursor" if field == "cursor" else "invalid_request"
    refusal(await venue.call(None, "GET", f"{SYMBOLS}?{query}"), 422, code, field)


async def test_the_instruments_of_the_sample_have_names(venue: Venue) -> None:
    rows = await venue.platform.database.fetch(
        "SELECT symbol, name FROM instrument_details WHERE symbol IN ('SPY', 'IBM', 'BAC', 'AIG') ORDER BY 1"
    )
    assert [row["symbol"] for row in rows] == ["AIG", "BAC", "IBM", "SPY"]
    assert rows[3]["name"] == "SPDR S&P 500 ETF Trust"
