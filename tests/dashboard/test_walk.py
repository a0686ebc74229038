"""A person's walk through the dashboard: a real Chromium in front of a real exchange with trading agents."""

import itertools
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.dashboard.browser import DEADLINE_MS, PHONE, Visitor, chromium, launched
from tests.stack import PASSWORD, ROOT, Stack
from tests.target import DEADLINE_S, eventually

SYMBOL = "SPY"
ACCESS_TOKEN_S = "12"
"""So short that every test runs across renewals of the token."""
CANDLES = 90
_numbers = itertools.count(1)
expect.set_options(timeout=DEADLINE_MS)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An exchange on which agents trade. It starts only if there is a browser."""
    chromium()
    folder: Path = tmp_path_factory.mktemp("dashboard") / "data"
    with Stack.start(folder, market="agents", access_token_s=ACCESS_TOKEN_S) as stack:
        yield stack


@pytest.fixture(scope="module")
def browser(market: Stack) -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture
def visitor(market: Stack, browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """Opens browsers of new persons. Afterwards no page may have had an error or have called another site."""
    opened: list[Visitor] = []

    def new(**options: Any) -> Visitor:
        opened.append(Visitor(browser, market.url, **options))
        return opened[-1]

    yield new
    for each in opened:
        each.close()
    assert [error for each in opened for error in each.errors] == []
    assert [url for each in opened for url in each.foreign] == []


@pytest.fixture
def trader(visitor: Callable[..., Visitor]) -> Visitor:
    """A newly registered person on the page Trade."""
    return registered(visitor())


def registered(person: Visitor) -> Visitor:
    name = f"walker{next(_numbers)}"
    page = person.page
    page.goto(person.url)
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("link", name="Create account").click()
    # The page before it has a field "Username or email": wait until it is gone.
    page.get_by_role("heading", name="Create account").wait_for()
    page.get_by_label("Email", exact=True).fill(f"{name}@example.com")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(person.at("header-equity")).to_have_text("100,000.00")
    lively(person)
    return person


def lively(person: Visitor) -> None:
    """Wait until the market is shown: quotes, a book of both sides, trades, candles."""
    person.live()
    expect(person.at("last")).to_contain_text(re.compile(r"\d"))
    for side in ("asks", "bids"):
        expect(person.at(side).get_by_role("listitem").nth(1)).to_be_visible()
    expect(person.at("chart").locator("canvas").first).to_be_visible()


def quote(market: Stack, symbol: str = SYMBOL) -> dict[str, Any]:
    """A quote with both sides."""

    def both() -> dict[str, Any] | None:
        found = httpx.get(f"{market.url}/api/v1/market-data/quote/{symbol}").json()
        return found if found["bid"] and found["ask"] else None

    found: dict[str, Any] = eventually(both, "a quote with both sides")
    return found


def below(market: Stack, percent: float, symbol: str = SYMBOL) -> str:
    """A price this far below the best bid, where no order of the agents is."""
    return f"{float(quote(market, symbol)['bid']) * (1 - percent / 100):.2f}"


def token_of(person: Visitor) -> str:
    """An access token of the person's session, from its cookie."""
    headers = {"Sec-Fetch-Site": "same-origin"}
    response = person.context.request.post(f"{person.url}/api/v1/auth/browser/refresh", headers=headers)
    assert response.ok, response.text()
    return str(response.json()["access_token"])


def orders(person: Visitor, status: str = "open") -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token_of(person)}"}
    response = httpx.get(f"{person.url}/api/v1/trading/orders?status={status}", headers=headers)
    items: list[dict[str, Any]] = response.json()["items"]
    return items


def resting(person: Visitor, market: Stack, quantity: str = "7", percent: float = 0.2) -> dict[str, Any]:
    """Place a limit order that rests, by the ticket."""
    person.fill_ticket("Buy", "limit", quantity, below(market, percent))
    person.send()
    person.table("Open orders")
    expect(person.at("open-orders").get_by_role("row")).to_have_count(2)
    return orders(person)[0]


