"""`TradingClient` of alpaca-py, unmodified, against the exchange."""

from datetime import date
from uuid import uuid4

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import (
    AssetClass,
    AssetStatus,
    OrderClass,
    OrderSide,
    OrderStatus,
    QueryOrderStatus,
    TimeInForce,
)
from alpaca.trading.requests import (
    ClosePositionRequest,
    CreateWatchlistRequest,
    GetAssetsRequest,
    GetCalendarRequest,
    GetOptionContractsRequest,
    GetOrdersRequest,
    GetPortfolioHistoryRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLossRequest,
    TakeProfitRequest,
    TrailingStopOrderRequest,
    UpdateWatchlistRequest,
)

from tests.alpaca.conftest import Market
from tests.target import User


def buy(symbol: str, /, quantity: float = 1, price: float = 99.0, **changed: object) -> LimitOrderRequest:
    """A limit order that rests below the best bid."""
    fields = {"symbol": symbol, "qty": quantity, "side": OrderSide.BUY, "time_in_force": TimeInForce.DAY}
    return LimitOrderRequest(**{**fields, "limit_price": price, **changed})


def market_order(symbol: str, quantity: float, side: OrderSide = OrderSide.BUY) -> MarketOrderRequest:
    return MarketOrderRequest(symbol=symbol, qty=quantity, side=side, time_in_force=TimeInForce.DAY)


def test_account_order_lookup_and_cancel(client: TradingClient, user: User, market: Market) -> None:
    account = client.get_account()
    assert (str(account.id), account.status.value) == (user.account_id, "ACTIVE")
    assert (account.cash, account.equity, account.pattern_day_trader) == ("100000", "100000", False)
    filled = client.submit_order(market_order(market.symbol, 2))
    assert (filled.status, filled.filled_qty, filled.filled_avg_price) == (OrderStatus.FILLED, "2", "100.1")
    assert client.get_order_by_id(filled.id) == filled
    resting = client.submit_order(buy(market.symbol))
    assert resting.status is OrderStatus.NEW
    assert [each.id for each in client.get_orders()] == [resting.id]
    client.cancel_order_by_id(resting.id)
    assert client.get_order_by_id(resting.id).status is OrderStatus.CANCELED
    assert client.get_orders() == []
    closed = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL))
    assert [each.id for each in closed] == [resting.id, filled.id]


def test_a_used_client_order_id_is_refused_and_finds_the_first_order(
    client: TradingClient, market: Market
) -> None:
    name = f"bot {uuid4()}"
    first = client.submit_order(buy(market.symbol, client_order_id=name))
    with pytest.raises(APIError) as refused:
        client.submit_order(buy(market.symbol, client_order_id=name))
    assert (refused.value.status_code, refused.value.code) == (422, 40010001)
    assert refused.value.message == "client_order_id must be unique"
    assert client.get_order_by_client_id(name).id == first.id
    assert len(client.get_orders()) == 1


def test_cancel_all_reports_each_order(client: TradingClient, market: Market) -> None:
    placed = {client.submit_order(buy(market.symbol, price=price)).id for price in (98.0, 98.5)}
    canceled = client.cancel_orders()
    assert {each.id for each in canceled} == placed
    assert {each.status for each in canceled} == {200}
    assert client.cancel_orders() == []


def test_floats_are_rounded_to_what_was_meant(client: TradingClient, market: Market) -> None:
    assert client.submit_order(buy(market.symbol, price=98.1 + 0.2)).limit_price == "98.3"


@pytest.mark.parametrize(
    ("changed", "status", "code", "sentence"),
    [
        ({"limit_price": 98.001}, 422, 42210000, "sub-penny increment"),
        ({"qty": 1.5}, 422, 42210000, "not fractionable"),
        ({"qty": 5000}, 403, 40310000, "insufficient buying power"),
        ({"symbol": "NOSUCH"}, 422, 42210000, 'asset "NOSUCH" not found'),
        ({"time_in_force": TimeInForce.OPG}, 422, 42210000, "opg is not supported"),
    ],
)
def test_refusals_have_alpacas_numbers(
    client: TradingClient, market: Market, changed: dict[str, object], status: int, code: int, sentence: str
) -> None:
    with pytest.raises(APIError) as refused:
        client.submit_order(buy(market.symbol, **changed))
    assert (refused.value.status_code, refused.value.code) == (status, code)
    assert sentence in refused.value.message


