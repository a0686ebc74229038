"""Alpaca's protocol against a server that speaks it, from its documented messages."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from cift.feeds import feed_driver, socket
from cift.feeds.alpaca import messages, source
from cift.feeds.alpaca.history import History
from cift.feeds.alpaca.source import AlpacaSource
from cift.feeds.feed import Lost, Rejected
from cift.feeds.outside import Bar, Cancel, Correction, Quote, Status, Trade
from cift.feeds.settings import AlpacaSettings
from cift.kernel.clock import now_ns, parse_rfc3339
from tests.feeds import alpaca_server as alpaca
from tests.feeds.alpaca_server import KEY, SECRET, AlpacaServer, quote, trade
from tests.feeds.following import following, listening
from tests.target import DEADLINE_S

N = 10**9


@pytest_asyncio.fixture(loop_scope="session")
async def server() -> AsyncIterator[AlpacaServer]:
    async with AlpacaServer() as found:
        yield found


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses between connections; what is long in earnest is long here too."""
    monkeypatch.setattr(feed_driver, "BACKOFF_FIRST_S", 0.05)
    monkeypatch.setattr(feed_driver, "BACKOFF_MAX_S", 0.2)


def settings(server: AlpacaServer, **changed: Any) -> AlpacaSettings:
    given = {"key": KEY, "secret": SECRET, "url": server.url, "rest_url": server.rest_url}
    return AlpacaSettings(**given | changed)


def follow(server: AlpacaServer, *symbols: str, **changed: Any) -> AlpacaSource:
    return AlpacaSource(settings(server, **changed), symbols or ("SPY", "QQQ"), "always")


# ── what its messages mean ──────────────────────────────────────────────────────────────────────
def test_the_documented_messages_are_understood() -> None:
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
    assert not corrected.trade.tells_price, "7 is a qualified contingent trade"
    assert messages.tick(alpaca.CANCEL) == Cancel("GOOGL", 1_680_786_942_835_409_580, "D:465")
    assert messages.tick(alpaca.HALT) == Status("AAPL", 1_614_021_300 * N, True)
    assert messages.tick(alpaca.LULD) is None


def test_conditions_say_which_prints_tell_the_price() -> None:
    for letters, tape, tells in (
        (["@"], "C", True), (["@", "F", "I"], "C", True), (["@", "T"], "C", False), (["B"], "C", True),
        (["B"], "A", False), (["W"], "C", False), (["M"], "A", False), (["Z"], "B", False), (None, "C", True),
    ):  # fmt: skip
        found = messages.tick(trade("SPY", 1, 100, 1, c=letters, z=tape))
        assert isinstance(found, Trade) and found.tells_price is tells, (letters, tape)


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


# ── the connection ──────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("codec", ["msgpack", "json"])
async def test_quotes_and_prints_reach_the_engine_and_all_reaches_raw_listeners(
    server: AlpacaServer, codec: str
) -> None:
    async with following(follow(server, codec=codec)) as at_work:
        client = await server.subscribed()
        assert client.packed is (codec == "msgpack")
        assert client.topics["trades"] == {"SPY", "QQQ"} == client.topics["cancelErrors"]
        bar = alpaca.BAR | {"S": "SPY"}
        await server.say(
            quote("SPY", 500.01, 500.03, 300), trade("SPY", 1, 500.02, 7), bar, quote("IBM", 1.0, 2.0)
        )
        await at_work.until(lambda: at_work.trades and at_work.quotes)
        (told,), (printed,) = at_work.quotes, at_work.trades
        assert told["bid"] == {"price": 500_010_000_000, "quantity": 300 * N}
        assert told["ask"] == {"price": 500_030_000_000, "quantity": 300 * N}
        assert (told["feed"], told["symbol"]) == (2, "SPY")
        assert (printed["price"], printed["quantity"]) == (500_020_000_000, 7 * N)
        assert [type(tick) for tick in at_work.raw] == [Quote, Trade, Bar], "and nobody asked for IBM"
        assert feed_driver.connected.labels("alpaca").value == 1
        assert 0 <= feed_driver.lag_seconds.labels("alpaca").value < 30


async def test_a_wrong_key_is_one_line_in_the_providers_words_and_no_hammering(server: AlpacaServer) -> None:
    with listening() as said:
        async with following(follow(server, secret="wrong-but-secret")) as at_work:
            await at_work.until(lambda: said.with_("refuses"))
            await asyncio.sleep(1.0)
    assert server.attempts == 1
    assert said.with_("refuses") == ["alpaca refuses: auth failed (402); asking again in 60 s"]
    assert not said.with_("wrong-but-secret") and not said.with_(KEY)