def test_a_browser_sees_a_living_market_at_once(visitor: Callable[..., Visitor]) -> None:
    person = visitor()
    person.page.goto(person.url)
    lively(person)
    expect(person.at("header-equity")).to_have_text(re.compile(r"\d"))
    expect(person.page.get_by_text("Paper", exact=True)).to_be_visible()
    before = person.page.evaluate("ciftCounters.received()")
    person.wait("before => ciftCounters.received() > before + 10", before)
    stored = person.page.evaluate(
        "JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.cookie"
    )
    assert "eyJ" not in stored and "cift_rt" not in stored, "no token where scripts can read it"
    cookie = next(each for each in person.context.cookies() if each["name"] == "cift_session")
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict"


def test_a_registered_person_logs_in_and_out(visitor: Callable[..., Visitor]) -> None:
    person = registered(visitor())
    person.page.reload()
    expect(person.at("header-equity")).to_have_text("100,000.00")
    person.page.get_by_role("button", name="Log out").click()
    person.page.get_by_label("Username or email").wait_for()
    person.page.reload()
    person.page.get_by_label("Username or email").fill(f"walker{next(_numbers)}")
    person.page.get_by_label("Password").fill("a wrong password")
    person.page.get_by_role("button", name="Log in").last.click()
    expect(person.page.get_by_role("alert")).to_contain_text("wrong password")
    person.picture("login")


def test_a_market_order_is_seen_as_fill_position_and_equity(trader: Visitor) -> None:
    trader.fill_ticket("Buy", "market", "5")
    expect(trader.at("reserve")).to_have_text(re.compile(r"\d"))
    trader.send()
    trader.notice(re.compile(f"Bought \\d+ {SYMBOL}"))
    trader.table("Positions")
    row = trader.at("positions").get_by_role("row").nth(1)
    expect(row).to_contain_text(SYMBOL)
    expect(row.get_by_role("cell").nth(1)).to_have_text("5")
    trader.table("Fills")
    expect(trader.at("fills").get_by_role("row").nth(1)).to_contain_text("taker")
    trader.table("History")
    expect(trader.at("tables").get_by_role("row").nth(1)).to_contain_text("5 / 5")
    # Equity moves with the mark, not only with requests.
    expect(trader.at("header-equity")).not_to_have_text("100,000.00")
    trader.page.get_by_role("link", name="Portfolio").click()
    expect(trader.at("equity")).to_have_text(re.compile(r"\d"))
    expect(trader.at("positions")).to_contain_text(SYMBOL)
    expect(trader.at("curve").get_by_role("img", name="Equity")).to_be_visible()


def test_a_limit_order_is_in_the_book_and_is_canceled(trader: Visitor, market: Stack) -> None:
    order = resting(trader, market)
    expect(trader.at("order-line")).to_be_visible()
    trader.at("book").get_by_role("radio", name="Bids").click()
    trader.at("book").get_by_label("Grouping").select_option("100")
    expect(trader.at("bids").get_by_label("Open orders").first).to_be_attached()
    trader.at("open-orders").get_by_role("button", name=re.compile("^Cancel Buy")).click()
    trader.notice("1 order canceled")
    expect(trader.at("order-line")).to_have_count(0)
    closed = orders(trader, "closed")
    assert (closed[0]["id"], closed[0]["status"]) == (order["id"], "canceled")


def test_a_dragged_line_replaces_the_order(trader: Visitor, market: Stack) -> None:
    order = resting(trader, market, percent=0.3)
    handle = trader.at("order-line")
    box = handle.bounding_box()
    assert box is not None
    x, y = box["x"] + 20, box["y"] + box["height"] / 2
    trader.page.mouse.move(x, y)
    trader.page.mouse.down()
    trader.page.mouse.move(x, y + 20, steps=4)
    trader.page.mouse.move(x, y + 40, steps=4)
    trader.page.mouse.up()
    trader.notice(re.compile("Order replaced at"))
    moved = orders(trader)[0]
    assert moved["id"] == order["id"] and float(moved["limit_price"]) < float(order["limit_price"])
    trader.at("toasts").get_by_role("button", name="Undo").click()
    eventually(lambda: price_of(trader) == float(order["limit_price"]), "the price is the old one")
    # The same by keyboard.
    handle.focus()
    trader.page.keyboard.press("ArrowDown")
    trader.page.keyboard.press("ArrowDown")
    trader.page.keyboard.press("Enter")
    wanted = round(float(order["limit_price"]) - 0.02, 2)
    eventually(lambda: price_of(trader) == wanted, "two ticks lower")


