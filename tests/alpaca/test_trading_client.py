"""`TradingClient` of alpaca-py, unmodified, against the exchange."""

from uuid import uuid4

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, OrderStatus, QueryOrderStatus, TimeInForce
from alpaca.trading.requests import GetOrdersRequest, LimitOrderRequest, MarketOrderRequest

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
    from alpaca.trading.requests import GetOptionContractsRequest

    with pytest.raises(APIError) as refused:
        client.get_option_contracts(GetOptionContractsRequest(underlying_symbols=["SPY"]))
    assert (refused.value.status_code, refused.value.code) == (404, 40410000)
    with pytest.raises(APIError) as refused:
        client.get_order_by_id(str(uuid4()))
    assert (refused.value.status_code, refused.value.code) == (404, 40410000)