def test_wrong_and_missing_credentials(market: Market, user: User) -> None:
    key_id, secret = market.keys(user)
    for pair in ((key_id, "x" * 43), ("PK" + "A" * 18, secret), (key_id, "short")):
        with pytest.raises(APIError) as refused:
            TradingClient(*pair, url_override=market.url).get_account()
        assert (refused.value.status_code, refused.value.code) == (401, 40110000)


def test_access_tokens_and_root_paths(market: Market, user: User) -> None:
    for url in (market.url, f"{market.url}/", f"{market.url}/alpaca"):
        client = TradingClient(oauth_token=user.access_token, url_override=url)
        assert str(client.get_account().id) == user.account_id


def test_what_is_not_offered_is_a_404_in_alpacas_form(client: TradingClient) -> None:
    with pytest.raises(APIError) as refused:
        client.get_option_contracts(GetOptionContractsRequest(underlying_symbols=["SPY"]))
    assert (refused.value.status_code, refused.value.code) == (404, 40410000)
    with pytest.raises(APIError) as refused:
        client.get_order_by_id(str(uuid4()))
    assert (refused.value.status_code, refused.value.code) == (404, 40410000)


def test_a_replacement_has_a_new_id_and_the_old_order_is_replaced(
    client: TradingClient, market: Market
) -> None:
    first = client.submit_order(buy(market.symbol, quantity=5, price=98.0))
    second = client.replace_order_by_id(first.id, ReplaceOrderRequest(qty=3, limit_price=98.5))
    assert second.id != first.id and second.replaces == first.id
    assert (second.status, second.qty, second.limit_price) == (OrderStatus.NEW, "3", "98.5")
    third = client.replace_order_by_id(second.id, ReplaceOrderRequest(limit_price=98.25))
    old = client.get_order_by_id(first.id)
    assert (old.status, old.replaced_by, old.qty, old.limit_price) == (
        OrderStatus.REPLACED,
        second.id,
        "5",
        "98",
    )
    middle = client.get_order_by_id(second.id)
    assert (middle.status, middle.replaced_by, middle.replaces) == (
        OrderStatus.REPLACED,
        third.id,
        first.id,
    )
    assert [each.id for each in client.get_orders()] == [third.id]
    everything = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL))
    assert [each.id for each in everything] == [third.id, second.id, first.id]
    for replaced in (first.id, second.id):
        with pytest.raises(APIError) as refused:
            client.cancel_order_by_id(replaced)
        assert (refused.value.status_code, refused.value.code) == (422, 42210000)
    client.cancel_order_by_id(third.id)
    with pytest.raises(APIError) as refused:
        client.replace_order_by_id(third.id, ReplaceOrderRequest(qty=1))
    assert (refused.value.status_code, refused.value.code) == (422, 42210000)


def test_brackets_are_nested_and_canceled_together(client: TradingClient, market: Market) -> None:
    bracket = client.submit_order(
        buy(
            market.symbol,
            price=98.0,
            order_class=OrderClass.BRACKET,
            take_profit=TakeProfitRequest(limit_price=104),
            stop_loss=StopLossRequest(stop_price=95),
        )
    )
    assert bracket.order_class is OrderClass.BRACKET
    assert [leg.status for leg in bracket.legs] == [OrderStatus.HELD, OrderStatus.HELD]
    nested = client.get_orders(GetOrdersRequest(nested=True))
    assert [each.id for each in nested] == [bracket.id]
    assert {leg.type.value for leg in nested[0].legs} == {"limit", "stop"}
    assert len(client.get_orders()) == 3
    client.cancel_order_by_id(bracket.id)
    assert client.get_orders() == []


def test_trailing_stops_show_their_best_price(client: TradingClient, market: Market) -> None:
    client.submit_order(market_order(market.symbol, 5))
    order = client.submit_order(
        TrailingStopOrderRequest(
            symbol=market.symbol, qty=5, side=OrderSide.SELL, time_in_force=TimeInForce.GTC, trail_percent=2
        )
    )
    read = client.get_order_by_id(order.id)
    assert read.trail_percent == "2" and float(read.hwm) > float(read.stop_price) > 0


