"""The Alpaca source, with a server that implements Alpaca's protocol from its documented messages."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from cift.feeds import feed_driver, socket
from cift.feeds.alpaca import messages, source
from cift.feeds.alpaca.history import History
from cift.feeds.alpaca.source import AlpacaSource
from cift.feeds.feed import FeedRejected, FeedUnavailable
from cift.feeds.outside import Bar, Cancel, Correction, Quote, Status, Trade
from cift.feeds.settings import AlpacaSettings
from cift.kernel.clock import now_ns, parse_rfc3339
from tests.feeds import alpaca_server as alpaca
from tests.feeds.alpaca_server import KEY, SECRET, AlpacaServer, quote, trade
from tests.feeds.running import captured_log, running_driver
from tests.target import DEADLINE_S

N = 10**9


@pytest_asyncio.fixture(loop_scope="session")
async def server() -> AsyncIterator[AlpacaServer]:
    async with AlpacaServer() as found:
        yield found


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses between lost connections; the long pauses after a rejection are not shortened."""
    monkeypatch.setattr(feed_driver, "BACKOFF_FIRST_S", 0.05)
    monkeypatch.setattr(feed_driver, "BACKOFF_MAX_S", 0.2)


def settings(server: AlpacaServer, **changed: Any) -> AlpacaSettings:
    given = {"key": KEY, "secret": SECRET, "url": server.url, "rest_url": server.rest_url}
    return AlpacaSettings(**given | changed)


def follow(server: AlpacaServer, *symbols: str, **changed: Any) -> AlpacaSource:
    return AlpacaSource(settings(server, **changed), symbols or ("SPY", "QQQ"), "always")


def test_the_documented_messages_are_decoded() -> None:
    assert messages.tick(alpaca.TRADE) == Trade(
        "AAPL", parse_rfc3339("2021-02-22T15:51:44.208Z") or 0, 126_550_000_000, N, "D:96921", conditions=1
    )
    assert messages.tick(alpaca.QUOTE) == Quote(
        "AMD", 1_614_009_105_335_689_322, 87_660_000_000, N, 87_680_000_000, 4 * N
    )
    assert messages.tick(alpaca.BAR) == Bar(
        "SPY", 1_614_021_300 * N, 60, 388_985_000_000, 389_130_000_000, 388_975_000_000, 389_120_000_000,
        49_378 * N, 389_062_639_000, 461,
    )  # fmt: skip
    corrected = messages.tick(alpaca.CORRECTION)
    assert isinstance(corrected, Correction) and corrected.id == "M:52983525033527"
    assert corrected.trade.id == "M:52983525034326" and corrected.trade.price == 39_180_900_000
    assert not corrected.trade.is_last_sale, "7 is a qualified contingent trade"
    assert messages.tick(alpaca.CANCEL) == Cancel("GOOGL", 1_680_786_942_835_409_580, "D:465")
    assert messages.tick(alpaca.HALT) == Status("AAPL", 1_614_021_300 * N, True)
    assert messages.tick(alpaca.LULD) is None


def test_conditions_decide_which_prints_set_the_last_price() -> None:
    for letters, tape, is_last_sale in (
        (["@"], "C", True), (["@", "F", "I"], "C", True), (["@", "T"], "C", False), (["B"], "C", True),
        (["B"], "A", False), (["W"], "C", False), (["M"], "A", False), (["Z"], "B", False), (None, "C", True),
    ):  # fmt: skip
        found = messages.tick(trade("SPY", 1, 100, 1, c=letters, z=tape))
        assert isinstance(found, Trade) and found.is_last_sale is is_last_sale, (letters, tape)


