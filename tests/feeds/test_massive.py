"""Massive's protocol against a server that speaks it, from its documented messages."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from cift.feeds import feed_driver
from cift.feeds.feed import Lost, Rejected
from cift.feeds.massive import messages, source
from cift.feeds.massive.history import History
from cift.feeds.massive.source import MassiveSource
from cift.feeds.outside import Bar, Quote, Trade
from cift.feeds.settings import MassiveSettings
from tests.feeds import massive_server as massive
from tests.feeds.following import following, listening
from tests.feeds.massive_server import KEY, MassiveServer, kept, quote, trade

N = 10**9


@pytest_asyncio.fixture(loop_scope="session")
async def server() -> AsyncIterator[MassiveServer]:
    async with MassiveServer() as found:
        yield found


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses between connections; what is long in earnest is long here too."""
    monkeypatch.setattr(feed_driver, "BACKOFF_FIRST_S", 0.05)
    monkeypatch.setattr(feed_driver, "BACKOFF_MAX_S", 0.2)


def settings(server: MassiveServer, **changed: Any) -> MassiveSettings:
    return MassiveSettings(**{"key": KEY, "url": server.url, "rest_url": server.rest_url} | changed)


def follow(server: MassiveServer, **changed: Any) -> MassiveSource:
    return MassiveSource(settings(server, **changed), ("SPY", "QQQ"), "always")