def test_positions_are_closed_in_part_and_in_whole(client: TradingClient, market: Market) -> None:
    client.submit_order(market_order(market.symbol, 10))
    client.submit_order(market_order(market.other, 4, OrderSide.SELL))
    long, short = sorted(client.get_all_positions(), key=lambda each: each.side.value)
    assert (long.symbol, long.qty, long.avg_entry_price, long.cost_basis) == (
        market.symbol,
        "10",
        "100.1",
        "1001",
    )
    assert (short.side.value, short.qty, short.qty_available) == ("short", "-4", "-4")
    assert client.get_open_position(market.symbol) == client.get_open_position(long.asset_id) == long
    part = client.close_position(market.symbol, ClosePositionRequest(percentage="50"))
    assert (part.side, part.qty, part.status) == (OrderSide.SELL, "5", OrderStatus.FILLED)
    client.close_position(market.symbol, ClosePositionRequest(qty="2"))
    assert client.get_open_position(market.symbol).qty == "3"
    resting = LimitOrderRequest(
        symbol=market.symbol, qty=3, side=OrderSide.SELL, time_in_force=TimeInForce.DAY, limit_price=105
    )
    client.submit_order(resting)
    with pytest.raises(APIError) as refused:
        client.close_position(market.symbol)
    assert (refused.value.status_code, refused.value.code) == (403, 40310000)
    assert "(requested: 3, available: 0)" in refused.value.message
    closed = client.close_all_positions(cancel_orders=True)
    assert sorted((each.symbol, each.status) for each in closed) == sorted(
        [(market.symbol, 200), (market.other, 200)]
    )
    assert client.get_all_positions() == [] and client.get_orders() == []
    with pytest.raises(APIError) as refused:
        client.get_open_position(market.symbol)
    assert (refused.value.status_code, refused.value.code) == (404, 40410000)


def test_assets_clock_and_calendar(client: TradingClient, market: Market) -> None:
    asset = client.get_asset(market.symbol)
    assert (asset.symbol, asset.tradable, asset.fractionable) == (market.symbol, True, False)
    assert client.get_asset(str(asset.id)) == asset
    listed = client.get_all_assets(GetAssetsRequest(asset_class=AssetClass.US_EQUITY))
    assert asset in listed
    assert client.get_all_assets(GetAssetsRequest(status=AssetStatus.INACTIVE)) == []
    clock = client.get_clock()
    assert clock.is_open and clock.next_close > clock.timestamp < clock.next_open
    days = client.get_calendar(GetCalendarRequest(start=date(2025, 7, 1), end=date(2025, 7, 7)))
    assert [(f"{day.date:%d}", f"{day.open:%H:%M}", f"{day.close:%H:%M}") for day in days] == [
        ("01", "09:30", "16:00"),
        ("02", "09:30", "16:00"),
        ("03", "09:30", "13:00"),
        ("07", "09:30", "16:00"),
    ]


def test_settings_of_the_account_refuse_orders(client: TradingClient, market: Market) -> None:
    settings = client.get_account_configurations()
    assert (settings.suspend_trade, settings.no_shorting) == (False, False)
    settings.suspend_trade = settings.no_shorting = True
    assert client.set_account_configurations(settings) == settings
    assert client.get_account().trade_suspended_by_user
    with pytest.raises(APIError) as refused:
        client.submit_order(buy(market.symbol))
    assert (refused.value.status_code, refused.value.message) == (
        403,
        "new orders are rejected by user request",
    )
    settings.suspend_trade = False
    client.set_account_configurations(settings)
    with pytest.raises(APIError) as refused:
        client.submit_order(market_order(market.symbol, 1, OrderSide.SELL))
    assert refused.value.code == 40310000 and "short" in refused.value.message
    client.submit_order(market_order(market.symbol, 1))
    client.submit_order(market_order(market.symbol, 1, OrderSide.SELL))


def test_the_guard_against_wash_trades_is_a_setting(client: TradingClient, market: Market) -> None:
    client.submit_order(buy(market.symbol, price=99.0))
    client.patch("/account/configurations", {"wash_trade_guard": True})
    with pytest.raises(APIError) as refused:
        client.submit_order(market_order(market.symbol, 1, OrderSide.SELL))
    assert (refused.value.status_code, refused.value.code) == (403, 40310000)
    assert refused.value.message.startswith("potential wash trade detected")
    apart = buy(market.symbol, price=101.0, side=OrderSide.SELL)
    assert client.submit_order(apart).status is OrderStatus.NEW


