"""The Massive source, with a server that implements Massive's protocol from its documented messages."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from cift.feeds import feed_driver
from cift.feeds.feed import FeedRejected, FeedUnavailable
from cift.feeds.massive import messages, source
from cift.feeds.massive.history import History
from cift.feeds.massive.source import MassiveSource
from cift.feeds.outside import Bar, Quote, Trade
from cift.feeds.settings import MassiveSettings
from tests.feeds import massive_server as massive
from tests.feeds.massive_server import KEY, MassiveServer, as_history, quote, trade
from tests.feeds.running import captured_log, running_driver

N = 10**9


@pytest_asyncio.fixture(loop_scope="session")
async def server() -> AsyncIterator[MassiveServer]:
    async with MassiveServer() as found:
        yield found


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses between lost connections; the long pauses after a rejection are not shortened."""
    monkeypatch.setattr(feed_driver, "BACKOFF_FIRST_S", 0.05)
    monkeypatch.setattr(feed_driver, "BACKOFF_MAX_S", 0.2)


def settings(server: MassiveServer, **changed: Any) -> MassiveSettings:
    return MassiveSettings(**{"key": KEY, "url": server.url, "rest_url": server.rest_url} | changed)


def follow(server: MassiveServer, **changed: Any) -> MassiveSource:
    return MassiveSource(settings(server, **changed), ("SPY", "QQQ"), "always")


def test_the_documented_messages_are_decoded() -> None:
    at_ns = 1_536_036_818_784_000_000
    assert messages.tick(massive.TRADE) == Trade(
        "MSFT", at_ns, 114_125_000_000, 100 * N, "4:0:12345", 3681328, conditions=0x401, is_last_sale=False
    )
    assert messages.tick(massive.QUOTE) == Quote(
        "MSFT", at_ns, 114_125_000_000, 100 * N, 114_128_000_000, 160 * N, 50385480
    )
    second, minute = messages.tick(massive.SECOND), messages.tick(massive.MINUTE)
    assert isinstance(second, Bar) and isinstance(minute, Bar)
    assert (second.interval_s, second.close, second.volume) == (1, 25_390_000_000, 200 * N)
    assert (minute.interval_s, minute.high, minute.vwap) == (60, 448_900_000, 448_800_000)
    assert messages.tick(massive.TRADE | {"ds": "0.5", "c": [37]}) == Trade(
        "MSFT", at_ns, 114_125_000_000, N // 2, "4:0:12345", 3681328
    )
    assert messages.tick({"ev": "LULD", "T": "MSFT"}) is None


def test_the_documented_rows_of_history_are_decoded() -> None:
    old_trade = messages.row("trades", "AAPL", 0, massive.OLD_TRADE)
    assert isinstance(old_trade, Trade)
    assert (old_trade.id, old_trade.at_ns, old_trade.sequence) == (
        "11:3:183276",
        1651181822461979400,
        7179341,
    )
    assert not old_trade.is_last_sale, "12 is extended hours"
    for correction, is_valid in ((0, True), (1, False), (7, False), (8, False), (12, True)):
        row = massive.OLD_TRADE | {"correction": correction}
        assert (messages.row("trades", "AAPL", 0, row) is not None) is is_valid
    assert messages.row("quotes", "AAPL", 0, massive.OLD_QUOTE) == Quote(
        "AAPL", 1652191872800638700, 155_850_000_000, 4 * N, 155_870_000_000, 3 * N, 19288684
    )
    day = messages.row("aggs", "AAPL", 86_400, massive.DAY)
    assert isinstance(day, Bar) and (day.volume, day.trades) == (642_646_396 * N, 82_132)


@pytest.mark.parametrize("message", [{"ev": "T", "sym": "A"}, {"sym": "A"}, massive.QUOTE | {"bp": "x"}])
def test_a_message_that_breaks_its_schema_is_malformed(message: dict[str, Any]) -> None:
    with pytest.raises(messages.Malformed):
        messages.tick(message)


async def test_quotes_prints_and_bars_arrive(server: MassiveServer) -> None:
    async with running_driver(follow(server)) as driver:
        client = await server.subscribed()
        await server.until(lambda: client.topics == {channel: {"SPY", "QQQ"} for channel in "TQA"})
        bar = massive.SECOND | {"sym": "SPY"}
        await server.publish(quote("SPY", 1, 500.01, 500.03, 300), trade("SPY", 1, 500.02, 7), bar)
        await driver.until(lambda: driver.trades and driver.quotes)
        assert driver.quotes[0]["ask"] == {"price": 500_030_000_000, "quantity": 300 * N}
        assert (driver.trades[0]["feed"], driver.trades[0]["price"]) == (3, 500_020_000_000)
        assert [type(tick) for tick in driver.raw] == [Quote, Trade, Bar]


async def test_a_wrong_key_is_logged_once_with_the_providers_reason_and_not_retried_soon(
    server: MassiveServer,
) -> None:
    with captured_log() as log:
        async with running_driver(follow(server, key="wrong-but-secret")) as driver:
            await driver.until(lambda: log.matching("rejected"))
            await asyncio.sleep(1.0)
    assert server.attempts == 1
    assert log.matching("rejected") == [
        "massive: rejected by the provider: authentication failed (auth_failed); retrying in 60 s"
    ]
    assert not log.matching("wrong-but-secret")


