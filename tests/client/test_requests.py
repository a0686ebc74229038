"""The client's operations on a running exchange, and what it does when connections are cut."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from cift_client import ApiError, AsyncClient, Client, NotReachable, OutcomeUnknown, Policy, models_gen
from cift_client.calls import Call, prepare

from tests.cli.test_client import Answer, error, serving
from tests.client.link import Link
from tests.venue import Venue

ONE_TRY = Policy(tries=1)


async def test_an_order_from_placing_to_the_portfolio(venue: Venue) -> None:
    symbol, one, two = await venue.instrument(), venue.user(), venue.user()
    async with AsyncClient(venue.exchange.url, two.api_key) as other:
        await other.trading.place_order(
            symbol=symbol, side="sell", type="limit", quantity=5, limit_price="100.10", time_in_force="gtc"
        )

    def trade() -> None:
        with Client(venue.exchange.url, one.api_key) as client:
            assert client.market_data.get_quote(symbol).ask == Decimal("100.1")
            order = client.trading.place_order(symbol=symbol, side="buy", type="market", quantity=Decimal(3))
            assert (order.status, order.average_fill_price) == ("filled", Decimal("100.1"))
            assert order.created_at.utcoffset() == timedelta(0)
            resting = client.trading.place_order(
                symbol=symbol, side="buy", type="limit", quantity=1, limit_price=Decimal("99.00")
            )
            moved = client.trading.replace_order(resting.id, limit_price="98.5")
            assert (moved.limit_price, moved.quantity) == (Decimal("98.5"), 1)
            portfolio = client.portfolio.get_portfolio()
            assert portfolio.positions[0].quantity == 3 and portfolio.cash == Decimal("99699.7")
            assert [each.price for each in client.trading.each_of_fills(symbol=symbol)] == [Decimal("100.1")]
            assert client.trading.cancel_all().canceled == 1

    await asyncio.to_thread(trade)


async def test_a_refusal_has_code_field_and_request_id(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    async with AsyncClient(venue.exchange.url, user.api_key) as client:
        with pytest.raises(ApiError) as refused:
            await client.trading.place_order(
                symbol=symbol, side="buy", type="limit", quantity=1, limit_price="99.001"
            )
        assert (refused.value.code, refused.value.status) == ("price_not_on_tick", 422)
        assert refused.value.field == "limit_price" and refused.value.request_id


@pytest.mark.parametrize("cuts", [1, 3])
async def test_an_order_whose_responses_are_cut_is_placed_once(venue: Venue, cuts: int) -> None:
    symbol, user = await venue.instrument(), venue.user()
    async with Link(venue.exchange.url).open() as link, AsyncClient(link.url, user.api_key) as client:
        link.cut_responses = cuts
        order = await client.trading.place_order(
            symbol=symbol, side="buy", type="limit", quantity=1, limit_price=95
        )
        assert link.cut_responses == 0 and link.requests > cuts, "the exchange received it several times"
        deposit = await client.portfolio.deposit(amount=7)
        assert deposit.amount == 7
        orders = [each async for each in client.trading.each_of_orders(symbol=symbol)]
    assert [each.id for each in orders] == [order.id]


async def test_an_outcome_that_stays_unknown_can_be_looked_up_with_its_key(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    placing = {"symbol": symbol, "side": "buy", "type": "limit", "quantity": 1, "limit_price": 95}
    async with Link(venue.exchange.url).open() as link:
        async with AsyncClient(link.url, user.api_key, policy=ONE_TRY) as client:
            link.cut_responses = 1
            with pytest.raises(OutcomeUnknown) as unknown:
                await client.trading.place_order(**placing)  # type: ignore[arg-type]
            assert unknown.value.key
            again = await client.trading.place_order(**placing, idempotency_key=unknown.value.key)  # type: ignore[arg-type]
            page = await client.trading.list_orders(symbol=symbol)
    assert [each.id for each in page.items] == [again.id]


@pytest.mark.parametrize("code", ["outcome_unknown", "read_model_behind"])
def test_a_change_without_a_key_is_not_sent_again(code: str) -> None:
    with serving([(503, {}, error(code))]) as (url, seen):
        with Client(url, "k") as client, pytest.raises(OutcomeUnknown):
            client.auth.create_api_key(name="bot", scopes=["read"])
    assert len(seen) == 1


def test_a_refusal_before_the_engine_does_not_settle_an_unknown_outcome() -> None:
    wait = {"Retry-After": "0"}
    answers = [(503, wait, error("outcome_unknown", id="o-1")), (401, {}, error("invalid_api_key"))]
    with serving(answers) as (url, seen):
        with Client(url, "k") as client, pytest.raises(OutcomeUnknown) as unknown:
            client.trading.cancel_order("o-1")
    assert unknown.value.id == "o-1" and len(seen) == 2
    assert len({each["headers"]["Idempotency-Key"] for each in seen}) == 1


BEHIND = (503, {}, error("read_model_behind", id="o-1"))
PROXY = (404, {"Content-Type": "text/html"}, b"<html>no such page</html>")
WAIT = {"Retry-After": "0"}


@pytest.mark.parametrize(
    ("answers", "sent"),
    [
        ([BEHIND], 2),  # applied, and not visible yet
        ([(503, WAIT, error("outcome_unknown")), PROXY], 2),
        ([(503, WAIT, error("outcome_unknown")), (408, {}, error("request_timeout"))], 2),
        ([(201, {}, b"<html>welcome</html>")], 1),
    ],
)
def test_a_change_that_may_have_been_made_is_never_reported_as_refused(
    answers: list[Answer], sent: int
) -> None:
    with serving(answers) as (url, seen):
        with Client(url, "k", policy=Policy(tries=2)) as client, pytest.raises(OutcomeUnknown) as unknown:
            client.trading.cancel_order("o-1")
    assert len(seen) == sent
    assert {each["headers"]["Idempotency-Key"] for each in seen} == {unknown.value.key}


def test_an_address_without_a_scheme_and_an_empty_key_are_refused() -> None:
    with pytest.raises(ValueError, match="http://"):
        Client("localhost:8000")
    request = prepare(Call("POST", "/", body={}, keyed=True, key=""))
    assert request.headers["Idempotency-Key"] == "", "a key of our own could repeat the order"


def test_retry_after_is_respected_and_a_long_one_is_not_waited_for() -> None:
    page = b'{"items": [], "next_cursor": null}'
    limited = error("rate_limited")
    with serving([(429, {"Retry-After": "0"}, limited), (200, {}, page)]) as (url, seen):
        with Client(url, "k") as client:
            assert client.trading.list_orders().items == []
    assert len(seen) == 2
    with serving([(429, {"Retry-After": "3600"}, limited)]) as (url, seen):
        with Client(url, "k") as client, pytest.raises(ApiError, match="rate_limited") as refused:
            client.trading.list_orders()
    assert len(seen) == 1 and refused.value.retry_after_s == 3600


def test_an_exchange_that_is_not_there_changes_nothing() -> None:
    with Client("http://127.0.0.1:9", "k", policy=Policy(tries=2)) as client:
        with pytest.raises(NotReachable):
            client.trading.cancel_all()


@pytest.mark.parametrize("id", ["", ".", ".."])
def test_an_id_that_would_change_the_path_is_refused(id: str) -> None:
    with serving([(200, {}, b'{"canceled": 3}')]) as (url, seen):
        with Client(url, "k") as client, pytest.raises(ValueError, match="is no symbol or id"):
            client.trading.cancel_order(id)
    assert seen == []


def test_floats_and_times_without_a_zone_are_refused() -> None:
    with pytest.raises(TypeError, match="float"):
        prepare(Call("POST", "/", body={"quantity": 0.1}))
    with pytest.raises(ValueError, match="zone"):
        prepare(Call("GET", "/", query={"start": datetime(2026, 1, 1)}))
    body = {"a": Decimal("1E+3"), "b": None, "c": [models_gen.TakeProfit(limit_price="9.50")]}
    request = prepare(
        Call("POST", "/", body=body, query={"at": datetime(2026, 1, 1, tzinfo=UTC)}, keyed=True)
    )
    assert request.json == {"a": "1000", "c": [{"limit_price": "9.50"}]}
    assert request.query == {"at": "2026-01-01T00:00:00+00:00"} and request.headers["Idempotency-Key"]


def test_a_word_and_a_field_of_a_later_exchange_are_accepted() -> None:
    level = models_gen.LevelView.model_validate({"price": "1", "quantity": "2", "orders": 3, "new": 4})
    assert level.price == Decimal(1)
    assert models_gen.TradingHalt.model_validate({"symbol": "A", "halted": True}).halted
    transaction = {
        "id": "1:1", "kind": "gift", "amount": "1", "cash": "2", "symbol": None, "order_id": None,
        "trade_id": None, "transfer_id": None, "created_at": "2026-01-01T00:00:00.000000Z", "sequence": 1,
    }  # fmt: skip
    assert models_gen.TransactionView.model_validate(transaction).kind == "gift"


async def test_every_public_read_operation_returns_its_model(venue: Venue) -> None:
    """The methods without parameters, and those of a symbol, of both clients."""
    symbol, user = await venue.instrument(), venue.user()
    async with AsyncClient(venue.exchange.url, user.api_key) as client:
        market, portfolio = client.market_data, client.portfolio
        assert (await market.get_book(symbol)).symbol == symbol
        assert (await market.list_quotes(symbols=f"{symbol},NOSUCH")).unknown_symbols == ["NOSUCH"]
        assert (await market.get_clock()).now.tzinfo is not None
        assert (await market.list_symbols(query=symbol)).items[0].tick == Decimal("0.01")
        assert (await market.list_trades(symbol)).items[0].price == 100
        assert (await portfolio.buying_power()).cash == 100_000
        assert (await portfolio.get_history(interval="1m")).base >= 0
        assert (await portfolio.get_performance()).profit == 0
        assert (await portfolio.list_positions()).items == []
        assert [each.kind async for each in portfolio.each_of_transactions()] == ["deposit"]
        month = f"{datetime.now(UTC):%Y-%m}"
        assert (await portfolio.get_statement(month)).period == month
        assert (await portfolio.export_statement(month, format="csv")).startswith(b"created_at,kind,")
        assert (await client.platform.health()).status == "ok"