def price_of(person: Visitor) -> float:
    """The limit price of the person's only open order."""
    (order,) = orders(person)
    return float(order["limit_price"])


def test_a_refusal_is_shown_before_and_after_sending(trader: Visitor) -> None:
    trader.fill_ticket("Buy", "market", "900000")
    refusal = trader.at("refusal")
    expect(refusal).to_contain_text("would refuse")
    trader.send()
    trader.notice(re.compile("^Refused"))
    expect(refusal).to_contain_text("Refused")
    # A correct quantity removes it.
    trader.quantity().fill("1")
    expect(refusal).to_have_count(0)
    trader.fill_ticket("Buy", "limit", "1", "1.234")
    expect(refusal).to_contain_text("would refuse")
    expect(trader.at("ticket").get_by_label("Limit price")).to_have_attribute("aria-invalid", "true")


def test_every_type_class_and_time_in_force_is_admitted(trader: Visitor, market: Stack) -> None:
    ticket = trader.at("ticket")
    bid, ask = (float(quote(market)[side]) for side in ("bid", "ask"))
    fields = {
        "limit": {"Limit price": bid - 2},
        "stop": {"Stop price": ask + 2},
        "stop_limit": {"Stop price": ask + 2, "Limit price": ask + 3},
        "trailing_stop": {"USD": 2.0},
    }
    for kind, prices in fields.items():
        trader.fill_ticket("Buy", kind, "1")
        for label, price in prices.items():
            ticket.get_by_label(label).fill(f"{price:.2f}")
        expect(trader.at("reserve"), kind).to_have_text(re.compile(r"\d"))
    for time in ("gtc", "ioc", "fok", "day"):
        trader.fill_ticket("Buy", "limit", "1", f"{bid - 2:.2f}")
        ticket.get_by_label("Time in force").select_option(time)
        expect(trader.at("reserve"), time).to_have_text(re.compile(r"\d"))
    ticket.get_by_label("Class").select_option("bracket")
    ticket.get_by_label("Take-profit limit").fill(f"{ask + 3:.2f}")
    ticket.get_by_label("Stop-loss trigger").fill(f"{bid - 4:.2f}")
    trader.quantity().fill("3")
    expect(trader.at("reserve")).to_have_text(re.compile(r"\d"))
    trader.picture("ticket-bracket")
    trader.send()
    eventually(lambda: {each["order_class"] for each in orders(trader)} == {"bracket"}, "a bracket is open")


def test_a_lost_connection_looks_lost_and_heals(trader: Visitor, market: Stack) -> None:
    order = resting(trader, market, percent=1)
    market.kill("functions")
    trader.page.locator('[data-testid="connection"]:not([data-state="live"])').wait_for(state="attached")
    expect(trader.at("connection")).to_contain_text(re.compile("Reconnecting|no data"))
    trader.live()
    lively(trader)
    expect(trader.at("open-orders")).to_contain_text("7")
    assert [each["id"] for each in orders(trader)] == [order["id"]]
    before = trader.page.evaluate("ciftCounters.received()")
    trader.wait("before => ciftCounters.received() > before + 5", before)
    trader.fill_ticket("Buy", "market", "1")
    trader.send()
    trader.notice(re.compile(f"Bought 1 {SYMBOL}"))