async def test_a_plan_without_the_data_is_rejected_with_the_providers_reason(server: MassiveServer) -> None:
    server.entitled = False
    with pytest.raises(FeedRejected, match=r"^not authorized \(error\)$"):
        await follow(server).connect()


async def test_an_authentication_without_a_response_times_out(
    server: MassiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.ignored_action = "auth"
    with monkeypatch.context() as patch:
        patch.setattr(source, "RESPONSE_TIMEOUT_S", 2.0)
        with pytest.raises(FeedUnavailable, match="did not send 'auth_success'"):
            await follow(server).connect()
    server.auth_timeout_s = 0.2
    with pytest.raises(FeedUnavailable, match="No authentication request received"):
        await follow(server).connect()


async def test_a_connection_ended_by_a_newer_one_waits_before_it_reconnects(
    server: MassiveServer,
) -> None:
    with captured_log() as log:
        async with running_driver(follow(server)) as driver:
            await server.subscribed()
            other = await follow(server).connect()
            await driver.until(lambda: log.matching("max_connections"))
            await asyncio.sleep(0.5)
            assert server.attempts == 2, "the two connections do not end each other in turn"
            await other.close()
    line = "massive: Maximum number of connections exceeded. (max_connections); reconnecting in 60.0 s"
    assert log.matching("max_connections") == [line]


@pytest.mark.parametrize("status", ["slow_consumer", "force_disconnect"])
async def test_a_disconnect_is_logged_and_the_feed_reconnects(server: MassiveServer, status: str) -> None:
    with captured_log() as log:
        async with running_driver(follow(server)) as driver:
            client = await server.subscribed()
            await server.disconnect(client, status)
            await driver.until(lambda: log.matching(f"({status})"))
            await server.until(lambda: client not in server.clients)
            await server.subscribed()
            await server.publish(quote("SPY", 1, 500.0, 500.1))
            await driver.until(lambda: driver.quotes)


async def test_sequences_detect_duplicates_and_order_within_a_millisecond(server: MassiveServer) -> None:
    async with running_driver(follow(server)) as driver:
        await server.subscribed()
        first = quote("SPY", 5, 500.0, 500.1)
        same = quote("SPY", 5, 500.0, 500.1, t=first["t"])
        older = quote("SPY", 4, 400.0, 400.1, t=first["t"])
        newer = quote("SPY", 6, 501.0, 501.1, t=first["t"])
        await server.publish(first, same, newer, older)
        await server.publish(trade("QQQ", 1, 430.0, 1))
        await driver.until(lambda: driver.trades)
        assert [each["bid"]["price"] for each in driver.quotes][-1] == 501 * N
        assert driver.dropped == {"duplicate": 1, "out_of_order": 1}
        overnight = quote("SPY", -900, 510.0, 510.1)  # sequences restart each day
        await server.publish(overnight | {"t": first["t"] + 1_000})
        await driver.until(lambda: driver.quotes[-1]["bid"]["price"] == 510 * N)


async def test_missed_ticks_are_read_from_history_page_by_page_without_duplicates(
    server: MassiveServer,
) -> None:
    server.page_rows = 2
    server.history = {
        f"/v3/{what}/{symbol}": [] for what in ("trades", "quotes") for symbol in ("SPY", "QQQ")
    }
    async with running_driver(follow(server)) as driver:
        await server.subscribed()
        sold = trade("SPY", 1, 500.0, 1)
        await server.publish(sold, quote("QQQ", 1, 430.0, 430.1))
        await driver.until(lambda: driver.trades and driver.quotes)
        await server.drop()
        missed = [sold, *(trade("SPY", number, 500.0, 1) for number in range(2, 7))]
        server.history["/v3/trades/SPY"] = [as_history(each) for each in missed]
        server.history["/v3/quotes/SPY"] = [as_history(quote("SPY", 9, 505.0, 505.1))]
        driver.engine.accepted.clear()
        await server.subscribed()
        await server.publish(missed[-1])
        await driver.until(lambda: len(driver.of_raw(Trade)) == 6)
        await driver.until(lambda: {each["symbol"] for each in driver.quotes} == {"SPY", "QQQ"})
        assert sorted(each.id for each in driver.of_raw(Trade)) == [f"4:0:{number}" for number in range(1, 7)]
    assert sum(path == "/v3/trades/SPY" for path, _ in server.requests) >= 3


async def test_the_key_is_not_sent_to_another_host(server: MassiveServer) -> None:
    class OtherHost(MassiveServer):
        def page(self, path: str, parameters: dict[str, str]) -> dict[str, Any]:
            return {"results": [], "next_url": "http://127.0.0.1:9/v3/trades/SPY?cursor=1"}

    async with OtherHost() as other, History(settings(other)) as history:
        with pytest.raises(FeedRejected, match="another host"):
            [page async for page in history.trades("SPY", 0, N)]


async def test_bars_are_read_from_history(server: MassiveServer) -> None:
    server.history["/v2/aggs/ticker/AAPL/range/1/day/1112331600000/1112587200000"] = [massive.DAY]
    async with History(settings(server)) as history:
        pages = [page async for page in history.bars("AAPL", 1112331600 * N, 1112587200 * N, daily=True)]
    assert [bar.close for page in pages for bar in page if isinstance(bar, Bar)] == [1_460_400_000]