def test_the_portfolio_history_begins_with_the_first_deposit(client: TradingClient, market: Market) -> None:
    client.submit_order(market_order(market.symbol, 100))
    client.close_all_positions()
    cash = float(client.get_account().cash)
    assert cash == 100_000 - 100 * 0.2
    history = client.get_portfolio_history(GetPortfolioHistoryRequest(period="1D", timeframe="1Min"))
    assert history.base_value == 100_000
    assert (history.equity[-1], history.timeframe) == (cash, "1Min")
    assert history.profit_loss[-1] == pytest.approx(-20) and history.profit_loss_pct[-1] < 0
    daily = client.get_portfolio_history()
    assert (daily.equity[-1], daily.timeframe) == (cash, "1D")


def test_activities_are_paged(client: TradingClient, market: Market) -> None:
    for _ in range(3):
        client.submit_order(market_order(market.symbol, 1))
    everything = client.get("/account/activities")
    assert [each["activity_type"] for each in everything] == ["FILL", "FILL", "FILL", "CSD"]
    fill = everything[0]
    assert (fill["type"], fill["price"], fill["cum_qty"], fill["leaves_qty"]) == ("fill", "100.1", "1", "0")
    paged: list[str] = []
    while page := client.get(
        "/account/activities", {"page_size": 3, **({"page_token": paged[-1]} if paged else {})}
    ):
        paged += [each["id"] for each in page]
    assert paged == [each["id"] for each in everything]
    assert client.get("/account/activities", {"direction": "asc", "activity_types": "FILL,CSD"}) == [
        *reversed(everything)
    ]
    deposit = client.get("/account/activities/CSD")
    assert [each["net_amount"] for each in deposit] == ["100000"]


def test_watchlists(client: TradingClient, market: Market) -> None:
    created = client.create_watchlist(CreateWatchlistRequest(name="mine", symbols=[market.symbol]))
    assert [each.symbol for each in created.assets] == [market.symbol]
    with pytest.raises(APIError) as refused:
        client.create_watchlist(CreateWatchlistRequest(name="mine", symbols=[]))
    assert refused.value.status_code == 422
    client.add_asset_to_watchlist_by_id(created.id, market.other)
    changed = client.update_watchlist_by_id(created.id, UpdateWatchlistRequest(name="ours"))
    assert [each.symbol for each in changed.assets] == [market.symbol, market.other]
    left = client.remove_asset_from_watchlist_by_id(created.id, market.symbol)
    assert [each.symbol for each in left.assets] == [market.other]
    assert [each.name for each in client.get_watchlists()] == ["ours"]
    assert client.get_watchlist_by_id(created.id).name == "ours"
    assert client.get("/watchlists:by_name", {"name": "ours"})["id"] == str(created.id)
    client.delete_watchlist_by_id(created.id)
    assert client.get_watchlists() == []


def test_a_notional_order_buys_whole_lots(client: TradingClient, market: Market) -> None:
    order = client.submit_order(
        MarketOrderRequest(
            symbol=market.symbol, notional=350.5, side=OrderSide.BUY, time_in_force=TimeInForce.DAY
        )
    )
    assert (order.notional, order.qty, order.filled_qty) == ("350.5", None, "3")
    with pytest.raises(APIError) as refused:
        client.submit_order(
            MarketOrderRequest(
                symbol=market.symbol, notional=50, side=OrderSide.BUY, time_in_force=TimeInForce.DAY
            )
        )
    assert refused.value.code == 42210000 and "not fractionable" in refused.value.message


def test_orders_before_and_after_an_order(client: TradingClient, market: Market) -> None:
    ids = [str(client.submit_order(buy(market.symbol, price=price)).id) for price in (95, 96, 97)]
    found = {
        name: [each["id"] for each in client.get("/orders", {name: ids[1]})]
        for name in ("before_order_id", "after_order_id")
    }
    assert found == {"before_order_id": ids[:1], "after_order_id": ids[2:]}
    with pytest.raises(APIError, match="cannot both be given"):
        client.get("/orders", {"before_order_id": ids[0], "after_order_id": ids[1]})
    with pytest.raises(APIError) as unknown:
        client.get("/orders", {"before_order_id": str(uuid4())})
    assert unknown.value.status_code == 404