def test_a_gap_in_the_book_heals_itself(visitor: Callable[..., Visitor]) -> None:
    person = visitor()
    dropped = []

    def relay(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def forward(message: str | bytes) -> None:
            if not dropped and '"type":"book"' in str(message) and '"snapshot":false' in str(message):
                dropped.append(message)
            else:
                socket.send(message)

        server.on_message(forward)

    person.page.route_web_socket(re.compile("/ws/stream"), relay)
    person.page.goto(person.url)
    lively(person)
    person.wait("() => ciftCounters.healed() > 0")
    assert dropped
    lively(person)


def test_silence_turns_the_panels_grey(visitor: Callable[..., Visitor]) -> None:
    person = visitor()
    silent = []

    def relay(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda message: None if silent else socket.send(message))

    person.page.route_web_socket(re.compile("/ws/stream"), relay)
    person.page.goto(person.url)
    lively(person)
    silent.append(True)
    expect(person.at("connection")).to_have_attribute("data-state", "stale")
    expect(person.page.locator(".stale").first).to_be_visible()
    silent.clear()
    person.live()
    expect(person.page.locator(".stale")).to_have_count(0)


def test_two_tabs_agree(trader: Visitor, market: Stack) -> None:
    first, second = trader.page, trader.open()
    second.goto(trader.url)
    second.get_by_test_id("tables").get_by_role("tab", name="Open orders").click()
    resting(trader, market, "3", percent=1)
    expect(second.get_by_test_id("open-orders")).to_contain_text("0 / 3")
    second.get_by_test_id("open-orders").get_by_role("button", name=re.compile("^Cancel Buy")).click()
    expect(trader.at("open-orders")).to_have_count(0)
    second.get_by_role("button", name="Log out").click()
    expect(first.get_by_role("button", name="Log in").first).to_be_visible()


def test_the_token_is_renewed_without_a_trace(trader: Visitor) -> None:
    with trader.page.expect_response(re.compile("/auth/browser/refresh"), timeout=DEADLINE_MS) as renewed:
        pass
    assert renewed.value.ok
    trader.live()
    trader.fill_ticket("Buy", "market", "1")
    trader.send()
    trader.notice(re.compile(f"Bought 1 {SYMBOL}"))


def test_everything_by_keyboard(trader: Visitor) -> None:
    keys = trader.page.keyboard
    keys.press("/")
    expect(trader.page.get_by_role("combobox", name="Symbol or name")).to_be_focused()
    keys.type("bac")
    keys.press("Enter")
    expect(trader.at("symbol")).to_contain_text("BAC")
    expect(trader.at("ticket").get_by_label("Limit price")).to_have_value(re.compile(r"\d"))
    keys.press("2")
    expect(trader.at("chart").get_by_role("radio", name="1m")).to_have_attribute("aria-checked", "true")
    keys.press("b")
    expect(trader.quantity()).to_be_focused()
    keys.type("4")
    keys.press("Shift+Tab")
    expect(trader.at("ticket").get_by_label("Limit price")).to_be_focused()
    for _ in range(3):
        keys.press("PageDown")
    keys.press("Enter")
    expect(trader.at("submit")).to_be_focused()
    expect(trader.at("submit")).to_contain_text("Send: Buy 4 BAC")
    keys.press("Enter")
    expect(trader.at("open-orders")).to_contain_text("BAC")
    expect(trader.at("submit")).to_contain_text("Enter a quantity")
    trader.page.evaluate("document.activeElement.blur()")
    keys.press("ArrowDown")
    keys.press("x")
    trader.notice("1 order canceled")
    keys.press("?")
    expect(trader.page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    keys.press("Escape")
    expect(trader.page.get_by_role("dialog", name="Keyboard")).to_be_hidden()
    keys.press("g")
    keys.press("p")
    expect(trader.at("equity")).to_be_visible()


def test_a_phone_has_everything(visitor: Callable[..., Visitor], market: Stack) -> None:
    person = visitor(viewport=PHONE, has_touch=True, is_mobile=True)
    page: Page = person.page
    page.goto(person.url)
    bar = page.get_by_role("navigation", name="Trade")
    expect(person.at("chart").locator("canvas").first).to_be_visible()
    person.picture("phone-chart")
    bar.get_by_role("button", name="Order book").tap()
    expect(person.at("asks").get_by_role("listitem").nth(1)).to_be_visible()
    person.picture("phone-book")
    bar.get_by_role("button", name="Trade").tap()
    person.fill_ticket("Buy", "limit", "2", below(market, 1))
    expect(person.at("reserve")).to_have_text(re.compile(r"\d"))
    person.picture("phone-ticket")
    person.send()
    bar.get_by_role("button", name="Orders").tap()
    expect(person.at("open-orders")).to_contain_text("0 / 2")
    for box in (each.bounding_box() for each in bar.get_by_role("button").all()):
        assert box is not None and box["height"] >= 44, "large enough for a thumb"
    for route in ("trade", "portfolio", "account", "operate"):
        person.go(route)
        page.wait_for_load_state()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], route
    person.go("trade")
    bar.get_by_role("button", name="Orders").tap()
    person.at("open-orders").get_by_role("button", name=re.compile("^Cancel Buy")).tap()
    person.notice("1 order canceled")


def admin_key(market: Stack) -> str:
    command = [sys.executable, "-m", "cift.run", "key", "--admin"]
    environment = {"CIFT_DATA": str(market.folder)}
    made = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=DEADLINE_S, check=True
    )
    return made.stdout.strip()