async def test_a_feed_that_the_account_does_not_have_is_told_as_that(server: AlpacaServer) -> None:
    with pytest.raises(Rejected, match=r"^insufficient subscription \(409\)$"):
        await follow(server, feed="sip").connect()


@pytest.mark.parametrize("code", [405, 410, 400])
async def test_a_refused_subscription_is_told_as_that(server: AlpacaServer, code: int) -> None:
    server.refuses = code
    with pytest.raises(Rejected, match=rf"^{alpaca.ERRORS[code]} \({code}\)$"):
        await follow(server).connect()


async def test_the_symbol_limit_is_the_providers(server: AlpacaServer) -> None:
    with pytest.raises(Rejected, match="symbol limit exceeded"):
        await follow(server, *(f"A{number}" for number in range(31))).connect()


async def test_a_connection_that_is_still_counted_is_worth_a_wait(server: AlpacaServer) -> None:
    first = await follow(server).connect()
    with pytest.raises(Lost, match="connection limit exceeded") as lost:
        await follow(server).connect()
    assert lost.value.wait_s == source.CONNECTION_LIMIT_WAIT_S
    await first.close()


async def test_an_authentication_that_is_never_answered_ends(
    server: AlpacaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.silent_at = "auth"
    with monkeypatch.context() as patch:
        patch.setattr(source, "ANSWER_TIMEOUT_S", 2.0)
        with pytest.raises(Lost, match=r"does not say 'authenticated' within 2 s"):
            await follow(server).connect()
    server.auth_timeout_s = 0.2
    with pytest.raises(Lost, match=r"auth timeout \(404\)"):
        await follow(server).connect()


async def test_a_server_that_is_no_websocket_or_not_there(server: AlpacaServer) -> None:
    with pytest.raises(Lost, match="cannot be reached"):
        await follow(server, url="ws://127.0.0.1:9").connect()
    with pytest.raises(Rejected, match="no address"):
        await follow(server, url="nonsense").connect()


async def test_a_symbol_that_is_not_confirmed_is_said(server: AlpacaServer) -> None:
    server.unknown = {"QQQ"}
    with listening() as said:
        await (await follow(server).connect()).close()
    assert said.lines == ["alpaca: not subscribed to QQQ"]


async def test_a_malformed_message_is_skipped_and_said_once(server: AlpacaServer) -> None:
    with listening() as said:
        async with following(follow(server, codec="json")) as at_work:
            await server.subscribed()
            broken = quote("SPY", 1.0, 2.0) | {"bp": "cheap"}
            await server.say(broken, broken, quote("SPY", 500.0, 501.0))
            await at_work.until(lambda: at_work.quotes)
    assert len(at_work.raw) == 1 and len(said.with_("cannot be understood")) == 1


# ── order, duplicates, corrections ──────────────────────────────────────────────────────────────
async def test_duplicates_drop_and_an_older_quote_does_not_replace_a_newer(server: AlpacaServer) -> None:
    async with following(follow(server)) as at_work:
        await server.subscribed()
        old, new = now_ns() - 50_000_000, now_ns()
        newer = quote("SPY", 500.02, 500.04, at_ns=new)
        sale = trade("SPY", 7, 500.03, 5, at_ns=new)
        await server.say(newer, sale, newer, sale, quote("SPY", 400.0, 400.1, at_ns=old))
        await server.say(trade("QQQ", 8, 430.0, 1))
        await at_work.until(lambda: any(each["symbol"] == "QQQ" for each in at_work.trades))
        spy = [each for each in at_work.trades if each["symbol"] == "SPY"]
        assert len(spy) == 1 and len(at_work.quotes) == 1
        assert at_work.quotes[0]["bid"]["price"] == 500_020_000_000
        assert at_work.dropped == {"duplicate": 2, "out_of_order": 1}
        assert len(at_work.of_raw(Quote)) == 2, "the older one is history all the same"


async def test_a_late_print_is_not_told_and_neither_is_one_that_tells_no_price(server: AlpacaServer) -> None:
    async with following(follow(server)) as at_work:
        await server.subscribed()
        await server.say(trade("SPY", 1, 500.0, 1))
        await at_work.until(lambda: at_work.trades)
        late = trade("SPY", 2, 490.0, 1, at_ns=now_ns() - 60 * N)
        await server.say(late, trade("SPY", 3, 505.0, 1, c=["@", "T"]), trade("SPY", 4, 501.0, 1))
        await at_work.until(lambda: len(at_work.trades) == 2)
        assert at_work.trades[-1]["price"] == 501 * N
        assert at_work.dropped == {"late": 1, "no_last_sale": 1}
        assert len(at_work.of_raw(Trade)) == 4


async def test_a_print_that_waits_is_cancelled_or_corrected_and_one_that_was_told_stands(
    server: AlpacaServer,
) -> None:
    async with following(follow(server)) as at_work:
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
        await server.say(trade("SPY", 1, 400.0, 1), trade("SPY", 2, 410.0, 1), cancel, correction)
        await at_work.until(lambda: at_work.trades)
        assert [(each["price"], each["quantity"]) for each in at_work.trades] == [(499_500_000_000, 4 * N)]
        await server.say(alpaca.CANCEL | {"S": "SPY", "x": "V", "i": 3})
        await at_work.until(lambda: at_work.dropped == {"revised_too_late": 1})
        assert len(at_work.of_raw(Cancel)) == 2 and len(at_work.of_raw(Correction)) == 1


async def test_a_halt_withdraws_the_quote_until_trading_goes_on(server: AlpacaServer) -> None:
    async with following(follow(server)) as at_work:
        await server.subscribed()
        await server.say(quote("SPY", 500.0, 501.0))
        await at_work.until(lambda: len(at_work.quotes) == 1)
        await server.say(alpaca.HALT | {"S": "SPY"})
        await at_work.until(lambda: len(at_work.quotes) == 2)
        assert at_work.quotes[-1]["bid"]["quantity"] == at_work.quotes[-1]["ask"]["quantity"] == 0
        await server.say(quote("SPY", 490.0, 491.0))
        await at_work.until(lambda: at_work.dropped.get("halted"))
        await server.say(alpaca.HALT | {"S": "SPY", "sc": "T"}, quote("SPY", 480.0, 481.0))
        await at_work.until(lambda: len(at_work.quotes) == 3)
        assert at_work.quotes[-1]["bid"]["price"] == 480 * N


# ── what breaks ─────────────────────────────────────────────────────────────────────────────────
async def test_after_a_lost_connection_what_was_missed_is_fetched_and_nothing_is_there_twice(
    server: AlpacaServer,
) -> None:
    server.page_rows = 2
    async with following(follow(server)) as at_work:
        await server.subscribed()
        await server.say(quote("QQQ", 430.0, 430.1), trade("SPY", 1, 500.0, 1))
        await at_work.until(lambda: at_work.trades and at_work.quotes)
        await server.drop()
        missed = [trade("SPY", number, 500.0 + number, 1) for number in range(2, 7)]
        server.keep("trades", *missed)
        server.keep("quotes", quote("SPY", 505.0, 505.2))
        at_work.engine.told.clear()
        await server.subscribed()
        await server.say(missed[-1])  # the stream says it too
        await at_work.until(lambda: len(at_work.of_raw(Trade)) == 6)
        await at_work.until(lambda: {each["symbol"] for each in at_work.quotes} == {"SPY", "QQQ"})
        assert sorted(int(each.id[2:]) for each in at_work.of_raw(Trade)) == [1, 2, 3, 4, 5, 6]
        standing = {each["symbol"]: each["bid"]["price"] for each in at_work.quotes}
        assert standing == {"SPY": 505 * N, "QQQ": 430 * N}, (
            "what they end with is told, also the quiet one's"
        )
        assert len(at_work.trades) <= 1, "prints of the past are not told as if they were now"
    pages = [parameters for path, parameters in server.asked if path == "/v2/stocks/trades"]
    assert [page.get("page_token") for page in pages] == [None, "2", "4"]
    assert server.attempts == 2


async def test_a_gap_that_the_provider_does_not_fill_is_said_and_the_feed_goes_on(
    server: AlpacaServer,
) -> None:
    async with following(follow(server)) as at_work:
        await server.subscribed()
        await server.say(quote("QQQ", 430.0, 430.1))
        await at_work.until(lambda: at_work.quotes)
        before = feed_driver.gaps_total.labels("alpaca").value
        server.failures = [(403, {})]
        at_work.engine.told.clear()
        with listening() as said:
            await server.drop()
            await server.subscribed()
            await at_work.until(lambda: said.with_("is missing: forbidden (403)"))
        assert feed_driver.gaps_total.labels("alpaca").value == before + 1
        await server.say(quote("SPY", 500.0, 501.0))
        await at_work.until(lambda: at_work.quotes)
        assert {each["symbol"] for each in at_work.quotes} == {"SPY"}, "of QQQ nobody knows"


async def test_a_provider_that_lets_us_in_and_throws_us_out_is_asked_more_and_more_rarely(
    server: AlpacaServer,
) -> None:
    with listening() as said:
        async with following(follow(server)) as at_work:
            for _ in range(4):
                client = await server.subscribed()
                await server.error(client, 407)
                await server.until(lambda gone=client: gone not in server.clients)
            await at_work.until(lambda: len(said.with_("slow client (407)")) == 4)
    pauses = [float(line.rpartition(" in ")[2].split()[0]) for line in said.with_("slow client")]
    assert pauses == sorted(pauses) and pauses[-1] > pauses[0], pauses


async def test_an_engine_that_is_away_does_not_make_us_a_slow_client(server: AlpacaServer) -> None:
    from cift.kernel.errors import Unavailable

    async with following(follow(server)) as at_work:
        await server.subscribed()
        await server.say(quote("SPY", 500.0, 501.0))
        await at_work.until(lambda: at_work.quotes)
        at_work.engine.away = Unavailable
        for number in range(100):
            await server.say(*(trade("SPY", number * 300 + each, 500.5, 1) for each in range(300)))
            await asyncio.sleep(0)
        await at_work.until(lambda: len(at_work.of_raw(Trade)) == 30_000)
        assert server.attempts == 1
        at_work.engine.told.clear()
        at_work.engine.away = None
        await at_work.until(lambda: at_work.engine.told)
        assert [each["type"] for each in at_work.engine.told] == ["outside_quote"], "now, and not what was"


async def test_a_peer_that_answers_no_ping_is_lost_and_pings_of_the_server_are_answered(
    server: AlpacaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "PING_S", 0.3)
    monkeypatch.setattr(socket, "PONG_TIMEOUT_S", 5.0)
    with listening() as said:
        async with following(follow(server)) as at_work:
            client = await server.subscribed()
            async with asyncio.timeout(DEADLINE_S):
                await (await client.socket.ping())
            client.socket.transport.pause_reading()  # a cable is pulled
            await at_work.until(lambda: said.with_("the connection was closed"))
            client.socket.transport.abort()
            await at_work.until(lambda: server.attempts == 2)


# ── history ─────────────────────────────────────────────────────────────────────────────────────
async def test_history_comes_page_by_page_and_waits_as_long_as_it_is_told(server: AlpacaServer) -> None:
    server.page_rows = 2
    server.keep("bars", *(alpaca.BAR | {"t": f"2021-02-22T19:{minute}:00Z"} for minute in range(15, 20)))
    server.failures = [(429, {"Retry-After": "0"}), (500, {})]
    start, end = parse_rfc3339("2021-02-22T19:16:00Z"), parse_rfc3339("2021-02-22T19:30:00Z")
    assert start is not None and end is not None
    async with History(settings(server)) as history:
        pages = [page async for page in history.bars(["SPY"], start, end)]
    assert [len(page) for page in pages] == [2, 2]
    assert all(isinstance(bar, Bar) and bar.interval_s == 60 for page in pages for bar in page)
    path, parameters = server.asked[-1]
    assert path == "/v2/stocks/bars" and parameters["timeframe"] == "1Min" and parameters["feed"] == "iex"
    assert parameters["start"] == "2021-02-22T19:16:00.000000000Z"


async def test_history_refuses_in_the_providers_words(server: AlpacaServer) -> None:
    async with History(settings(server, key="other")) as history:
        with pytest.raises(Rejected, match=r"^forbidden. \(403\)$"):
            [page async for page in history.trades(["SPY"], 0, N)]


async def test_history_of_a_provider_that_stays_away_is_lost(
    server: AlpacaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cift.feeds import pages

    monkeypatch.setattr(pages, "PAUSE_FIRST_S", 0.01)
    server.failures = [(503, {})] * pages.TRIES_MAX
    async with History(settings(server)) as history:
        with pytest.raises(Lost, match="503 service unavailable"):
            [page async for page in history.trades(["SPY"], 0, N)]