def test_the_documented_messages_are_understood() -> None:
    at_ns = 1_536_036_818_784_000_000
    assert messages.tick(massive.TRADE) == Trade(
        "MSFT", at_ns, 114_125_000_000, 100 * N, "4:0:12345", 3681328, conditions=0x401, tells_price=False
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


def test_the_documented_rows_of_history_are_understood() -> None:
    told = messages.row("trades", "AAPL", 0, massive.OLD_TRADE)
    assert isinstance(told, Trade)
    assert (told.id, told.at_ns, told.sequence) == ("11:3:183276", 1651181822461979400, 7179341)
    assert not told.tells_price, "12 is extended hours"
    for correction, there in ((0, True), (1, False), (7, False), (8, False), (12, True)):
        row = massive.OLD_TRADE | {"correction": correction}
        assert (messages.row("trades", "AAPL", 0, row) is not None) is there
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
    async with following(follow(server)) as at_work:
        client = await server.subscribed()
        await server.until(lambda: client.topics == {channel: {"SPY", "QQQ"} for channel in "TQA"})
        bar = massive.SECOND | {"sym": "SPY"}
        await server.say(quote("SPY", 1, 500.01, 500.03, 300), trade("SPY", 1, 500.02, 7), bar)
        await at_work.until(lambda: at_work.trades and at_work.quotes)
        assert at_work.quotes[0]["ask"] == {"price": 500_030_000_000, "quantity": 300 * N}
        assert (at_work.trades[0]["feed"], at_work.trades[0]["price"]) == (3, 500_020_000_000)
        assert [type(tick) for tick in at_work.raw] == [Quote, Trade, Bar]


async def test_a_wrong_key_is_one_line_in_the_providers_words_and_no_hammering(server: MassiveServer) -> None:
    with listening() as said:
        async with following(follow(server, key="wrong-but-secret")) as at_work:
            await at_work.until(lambda: said.with_("refuses"))
            await asyncio.sleep(1.0)
    assert server.attempts == 1
    assert said.with_("refuses") == [
        "massive refuses: authentication failed (auth_failed); asking again in 60 s"
    ]
    assert not said.with_("wrong-but-secret")


async def test_a_plan_without_the_data_is_refused_in_its_words(server: MassiveServer) -> None:
    server.entitled = False
    with pytest.raises(Rejected, match=r"^not authorized \(error\)$"):
        await follow(server).connect()


async def test_an_authentication_that_is_never_answered_ends(
    server: MassiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.silent_at = "auth"
    with monkeypatch.context() as patch:
        patch.setattr(source, "ANSWER_TIMEOUT_S", 2.0)
        with pytest.raises(Lost, match="does not say 'auth_success'"):
            await follow(server).connect()
    server.auth_timeout_s = 0.2
    with pytest.raises(Lost, match="No authentication request received"):
        await follow(server).connect()


async def test_who_is_thrown_out_by_a_newer_connection_waits_before_it_does_the_same(
    server: MassiveServer,
) -> None:
    with listening() as said:
        async with following(follow(server)) as at_work:
            await server.subscribed()
            other = await follow(server).connect()
            await at_work.until(lambda: said.with_("max_connections"))
            await asyncio.sleep(0.5)
            assert server.attempts == 2, "no ping-pong"
            await other.close()
    line = "massive: Maximum number of connections exceeded. (max_connections); connecting again in 60.0 s"
    assert said.with_("max_connections") == [line]


@pytest.mark.parametrize("status", ["slow_consumer", "force_disconnect"])
async def test_a_disconnect_is_said_and_the_feed_comes_back(server: MassiveServer, status: str) -> None:
    with listening() as said:
        async with following(follow(server)) as at_work:
            client = await server.subscribed()
            await server.throw_out(client, status)
            await at_work.until(lambda: said.with_(f"({status})"))
            await server.until(lambda: client not in server.clients)
            await server.subscribed()
            await server.say(quote("SPY", 1, 500.0, 500.1))
            await at_work.until(lambda: at_work.quotes)


async def test_sequence_numbers_tell_duplicates_and_order_within_a_millisecond(server: MassiveServer) -> None:
    async with following(follow(server)) as at_work:
        await server.subscribed()
        first = quote("SPY", 5, 500.0, 500.1)
        same = quote("SPY", 5, 500.0, 500.1, t=first["t"])
        older = quote("SPY", 4, 400.0, 400.1, t=first["t"])
        newer = quote("SPY", 6, 501.0, 501.1, t=first["t"])
        await server.say(first, same, newer, older)
        await server.say(trade("QQQ", 1, 430.0, 1))
        await at_work.until(lambda: at_work.trades)
        assert [each["bid"]["price"] for each in at_work.quotes][-1] == 501 * N
        assert at_work.dropped == {"duplicate": 1, "out_of_order": 1}
        overnight = quote("SPY", -900, 510.0, 510.1)  # sequences begin anew each day
        await server.say(overnight | {"t": first["t"] + 1_000})
        await at_work.until(lambda: at_work.quotes[-1]["bid"]["price"] == 510 * N)


async def test_what_was_missed_comes_from_history_page_by_page_and_nothing_twice(
    server: MassiveServer,
) -> None:
    server.page_rows = 2
    server.history = {
        f"/v3/{what}/{symbol}": [] for what in ("trades", "quotes") for symbol in ("SPY", "QQQ")
    }
    async with following(follow(server)) as at_work:
        await server.subscribed()
        sold = trade("SPY", 1, 500.0, 1)
        await server.say(sold, quote("QQQ", 1, 430.0, 430.1))
        await at_work.until(lambda: at_work.trades and at_work.quotes)
        await server.drop()
        missed = [sold, *(trade("SPY", number, 500.0, 1) for number in range(2, 7))]
        server.history["/v3/trades/SPY"] = [kept(each) for each in missed]
        server.history["/v3/quotes/SPY"] = [kept(quote("SPY", 9, 505.0, 505.1))]
        at_work.engine.told.clear()
        await server.subscribed()
        await server.say(missed[-1])
        await at_work.until(lambda: len(at_work.of_raw(Trade)) == 6)
        await at_work.until(lambda: {each["symbol"] for each in at_work.quotes} == {"SPY", "QQQ"})
        assert sorted(each.id for each in at_work.of_raw(Trade)) == [
            f"4:0:{number}" for number in range(1, 7)
        ]
    assert sum(path == "/v3/trades/SPY" for path, _ in server.asked) >= 3


async def test_the_key_goes_to_no_other_host(server: MassiveServer) -> None:
    class Lying(MassiveServer):
        def page(self, path: str, parameters: dict[str, str]) -> dict[str, Any]:
            return {"results": [], "next_url": "http://127.0.0.1:9/v3/trades/SPY?cursor=1"}

    async with Lying() as lying, History(settings(lying)) as history:
        with pytest.raises(Rejected, match="another host"):
            [page async for page in history.trades("SPY", 0, N)]


async def test_bars_come_from_history(server: MassiveServer) -> None:
    server.history["/v2/aggs/ticker/AAPL/range/1/day/1112331600000/1112587200000"] = [massive.DAY]
    async with History(settings(server)) as history:
        pages = [page async for page in history.bars("AAPL", 1112331600 * N, 1112587200 * N, daily=True)]
    assert [bar.close for page in pages for bar in page if isinstance(bar, Bar)] == [1_460_400_000]