def test_an_operator_halts_and_resumes_an_instrument(
    trader: Visitor, visitor: Callable[..., Visitor], market: Stack
) -> None:
    operator = visitor()
    operator.go("operate")
    operator.page.get_by_label("Administrator's key").fill("cift_not-a-key")
    operator.page.get_by_role("button", name="Unlock").click()
    expect(operator.page.get_by_role("alert")).to_be_visible()
    operator.page.get_by_label("Administrator's key").fill(admin_key(market))
    operator.page.get_by_role("button", name="Unlock").click()
    expect(operator.at("stores")).to_contain_text("ready")
    operator.page.get_by_role("button", name=f"Halt {SYMBOL}", exact=True).click()
    operator.notice(f"{SYMBOL} is halted")
    operator.picture("operate-dark")
    try:
        expect(trader.page.get_by_text("Halted").first).to_be_visible()
        trader.fill_ticket("Buy", "limit", "1", below_any(market))
        expect(trader.at("refusal")).to_contain_text("would refuse")
    finally:
        operator.page.get_by_role("button", name=f"Resume {SYMBOL}", exact=True).click()
        operator.notice(f"{SYMBOL} trades again")
    expect(trader.at("refusal")).to_have_count(0)


def below_any(market: Stack) -> str:
    """A price below the last one: while an instrument is halted its book may be empty."""
    last = httpx.get(f"{market.url}/api/v1/market-data/quote/{SYMBOL}").json()["last"]
    return f"{float(last) * 0.99:.2f}"


def wait_for_candles(market: Stack) -> None:
    """For pictures: wait until the chart has much to show. A run without pictures does not wait."""
    if "CIFT_SCREENSHOTS" not in os.environ:
        return
    url = f"{market.url}/api/v1/market-data/bars/{SYMBOL}?interval=5s&source=all&limit={CANDLES}"
    eventually(lambda: len(httpx.get(url).json()["items"]) == CANDLES, "many candles", CANDLES * 10.0)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_no_page_has_a_serious_finding_of_axe(
    visitor: Callable[..., Visitor], market: Stack, theme: str
) -> None:
    wait_for_candles(market)
    person = visitor(color_scheme=theme)
    person.page.goto(person.url)
    lively(person)
    person.fill_ticket("Sell", "market", "12")
    person.send()
    person.notice(re.compile(f"Sold \\d+ {SYMBOL}"))
    person.fill_ticket("Buy", "limit", "40", below(market, 0.05))
    expect(person.at("reserve")).to_have_text(re.compile(r"\d"))
    person.send()
    expect(person.at("order-line").first).to_be_visible()
    person.quantity().fill("25")
    expect(person.at("reserve")).to_have_text(re.compile(r"\d"))
    person.picture(f"trade-{theme}")
    assert person.serious_findings() == []
    for route, shown in (("portfolio", "equity"), ("account", "keys"), ("operate", "stores")):
        person.go(route)
        expect(person.at(shown)).to_be_visible()
        if route != "operate":  # its picture shows it unlocked
            person.picture(f"{route}-{theme}")
        assert person.serious_findings() == [], route
    person.page.get_by_role("button", name="Log out").click()
    for route in ("login", "register"):
        person.go(route)
        expect(person.page.get_by_label("Password")).to_be_visible()
        assert person.serious_findings() == [], route