@pytest.mark.parametrize(
    "message",
    [
        {"T": "t", "S": "SPY"},
        trade("SPY", 1, 100.0, 1) | {"t": "yesterday"},
        trade("SPY", 1, -1.0, 1),
        trade("SPY", 1, float("nan"), 1),
        quote("SPY", 1.0, 2.0) | {"bp": None},
        {"S": "SPY"},
    ],
)
def test_a_message_that_breaks_its_schema_is_malformed(message: dict[str, Any]) -> None:
    with pytest.raises(messages.Malformed):
        messages.tick(message)


@pytest.mark.parametrize("codec", ["msgpack", "json"])
async def test_quotes_and_prints_reach_the_engine_and_all_ticks_reach_the_sink(
    server: AlpacaServer, codec: str
) -> None:
    async with running_driver(follow(server, codec=codec)) as driver:
        client = await server.subscribed()
        assert client.packed is (codec == "msgpack")
        assert client.topics["trades"] == {"SPY", "QQQ"} == client.topics["cancelErrors"]
        bar = alpaca.BAR | {"S": "SPY"}
        await server.publish(
            quote("SPY", 500.01, 500.03, 300), trade("SPY", 1, 500.02, 7), bar, quote("IBM", 1.0, 2.0)
        )
        await driver.until(lambda: driver.trades and driver.quotes)
        (quoted,), (printed,) = driver.quotes, driver.trades
        assert quoted["bid"] == {"price": 500_010_000_000, "quantity": 300 * N}
        assert quoted["ask"] == {"price": 500_030_000_000, "quantity": 300 * N}
        assert (quoted["feed"], quoted["symbol"]) == (2, "SPY")
        assert (printed["price"], printed["quantity"]) == (500_020_000_000, 7 * N)
        assert [type(tick) for tick in driver.raw] == [Quote, Trade, Bar], "IBM is not subscribed"
        assert feed_driver.connected.labels("alpaca").value == 1
        assert 0 <= feed_driver.lag_seconds.labels("alpaca").value < 30


async def test_a_wrong_key_is_logged_once_with_the_providers_reason_and_not_retried_soon(
    server: AlpacaServer,
) -> None:
    with captured_log() as log:
        async with running_driver(follow(server, secret="wrong-but-secret")) as driver:
            await driver.until(lambda: log.matching("rejected"))
            await asyncio.sleep(1.0)
    assert server.attempts == 1
    assert log.matching("rejected") == [
        "alpaca: rejected by the provider: auth failed (402); retrying in 60 s"
    ]
    assert not log.matching("wrong-but-secret") and not log.matching(KEY)


async def test_a_feed_outside_the_subscription_is_rejected_with_the_providers_reason(
    server: AlpacaServer,
) -> None:
    with pytest.raises(FeedRejected, match=r"^insufficient subscription \(409\)$"):
        await follow(server, feed="sip").connect()


@pytest.mark.parametrize("code", [405, 410, 400])
async def test_a_rejected_subscription_has_the_providers_reason(server: AlpacaServer, code: int) -> None:
    server.refuses = code
    with pytest.raises(FeedRejected, match=rf"^{alpaca.ERRORS[code]} \({code}\)$"):
        await follow(server).connect()


async def test_too_many_symbols_are_rejected_by_the_provider(server: AlpacaServer) -> None:
    with pytest.raises(FeedRejected, match="symbol limit exceeded"):
        await follow(server, *(f"A{number}" for number in range(31))).connect()


async def test_the_connection_limit_is_retried_after_a_wait(server: AlpacaServer) -> None:
    first = await follow(server).connect()
    with pytest.raises(FeedUnavailable, match="connection limit exceeded") as unavailable:
        await follow(server).connect()
    assert unavailable.value.wait_s == source.CONNECTION_LIMIT_WAIT_S
    await first.close()


async def test_an_authentication_without_a_response_times_out(
    server: AlpacaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.ignored_action = "auth"
    with monkeypatch.context() as patch:
        patch.setattr(source, "RESPONSE_TIMEOUT_S", 2.0)
        with pytest.raises(FeedUnavailable, match=r"did not send 'authenticated' within 2 s"):
            await follow(server).connect()
    server.auth_timeout_s = 0.2
    with pytest.raises(FeedUnavailable, match=r"auth timeout \(404\)"):
        await follow(server).connect()


async def test_an_unreachable_server_and_an_invalid_url(server: AlpacaServer) -> None:
    with pytest.raises(FeedUnavailable, match="cannot be reached"):
        await follow(server, url="ws://127.0.0.1:9").connect()
    with pytest.raises(FeedRejected, match="not a WebSocket URL"):
        await follow(server, url="nonsense").connect()


async def test_an_unconfirmed_symbol_is_logged(server: AlpacaServer) -> None:
    server.unknown = {"QQQ"}
    with captured_log() as log:
        await (await follow(server).connect()).close()
    assert log.lines == ["alpaca: not subscribed to QQQ"]


async def test_malformed_messages_are_skipped_and_logged_once(server: AlpacaServer) -> None:
    with captured_log() as log:
        async with running_driver(follow(server, codec="json")) as driver:
            await server.subscribed()
            broken = quote("SPY", 1.0, 2.0) | {"bp": "cheap"}
            await server.publish(broken, broken, quote("SPY", 500.0, 501.0))
            await driver.until(lambda: driver.quotes)
    assert len(driver.raw) == 1 and len(log.matching("unexpected form")) == 1


async def test_duplicates_are_dropped_and_an_older_quote_does_not_replace_a_newer_one(
    server: AlpacaServer,
) -> None:
    async with running_driver(follow(server)) as driver:
        await server.subscribed()
        old, new = now_ns() - 50_000_000, now_ns()
        newer = quote("SPY", 500.02, 500.04, at_ns=new)
        sale = trade("SPY", 7, 500.03, 5, at_ns=new)
        await server.publish(newer, sale, newer, sale, quote("SPY", 400.0, 400.1, at_ns=old))
        await server.publish(trade("QQQ", 8, 430.0, 1))
        await driver.until(lambda: any(each["symbol"] == "QQQ" for each in driver.trades))
        spy = [each for each in driver.trades if each["symbol"] == "SPY"]
        assert len(spy) == 1 and len(driver.quotes) == 1
        assert driver.quotes[0]["bid"]["price"] == 500_020_000_000
        assert driver.dropped == {"duplicate": 2, "out_of_order": 1}
        assert len(driver.of_raw(Quote)) == 2, "the sink gets the older quote too"


async def test_late_prints_and_prints_that_set_no_price_are_not_sent(server: AlpacaServer) -> None:
    async with running_driver(follow(server)) as driver:
        await server.subscribed()
        await server.publish(trade("SPY", 1, 500.0, 1))
        await driver.until(lambda: driver.trades)
        late = trade("SPY", 2, 490.0, 1, at_ns=now_ns() - 60 * N)
        await server.publish(late, trade("SPY", 3, 505.0, 1, c=["@", "T"]), trade("SPY", 4, 501.0, 1))
        await driver.until(lambda: len(driver.trades) == 2)
        assert driver.trades[-1]["price"] == 501 * N
        assert driver.dropped == {"late": 1, "no_last_sale": 1}
        assert len(driver.of_raw(Trade)) == 4


async def test_a_pending_print_is_cancelled_or_corrected_and_a_sent_one_stays(
    server: AlpacaServer,
) -> None:
    async with running_driver(follow(server)) as driver:
        await server.subscribed()
        cancel = alpaca.CANCEL | {"S": "SPY", "x": "V", "i": 1}
        correction = alpaca.CORRECTION | {
            "S": "SPY",
            "x": "V",
            "oi": 2,
            "ci": 3,
            "cp": 499.5,
            "cs": 4,
            "cc": [],
        }
        await server.publish(trade("SPY", 1, 400.0, 1), trade("SPY", 2, 410.0, 1), cancel, correction)
        await driver.until(lambda: driver.trades)
        assert [(each["price"], each["quantity"]) for each in driver.trades] == [(499_500_000_000, 4 * N)]
        await server.publish(alpaca.CANCEL | {"S": "SPY", "x": "V", "i": 3})
        await driver.until(lambda: driver.dropped == {"revised_too_late": 1})
        assert len(driver.of_raw(Cancel)) == 2 and len(driver.of_raw(Correction)) == 1


async def test_a_halt_withdraws_the_quote_until_trading_resumes(server: AlpacaServer) -> None:
    async with running_driver(follow(server)) as driver:
        await server.subscribed()
        await server.publish(quote("SPY", 500.0, 501.0))
        await driver.until(lambda: len(driver.quotes) == 1)
        await server.publish(alpaca.HALT | {"S": "SPY"})
        await driver.until(lambda: len(driver.quotes) == 2)
        assert driver.quotes[-1]["bid"]["quantity"] == driver.quotes[-1]["ask"]["quantity"] == 0
        await server.publish(quote("SPY", 490.0, 491.0))
        await driver.until(lambda: driver.dropped.get("halted"))
        await server.publish(alpaca.HALT | {"S": "SPY", "sc": "T"}, quote("SPY", 480.0, 481.0))
        await driver.until(lambda: len(driver.quotes) == 3)
        assert driver.quotes[-1]["bid"]["price"] == 480 * N


async def test_after_a_lost_connection_missed_ticks_are_fetched_without_duplicates(
    server: AlpacaServer,
) -> None:
    server.page_rows = 2
    async with running_driver(follow(server)) as driver:
        await server.subscribed()
        await server.publish(quote("QQQ", 430.0, 430.1), trade("SPY", 1, 500.0, 1))
        await driver.until(lambda: driver.trades and driver.quotes)
        await server.drop()
        missed = [trade("SPY", number, 500.0 + number, 1) for number in range(2, 7)]
        server.add_history("trades", *missed)
        server.add_history("quotes", quote("SPY", 505.0, 505.2))
        driver.engine.accepted.clear()
        await server.subscribed()
        await server.publish(missed[-1])  # the stream sends it too
        await driver.until(lambda: len(driver.of_raw(Trade)) == 6)
        await driver.until(lambda: {each["symbol"] for each in driver.quotes} == {"SPY", "QQQ"})
        assert sorted(int(each.id[2:]) for each in driver.of_raw(Trade)) == [1, 2, 3, 4, 5, 6]
        latest = {each["symbol"]: each["bid"]["price"] for each in driver.quotes}
        assert latest == {"SPY": 505 * N, "QQQ": 430 * N}, (
            "the latest quotes are sent, of the quiet symbol too"
        )
        assert len(driver.trades) <= 1, "missed prints are not sent as if they were new"
    pages = [parameters for path, parameters in server.requests if path == "/v2/stocks/trades"]
    assert [page.get("page_token") for page in pages] == [None, "2", "4"]
    assert server.attempts == 2


async def test_a_gap_that_cannot_be_filled_is_logged_and_the_feed_continues(
    server: AlpacaServer,
) -> None:
    async with running_driver(follow(server)) as driver:
        await server.subscribed()
        await server.publish(quote("QQQ", 430.0, 430.1))
        await driver.until(lambda: driver.quotes)
        before = feed_driver.gaps_total.labels("alpaca").value
        server.failures = [(403, {})]
        driver.engine.accepted.clear()
        with captured_log() as log:
            await server.drop()
            await server.subscribed()
            await driver.until(lambda: log.matching("forbidden (403)"))
        assert feed_driver.gaps_total.labels("alpaca").value == before + 1
        await server.publish(quote("SPY", 500.0, 501.0))
        await driver.until(lambda: driver.quotes)
        assert {each["symbol"] for each in driver.quotes} == {"SPY"}, "the quote of QQQ has expired"


async def test_pauses_grow_if_the_provider_accepts_and_closes_connections(
    server: AlpacaServer,
) -> None:
    with captured_log() as log:
        async with running_driver(follow(server)) as driver:
            for _ in range(4):
                client = await server.subscribed()
                await server.error(client, 407)
                await server.until(lambda gone=client: gone not in server.clients)
            await driver.until(lambda: len(log.matching("slow client (407)")) == 4)
    pauses = [float(line.rpartition(" in ")[2].split()[0]) for line in log.matching("slow client")]
    assert pauses == sorted(pauses) and pauses[-1] > pauses[0], pauses


async def test_an_unreachable_engine_does_not_slow_down_reading_the_provider(server: AlpacaServer) -> None:
    from cift.kernel.errors import Unavailable

    async with running_driver(follow(server)) as driver:
        await server.subscribed()
        await server.publish(quote("SPY", 500.0, 501.0))
        await driver.until(lambda: driver.quotes)
        driver.engine.away = Unavailable
        for number in range(100):
            await server.publish(*(trade("SPY", number * 300 + each, 500.5, 1) for each in range(300)))
            await asyncio.sleep(0)
        await driver.until(lambda: len(driver.of_raw(Trade)) == 30_000)
        assert server.attempts == 1
        driver.engine.accepted.clear()
        driver.engine.away = None
        await driver.until(lambda: driver.engine.accepted)
        assert [each["type"] for each in driver.engine.accepted] == ["outside_quote"], (
            "the latest quote, and no missed print"
        )


async def test_a_peer_without_pongs_is_lost_and_the_servers_pings_get_pongs(
    server: AlpacaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "PING_S", 0.3)
    monkeypatch.setattr(socket, "PONG_TIMEOUT_S", 5.0)
    with captured_log() as log:
        async with running_driver(follow(server)) as driver:
            client = await server.subscribed()
            async with asyncio.timeout(DEADLINE_S):
                await (await client.socket.ping())
            client.socket.transport.pause_reading()  # as if the network broke
            await driver.until(lambda: log.matching("the connection was closed"))
            client.socket.transport.abort()
            await driver.until(lambda: server.attempts == 2)


async def test_history_is_read_page_by_page_and_waits_for_retry_after(server: AlpacaServer) -> None:
    server.page_rows = 2
    server.add_history(
        "bars", *(alpaca.BAR | {"t": f"2021-02-22T19:{minute}:00Z"} for minute in range(15, 20))
    )
    server.failures = [(429, {"Retry-After": "0"}), (500, {})]
    start, end = parse_rfc3339("2021-02-22T19:16:00Z"), parse_rfc3339("2021-02-22T19:30:00Z")
    assert start is not None and end is not None
    async with History(settings(server)) as history:
        pages = [page async for page in history.bars(["SPY"], start, end)]
    assert [len(page) for page in pages] == [2, 2]
    assert all(isinstance(bar, Bar) and bar.interval_s == 60 for page in pages for bar in page)
    path, parameters = server.requests[-1]
    assert path == "/v2/stocks/bars" and parameters["timeframe"] == "1Min" and parameters["feed"] == "iex"
    assert parameters["start"] == "2021-02-22T19:16:00.000000000Z"


async def test_history_is_rejected_with_the_providers_reason(server: AlpacaServer) -> None:
    async with History(settings(server, key="other")) as history:
        with pytest.raises(FeedRejected, match=r"^forbidden. \(403\)$"):
            [page async for page in history.trades(["SPY"], 0, N)]


async def test_history_of_an_unreachable_provider_is_unavailable(
    server: AlpacaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cift.feeds import rest

    monkeypatch.setattr(rest, "PAUSE_FIRST_S", 0.01)
    server.failures = [(503, {})] * rest.TRIES_MAX
    async with History(settings(server)) as history:
        with pytest.raises(FeedUnavailable, match="503 service unavailable"):
            [page async for page in history.trades(["SPY"], 0, N)]
